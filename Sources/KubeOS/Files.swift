// Files and directories without Foundation.

import Glibc

/// What `stat` tells.
package struct FileStatus: Sendable {
    package var mode: UInt32
    package var sizeBytes: Int64
    package var userID: UInt32
    package var groupID: UInt32
    package var inode: UInt64
    package var device: UInt64
    /// Nanoseconds since 1970.
    package var modified: Int64
    package var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    package var isRegular: Bool { mode & S_IFMT == S_IFREG }
    package var isSymlink: Bool { mode & S_IFMT == S_IFLNK }
    package var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
    package var isBlockDevice: Bool { mode & S_IFMT == S_IFBLK }
    package var isCharacterDevice: Bool { mode & S_IFMT == S_IFCHR }
}

package enum Files {
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// nil when it is not there (or not reachable). `followLinks` false: of the link itself.
    package static func status(_ path: String, followLinks: Bool = true) -> FileStatus? {
        var s: stat = stat()
        guard (followLinks ? stat(path, &s) : lstat(path, &s)) == 0 else { return nil }
        return FileStatus(
            mode: s.st_mode, sizeBytes: Int64(s.st_size), userID: s.st_uid, groupID: s.st_gid, inode: UInt64(s.st_ino),
            device: UInt64(s.st_dev), modified: Int64(s.st_mtim.tv_sec) * 1_000_000_000 + Int64(s.st_mtim.tv_nsec))
    }

    package static func read(_ path: String, maxBytes: Int = 1 << 30) throws(OSError) -> [UInt8] {
        let fd: Int32 = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw OSError("open", path: path) }
        defer { close(fd) }
        var out: [UInt8] = []
        var buffer: [UInt8] = [UInt8](repeating: 0, count: 65536)
        while out.count < maxBytes {
            let n: Int = Glibc.read(fd, &buffer, min(buffer.count, maxBytes - out.count))
            if n < 0 {
                if errno == EINTR { continue }
                throw OSError("read", path: path)
            }
            if n == 0 { break }
            out += buffer[0..<n]
        }
        return out
    }

    package static func text(_ path: String) throws(OSError) -> String {
        String(decoding: try read(path), as: UTF8.self)
    }

    /// Overwrites in place: for /proc, /sys and cgroup files, where a rename is not possible.
    package static func write(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644, append: Bool = false)
        throws(OSError)
    {
        let fd: Int32 = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), mode)
        guard fd >= 0 else { throw OSError("open", path: path) }
        defer { close(fd) }
        try writeAll(fd, bytes, path)
    }

    package static func write(_ path: String, _ text: String, mode: UInt32 = 0o644) throws(OSError) {
        try write(path, Array(text.utf8), mode: mode)
    }

    /// A reader sees the old file or the new one, also after a power cut.
    package static func writeAtomically(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(OSError) {
        let temporary: String = "\(path).tmp\(getpid())"
        let fd: Int32 = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard fd >= 0 else { throw OSError("open", path: temporary) }
        do {
            defer { close(fd) }
            try writeAll(fd, bytes, temporary)
            guard fchmod(fd, mode) == 0 else { throw OSError("chmod", path: temporary) }
            guard fsync(fd) == 0 else { throw OSError("fsync", path: temporary) }
        }
        guard Glibc.rename(temporary, path) == 0 else { throw OSError("rename", path: path) }
    }

    package static func writeAtomically(_ path: String, _ text: String, mode: UInt32 = 0o644) throws(OSError) {
        try writeAtomically(path, Array(text.utf8), mode: mode)
    }

    private static func writeAll(_ fd: Int32, _ bytes: [UInt8], _ path: String) throws(OSError) {
        var at: Int = 0
        while at < bytes.count {
            let n: Int = bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress! + at, bytes.count - at) }
            if n < 0 {
                if errno == EINTR { continue }
                throw OSError("write", path: path)
            }
            at += n
        }
    }

    /// `mkdir -p`. Parents that are made get the same mode.
    package static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(OSError) {
        if mkdir(path, mode) == 0 || errno == EEXIST {
            guard let s = status(path), s.isDirectory else { throw OSError("mkdir", path: path, code: ENOTDIR) }
            return
        }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw OSError("mkdir", path: path)
        }
        try makeDirectories(String(path[..<slash]), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw OSError("mkdir", path: path) }
    }

    /// Names in a directory, sorted, without `.` and `..`.
    package static func list(_ path: String) throws(OSError) -> [String] {
        guard let directory = opendir(path) else { throw OSError("opendir", path: path) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name: String = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file or an empty directory; nothing there is fine.
    package static func remove(_ path: String) throws(OSError) {
        guard Glibc.remove(path) == 0 || errno == ENOENT else { throw OSError("remove", path: path) }
    }

    /// `rm -rf` that does not follow links and stays on one file system.
    package static func removeTree(_ path: String) throws(OSError) {
        guard let s = status(path, followLinks: false) else { return }
        try removeTree(path, s)
    }

    private static func removeTree(_ path: String, _ s: FileStatus) throws(OSError) {
        if s.isDirectory {
            for name in try list(path) {
                guard let child = status("\(path)/\(name)", followLinks: false) else { continue }
                guard child.device == s.device else { throw OSError("remove", path: "\(path)/\(name)", code: EBUSY) }
                try removeTree("\(path)/\(name)", child)
            }
        }
        try remove(path)
    }

    package static func chmod(_ path: String, _ mode: UInt32) throws(OSError) {
        guard Glibc.chmod(path, mode) == 0 else { throw OSError("chmod", path: path) }
    }
    package static func chown(_ path: String, user: UInt32 = .max, group: UInt32 = .max) throws(OSError) {
        guard Glibc.lchown(path, user, group) == 0 else { throw OSError("chown", path: path) }
    }
    package static func rename(_ from: String, to: String) throws(OSError) {
        guard Glibc.rename(from, to) == 0 else { throw OSError("rename", path: from) }
    }
    package static func symlink(_ target: String, at path: String) throws(OSError) {
        guard Glibc.symlink(target, path) == 0 else { throw OSError("symlink", path: path) }
    }
    package static func readLink(_ path: String) -> String? {
        var buffer: [UInt8] = [UInt8](repeating: 0, count: 4096)
        let n: Int = buffer.withUnsafeMutableBytes {
            readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), 4096)
        }
        return n < 0 ? nil : String(decoding: buffer[0..<n], as: UTF8.self)
    }
    /// The path without links and dots; nil when it does not exist.
    package static func realPath(_ path: String) -> String? {
        guard let p = realpath(path, nil) else { return nil }
        defer { free(p) }
        return String(cString: p)
    }

    /// Of the file system that holds `path`: total and available bytes, total and free inodes.
    package static func space(_ path: String) throws(OSError) -> (
        totalBytes: Int64, availableBytes: Int64, inodes: Int64, inodesFree: Int64
    ) {
        var s: statvfs = statvfs()
        guard statvfs(path, &s) == 0 else { throw OSError("statvfs", path: path) }
        let block: Int64 = Int64(s.f_frsize)
        return (Int64(s.f_blocks) * block, Int64(s.f_bavail) * block, Int64(s.f_files), Int64(s.f_ffree))
    }

    /// Bytes that a tree occupies, as `du` counts them.
    package static func diskUsageBytes(_ path: String) -> Int64 {
        var s: stat = stat()
        guard lstat(path, &s) == 0 else { return 0 }
        var total: Int64 = Int64(s.st_blocks) * 512
        if s.st_mode & S_IFMT == S_IFDIR {
            for name in (try? list(path)) ?? [] { total += diskUsageBytes("\(path)/\(name)") }
        }
        return total
    }
}

/// An exclusive advisory lock on a file, held until `release` or the end of the process.
package final class FileLock: Sendable {
    private let fd: Int32

    /// nil when another process holds it.
    package init?(_ path: String) throws(OSError) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard fd >= 0 else { throw OSError("open", path: path) }
        if flock(fd, LOCK_EX | LOCK_NB) != 0 {
            let code: Int32 = errno
            close(fd)
            if code == EWOULDBLOCK { return nil }
            throw OSError("flock", path: path, code: code)
        }
    }

    private init(held descriptor: Int32) { fd = descriptor }

    /// Waits, on a thread of its own, until the lock is free.
    package static func waiting(_ path: String) async throws -> FileLock {
        try await OwnThread.run {
            let descriptor: Int32 = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw OSError("open", path: path) }
            while flock(descriptor, LOCK_EX) != 0 {
                if errno == EINTR { continue }
                let failure: OSError = OSError("flock", path: path)
                close(descriptor)
                throw failure
            }
            return FileLock(held: descriptor)
        }
    }

    package func release() { close(fd) }
}
