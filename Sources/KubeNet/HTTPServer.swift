// An HTTP server: HTTP/1.1 and, by ALPN, HTTP/2 over TLS or plain sockets, for one responder.

package import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

package final class HTTPServer: Sendable {
    private let core: ServerCore

    /// A request whose body is longer than `bodyBytesMax` is answered 413. Where `streamsBodies` says so, of the path and
    /// query, the responder is called when the head has come, and reads the body, of any length, from `HTTPRequest.stream`.
    package init(
        responder: any HTTPResponder, tls: TLSServerOptions?, bodyBytesMax: Int = 3 << 20,
        streamsBodies: @escaping @Sendable (_ target: String) -> Bool = { _ in false }, log: Logger
    ) throws {
        core = ServerCore(
            responder: responder, tls: try tls?.context(protocols: ["h2", "http/1.1"]),
            takesAnyClient: tls?.takesAnyClient ?? false, bodyBytesMax: bodyBytesMax, streamsBodies: streamsBodies,
            log: log)
    }

    /// The bound port; `port` 0 takes a free one. Throws `NetError.addressInUse`.
    package func listen(host: String, port: Int) async throws -> Int {
        do {
            let channel: any Channel = try await bootstrap(isTCP: true).bind(host: host, port: port).get()
            core.listening(channel)
            return channel.localAddress?.port ?? port
        } catch { throw NetError.listening("tcp", hostPort(host, port), error) }
    }

    /// Replaces a socket file that a dead server left.
    package func listen(unixPath: String) async throws {
        do {
            core.listening(
                try await bootstrap(isTCP: false).bind(unixDomainSocketPath: unixPath, cleanupExistingSocketFile: true)
                    .get())
        } catch { throw NetError.listening("unix", unixPath, error) }
    }

    /// Later handshakes use it; connections that stand keep theirs.
    package func replaceCertificate(_ options: TLSServerOptions) throws {
        core.replace(try options.context(protocols: ["h2", "http/1.1"]))
    }

    /// Stops accepting, ends streams at once, waits at most `graceSeconds` for the other requests, then closes.
    package func shutdown(graceSeconds: Double) async { await core.shutdown(graceSeconds: graceSeconds) }

    /// Open connections now.
    package var connectionCount: Int { core.connectionCount }

    private func bootstrap(isTCP: Bool) -> ServerBootstrap {
        let core: ServerCore = self.core
        let bootstrap: ServerBootstrap = ServerBootstrap(group: EventLoops.shared)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(.allocator, value: SparseBuffers.allocator)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try core.accept(channel) }
            }
        guard isTCP else { return bootstrap }
        return KeepAlive.options.reduce(bootstrap) { $0.childChannelOption($1.option, value: $1.value) }
    }
}

/// What the handlers of one connection know.
struct ServerConnectionFacts: Sendable {
    let server: ServerCore
    let peer: PeerIdentity?
    let remoteAddress: String
    var bodyBytesMax: Int { server.bodyBytesMax }
    var streamsBodies: @Sendable (_ target: String) -> Bool { server.streamsBodies }
}

/// The state that a server's connections share.
final class ServerCore: Sendable {
    private struct State {
        var tls: NIOSSLContext?
        var listeners: [any Channel] = []
        var connections: [ObjectIdentifier: any Channel] = [:]
        var exchanges: [ObjectIdentifier: (exchange: ServerExchange, sink: any ResponseSink)] = [:]
        /// Somebody looks at the deadlines from time to time.
        var isSweeping: Bool = false
        var isStopping: Bool = false
        var onQuiet: CheckedContinuation<Void, Never>?
    }
    private let state: Mutex<State>
    let responder: any HTTPResponder
    let takesAnyClient: Bool
    let bodyBytesMax: Int
    let streamsBodies: @Sendable (_ target: String) -> Bool
    private let log: Logger

    init(
        responder: any HTTPResponder, tls: NIOSSLContext?, takesAnyClient: Bool, bodyBytesMax: Int,
        streamsBodies: @escaping @Sendable (String) -> Bool, log: Logger
    ) {
        self.responder = responder
        self.takesAnyClient = takesAnyClient
        self.bodyBytesMax = bodyBytesMax
        self.streamsBodies = streamsBodies
        self.log = log
        state = Mutex(State(tls: tls))
    }

    func listening(_ channel: any Channel) { state.withLock { $0.listeners.append(channel) } }
    func replace(_ tls: NIOSSLContext) { state.withLock { $0.tls = tls } }
    var connectionCount: Int { state.withLock { $0.connections.count } }

