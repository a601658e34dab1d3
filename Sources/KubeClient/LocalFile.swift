// Small files of the user's own, read whole and replaced atomically.

import Glibc

package enum LocalFile {
    /// nil when there is no such file; throws with the system's words for any other failure.
    package static func read(_ path: String) throws(KubeConfigError) -> [UInt8]? {
        let fd: Int32 = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw KubeConfigError("open \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(fd) }
        var out: [UInt8] = []
        var buffer: [UInt8] = [UInt8](repeating: 0, count: 16384)
        while true {
            let n: Int = Glibc.read(fd, &buffer, buffer.count)
            if n < 0 {
                if errno == EINTR { continue }
                throw KubeConfigError("read \(path): \(String(cString: strerror(errno)))")
            }
            if n == 0 { return out }
            out.append(contentsOf: buffer[..<n])
        }
    }

    /// Writes beside the file, syncs, renames over it; makes missing folders. A symbolic link's target is replaced, and
    /// the old file's mode and owner are kept. New files get `mode`.
    package static func replace(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o600) throws(KubeConfigError) {
        let target: String = resolved(path)
        let folder: String = String(target[..<(target.lastIndex(of: "/") ?? target.startIndex)])
        try makeFolders(folder)
        var old: stat = stat()
        let isOld: Bool = stat(target, &old) == 0
        let temporary: String = "\(target).\(getpid()).tmp"
        let fd: Int32 = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard fd >= 0 else { throw KubeConfigError("open \(temporary): \(String(cString: strerror(errno)))") }
        var failure: String?
        if isOld {
            _ = fchmod(fd, old.st_mode & 0o777)
            _ = fchown(fd, old.st_uid, old.st_gid)
        }
        var at: Int = 0
        while at < bytes.count, failure == nil {
            let n: Int = bytes[at...].withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if n >= 0 { at += n } else if errno != EINTR { failure = String(cString: strerror(errno)) }
        }
        if failure == nil, fsync(fd) != 0 { failure = String(cString: strerror(errno)) }
        close(fd)
        if failure == nil, rename(temporary, target) != 0 { failure = String(cString: strerror(errno)) }
        if let failure {
            unlink(temporary)
            throw KubeConfigError("write \(target): \(failure)")
        }
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    private static func makeFolders(_ folder: String) throws(KubeConfigError) {
        guard !folder.isEmpty, access(folder, F_OK) != 0 else { return }
        if let cut = folder.lastIndex(of: "/") { try makeFolders(String(folder[..<cut])) }
        if mkdir(folder, 0o755) != 0, errno != EEXIST {
            throw KubeConfigError("mkdir \(folder): \(String(cString: strerror(errno)))")
        }
    }
}
