// The server's view of exec and attach: one set of streams over WebSocket channels or SPDY streams.

package import KubeWire
import Synchronization

/// Which streams a client asks for.
package struct RemoteCommandOptions: Sendable, Hashable {
    package var stdin: Bool
    package var stdout: Bool
    package var stderr: Bool
    package var tty: Bool
    package init(stdin: Bool, stdout: Bool, stderr: Bool, tty: Bool) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr && !tty
        self.tty = tty
    }
    /// From the query of `pods/exec` and `pods/attach`. As in every Kubernetes query only an absent value, `false` and
    /// `0` are false.
    package init(query: String) {
        func isSet(_ name: String) -> Bool {
            guard let pair = query.split(separator: "&").first(where: { $0 == name || $0.hasPrefix(name + "=") })
            else { return false }
            let value: String = pair.dropFirst(name.utf8.count + 1).lowercased()
            return value != "false" && value != "0"
        }
        self.init(stdin: isSet("stdin"), stdout: isSet("stdout"), stderr: isSet("stderr"), tty: isSet("tty"))
    }
}

/// A handshake that was accepted: answer 101 with `headers`, then open the session over the stream.
package struct RemoteCommandHandshake: Sendable {
    package enum Transport: Sendable, Hashable { case webSocket, spdy }
    package let headers: Headers
    package let transport: Transport
    /// `v5.channel.k8s.io` and so on; empty is the oldest.
    package let protocolName: String

    package static let webSocketProtocols: [String] = [
        "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io",
        "base64.channel.k8s.io",
    ]
    package static let spdyProtocols: [String] = ["v5.channel.k8s.io", "v4.channel.k8s.io"]

    /// nil when the request is no upgrade that we speak.
    package init?(_ request: HTTPRequest) {
        if let accepted = WebSocket.accept(request, protocols: Self.webSocketProtocols) {
            (headers, transport, protocolName) = (accepted.responseHeaders, .webSocket, accepted.chosen)
        } else if request.headers["Upgrade"]?.lowercased() == "spdy/3.1" {
            let asked: [String] = request.headers.all("X-Stream-Protocol-Version").flatMap { $0.split(separator: ",") }
                .map { String($0.filter { $0 != " " }) }
            guard let chosen = asked.first(where: { Self.spdyProtocols.contains($0) }) else { return nil }
            headers = ["Upgrade": "SPDY/3.1", "Connection": "Upgrade", "X-Stream-Protocol-Version": chosen]
            (transport, protocolName) = (.spdy, chosen)
        } else {
            return nil
        }
    }
}

/// The streams of one exec or attach. A stream is there when the client asked for it.
package final class RemoteCommandSession: Sendable {
    package let stdin: (any ByteStream)?
    package let stdout: (any ByteStream)?
    package let stderr: (any ByteStream)?
    package let resize: (any ByteStream)?
    private let error: any ByteStream
    private let protocolName: String
    private let channels: WebSocketChannels?
    private let spdy: SPDYConnection?
    /// Seconds that a SPDY client may take to open its streams.
    static let openTimeout: Duration = .seconds(30)

    package static func open(
        _ handshake: RemoteCommandHandshake, over stream: any ByteStream, options: RemoteCommandOptions
    ) async throws -> RemoteCommandSession {
        switch handshake.transport {
        case .webSocket:
            let isBase64: Bool = handshake.protocolName.contains("base64")
            let channels: WebSocketChannels = WebSocketChannels(
                WebSocket(stream, isServer: true), isBase64: isBase64, count: 5)
            let session: RemoteCommandSession = RemoteCommandSession(channels, handshake.protocolName, options)
            // Tells the client that the connection stands.
            let first: (any ByteStream)? = session.stdout ?? session.stderr ?? session.error
            try await (first as? WebSocketChannel)?.writeMessage([])
            return session
        case .spdy:
            let connection: SPDYConnection = SPDYConnection(stream, isServer: true)
            do {
                let streams: [String: SPDYStream] = try await collect(connection, options)
                return RemoteCommandSession(connection, handshake.protocolName, streams)
            } catch {
                await connection.close()
                throw error
            }
        }
    }

    private init(_ channels: WebSocketChannels, _ protocolName: String, _ options: RemoteCommandOptions) {
        stdin = options.stdin ? channels.channel(0) : nil
        stdout = options.stdout ? channels.channel(1) : nil
        stderr = options.stderr ? channels.channel(2) : nil
        resize = options.tty ? channels.channel(4) : nil
        error = channels.channel(3)
        self.protocolName = protocolName
        self.channels = channels
        spdy = nil
    }

    private init(_ connection: SPDYConnection, _ protocolName: String, _ streams: [String: SPDYStream]) {
        stdin = streams["stdin"]
        stdout = streams["stdout"]
        stderr = streams["stderr"]
        resize = streams["resize"]
        error = streams["error"]!
        self.protocolName = protocolName
        channels = nil
        spdy = connection
    }

    private static func collect(
        _ connection: SPDYConnection, _ options: RemoteCommandOptions
    ) async throws -> [String: SPDYStream] {
        var wanted: Set<String> = ["error"]
        if options.stdin { wanted.insert("stdin") }
        if options.stdout { wanted.insert("stdout") }
        if options.stderr { wanted.insert("stderr") }
        if options.tty { wanted.insert("resize") }
        let limit: Task<Void, Never> = Task {
            guard (try? await Task.sleep(for: openTimeout)) != nil else { return }
            await connection.close()
        }
        defer { limit.cancel() }
        var streams: [String: SPDYStream] = [:]
        for await stream in connection.incoming {
            let type: String = stream.headers["streamType"] ?? ""
            guard wanted.contains(type), streams[type] == nil else {
                await stream.reset()
                throw NetError(.malformed, "unexpected stream type \"\(type)\"")
            }
            try await stream.reply()
            streams[type] = stream
            if streams.count == wanted.count { return streams }
        }
        throw NetError(.timeout, "timed out waiting for client to create streams")
    }

    /// Returns when the client is gone. Run it beside the copying: it is also what reads a WebSocket.
    package func run() async {
        if let channels { await channels.run() }
        if let spdy { for await stream in spdy.incoming { await stream.reset() } }
    }

    /// Ends the session: the metav1.Status of the command goes to the error stream in the protocol's form.
    package func finish(status: JSON) async {
        let speaksStatus: Bool = protocolName.hasPrefix("v4") || protocolName.hasPrefix("v5")
        if speaksStatus {
            try? await error.write(status.encoded())
        } else if status.status.text != "Success" {
            try? await error.write(Array(status.message.text.utf8))
        }
        await stdout?.finish()
        await stderr?.finish()
        await error.finish()
        await close()
    }

    package func close() async {
        await channels?.close()
        await spdy?.close()
    }

    /// `{"metadata":{},"status":"Success"}`
    package static let success: JSON = ["metadata": [:], "status": "Success"]

    /// The Status of a command that ended with another code than 0.
    package static func exited(_ code: Int) -> JSON {
        [
            "metadata": [:], "status": "Failure",
            "message": JSON("command terminated with non-zero exit code: exit status \(code)"),
            "reason": "NonZeroExitCode",
            "details": ["causes": [["reason": "ExitCode", "message": JSON(String(code))]]],
        ]
    }

    /// The Status of a command that could not run.
    package static func failed(_ message: String) -> JSON {
        [
            "metadata": [:], "status": "Failure", "message": JSON(message), "reason": "InternalError",
            "details": ["causes": [["message": JSON(message)]]], "code": 500,
        ]
    }
}
