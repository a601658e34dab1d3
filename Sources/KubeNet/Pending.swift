// Shapes published early so that other targets compile; each moves to its own file as its body arrives.


package enum WebSocketMessage: Sendable, Hashable {
    case binary([UInt8])
    case text([UInt8])
}

package final class WebSocket: Sendable {
    /// The 101 headers and the subprotocol chosen; nil when the request is no WebSocket handshake of RFC 6455.
    package static func accept(
        _ request: HTTPRequest, protocols: [String]
    ) -> (responseHeaders: Headers, chosen: String)? { fatalError("pending") }
    package init(_ stream: any ByteStream, isServer: Bool) { fatalError("pending") }
    package func receive() async throws -> WebSocketMessage? { fatalError("pending") }
    package func send(_ message: WebSocketMessage) async throws { fatalError("pending") }
    package func close(code: Int, reason: String) async { fatalError("pending") }
}

package final class SPDYConnection: Sendable {
    package init(_ stream: any ByteStream, isServer: Bool) { fatalError("pending") }
    package func open(headers: Headers) async throws -> SPDYStream { fatalError("pending") }
    package var incoming: AsyncStream<SPDYStream> { fatalError("pending") }
    package func close() async { fatalError("pending") }
}

package final class SPDYStream: ByteStream {
    package var headers: Headers { fatalError("pending") }
    package func reply(headers: Headers) async throws { fatalError("pending") }
    package func reset() async { fatalError("pending") }
    package func read() async throws -> [UInt8]? { fatalError("pending") }
    package func write(_ bytes: [UInt8]) async throws { fatalError("pending") }
    package func finish() async { fatalError("pending") }
    package func close() async { fatalError("pending") }
}

