// An HTTP/1.1 client with a keep-alive pool per endpoint, streamed answers, TLS and Unix sockets.

import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An answer whose body may still be on its way.
package struct HTTPClientResponse: Sendable {
    package var status: Int
    package var headers: Headers
    package var body: HTTPBody
}

/// A body read once, in chunks as they come. Dropping it unread closes the connection.
package struct HTTPBody: AsyncSequence, Sendable {
    fileprivate let source: BodySource

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let source: BodySource
        package mutating func next() async throws -> [UInt8]? { try await source.pipe.next() }
    }
    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: source) }

    /// The whole body; throws `NetError.tooLarge` when it is longer than `maxBytes`.
    package func collect(maxBytes: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        while let chunk = try await source.pipe.next() {
            guard whole.count + chunk.count <= maxBytes else {
                source.abandon()
                throw NetError(.tooLarge, "the response body is longer than \(maxBytes) bytes")
            }
            if whole.isEmpty { whole = chunk } else { whole += chunk }
        }
        return whole
    }

    /// Stops reading and closes the connection, unless the body has ended.
    package func cancel() { source.abandon() }
}

private final class BodySource: Sendable {
    let pipe: BytePipe
    let connection: HTTP1ClientHandler
    init(pipe: BytePipe, connection: HTTP1ClientHandler) {
        self.pipe = pipe
        self.connection = connection
    }
    func abandon() {
        guard !pipe.isEnded else { return }
        pipe.end(CancellationError())
        connection.channel.close(promise: nil)
    }
    deinit { abandon() }
}

