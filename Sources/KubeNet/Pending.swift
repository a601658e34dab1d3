// Shapes published early so that other targets compile; each moves to its own file as its body arrives.

package import KubeBase
package import KubeWire
package import Logging

/// Where a peer listens.
package enum Endpoint: Sendable, Hashable {
    case tcp(host: String, port: Int)
    case unix(path: String)
}

package struct TLSServerOptions: Sendable {
    package var certificatePEM: String
    package var keyPEM: String
    /// Client certificates are optional, and verified against these authorities when shown.
    package var clientCAPEM: String?
    package init(certificatePEM: String, keyPEM: String, clientCAPEM: String?) {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
        self.clientCAPEM = clientCAPEM
    }
}

package struct TLSClientOptions: Sendable {
    /// The authorities trusted; nil trusts the machine's own list.
    package var caPEM: String?
    package var certificatePEM: String?
    package var keyPEM: String?
    /// Overrides the host name that is sent and verified.
    package var serverName: String?
    package var insecureSkipVerify: Bool
    package init(
        caPEM: String? = nil, certificatePEM: String? = nil, keyPEM: String? = nil, serverName: String? = nil,
        insecureSkipVerify: Bool = false
    ) {
        self.caPEM = caPEM
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
        self.serverName = serverName
        self.insecureSkipVerify = insecureSkipVerify
    }
}

package final class HTTPServer: Sendable {
    package init(responder: any HTTPResponder, tls: TLSServerOptions?, bodyBytesMax: Int = 3 << 20, log: Logger) throws {
        fatalError("pending")
    }
    package func listen(host: String, port: Int) async throws -> Int { fatalError("pending") }
    package func listen(unixPath: String) async throws { fatalError("pending") }
    package func replaceCertificate(_ options: TLSServerOptions) throws { fatalError("pending") }
    package func shutdown(graceSeconds: Double) async { fatalError("pending") }
}

package struct HTTPBody: AsyncSequence, Sendable {
    package struct AsyncIterator: AsyncIteratorProtocol {
        package mutating func next() async throws -> [UInt8]? { fatalError("pending") }
    }
    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
    /// The whole body; throws when it is longer than `maxBytes`.
    package func collect(maxBytes: Int) async throws -> [UInt8] { fatalError("pending") }
}

package struct HTTPClientResponse: Sendable {
    package var status: Int
    package var headers: Headers
    package var body: HTTPBody
}

package final class HTTPClient: Sendable {
    package init(tls: TLSClientOptions?) throws { fatalError("pending") }
    /// `timeout` is the time to the response's head.
    package func send(
        _ request: HTTPRequest, to endpoint: Endpoint, timeout: Duration? = nil
    ) async throws -> HTTPClientResponse { fatalError("pending") }
    /// The stream is there when the status is 101.
    package func upgrade(
        _ request: HTTPRequest, to endpoint: Endpoint
    ) async throws -> (HTTPClientResponse, (any ByteStream)?) { fatalError("pending") }
    package func shutdown() async { fatalError("pending") }
}

package enum TCP {
    package static func connect(to endpoint: Endpoint, timeout: Duration) async throws -> any ByteStream {
        fatalError("pending")
    }
    package static func listen(
        host: String, port: Int, onConnection: @escaping @Sendable (any ByteStream) async -> Void
    ) async throws -> TCPListener { fatalError("pending") }
}

package final class TCPListener: Sendable {
    package var port: Int { fatalError("pending") }
    package func close() async { fatalError("pending") }
}

/// The sender or receiver of a datagram.
package struct UDPPeer: Sendable, Hashable {
    package var host: String
    package var port: Int
}

package final class UDPSocket: Sendable {
    package static func bind(host: String, port: Int) async throws -> UDPSocket { fatalError("pending") }
    package var port: Int { fatalError("pending") }
    /// The next datagram; nil when the socket was closed. One reader at a time.
    package func receive() async -> (bytes: [UInt8], from: UDPPeer)? { fatalError("pending") }
    package func send(_ bytes: [UInt8], to peer: UDPPeer) async throws { fatalError("pending") }
    package func close() async { fatalError("pending") }
}

package struct GRPCError: Error, Sendable, Hashable, CustomStringConvertible {
    /// gRPC status code: 14 unavailable, 4 deadline exceeded, 5 not found…
    package var code: Int
    package var message: String
    package init(code: Int, message: String) {
        self.code = code
        self.message = message
    }
    package var description: String { "rpc error: code = \(code) desc = \(message)" }
}

package final class GRPCChannel: Sendable {
    package init(endpoint: Endpoint) { fatalError("pending") }
    package func unary(
        _ path: String, _ message: [UInt8], timeout: Duration
    ) async throws(GRPCError) -> [UInt8] { fatalError("pending") }
    package func serverStream(
        _ path: String, _ message: [UInt8]
    ) async throws(GRPCError) -> AsyncThrowingStream<[UInt8], any Error> { fatalError("pending") }
    package func shutdown() async { fatalError("pending") }
}

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

/// Copies both ways until both ends have ended.
package func splice(_ a: any ByteStream, _ b: any ByteStream) async { fatalError("pending") }