    // MARK: connections

    func accept(_ channel: any Channel) throws {
        let (tls, isStopping): (NIOSSLContext?, Bool) = state.withLock { s in
            s.connections[ObjectIdentifier(channel)] = channel
            return (s.tls, s.isStopping)
        }
        channel.closeFuture.whenComplete { _ in
            _ = self.state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
        }
        guard !isStopping else { throw ChannelError.ioOnClosedChannel }
        let remote: String = channel.remoteAddress?.hostPortText ?? ""
        let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
        guard let tls else {
            return try addHTTP1(
                pipeline, channel, ServerConnectionFacts(server: self, peer: nil, remoteAddress: remote))
        }
        let shown: ShownChain = ShownChain()
        let handshake: NIOSSLServerHandler =
            takesAnyClient
            ? NIOSSLServerHandler(context: tls, customVerificationCallbackWithMetadata: { chain, verdict in
                shown.keep(chain)
                verdict.succeed(.certificateVerified(VerificationMetadata(nil)))
            }) : NIOSSLServerHandler(context: tls)
        try pipeline.addHandler(PlainHTTPRefusal())
        try pipeline.addHandler(handshake)
        try pipeline.addHandler(NegotiationHandler(server: self, shown: shown, remoteAddress: remote, log: log))
    }

    fileprivate func addHTTP1(
        _ pipeline: ChannelPipeline.SynchronousOperations, _ channel: any Channel, _ facts: ServerConnectionFacts
    ) throws {
        let decoder: HTTPRequestDecoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        try pipeline.addHandler(HTTP1ServerHandler(facts: facts, channel: channel))
    }

    fileprivate func addHTTP2(
        _ pipeline: ChannelPipeline.SynchronousOperations, _ channel: any Channel, _ facts: ServerConnectionFacts
    ) throws {
        var connection: NIOHTTP2Handler.ConnectionConfiguration = .init()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: ServerLimits.streamsMax),
            HTTP2Setting(parameter: .maxHeaderListSize, value: ServerLimits.headerBytesMax),
            HTTP2Setting(parameter: .initialWindowSize, value: 1 << 20),
        ]
        connection.targetWindowSize = 4 << 20
        connection.controlFrameRateLimit.maximumCount = 1_000_000
        // A reset that crosses the answer comes for a stream that is closed: no more suspicious than a reset.
        connection.maximumConnectionGlitches = ServerLimits.resetsMax
        var stream: NIOHTTP2Handler.StreamConfiguration = .init()
        stream.targetWindowSize = 1 << 20
        stream.outboundBufferSizeHighWatermark = 64 << 10
        stream.outboundBufferSizeLowWatermark = 32 << 10
        // In 30 s: a client may cancel many watches, but not open and reset streams for ever (CVE-2023-44487).
        stream.streamResetFrameRateLimit.maximumCount = ServerLimits.resetsMax
        stream.streamErrorRateLimit.maximumCount = 100_000
        let activity: ConnectionActivity = ConnectionActivity()
        let handler: NIOHTTP2Handler = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connection,
            streamConfiguration: stream
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(
                    HTTP2ServerStreamHandler(facts: facts, channel: stream, activity: activity))
            }
        }
        try pipeline.addHandler(handler)
        try pipeline.addHandler(ConnectionEnd(activity))
    }

    // MARK: exchanges

    func began(_ exchange: ServerExchange, sink: any ResponseSink) {
        let isFirst: Bool = state.withLock { s in
            s.exchanges[ObjectIdentifier(exchange)] = (exchange, sink)
            defer { s.isSweeping = true }
            return !s.isSweeping
        }
        if isFirst { sweepLater() }
    }

    /// How late a deadline may be noticed.
    static let sweepMilliseconds: Int64 = 250

    private func sweepLater() {
        EventLoops.shared.next().scheduleTask(in: .milliseconds(ServerCore.sweepMilliseconds)) { self.sweep() }
    }

    /// Ends what is over its time. Goes on while a request is young or has a deadline; watches alone need none.
    private func sweep() {
        let now: Int64 = RequestDeadline.now()
        var late: [(exchange: ServerExchange, sink: any ResponseSink)] = []
        let goesOn: Bool = state.withLock { s in
            var goesOn: Bool = false
            for entry in s.exchanges.values {
                if entry.exchange.deadline.isOver(now) { late.append(entry) }
                if entry.exchange.deadline.isSet || !entry.exchange.isLong { goesOn = true }
            }
            s.isSweeping = goesOn
            return goesOn
        }
        for entry in late { entry.exchange.expire(responder, entry.sink) }
        if goesOn { sweepLater() }
    }

    func ended(_ exchange: ServerExchange) {
        let quiet: CheckedContinuation<Void, Never>? = state.withLock { s in
            s.exchanges.removeValue(forKey: ObjectIdentifier(exchange))
            guard s.exchanges.isEmpty else { return nil }
            defer { s.onQuiet = nil }
            return s.onQuiet
        }
        quiet?.resume()
    }

    func shutdown(graceSeconds: Double) async {
        let (listeners, connections, exchanges) = state.withLock { s in
            s.isStopping = true
            defer { s.listeners = [] }
            return (s.listeners, Array(s.connections.values), s.exchanges.values.map { $0.exchange })
        }
        for listener in listeners { try? await listener.close().get() }
        for connection in connections {
            connection.eventLoop.execute {
                let handler: HTTP1ServerHandler? = try? connection.pipeline.syncOperations.handler(
                    type: HTTP1ServerHandler.self)
                handler?.stop()
            }
        }
        for exchange in exchanges where exchange.isLong { exchange.cancel() }
        let deadline: Scheduled<Void> = EventLoops.shared.next().scheduleTask(
            in: .nanoseconds(Int64(graceSeconds * 1e9))
        ) {
            let quiet: CheckedContinuation<Void, Never>? = self.state.withLock { s in
                defer { s.onQuiet = nil }
                return s.onQuiet
            }
            quiet?.resume()
        }
        await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in
            let isQuiet: Bool = state.withLock { s in
                if s.exchanges.isEmpty { return true }
                s.onQuiet = c
                return false
            }
            if isQuiet { c.resume() }
        }
        deadline.cancel()
        let left: [any Channel] = state.withLock { Array($0.connections.values) }
        let closing: [EventLoopFuture<Void>] = left.map { $0.close() }
        for future in closing { try? await future.get() }
    }
}