package final class HTTPClient: Sendable {
    private struct State {
        var idle: [Endpoint: [HTTP1ClientHandler]] = [:]
        var isShutDown: Bool = false
    }
    private let state: Mutex<State> = Mutex(State())
    private let tls: TLSClientOptions?
    private let tlsContext: NIOSSLContext?
    /// Connections kept per endpoint, and the seconds each may stay unused.
    static let idleMax: Int = 64
    static let idleSecondsMax: Int64 = 90
    private let connectTimeout: Duration
    private let repeatsLost: Bool

    /// nil speaks plain HTTP. Unix sockets are always plain. With `repeatsLost` a harmless request that a kept connection
    /// lost is sent again to the same endpoint; without it the caller gets the error, and may know a better one.
    package init(
        tls: TLSClientOptions?, connectTimeout: Duration = .seconds(30), repeatsLost: Bool = true
    ) throws {
        self.tls = tls
        self.repeatsLost = repeatsLost
        self.connectTimeout = connectTimeout
        tlsContext = try tls?.context()
    }

    /// `timeout` is the time to the response's head, connecting included. Cancelling the task closes the connection.
    package func send(
        _ request: HTTPRequest, to endpoint: Endpoint, timeout: Duration? = nil
    ) async throws -> HTTPClientResponse {
        let (call, handler) = try await start(request, to: endpoint, upgrades: false, timeout: timeout)
        return HTTPClientResponse(
            status: call.status, headers: call.headers,
            body: HTTPBody(source: BodySource(pipe: call.pipe, connection: handler)))
    }

    /// The stream is there when the status is 101; the caller closes it.
    package func upgrade(
        _ request: HTTPRequest, to endpoint: Endpoint, timeout: Duration? = nil
    ) async throws -> (HTTPClientResponse, (any ByteStream)?) {
        let (call, handler) = try await start(request, to: endpoint, upgrades: true, timeout: timeout)
        let body: HTTPBody = HTTPBody(source: BodySource(pipe: call.pipe, connection: handler))
        return (HTTPClientResponse(status: call.status, headers: call.headers, body: body), call.stream)
    }

    /// Closes the idle connections; those in use close when their answers end.
    package func shutdown() async {
        let idle: [HTTP1ClientHandler] = state.withLock { s in
            s.isShutDown = true
            defer { s.idle = [:] }
            return s.idle.values.flatMap { $0 }
        }
        for handler in idle { try? await handler.channel.close().get() }
    }

    /// Closes the idle connections to endpoints that are gone.
    package func keepOnly(_ endpoints: Set<Endpoint>) {
        let idle: [HTTP1ClientHandler] = state.withLock { s in
            s.idle.filter { !endpoints.contains($0.key) }.values.flatMap { $0 }
        }
        for handler in idle { handler.closeIfIdle() }
    }

    private func start(
        _ request: HTTPRequest, to endpoint: Endpoint, upgrades: Bool, timeout: Duration?
    ) async throws -> (HTTP1ClientHandler.Answer, HTTP1ClientHandler) {
        let began: ContinuousClock.Instant = .now
        while true {
            let reused: HTTP1ClientHandler? = upgrades ? nil : takeIdle(endpoint)
            let handler: HTTP1ClientHandler
            if let reused { handler = reused } else { handler = try await connect(endpoint, timeout: timeout) }
            let left: Duration? = timeout.map { max(.milliseconds(1), $0 - (.now - began)) }
            do {
                let answer = try await handler.call(
                    request, endpoint: endpoint, upgrades: upgrades, timeout: left)
                return (answer, handler)
            } catch let error as HTTP1ClientHandler.StaleConnection where reused != nil {
                // The server closed a kept connection just as we used it: another one, if asking again is safe.
                let mayRepeat: Bool =
                    repeatsLost && request.stream == nil
                    && ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"].contains(request.method)
                if error.wasWritten && !mayRepeat {
                    throw error.cause
                }
            } catch let error as HTTP1ClientHandler.StaleConnection {
                throw error.cause
            }
        }
    }

    private func takeIdle(_ endpoint: Endpoint) -> HTTP1ClientHandler? {
        state.withLock { s in
            while let handler = s.idle[endpoint]?.popLast() {
                if handler.channel.isActive { return handler }
            }
            return nil
        }
    }

    /// Keeps the connection for the next call; false: close it.
    fileprivate func keep(_ handler: HTTP1ClientHandler, _ endpoint: Endpoint) -> Bool {
        state.withLock { s in
            guard !s.isShutDown, s.idle[endpoint, default: []].count < Self.idleMax else { return false }
            s.idle[endpoint, default: []].append(handler)
            return true
        }
    }

    fileprivate func forget(_ handler: HTTP1ClientHandler, _ endpoint: Endpoint) {
        state.withLock { s in
            s.idle[endpoint]?.removeAll { $0 === handler }
            if s.idle[endpoint]?.isEmpty == true { s.idle[endpoint] = nil }
        }
    }

    private func connect(_ endpoint: Endpoint, timeout: Duration?) async throws -> HTTP1ClientHandler {
        let tls: TLSClientOptions? = self.tls
        let tlsContext: NIOSSLContext? = self.tlsContext
        var bootstrap: ClientBootstrap = ClientBootstrap(group: EventLoops.shared)
            .connectTimeout(TimeAmount(min(timeout ?? connectTimeout, connectTimeout)))
            .channelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
                    if case .tcp(let host, _) = endpoint, let tls, let tlsContext {
                        try pipeline.addHandler(tls.handler(tlsContext, host: host))
                    }
                    try pipeline.addHandler(HTTPRequestEncoder())
                    let decoder: HTTPResponseDecoder = HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes)
                    try pipeline.addHandler(ByteToMessageHandler(decoder))
                    try pipeline.addHandler(
                        HTTP1ClientHandler(
                            channel: channel,
                            pool: PoolPlace(client: self, endpoint: endpoint, serverName: tls?.serverName ?? "")))
                }
            }
        if case .tcp = endpoint {
            bootstrap = KeepAlive.options.reduce(bootstrap) { $0.channelOption($1.option, value: $1.value) }
        }
        do {
            let channel: any Channel = try await bootstrap.connect(endpoint).get()
            return try await channel.pipeline.handler(type: HTTP1ClientHandler.self).get()
        } catch { throw NetError.dialing(endpoint, error) }
    }
}

/// Where a connection goes back to.
struct PoolPlace: Sendable {
    weak let client: HTTPClient?
    let endpoint: Endpoint
    let serverName: String

    init(client: HTTPClient?, endpoint: Endpoint, serverName: String) {
        self.client = client
        self.endpoint = endpoint
        if serverName.isEmpty, case .tcp(let host, _) = endpoint {
            self.serverName = host
        } else {
            self.serverName = serverName
        }
    }
    func keep(_ handler: HTTP1ClientHandler) -> Bool { client?.keep(handler, endpoint) ?? false }
    func forget(_ handler: HTTP1ClientHandler) { client?.forget(handler, endpoint) }
}
