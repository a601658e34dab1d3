// exec and attach on this process's terminal or streams; the protocol itself is KubeNet's.

import Glibc
import KubeModel
import KubeNet
import KubeOS
import KubeWire
import Synchronization

/// A session with a container's streams on this process's standard streams.
struct RemoteCommand {
    let i: Invocation
    let target: Target

    init(_ i: Invocation, _ target: Target) {
        self.i = i
        self.target = target
    }

    func attach(container: String, stdin: Bool, tty: Bool) async throws {
        try await run("attach", [("container", container)], stdin: stdin, tty: tty)
    }

    /// A container that has ended meanwhile cannot be attached to any more; its output is in its log then.
    func attachOrLogs(container: String, stdin: Bool, tty: Bool) async throws {
        do { try await attach(container: container, stdin: stdin, tty: tty) } catch {
            if error is ExitStatus || error is CancellationError { throw error }
            let why: String = (error as? StatusError)?.message ?? "\(error)"
            i.console.note("warning: couldn't attach to pod/\(target.name), falling back to streaming logs: \(why)")
            try await LogStream(i, target).copy(query: [("container", container)])
        }
    }

    func exec(container: String, command: [String], stdin: Bool, tty: Bool) async throws {
        try await run("exec", [("container", container)] + command.map { ("command", $0) }, stdin: stdin, tty: tty)
    }

    private func run(_ subresource: String, _ query: [(String, String)], stdin: Bool, tty: Bool) async throws {
        let isRaw: Bool = tty && i.console.isInputTerminal
        if tty, !isRaw, stdin {
            i.console.note("Unable to use a TTY - input is not a terminal or the right kind of file")
        }
        let restore: (@Sendable () -> Void)? = isRaw ? Terminal.makeRaw() : nil
        defer { restore?() }
        let console: Console = i.console
        var source: (@Sendable () async throws -> [UInt8]?)?
        if stdin {
            let input: StandardInput = StandardInput()
            source = { await input.next() }
        }
        try await session(subresource, query, isTerminal: isRaw, input: source) { console.write($0) }
    }

    /// Runs `command` with the given input and output instead of the standard ones: `cp`.
    func exec(
        container: String, command: [String], input: (@Sendable () async throws -> [UInt8]?)?,
        isQuiet: Bool = false, output: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        try await session(
            "exec", [("container", container)] + command.map { ("command", $0) }, isTerminal: false, input: input,
            isQuiet: isQuiet, output: output)
    }

    private func session(
        _ subresource: String, _ query: [(String, String)], isTerminal: Bool,
        input: (@Sendable () async throws -> [UInt8]?)?, isQuiet: Bool = false,
        output: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        var q: [(String, String)] = query + [("stdout", "true")]
        if input != nil { q.append(("stdin", "true")) }
        q.append((isTerminal ? "tty" : "stderr", "true"))
        let console: Console = i.console
        let client: RemoteCommandClient = RemoteCommandClient(
            stdin: input, stdout: output, stderr: { console.write($0, to: 2) }, sizes: isTerminal ? TerminalSizes.stream() : nil)
        let path: String = target.served.path(namespace: target.namespace, target.name, subresource)
        let status: JSON = try await i.session.connection().stream(path, query: q) { try await client.run($0, $1, to: $2) }
        try finish(status, isQuiet: isQuiet)
    }

    /// `Success`, an exit code, or a failure to run at all.
    private func finish(_ status: JSON, isQuiet: Bool) throws {
        if status.status.text != "Failure" { return }
        if status.reason.text == "NonZeroExitCode" {
            let code: Int = RemoteCommandClient.exitCode(status)
            if !isQuiet { i.console.note("command terminated with exit code \(code)") }
            throw ExitStatus(Int32(truncatingIfNeeded: code))
        }
        throw UsageError(status.message.text)
    }
}

/// Our standard input, read on a thread of its own so that nothing else waits for it.
struct StandardInput: Sendable {
    private let chunks: AsyncStream<[UInt8]>
    private let iterator: IteratorBox<[UInt8]>

    init() {
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream(bufferingPolicy: .unbounded)
        chunks = stream
        iterator = IteratorBox(stream)
        OwnThread.start {
            var buffer: [UInt8] = [UInt8](repeating: 0, count: 32768)
            while true {
                let n: Int = read(0, &buffer, buffer.count)
                if n > 0 {
                    continuation.yield(Array(buffer[..<n]))
                } else if n == 0 || errno != EINTR {
                    continuation.finish()
                    return
                }
            }
        }
    }

    /// nil at the end, and when the reading task is cancelled.
    func next() async -> [UInt8]? { await iterator.iterator.next() }
}

/// One reader only.
private final class IteratorBox<Element>: @unchecked Sendable {
    var iterator: AsyncStream<Element>.AsyncIterator
    init(_ stream: AsyncStream<Element>) { iterator = stream.makeAsyncIterator() }
}

/// The terminal's size now, and again whenever it changes (SIGWINCH).
enum TerminalSizes {
    static func stream() -> AsyncStream<TerminalSize> {
        let changes: IteratorBox<Int32> = IteratorBox(Terminal.resizes())
        let isFirst: Mutex<Bool> = Mutex(true)
        return AsyncStream {
            let isNow: Bool = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            if !isNow, await changes.iterator.next() == nil { return nil }
            let size: (columns: Int, rows: Int) = Terminal.size() ?? (80, 24)
            return TerminalSize(width: size.columns, height: size.rows)
        }
    }
}