/// Waits for the handshake, then sets up the protocol that was agreed.
private final class NegotiationHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    private let server: ServerCore
    private let shown: ShownChain
    private let remoteAddress: String
    private let log: Logger
    private var deadline: Scheduled<Void>?

    init(server: ServerCore, shown: ShownChain, remoteAddress: String, log: Logger) {
        self.server = server
        self.shown = shown
        self.remoteAddress = remoteAddress
        self.log = log
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel: any Channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: .seconds(ServerLimits.headSeconds)) {
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        let pipeline: ChannelPipeline.SynchronousOperations = context.pipeline.syncOperations
        let peer: PeerIdentity? = (try? pipeline.handler(type: NIOSSLServerHandler.self))?.peerIdentity(
            isVerified: !server.takesAnyClient, shown: shown.take())
        let facts: ServerConnectionFacts = ServerConnectionFacts(
            server: server, peer: peer, remoteAddress: remoteAddress)
        do {
            if negotiated == "h2" {
                try server.addHTTP2(pipeline, context.channel, facts)
            } else {
                try server.addHTTP1(pipeline, context.channel, facts)
            }
            pipeline.removeHandler(context: context, promise: nil)
        } catch { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        log.debug("http: TLS handshake error from \(remoteAddress): \(error)")
        context.close(promise: nil)
    }
}

/// The end of an HTTP/2 connection's pipeline: an error that no stream took closes it, and so does idleness.
private final class ConnectionEnd: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    private let activity: ConnectionActivity
    private var timer: Scheduled<Void>?

    init(_ activity: ConnectionActivity) { self.activity = activity }

    func handlerAdded(context: ChannelHandlerContext) { arm(context.channel, ServerLimits.idleNanoseconds) }
    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }
    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    /// One timer a connection, set anew only when it fires.
    private func arm(_ channel: any Channel, _ nanoseconds: Int64) {
        let activity: ConnectionActivity = self.activity
        let this: NIOLoopBound<ConnectionEnd> = NIOLoopBound(self, eventLoop: channel.eventLoop)
        timer = channel.eventLoop.scheduleTask(in: .nanoseconds(nanoseconds)) {
            guard let left = activity.idleNanosecondsLeft else {
                return this.value.arm(channel, ServerLimits.idleNanoseconds)
            }
            if left <= 0 { channel.close(promise: nil) } else { this.value.arm(channel, left) }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOHTTP2Errors.StreamError { return }
        context.close(promise: nil)
    }
}
