// The client's end of one HTTP/1.1 connection: one call at a time.

import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// Its variables are touched on the event loop only.
final class HTTP1ClientHandler: ChannelDuplexHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// The head of an answer, the pipe of its body, and after 101 the connection.
    struct Answer: Sendable {
        let status: Int
        let headers: Headers
        let pipe: BytePipe
        let stream: ChannelStream?
    }

    /// The connection ended before any byte of the answer came.
    struct StaleConnection: Error {
        let cause: NetError
        let wasWritten: Bool
    }

    private final class Call: Sendable {
        let pipe: BytePipe = BytePipe()
        let head: EventLoopPromise<Answer>
        let upgrades: Bool
        /// Time from the end of the request to the head of its answer.
        let timeout: Duration?
        init(head: EventLoopPromise<Answer>, upgrades: Bool, timeout: Duration?) {
            self.head = head
            self.upgrades = upgrades
            self.timeout = timeout
        }
    }

    let channel: any Channel
    private let pool: PoolPlace
    private var context: ChannelHandlerContext?
    private var call: Call?
    private var hasHead: Bool = false
    /// The task that sends a streamed body; nil: the request is sent.
    private var sending: Task<Void, Never>?
    private var isKeptAlive: Bool = true
    private var upgraded: HTTPResponseHead?
    private var isUpgraded: Bool = false
    private var isReadPending: Bool = false
    private var deadline: Scheduled<Void>?
    private var idleDeadline: Scheduled<Void>?

    init(channel: any Channel, pool: PoolPlace) {
        self.channel = channel
        self.pool = pool
    }

    // MARK: calls, any thread

    func call(
        _ request: HTTPRequest, endpoint: Endpoint, upgrades: Bool, timeout: Duration?
    ) async throws -> Answer {
        let promise: EventLoopPromise<Answer> = channel.eventLoop.makePromise()
        let call: Call = Call(head: promise, upgrades: upgrades, timeout: timeout)
        let channel: any Channel = self.channel
        call.pipe.onRoom { [weak self] in
            guard let self else { return }
            channel.eventLoop.execute { self.resumeReading() }
        }
        return try await withTaskCancellationHandler {
            channel.eventLoop.execute { self.start(call, request, endpoint) }
            return try await promise.futureResult.get()
        } onCancel: {
            channel.eventLoop.execute {
                guard self.call === call else { return }
                self.fail(CancellationError())
                channel.close(promise: nil)
            }
        }
    }

    /// A call that begins at the same time finds the connection closed, and takes another.
    func closeIfIdle() {
        channel.eventLoop.execute { if self.call == nil { self.channel.close(promise: nil) } }
    }

    // MARK: the event loop's side

    private func start(_ call: Call, _ request: HTTPRequest, _ endpoint: Endpoint) {
        idleDeadline?.cancel()
        idleDeadline = nil
        guard let context, channel.isActive, self.call == nil else {
            return call.head.fail(StaleConnection(cause: NetError.end, wasWritten: false))
        }
        self.call = call
        hasHead = false
        if request.stream == nil { limit(call, context) }
        var headers: HTTPHeaders = HTTPHeaders()
        if request.headers["Host"] == nil {
            switch endpoint {
            case .tcp(let host, let port): headers.add(name: "Host", value: hostPort(host, port))
            case .unix: headers.add(name: "Host", value: "localhost")
            }
        }
        for (name, value) in request.headers.pairs { headers.add(name: name, value: withoutLineBreaks(value)) }
        let sendsLength: Bool = !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method)
        if let stream = request.stream {
            if request.headers["Content-Length"] == nil { headers.add(name: "Transfer-Encoding", value: "chunked") }
            context.writeAndFlush(wrapOutboundOut(.head(head(request, headers))), promise: nil)
            sending = Task { await self.send(stream, call) }
            return
        }
        if sendsLength, request.headers["Content-Length"] == nil {
            headers.add(name: "Content-Length", value: String(request.body.count))
        }
        context.write(wrapOutboundOut(.head(head(request, headers))), promise: nil)
        if !request.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: request.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func head(_ request: HTTPRequest, _ headers: HTTPHeaders) -> HTTPRequestHead {
        let target: String = request.path + (request.rawQuery.isEmpty ? "" : "?" + request.rawQuery)
        return HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: target, headers: headers)
    }

    private func limit(_ call: Call, _ context: ChannelHandlerContext) {
        guard let timeout = call.timeout else { return }
        deadline = context.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            guard self.call === call, !self.hasHead else { return }
            self.fail(
                NetError(.timeout, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"))
            self.channel.close(promise: nil)
        }
    }

    /// Sends a streamed body chunk by chunk, each when the one before has reached the socket.
    private func send(_ stream: RequestBody, _ call: Call) async {
        let channel: any Channel = self.channel
        do {
            while let chunk = try await stream.next() {
                try await channel.eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
                    guard let context = self.context, self.call === call else {
                        return channel.eventLoop.makeFailedFuture(NetError.closed)
                    }
                    let sent: EventLoopPromise<Void> = channel.eventLoop.makePromise()
                    context.writeAndFlush(
                        self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: chunk)))), promise: sent)
                    return sent.futureResult
                }.get()
            }
            channel.eventLoop.execute {
                guard let context = self.context, self.call === call else { return }
                self.sending = nil
                if !self.hasHead { self.limit(call, context) }
                context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
            }
        } catch {
            channel.eventLoop.execute {
                guard self.call === call else { return }
                self.fail(NetError.on(error))
                channel.close(promise: nil)
            }
        }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        if !isUpgraded { fail(NetError.end) }
    }

    func read(context: ChannelHandlerContext) {
        if !isUpgraded, let call, call.pipe.isFull { isReadPending = true } else { context.read() }
    }

    private func resumeReading() {
        guard isReadPending, let context else { return }
        isReadPending = false
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isUpgraded { return context.fireChannelRead(data) }
        guard let call else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head):
            hasHead = true
            deadline?.cancel()
            deadline = nil
            isKeptAlive = head.isKeepAlive
            if head.status == .switchingProtocols, call.upgrades {
                upgraded = head
            } else {
                call.head.succeed(Self.answer(head, call.pipe, nil))
            }
        case .body(var buffer):
            if let bytes = buffer.readBytes(length: buffer.readableBytes) { call.pipe.push(bytes) }
        case .end:
            self.call = nil
            defer { call.pipe.end() }
            if let upgraded { return handOver(context, call, upgraded) }
            resumeReading()
            let isSent: Bool = sending == nil
            stopSending()
            if isKeptAlive, isSent, !call.upgrades, channel.isActive {
                idleDeadline = context.eventLoop.scheduleTask(in: .seconds(HTTPClient.idleSecondsMax)) {
                    self.channel.close(promise: nil)
                }
                if pool.keep(self) { return }
            }
            context.close(promise: nil)
        }
    }

    private static func answer(_ head: HTTPResponseHead, _ pipe: BytePipe, _ stream: ChannelStream?) -> Answer {
        var headers: Headers = Headers()
        for (name, value) in head.headers { headers.add(name, value) }
        return Answer(status: Int(head.status.code), headers: headers, pipe: pipe, stream: stream)
    }

    private func handOver(_ context: ChannelHandlerContext, _ call: Call, _ head: HTTPResponseHead) {
        isUpgraded = true
        let stream: ChannelStream = ChannelStream(channel: channel)
        let pipeline: ChannelPipeline.SynchronousOperations = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(stream)
            _ = channel.setOption(.allowRemoteHalfClosure, value: true)
            let encoder: ChannelHandlerContext = try pipeline.context(handlerType: HTTPRequestEncoder.self)
            let decoder: ChannelHandlerContext = try pipeline.context(
                handlerType: ByteToMessageHandler<HTTPResponseDecoder>.self)
            pipeline.removeHandler(context: encoder, promise: nil)
            // Only now may the stream be written to: the codec expects requests.
            pipeline.removeHandler(context: decoder).assumeIsolated().whenComplete { _ in
                context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
                call.head.succeed(Self.answer(head, call.pipe, stream))
            }
        } catch {
            call.head.fail(NetError.on(error))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isUpgraded { fail(NetError.end) }
        idleDeadline?.cancel()
        pool.forget(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isUpgraded { return context.fireErrorCaught(error) }
        let tls: NIOSSLClientHandler? = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        fail(
            TLSFault.error(error, certificate: tls?.peerCertificate, name: pool.serverName) ?? NetError.on(error))
        context.close(promise: nil)
    }

    private func stopSending() {
        sending?.cancel()
        sending = nil
    }

    /// Ends the call under way.
    private func fail(_ error: any Error) {
        stopSending()
        deadline?.cancel()
        deadline = nil
        guard let call else { return }
        self.call = nil
        call.pipe.end(error)
        if !hasHead, let error = error as? NetError, error.kind == .closed {
            call.head.fail(StaleConnection(cause: error, wasWritten: true))
        } else if !hasHead || upgraded != nil {
            call.head.fail(error)
        }
    }
}
