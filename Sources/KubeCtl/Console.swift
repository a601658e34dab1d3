// Standard input and output of a command, replaceable in tests.

import Glibc
import Synchronization

/// Writes whole pieces at once; nothing is buffered longer than a call.
package final class Console: Sendable {
    /// Output goes to memory (tests) instead of the process's descriptors.
    private let captures: Bool
    private let captured: Mutex<(out: [UInt8], error: [UInt8])> = Mutex((out: [], error: []))

    /// How the user called us: `apus` or `kubectl`; used in hints.
    package let program: String

    package init(captures: Bool = false, program: String = "apus") {
        self.captures = captures
        self.program = program
    }

    /// Prints a line.
    package func line(_ text: String = "", terminator: String = "\n") { write(Array((text + terminator).utf8)) }
    /// A line on standard error.
    package func note(_ text: String) { write(Array((text + "\n").utf8), to: 2) }

    package func write(_ bytes: [UInt8], to descriptor: Int32 = 1) {
        if captures {
            captured.withLock { if descriptor == 1 { $0.out += bytes } else { $0.error += bytes } }
            return
        }
        var done: Int = 0
        while done < bytes.count {
            let n: Int = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
            if n > 0 {
                done += n
            } else if errno == EAGAIN {
                var p: pollfd = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&p, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }

    package var capturedOutput: String { captured.withLock { String(decoding: $0.out, as: UTF8.self) } }
    package var capturedError: String { captured.withLock { String(decoding: $0.error, as: UTF8.self) } }

    package var isTerminal: Bool { !captures && isatty(1) == 1 }
    package var isInputTerminal: Bool { isatty(0) == 1 }

    /// All of standard input.
    package func readAll() -> [UInt8] {
        var out: [UInt8] = []
        var chunk: [UInt8] = [UInt8](repeating: 0, count: 65536)
        while true {
            let n: Int = chunk.withUnsafeMutableBytes { read(0, $0.baseAddress!, $0.count) }
            if n > 0 {
                out += chunk[0..<n]
            } else if n == 0 || errno != EINTR {
                return out
            }
        }
    }
}

/// A file's bytes, with Go's words when it cannot be read.
package func readFile(_ path: String) throws -> [UInt8] {
    let descriptor: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
        let why: String = errno == ENOENT ? "does not exist" : String(cString: strerror(errno))
        throw UsageError(
            errno == ENOENT ? "the path \"\(path)\" does not exist" : "open \(path): \(why.lowercased())")
    }
    defer { close(descriptor) }
    var out: [UInt8] = []
    var chunk: [UInt8] = [UInt8](repeating: 0, count: 65536)
    while true {
        let n: Int = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress!, $0.count) }
        if n > 0 {
            out += chunk[0..<n]
        } else if n == 0 {
            return out
        } else if errno != EINTR {
            throw UsageError("read \(path): \(String(cString: strerror(errno)).lowercased())")
        }
    }
}

/// Replaces a file's content; readable by its owner only.
package func writeFile(_ text: String, to path: String) throws(UsageError) {
    let descriptor: Int32 = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw UsageError("open \(path): \(String(cString: strerror(errno)).lowercased())") }
    defer { close(descriptor) }
    let bytes: [UInt8] = Array(text.utf8)
    var done: Int = 0
    while done < bytes.count {
        let n: Int = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, bytes.count - done) }
        if n > 0 { done += n } else if errno != EINTR { throw UsageError("write \(path): \(String(cString: strerror(errno)).lowercased())") }
    }
}
