// A WebSocket over a byte stream, either role: the handshake and the shell of the codec.

import KubeCrypto
import KubeWire
import Synchronization

/// One task receives, any task sends. Pings are answered while receiving.
package final class WebSocket: Sendable {
    private struct State {
        var codec: WebSocketCodec
        var events: [WebSocketEvent] = []
        var isClosed: Bool = false
    }
    private let stream: any ByteStream
    private let isServer: Bool
    private let state: Mutex<State>
    private let ended: OneEvent = OneEvent()

    package init(_ stream: any ByteStream, isServer: Bool) {
        self.stream = stream
        self.isServer = isServer
        state = Mutex(State(codec: WebSocketCodec(isServer: isServer)))
    }

    /// The next message, nil when the peer closed.
    package func receive() async throws -> WebSocketMessage? {
        do {
            let message: WebSocketMessage? = try await next()
            if message == nil { ended.happen() }
            return message
        } catch {
            ended.happen()
            throw error
        }
    }

    private func next() async throws -> WebSocketMessage? {
        while true {
            if let event = state.withLock({ s in s.events.isEmpty ? nil : s.events.removeFirst() }) {
                switch event {
                case .message(let message): return message
                case .ping(let payload): try await send(.pong, payload)
                case .close(let code, _):
                    await close(code: code == 1005 ? 1000 : code, reason: "")
                    return nil
                }
                continue
            }
            guard let bytes = try await stream.read() else { return nil }
            do {
                try state.withLock { s throws(WebSocketViolation) in s.events = try s.codec.receive(bytes) }
            } catch {
                await close(code: error.code, reason: error.reason)
                throw NetError(.malformed, "websocket: \(error.reason)")
            }
        }
    }

    package func send(_ message: WebSocketMessage) async throws {
        switch message {
        case .binary(let bytes): try await send(.binary, bytes)
        case .text(let bytes): try await send(.text, bytes)
        }
    }

    package func ping() async throws { try await send(.ping, []) }

    /// Says goodbye once and closes the stream.
    package func close(code: Int, reason: String) async {
        await sayGoodbye(code: code, reason: reason)
        await stream.close()
    }

    /// As `close`, but first waits up to `waiting` for the peer's goodbye, which the receiving task reads, so that a
    /// reset does not overtake our last messages.
    func close(code: Int, reason: String, waiting: Duration) async {
        await sayGoodbye(code: code, reason: reason)
        await ended.wait(atMost: waiting)
        await stream.close()
    }

    private func sayGoodbye(code: Int, reason: String) async {
        let isFirst: Bool = state.withLock { s in
            defer { s.isClosed = true }
            return !s.isClosed
        }
        guard isFirst else { return }
        let payload: [UInt8] = WebSocketCodec.closePayload(code, reason)
        try? await stream.write(WebSocketCodec.encode(.close, payload, mask: newMask()))
    }

    private func send(_ opcode: WebSocketCodec.Opcode, _ payload: [UInt8]) async throws {
        guard !state.withLock({ $0.isClosed }) else { throw NetError.closed }
        try await stream.write(WebSocketCodec.encode(opcode, payload, mask: newMask()))
    }

    private func newMask() -> [UInt8]? { isServer ? nil : (0..<4).map { _ in UInt8.random(in: 0...255) } }

    // MARK: handshake

    /// The 101 headers and the subprotocol chosen: the first the client names that is in `protocols`. A client that
    /// names none gets the empty one. nil when this is no WebSocket handshake or no subprotocol fits.
    package static func accept(
        _ request: HTTPRequest, protocols: [String]
    ) -> (responseHeaders: Headers, chosen: String)? {
        guard isUpgrade(request), let key = request.headers["Sec-WebSocket-Key"],
            request.headers["Sec-WebSocket-Version"] == "13"
        else { return nil }
        var headers: Headers = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": acceptance(of: key),
        ]
        let asked: [String] = askedProtocols(request)
        if asked.isEmpty { return (headers, "") }
        guard let chosen = asked.first(where: { protocols.contains($0) }) else { return nil }
        headers["Sec-WebSocket-Protocol"] = chosen
        return (headers, chosen)
    }

    /// Whether the request asks for a WebSocket.
    package static func isUpgrade(_ request: HTTPRequest) -> Bool {
        request.headers["Upgrade"]?.lowercased() == "websocket"
    }

    /// The subprotocols that the client names, in its order.
    package static func askedProtocols(_ request: HTTPRequest) -> [String] {
        request.headers.all("Sec-WebSocket-Protocol").flatMap { $0.split(separator: ",") }
            .map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
    }

    /// Opens a WebSocket at `request.path`. nil with the answer when the server refused.
    package static func connect(
        _ client: HTTPClient, _ request: HTTPRequest, to endpoint: Endpoint, protocols: [String]
    ) async throws -> (response: HTTPClientResponse, socket: WebSocket?, chosen: String) {
        let key: String = Base64.encode((0..<16).map { _ in UInt8.random(in: 0...255) })
        var request: HTTPRequest = request
        request.headers["Upgrade"] = "websocket"
        request.headers["Connection"] = "Upgrade"
        request.headers["Sec-WebSocket-Key"] = key
        request.headers["Sec-WebSocket-Version"] = "13"
        if !protocols.isEmpty { request.headers["Sec-WebSocket-Protocol"] = protocols.joined(separator: ", ") }
        let (response, stream) = try await client.upgrade(request, to: endpoint)
        guard let stream else { return (response, nil, "") }
        let chosen: String = response.headers["Sec-WebSocket-Protocol"] ?? ""
        guard response.headers["Sec-WebSocket-Accept"] == acceptance(of: key),
            chosen.isEmpty || protocols.contains(chosen)
        else {
            await stream.close()
            throw NetError(.malformed, "websocket: bad handshake")
        }
        return (response, WebSocket(stream, isServer: false), chosen)
    }

    private static func acceptance(of key: String) -> String {
        Base64.encode(Digest.sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }
}

/// A WebSocket whose binary messages are a plain byte stream: how SPDY is tunnelled.
package final class WebSocketTunnel: ByteStream {
    private let socket: WebSocket
    /// Bytes of one message at most.
    static let messageBytesMax: Int = 32 << 10
    package init(_ socket: WebSocket) { self.socket = socket }

    package func read() async throws -> [UInt8]? { try await socket.receive()?.bytes }
    package func write(_ bytes: [UInt8]) async throws {
        var rest: ArraySlice<UInt8> = bytes[...]
        while !rest.isEmpty {
            try await socket.send(.binary(Array(rest.prefix(Self.messageBytesMax))))
            rest = rest.dropFirst(Self.messageBytesMax)
        }
    }
    /// A WebSocket can't be half-closed.
    package func finish() async { await socket.close(code: 1000, reason: "") }
    package func close() async { await socket.close(code: 1000, reason: "") }
}
