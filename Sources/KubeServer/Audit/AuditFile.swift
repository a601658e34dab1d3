// The log backend: one JSON event a line, in a file that is rotated by size and thinned out by age and number.

import Glibc
package import KubeBase
import Synchronization

package struct AuditFileError: Error, CustomStringConvertible {
    package var description: String
}

/// Old files are `NAME-2006-01-02T15-04-05.000.EXT` beside it, as upstream's (lumberjack) names them.
package final class AuditFile: AuditBackend {
    package struct Limits: Sendable {
        /// Bytes of one file; 0: never rotated.
        package var bytesMax: Int = 100 << 20
        /// Days that old files are kept; 0: for ever.
        package var daysMax: Int = 0
        /// Old files kept; 0: all.
        package var filesMax: Int = 0
        package init() {}
    }
    private struct State {
        var descriptor: Int32 = -1
        var size: Int = 0
    }

    package let name: String = "log"
    private let path: String
    private let limits: Limits
    private let clock: any TimeSource
    private let state: Mutex<State> = Mutex(State())

    /// `-`: standard output, never rotated. Throws when the file can't be opened.
    package init(path: String, limits: Limits, clock: any TimeSource = SystemTime()) throws {
        self.path = path
        self.limits = limits
        self.clock = clock
        try state.withLock { s in try open(&s) }
    }

    deinit {
        state.withLock { s in if s.descriptor > 2 { Glibc.close(s.descriptor) } }
    }

    private func open(_ s: inout State) throws {
        guard path != "-" else {
            s.descriptor = STDOUT_FILENO
            return
        }
        let d: Int32 = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard d >= 0 else { throw AuditFileError(description: "open \(path): \(String(cString: strerror(errno)))") }
        var facts: stat = stat()
        s.size = fstat(d, &facts) == 0 ? Int(facts.st_size) : 0
        s.descriptor = d
    }

    package func write(_ events: [[UInt8]]) async throws {
        try state.withLock { s in
            var bytes: [UInt8] = []
            for event in events {
                if limits.bytesMax > 0, path != "-", s.size + bytes.count + event.count + 1 > limits.bytesMax,
                    s.size + bytes.count > 0
                {
                    try append(&s, bytes)
                    bytes = []
                    try rotate(&s)
                }
                bytes += event
                bytes.append(10)
            }
            try append(&s, bytes)
        }
    }

    private func append(_ s: inout State, _ bytes: [UInt8]) throws {
        if s.descriptor < 0 { try open(&s) }
        var done: Int = 0
        while done < bytes.count {
            let n: Int = bytes.withUnsafeBytes { Glibc.write(s.descriptor, $0.baseAddress! + done, bytes.count - done) }
            if n < 0 {
                if errno == EINTR { continue }
                throw AuditFileError(description: "write \(path): \(String(cString: strerror(errno)))")
            }
            done += n
        }
        s.size += bytes.count
    }

    private func rotate(_ s: inout State) throws {
        Glibc.close(s.descriptor)
        s.descriptor = -1
        let (stem, ending): (String, String) = parts
        var stamp: String = clock.now().rfc3339Nano.prefix(23).replacing(":", with: "-")
        // Two rotations in one millisecond must not overwrite each other.
        var n: Int = 1
        while access("\(stem)-\(stamp)\(ending)", F_OK) == 0 {
            stamp = "\(stamp.prefix(23)).\(n)"
            n += 1
        }
        guard rename(path, "\(stem)-\(stamp)\(ending)") == 0 else {
            throw AuditFileError(description: "rename \(path): \(String(cString: strerror(errno)))")
        }
        try open(&s)
        thinOut()
    }

    private var parts: (stem: String, ending: String) {
        let slash: String.Index = path.lastIndex(of: "/") ?? path.startIndex
        guard let dot = path.lastIndex(of: "."), dot > slash else { return (path, "") }
        return (String(path[..<dot]), String(path[dot...]))
    }

    private func thinOut() {
        guard limits.filesMax > 0 || limits.daysMax > 0 else { return }
        let (stem, ending): (String, String) = parts
        let slash: String.Index? = stem.lastIndex(of: "/")
        let folder: String = slash.map { $0 == stem.startIndex ? "/" : String(stem[..<$0]) } ?? "."
        let prefix: String = (slash.map { String(stem[stem.index(after: $0)...]) } ?? stem) + "-"
        var old: [String] = []
        guard let listing = opendir(folder) else { return }
        while let entry = readdir(listing) {
            let file: String = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if file.hasPrefix(prefix), file.hasSuffix(ending), file.utf8.count >= prefix.utf8.count + 23 {
                old.append(file)
            }
        }
        closedir(listing)
        // Newest first: the stamp sorts.
        old.sort(by: >)
        let oldest: Timestamp = clock.now() - .seconds(limits.daysMax * 86400)
        for (i, file) in old.enumerated() {
            let stamp: Substring = file.dropFirst(prefix.count).prefix(10)
            let written: Timestamp? = Timestamp(rfc3339: "\(stamp)T23:59:59Z")
            let isTooOld: Bool = limits.daysMax > 0 && written.map { $0 < oldest } ?? false
            if (limits.filesMax > 0 && i >= limits.filesMax) || isTooOld { unlink("\(folder)/\(file)") }
        }
    }
}

extension StringProtocol {
    fileprivate func replacing(_ a: Character, with b: Character) -> String { String(map { $0 == a ? b : $0 }) }
}
