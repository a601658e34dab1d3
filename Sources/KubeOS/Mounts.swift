// The mount table of the calling thread's mount namespace.

import CKubeOS
import Glibc

package struct MountPoint: Sendable {
    package var path: String
    package var fileSystem: String
    package var source: String
    /// The directory of the file system that is mounted; not `/` for bind mounts.
    package var root: String
    package var options: String
}

package enum Mounts {
    package static func mount(
        source: String, at target: String, type: String, flags: UInt = 0, data: String = ""
    ) throws(OSError) {
        let rc: Int32 = Glibc.mount(source, target, type, flags, data)
        guard rc == 0 else { throw OSError("mount \(type)", path: target) }
    }

    /// A size or mode goes into `data`: `size=1048576,mode=1777`.
    package static func tmpfs(_ target: String, data: String = "mode=0755") throws(OSError) {
        try mount(source: "tmpfs", at: target, type: "tmpfs", data: data)
    }

    package static func bind(_ source: String, at target: String, readOnly: Bool = false, recursive: Bool = false)
        throws(OSError)
    {
        let flags: UInt = UInt(MS_BIND) | (recursive ? UInt(MS_REC) : 0)
        guard Glibc.mount(source, target, nil, flags, nil) == 0 else { throw OSError("bind \(source)", path: target) }
        if readOnly {
            let again: UInt = UInt(MS_BIND) | UInt(MS_REMOUNT) | UInt(MS_RDONLY)
            guard Glibc.mount(nil, target, nil, again, nil) == 0 else { throw OSError("remount", path: target) }
        }
    }

    package enum Propagation: Sendable { case `private`, shared, slave }

    package static func setPropagation(_ path: String, _ kind: Propagation, recursive: Bool = true) throws(OSError) {
        let flag: UInt =
            switch kind {
            case .private: UInt(MS_PRIVATE)
            case .shared: UInt(MS_SHARED)
            case .slave: UInt(MS_SLAVE)
            }
        let flags: UInt = flag | (recursive ? UInt(MS_REC) : 0)
        guard Glibc.mount(nil, path, nil, flags, nil) == 0 else { throw OSError("mount propagation", path: path) }
    }

    /// Nothing mounted there is fine. `detach`: out of the tree now, gone when no longer in use.
    package static func unmount(_ path: String, detach: Bool = false) throws(OSError) {
        let rc: Int32 = umount2(path, detach ? Int32(MNT_DETACH) : 0)
        guard rc == 0 || errno == EINVAL || errno == ENOENT else { throw OSError("umount", path: path) }
    }

    /// In mount order.
    package static func list() throws(OSError) -> [MountPoint] { parse(try Files.text("/proc/thread-self/mountinfo")) }

    package static func isMountPoint(_ path: String) -> Bool {
        ((try? list()) ?? []).contains { $0.path == path }
    }

    /// The lines of proc(5) mountinfo.
    package static func parse(_ text: String) -> [MountPoint] {
        text.split(separator: "\n").compactMap { line in
            let f: [Substring] = line.split(separator: " ")
            guard f.count > 9, let dash = f.firstIndex(of: "-"), dash + 2 < f.count else { return nil }
            return MountPoint(
                path: unescape(f[4]), fileSystem: String(f[dash + 1]), source: unescape(f[dash + 2]),
                root: unescape(f[3]), options: String(f[5]))
        }
    }

    /// `\040` stands for a space, and so on.
    private static func unescape(_ field: Substring) -> String {
        guard field.contains("\\") else { return String(field) }
        var out: [UInt8] = []
        let b: [UInt8] = Array(field.utf8)
        var i: Int = 0
        while i < b.count {
            if b[i] == 92, i + 3 < b.count,
                let code = UInt8(String(decoding: b[i + 1...i + 3], as: UTF8.self), radix: 8)
            {
                out.append(code)
                i += 4
            } else {
                out.append(b[i])
                i += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
