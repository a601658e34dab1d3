// A log file that is read at offsets, also backwards.

import Glibc

/// Open as long as the value lives; a file that is renamed away stays readable.
final class LogFile: Sendable {
    private let fd: Int32

    /// nil when it cannot be opened.
    init?(_ path: String) {
        fd = open(path, O_RDONLY | O_CLOEXEC)
        if fd < 0 { return nil }
    }

    deinit { close(fd) }

    /// Fewer bytes at the end of the file, none there; nil on an error.
    func read(at offset: Int64, count: Int) -> [UInt8]? {
        var buffer: [UInt8] = [UInt8](repeating: 0, count: count)
        let n: Int = pread(fd, &buffer, count, Int(offset))
        guard n >= 0 else { return nil }
        buffer.removeLast(count - n)
        return buffer
    }

    var size: Int64 {
        var s: stat = stat()
        return fstat(fd, &s) == 0 ? Int64(s.st_size) : 0
    }

    var inode: UInt64 {
        var s: stat = stat()
        return fstat(fd, &s) == 0 ? UInt64(s.st_ino) : 0
    }

    /// The offset of the first of the last `lines` lines.
    func offset(ofLast lines: Int) -> Int64 {
        let block: Int64 = 65536
        var end: Int64 = size
        var left: Int = lines
        var isLast: Bool = true
        if lines <= 0 { return end }
        while end > 0 {
            let start: Int64 = max(0, end - block)
            guard let bytes = read(at: start, count: Int(end - start)) else { return 0 }
            for i in bytes.indices.reversed() where bytes[i] == 10 {
                if isLast, start + Int64(i) == size - 1 {
                    isLast = false
                    continue
                }
                left -= 1
                if left == 0 { return start + Int64(i) + 1 }
            }
            end = start
        }
        return 0
    }
}
