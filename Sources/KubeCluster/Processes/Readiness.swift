// How a daemon tells the command that started it "I serve" or why it can't: one line through a FIFO.

import Glibc
import KubeOS

/// Made by the parent before the child starts; the child writes `ready` or a sentence.
struct Readiness: Sendable {
    let path: String
    /// Open from the start: a child that is ready at once finds a reader. Closed by `wait`.
    private let descriptor: Int32

    static func make(_ path: String) throws -> Readiness {
        try Files.remove(path)
        guard mkfifo(path, 0o600) == 0 else { throw OSError("mkfifo", path: path) }
        let descriptor: Int32 = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw OSError("open", path: path) }
        return Readiness(path: path, descriptor: descriptor)
    }

    /// The child's side; nobody listening is fine.
    static func tell(_ path: String, _ line: String) {
        guard !path.isEmpty else { return }
        let fd: Int32 = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        guard fd >= 0 else { return }
        let bytes: [UInt8] = Array((line.split(separator: "\n").joined(separator: " ") + "\n").utf8)
        _ = write(fd, bytes, bytes.count)
        close(fd)
    }

    /// Returns when the child said `ready`; throws its sentence, or that it ended or took too long.
    func wait(for pid: Int32, what: String, log: String, timeout: Duration) async throws {
        let fd: Int32 = descriptor
        let said: String? = try await OwnThread.run { () -> String? in
            defer { close(fd) }
            let end: Int32 = pidDescriptor(pid)
            defer { if end >= 0 { close(end) } }
            var text: [UInt8] = []
            let deadline: ContinuousClock.Instant = .now + timeout
            while true {
                var polls: [pollfd] = [
                    pollfd(fd: fd, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: end, events: Int16(POLLIN), revents: 0),
                ]
                let left: Duration = deadline - .now
                if left <= .zero { return nil }
                _ = poll(&polls, 2, Int32(left.components.seconds * 1000 + 1000))
                var buffer: [UInt8] = [UInt8](repeating: 0, count: 4096)
                let n: Int = read(fd, &buffer, buffer.count)
                if n > 0 { text += buffer[0..<n] }
                if let newline = text.firstIndex(of: 10) { return String(decoding: text[..<newline], as: UTF8.self) }
                if polls[1].revents != 0 || end < 0 { return "ended at once; its last words are in \(log)" }
            }
        }
        try? Files.remove(path)
        guard let said else { throw ClusterError("\(what) did not get ready in \(timeout); see \(log)") }
        guard said == "ready" else { throw ClusterError("\(what): \(said)") }
    }
}

private func pidDescriptor(_ pid: Int32) -> Int32 { ProcessEnd.descriptor(pid) }
