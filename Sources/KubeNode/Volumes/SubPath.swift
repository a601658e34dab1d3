// A file or directory inside a volume, pinned: subPath without the symlink race (CVE-2017-1002101).

import Glibc
import KubeOS

enum SubPath {
    /// open(2) O_PATH, which Glibc's module hides.
    private static let pathOnly: Int32 = 0o10000000

    /// Binds `root/sub` to `target` and answers it. What does not exist is made as a directory.
    static func bind(_ root: String, _ sub: String, at target: String, isReadOnly: Bool) throws -> String {
        let parts: [Substring] = sub.split(separator: "/")
        guard !sub.hasPrefix("/") else {
            throw ConfigFault("error SubPath `\(sub)` must not be an absolute path")
        }
        guard !parts.contains("..") else {
            throw ConfigFault("unable to provision SubPath `\(sub)`: must not contain '..'")
        }
        if Mounts.isMountPoint(target) { return target }
        guard let realRoot = Files.realPath(root) else { throw ConfigFault("volume path \(root) does not exist") }
        let fd: Int32 = try open(realRoot, parts.map { String($0) })
        defer { close(fd) }
        let source: String = "/proc/self/fd/\(fd)"
        let isDirectory: Bool = Files.status(source)?.isDirectory ?? false
        if isDirectory {
            try Files.makeDirectories(target)
        } else {
            try Files.makeDirectories(String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)]))
            if !Files.exists(target) { try Files.write(target, []) }
        }
        try Mounts.bind(source, at: target)
        return target
    }

    /// Resolves links first, then walks the resolved path without following any: what was swapped meanwhile fails.
    private static func open(_ root: String, _ parts: [String]) throws -> Int32 {
        let path: String = ([root] + parts).joined(separator: "/")
        if !Files.exists(path) { try make(root, parts) }
        guard let real = Files.realPath(path), real == root || real.hasPrefix(root + "/") else {
            throw ConfigFault("subPath \"\(parts.joined(separator: "/"))\" is not within the volume")
        }
        var fd: Int32 = Glibc.open(root, pathOnly | O_CLOEXEC | O_DIRECTORY)
        guard fd >= 0 else { throw OSError("open", path: root) }
        for part in real.dropFirst(root.count).split(separator: "/") {
            let next: Int32 = openat(fd, String(part), pathOnly | O_CLOEXEC | O_NOFOLLOW)
            let code: Int32 = errno
            close(fd)
            guard next >= 0 else { throw OSError("open", path: real, code: code) }
            fd = next
        }
        return fd
    }

    private static func make(_ root: String, _ parts: [String]) throws {
        var here: String = root
        for part in parts {
            here += "/\(part)"
            if !Files.exists(here) {
                try Files.makeDirectories(here)
                // As upstream: what the volume's own directory allows.
                if let mode = Files.status(root)?.mode { try Files.chmod(here, mode & 0o777) }
            }
            guard let real = Files.realPath(here), real == root || real.hasPrefix(root + "/") else {
                throw ConfigFault("subPath \"\(parts.joined(separator: "/"))\" is not within the volume")
            }
        }
    }
}
