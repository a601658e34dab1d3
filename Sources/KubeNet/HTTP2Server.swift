// The server's end of one HTTP/2 stream (RFC 9113); the connection's framing is nio-http2's.

import NIOCore
import NIOHPACK
import NIOHTTP2

/// One request and its answer. A client that resets the stream cancels the answer. Event loop only.
final class HTTP2ServerStreamHandler: ChannelDuplexHandler, ResponseSink, @unchecked Sendable {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let facts: ServerConnectionFacts
    private let channel: any Channel
    private var context: ChannelHandlerContext?
    private var head: HPACKHeaders?
    private var body: [UInt8] = []
    /// The body of the request that is being answered, while it still comes.
    private var incoming: BytePipe?
    private var incomingBytes: Int = 0
    private var isReadPending: Bool = false
    private var isRefused: Bool = false
    private var answering: ServerExchange?
    private var answersHead: Bool = false
    private var bodyDeadline: Scheduled<Void>?
    private let activity: ConnectionActivity

    init(facts: ServerConnectionFacts, channel: any Channel, activity: ConnectionActivity) {
        self.facts = facts
        self.activity = activity
        self.channel = channel
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        activity.began()
    }
    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        activity.ended()
        bodyDeadline?.cancel()
        endIncoming(NetError.end)
        answering?.abandon()
    }
    func channelInactive(context: ChannelHandlerContext) {
        endIncoming(NetError.end)
        answering?.abandon()
        context.fireChannelInactive()
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func read(context: ChannelHandlerContext) {
        if let incoming, incoming.isFull { isReadPending = true } else { context.read() }
    }

    private func resumeReading() {
        guard isReadPending, let context else { return }
        isReadPending = false
        context.read()
    }

    private func endIncoming(_ failure: NetError?) {
        guard let incoming else { return }
        incoming.end(failure)
        self.incoming = nil
        bodyDeadline?.cancel()
    }

    private func begin(_ length: Int?) {
        let pipe: BytePipe = BytePipe()
        let channel: any Channel = self.channel
        pipe.onRoom { [weak self] in
            guard let self else { return }
            channel.eventLoop.execute { self.resumeReading() }
        }
        incoming = pipe
        watchBody()
        answer(stream: RequestBody(pipe: pipe, length: length))
    }

    /// A body of which nothing comes for `bodySeconds`, though we read, loses its stream.
    private func watchBody() {
        let seen: Int = incomingBytes
        bodyDeadline = channel.eventLoop.scheduleTask(in: .seconds(ServerLimits.bodySeconds)) { [weak self] in
            guard let self, incoming != nil else { return }
            if incomingBytes == seen, !isReadPending { channel.close(promise: nil) } else { watchBody() }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let incoming {
            switch unwrapInboundIn(data) {
            case .data(let frame):
                guard case .byteBuffer(let bytes) = frame.data else { return }
                incomingBytes &+= bytes.readableBytes
                incoming.push(Array(bytes.readableBytesView))
                if frame.endStream { endIncoming(nil) }
            case .headers(let frame): if frame.endStream { endIncoming(nil) }
            default: break
            }
            return
        }
        guard !isRefused, answering == nil else { return }
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            if head == nil {
                head = frame.headers
                let length: Int? = frame.headers.first(name: "content-length").flatMap { Int($0) }
                if !frame.endStream, facts.streamsBodies(frame.headers.first(name: ":path") ?? "") {
                    return begin(length)
                }
                if let length, length > facts.bodyBytesMax { return refuseBody() }
            }
            if frame.endStream { answer() } else { limitBody(context) }
        case .data(let frame):
            guard case .byteBuffer(let bytes) = frame.data else { return }
            guard body.count + bytes.readableBytes <= facts.bodyBytesMax else { return refuseBody() }
            body.append(contentsOf: bytes.readableBytesView)
            if frame.endStream { answer() }
        default: break
        }
    }

    private func limitBody(_ context: ChannelHandlerContext) {
        guard bodyDeadline == nil else { return }
        let channel: any Channel = self.channel
        bodyDeadline = context.eventLoop.scheduleTask(in: .seconds(ServerLimits.bodySeconds)) { [weak self] in
            guard let self, answering == nil, !isRefused else { return }
            refuse(408, "the body of the request did not arrive in time")
            channel.close(promise: nil)
        }
    }

    private func answer(stream: RequestBody? = nil) {
        guard let head else { return }
        if stream == nil { bodyDeadline?.cancel() }
        let exchange: ServerExchange = ServerExchange()
        answering = exchange
        var headers: Headers = Headers()
        headers.pairs.reserveCapacity(head.count)
        var method: String = ""
        var uri: String = "/"
        for (name, value, _) in head {
            switch name {
            case ":method": method = value
            case ":path": uri = value
            case ":authority": headers.pairs.append(("host", value))
            default: if !name.hasPrefix(":") { headers.pairs.append((name, value)) }
            }
        }
        answersHead = method == "HEAD"
        let target: (path: String, query: String) = splitTarget(uri)
        var request: HTTPRequest = HTTPRequest(
            method: method, path: target.path, rawQuery: target.query, headers: headers, body: body,
            peer: facts.peer, remoteAddress: facts.remoteAddress)
        request.stream = stream
        body = []
        facts.server.began(exchange, sink: self)
        exchange.start(request, responder: facts.server.responder, sink: self)
    }

    private func refuseBody() { refuse(413, "Request entity too large: limit is \(facts.bodyBytesMax)") }

    private func refuse(_ status: Int, _ message: String) {
        isRefused = true
        body = []
        let response: HTTPResponse = facts.server.responder.respond(toFailure: status, message: message)
        guard let context, case .bytes(let bytes) = response.body else { return }
        writeHeaders(response, length: bytes.count, endStream: bytes.isEmpty, context)
        if !bytes.isEmpty { writeData(bytes, endStream: true, context, promise: nil) }
        let channel: any Channel = self.channel
        context.flush()
        context.eventLoop.scheduleTask(in: .seconds(ServerLimits.drainSeconds)) { channel.close(promise: nil) }
    }

    // MARK: answers

    func send(_ response: HTTPResponse, body: [UInt8], for exchange: ServerExchange) {
        channel.eventLoop.execute {
            defer { self.facts.server.ended(exchange) }
            guard let context = self.context else { return }
            let isEmpty: Bool = self.answersHead || !hasBody(response.status) || body.isEmpty
            self.writeHeaders(response, length: body.count, endStream: isEmpty, context)
            if !isEmpty { self.writeData(body, endStream: true, context, promise: nil) }
            context.flush()
            self.refuseRest(context)
        }
    }

    func begin(_ response: HTTPResponse, for exchange: ServerExchange) {
        channel.eventLoop.execute {
            guard let context = self.context else { return }
            self.writeHeaders(response, length: nil, endStream: false, context)
            context.flush()
        }
    }

    func write(_ bytes: [UInt8], for exchange: ServerExchange) {
        channel.eventLoop.execute {
            let gate: WriteGate = exchange.gate
            guard let context = self.context else { return gate.remove(bytes.count) }
            let sent: EventLoopPromise<Void> = context.eventLoop.makePromise()
            sent.futureResult.whenComplete { _ in gate.remove(bytes.count) }
            self.writeData(bytes, endStream: false, context, promise: sent)
            context.flush()
        }
    }

    func end(isClean: Bool, for exchange: ServerExchange) {
        channel.eventLoop.execute {
            defer { self.facts.server.ended(exchange) }
            guard let context = self.context else { return }
            if isClean {
                self.writeData([], endStream: true, context, promise: nil)
                context.flush()
                self.refuseRest(context)
            } else {
                context.writeAndFlush(self.wrapOutboundOut(.rstStream(.internalError)), promise: nil)
            }
        }
    }

    /// The answer stands and the rest of the request is not wanted (RFC 9113, 8.1).
    private func refuseRest(_ context: ChannelHandlerContext) {
        guard incoming != nil else { return }
        endIncoming(nil)
        isRefused = true
        context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: nil)
    }

    /// HTTP/2 has no 101.
    func upgrade(_ response: HTTPResponse, for exchange: ServerExchange) async -> (any ByteStream)? {
        send(HTTPResponse(status: 400), body: [], for: exchange)
        return nil
    }

    private func writeHeaders(
        _ response: HTTPResponse, length: Int?, endStream: Bool, _ context: ChannelHandlerContext
    ) {
        var headers: HPACKHeaders = HPACKHeaders([(":status", String(response.status))])
        for (name, value) in response.headers.pairs {
            let lower: String = name.lowercased()
            switch lower {
            case "connection", "transfer-encoding", "upgrade", "keep-alive": continue
            default: headers.add(name: lower, value: value)
            }
        }
        if let length, hasBody(response.status), !headers.contains(name: "content-length") {
            headers.add(name: "content-length", value: String(length))
        }
        headers.add(name: "date", value: HTTPDate.now())
        context.write(wrapOutboundOut(.headers(.init(headers: headers, endStream: endStream))), promise: nil)
    }

    private func writeData(
        _ bytes: [UInt8], endStream: Bool, _ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?
    ) {
        let data: HTTP2Frame.FramePayload.Data = .init(
            data: .byteBuffer(ByteBuffer(bytes: bytes)), endStream: endStream)
        context.write(wrapOutboundOut(.data(data)), promise: promise)
    }
}
