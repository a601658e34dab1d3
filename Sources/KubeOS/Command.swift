// Other programs: run to their end with their output, or started to live on.

import CKubeOS
import Glibc
import Synchronization

package struct CommandResult: Sendable {
    /// The exit code, or 128 + the signal that ended it.
    package var status: Int32
    package var stdout: [UInt8]
    package var stderr: [UInt8]
    package var isTimedOut: Bool

    package var isSuccess: Bool { status == 0 && !isTimedOut }
    package var output: String { String(decoding: stdout, as: UTF8.self) }
    /// What it said on standard error, else on standard output, without the last newline.
    package var message: String {
        var text: Substring = Substring(String(decoding: stderr.isEmpty ? stdout : stderr, as: UTF8.self))
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}

/// A program ended with another status than 0.
package struct CommandError: Error, CustomStringConvertible {
    package var command: String
    package var result: CommandResult
    package var description: String {
        result.isTimedOut ? "\(command): timed out" : "\(command): exit status \(result.status): \(result.message)"
    }
}

package enum Command {
    /// Bytes kept of each output stream; what comes after is read and dropped.
    package static let outputBytesMax: Int = 16 << 20

    /// The full path of a program in PATH or the usual places; nil when it is not installed.
    package static func find(_ name: String) -> String? {
        if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
        let path: String =
            (getenv("PATH").map { String(cString: $0) } ?? "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
        for directory in path.split(separator: ":") where access("\(directory)/\(name)", X_OK) == 0 {
            return "\(directory)/\(name)"
        }
        return nil
    }

    /// Runs a program to its end. Not started: throws; ended badly: see `status`. After `timeout`, or when the task is
    /// cancelled, it gets SIGKILL. `environment` nil: ours.
    package static func run(
        _ program: String, _ arguments: [String], stdin: [UInt8] = [], environment: [String: String]? = nil,
        directory: String? = nil, namespaces: Namespaces = Namespaces(), timeout: Duration = .seconds(60)
    ) async throws -> CommandResult {
        guard let path = find(program) else { throw OSError("exec", path: program, code: ENOENT) }
        let killer: Killer = Killer()
        return try await withTaskCancellationHandler {
            try await OwnThread.run(in: namespaces) {
                try Exchange(path, arguments, environment, directory).run(
                    stdin: stdin, timeout: timeout, killer: killer)
            }
        } onCancel: {
            killer.kill()
        }
    }

    /// `run` that throws `CommandError` unless the status is 0.
    @discardableResult
    package static func check(
        _ program: String, _ arguments: [String], stdin: [UInt8] = [], namespaces: Namespaces = Namespaces(),
        timeout: Duration = .seconds(60)
    ) async throws -> CommandResult {
        let result: CommandResult = try await run(
            program, arguments, stdin: stdin, namespaces: namespaces, timeout: timeout)
        guard result.isSuccess else {
            throw CommandError(command: ([program] + arguments).joined(separator: " "), result: result)
        }
        return result
    }

    /// Starts a program in a session of its own, its output appended to `logFile`. It lives on when we end.
    package static func spawn(
        _ program: String, _ arguments: [String], environment: [String: String]? = nil, directory: String? = nil,
        logFile: String = "/dev/null", namespaces: Namespaces = Namespaces()
    ) async throws -> Child {
        guard let path = find(program) else { throw OSError("exec", path: program, code: ENOENT) }
        return try await OwnThread.run {
            let log: Int32 = open(logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
            guard log >= 0 else { throw OSError("open", path: logFile) }
            defer { close(log) }
            let null: Int32 = open("/dev/null", O_RDONLY | O_CLOEXEC)
            defer { close(null) }
            try namespaces.enter()
            let pid: Int32 = try start(
                path, arguments, environment, directory, in: null, out: log, err: log, newSession: true)
            return Child(pid: pid)
        }
    }

    static func start(
        _ path: String, _ arguments: [String], _ environment: [String: String]?, _ directory: String?,
        in input: Int32, out: Int32, err: Int32, newSession: Bool
    ) throws -> Int32 {
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        argv.append(nil)
        defer { for a in argv { free(a) } }
        var envp: [UnsafeMutablePointer<CChar>?] = environment?.map { strdup("\($0.key)=\($0.value)") } ?? []
        envp.append(nil)
        defer { for e in envp { free(e) } }
        var pid: Int32 = 0
        let rc: Int32 = envp.withUnsafeMutableBufferPointer { e in
            let list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environment == nil ? environ : e.baseAddress!
            return kube_spawn(&pid, path, argv, list, directory, input, out, err, newSession ? 1 : 0)
        }
        guard rc == 0 else { throw OSError("exec", path: path, code: rc) }
        return pid
    }
}

/// A started program that we may wait for.
package struct Child: Sendable {
    package let pid: Int32

    /// Answers the exit code, or 128 + signal. Once, and only in the process that started it.
    package func wait() async throws -> Int32 {
        let pid: Int32 = self.pid
        return try await OwnThread.run { kube_wait(pid) }
    }

    package func signal(_ number: Int32) { _ = kill(pid, number) }
}

/// Kills the child of one `run`, whenever it comes to be.
private final class Killer: Sendable {
    private let state: Mutex<(pid: Int32, isWanted: Bool)> = Mutex((0, false))

    func kill() {
        state.withLock {
            $0.isWanted = true
            if $0.pid > 0 { _ = Glibc.kill($0.pid, SIGKILL) }
        }
    }
    func started(_ pid: Int32) {
        state.withLock {
            $0.pid = pid
            if $0.isWanted { _ = Glibc.kill(pid, SIGKILL) }
        }
    }
    /// To be called before the child is reaped: its pid may then be another's.
    func ended() { state.withLock { $0.pid = 0 } }
}

/// The blocking talk with one child over three pipes, on its own thread.
private struct Exchange {
    let path: String
    let arguments: [String]
    let environment: [String: String]?
    let directory: String?

    init(_ path: String, _ arguments: [String], _ environment: [String: String]?, _ directory: String?) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
    }

    func run(stdin: [UInt8], timeout: Duration, killer: Killer) throws -> CommandResult {
        var pipes: [Int32] = []
        defer { for fd in pipes where fd >= 0 { close(fd) } }
        for _ in 0..<3 {
            var pair: [Int32] = [0, 0]
            guard kube_pipe(&pair) == 0 else { throw OSError("pipe") }
            pipes += pair
        }
        let pid: Int32 = try Command.start(
            path, arguments, environment, directory, in: pipes[0], out: pipes[3], err: pipes[5], newSession: false)
        killer.started(pid)
        for i in [0, 3, 5] {
            close(pipes[i])
            pipes[i] = -1
        }
        for i in [1, 2, 4] { _ = fcntl(pipes[i], F_SETFL, O_NONBLOCK) }
        let exit: Int32 = kube_pidfd_open(pid)
        defer { close(exit) }
        var result: CommandResult = CommandResult(status: 0, stdout: [], stderr: [], isTimedOut: false)
        converse(&pipes, exit: exit, pid: pid, stdin: stdin, timeout: timeout, result: &result)
        killer.ended()
        result.status = kube_wait(pid)
        return result
    }

    private func converse(
        _ pipes: inout [Int32], exit: Int32, pid: Int32, stdin: [UInt8], timeout: Duration, result: inout CommandResult
    ) {
        let deadline: ContinuousClock.Instant = .now + timeout
        var sent: Int = 0
        while true {
            if pipes[1] >= 0, sent == stdin.count {
                close(pipes[1])
                pipes[1] = -1
            }
            var polls: [pollfd] = [
                pollfd(fd: exit, events: Int16(POLLIN), revents: 0),
                pollfd(fd: pipes[1], events: Int16(POLLOUT), revents: 0),
                pollfd(fd: pipes[2], events: Int16(POLLIN), revents: 0),
                pollfd(fd: pipes[4], events: Int16(POLLIN), revents: 0),
            ]
            let left: Duration = deadline - .now
            let milliseconds: Int64 =
                left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
            let ready: Int32 = poll(&polls, 4, Int32(clamping: max(0, milliseconds) + 1))
            if ready == 0 || milliseconds < 0 {
                result.isTimedOut = true
                kill(pid, SIGKILL)
                return
            }
            if polls[1].revents != 0 {
                let n: Int = stdin[sent...].withUnsafeBytes { write(pipes[1], $0.baseAddress, $0.count) }
                if n > 0 { sent += n } else if errno != EAGAIN { sent = stdin.count }
            }
            if polls[2].revents != 0 { drain(&pipes[2], &result.stdout) }
            if polls[3].revents != 0 { drain(&pipes[4], &result.stderr) }
            if polls[0].revents != 0 {
                // What the child wrote before its end is in the pipes; a grandchild may hold them open for ever.
                drain(&pipes[2], &result.stdout)
                drain(&pipes[4], &result.stderr)
                return
            }
        }
    }

    private func drain(_ fd: inout Int32, _ into: inout [UInt8]) {
        var buffer: [UInt8] = [UInt8](repeating: 0, count: 65536)
        while fd >= 0 {
            let n: Int = read(fd, &buffer, buffer.count)
            if n > 0 {
                if into.count < Command.outputBytesMax { into += buffer[0..<n] }
            } else if n == 0 || (errno != EAGAIN && errno != EINTR) {
                close(fd)
                fd = -1
            } else if errno == EAGAIN {
                return
            }
        }
    }
}
