// exec and attach over a WebSocket (`v5.channel.k8s.io`): one byte of channel number, then data.
// https://kubernetes.io/docs/reference/using-api/ (KEP-4006)

import Glibc
import KubeModel
import KubeNet
import KubeWire

/// A session with a container's streams on this process's standard streams.
struct RemoteCommand {
    private enum Channel: UInt8 {
        case stdin = 0
        case stdout, stderr, error, resize
        case close = 255
    }

    let i: Invocation
    let target: Target

    init(_ i: Invocation, _ target: Target) {
        self.i = i
        self.target = target
    }

    func attach(container: String, stdin: Bool, tty: Bool) async throws {
        try await run("attach", [("container", container)], stdin: stdin, tty: tty, input: StandardInput())
    }

    func exec(container: String, command: [String], stdin: Bool, tty: Bool) async throws {
        try await run(
            "exec", [("container", container)] + command.map { ("command", $0) }, stdin: stdin, tty: tty, input: StandardInput())
    }

    /// With the given input and output instead of the standard ones: `cp`.
    func exec(
        container: String, command: [String], input: (any InputSource)?, output: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        try await run(
            "exec", [("container", container)] + command.map { ("command", $0) }, stdin: input != nil, tty: false,
            input: input, output: output)
    }

    private func run(
        _ subresource: String, _ query: [(String, String)], stdin: Bool, tty: Bool, input: (any InputSource)?,
        output: (@Sendable ([UInt8]) async throws -> Void)? = nil
    ) async throws {
        let isRaw: Bool = tty && i.console.isInputTerminal && output == nil
        if tty, !isRaw, stdin, output == nil {
            i.console.note("Unable to use a TTY - input is not a terminal or the right kind of file")
        }
        var q: [(String, String)] = query + [("stdout", "true")]
        if stdin { q.append(("stdin", "true")) }
        if isRaw { q.append(("tty", "true")) } else { q.append(("stderr", "true")) }
        let connection: Connection = try i.session.connection()
        let socket: WebSocket = try await connection.webSocket(
            target.served.path(namespace: target.namespace, target.name, subresource), query: q, protocols: ["v5.channel.k8s.io"])
        let mode: termios? = isRaw ? Terminal.makeRaw() : nil
        defer { if let mode { Terminal.restore(mode) } }
        let status: JSON = try await exchange(socket, input: stdin ? input : nil, isTerminal: isRaw, output: output)
        await socket.close(code: 1000, reason: "")
        try finish(status)
    }

    /// Copies until the error channel tells the command's end; answers its Status.
    private func exchange(
        _ socket: WebSocket, input: (any InputSource)?, isTerminal: Bool, output: (@Sendable ([UInt8]) async throws -> Void)?
    ) async throws -> JSON {
        let console: Console = i.console
        return try await withThrowingTaskGroup(of: JSON?.self) { group in
            if let input {
                group.addTask {
                    while let bytes = try await input.next() {
                        try await socket.send(.binary([Channel.stdin.rawValue] + bytes))
                    }
                    try await socket.send(.binary([Channel.close.rawValue, Channel.stdin.rawValue]))
                    return nil
                }
            }
            if isTerminal {
                group.addTask {
                    for await size in TerminalSizes.stream() {
                        let text: JSON = ["Width": JSON(size.width), "Height": JSON(size.height)]
                        try await socket.send(.binary([Channel.resize.rawValue] + text.encoded()))
                    }
                    return nil
                }
            }
            group.addTask {
                var status: JSON = .null
                while let message = try await socket.receive() {
                    let bytes: [UInt8] = message.bytes
                    guard let first = bytes.first, bytes.count > 1 else { continue }
                    let body: [UInt8] = Array(bytes.dropFirst())
                    switch Channel(rawValue: first) {
                    case .stdout: if let output { try await output(body) } else { console.write(body) }
                    case .stderr: console.write(body, to: 2)
                    case .error: status = (try? JSON.parse(body)) ?? ["status": "Failure", "message": .string(String(decoding: body, as: UTF8.self))]
                    default: break
                    }
                }
                return status
            }
            while let result = try await group.next() {
                if let status = result {
                    group.cancelAll()
                    return status
                }
            }
            return .null
        }
    }

    /// `Success`, an exit code, or a failure to run at all.
    private func finish(_ status: JSON) throws {
        if status.status.text != "Failure" { return }
        if status.reason.text == "NonZeroExitCode" {
            let code: String = status.details.causes.elements.first { $0.reason.text == "ExitCode" }?.message.text ?? "1"
            i.console.note("command terminated with exit code \(code)")
            throw ExitStatus(Int32(code) ?? 1)
        }
        throw StatusError(status: status, code: 500)
    }
}

/// Where a session's input comes from.
protocol InputSource: Sendable {
    /// nil at the end.
    func next() async throws -> [UInt8]?
}

/// Our standard input, read on a thread of its own so that nothing else waits for it.
struct StandardInput: InputSource {
    private let chunks: AsyncStream<[UInt8]>
    private let iterator: IteratorBox

    /// One reader only.
    private final class IteratorBox: @unchecked Sendable {
        var iterator: AsyncStream<[UInt8]>.AsyncIterator
        init(_ iterator: AsyncStream<[UInt8]>.AsyncIterator) { self.iterator = iterator }
    }

    init() {
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream(bufferingPolicy: .unbounded)
        chunks = stream
        iterator = IteratorBox(stream.makeAsyncIterator())
        BackgroundThread.run {
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

    func next() async throws -> [UInt8]? { await iterator.iterator.next() }
}

/// The terminal's size now, and again whenever it changes (SIGWINCH).
enum TerminalSizes {
    static func stream() -> AsyncStream<(width: Int, height: Int)> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            continuation.yield(Terminal.size() ?? (80, 24))
            WindowChanges.onChange { continuation.yield(Terminal.size() ?? (80, 24)) }
        }
    }
}
