// The server's end of one HTTP/1.1 connection (RFC 9112): keep-alive, pipelining, chunked answers, upgrade.

import NIOCore
import NIOHTTP1

/// Requests are answered one after the other; while one is being answered the socket is not read beyond what was
/// decoded already. Its variables are touched on the event loop only.
///
///     receiving ──end of request──► answering ──answer sent──► receiving | closed
///                                       └──101──► upgraded (this handler is out of the pipeline)
final class HTTP1ServerHandler: ChannelDuplexHandler, RemovableChannelHandler, ResponseSink, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let facts: ServerConnectionFacts
    private let channel: any Channel
    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    /// The body of the request that is being answered, while it still comes.
    private var incoming: BytePipe?
    private var incomingBytes: Int = 0
    private var answering: ServerExchange?
    private var answersKeepAlive: Bool = true
    private var answersChunked: Bool = false
    private var answersHead: Bool = false
    private var asksUpgrade: Bool = false
    private var queue: CircularBuffer<HTTPServerRequestPart> = CircularBuffer()
    private var isReadPending: Bool = false
    private var isDraining: Bool = false
    private var isUpgraded: Bool = false
    private var isStopping: Bool = false
    private var headDeadline: Scheduled<Void>?
    private var bodyDeadline: Scheduled<Void>?
    /// The connection's first request has begun.
    private var hasHead: Bool = false
    /// When the last answer was given to the socket.
    private var quietSince: NIODeadline = .now()

    init(facts: ServerConnectionFacts, channel: any Channel) {
        self.facts = facts
        self.channel = channel
    }

    // MARK: requests

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        headDeadline = context.eventLoop.scheduleTask(in: .seconds(ServerLimits.headSeconds)) { [weak self] in
            self?.context?.close(promise: nil)
        }
    }

    /// One timer a connection, set anew only when it fires: idle connections and late heads after the first request.
    private func watchIdleness(_ nanoseconds: Int64) {
        headDeadline = channel.eventLoop.scheduleTask(in: .nanoseconds(nanoseconds)) { [weak self] in
            guard let self, !isUpgraded, let context else { return }
            if answering != nil || head != nil { return watchIdleness(ServerLimits.idleNanoseconds) }
            let left: Int64 = ServerLimits.idleNanoseconds - (NIODeadline.now() - quietSince).nanoseconds
            if left <= 0 { context.close(promise: nil) } else { watchIdleness(left) }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Most bodies come with their head; the others get a time.
        if head != nil, bodyDeadline == nil, !isUpgraded, !isDraining {
            bodyDeadline = context.eventLoop.scheduleTask(in: .seconds(ServerLimits.bodySeconds)) { [weak self] in
                guard let self, answering == nil, !isDraining, !isUpgraded else { return }
                refuse(408, "the body of the request did not arrive in time")
            }
        }
        context.fireChannelReadComplete()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        headDeadline?.cancel()
        bodyDeadline?.cancel()
        endIncoming(NetError.end)
        self.context = nil
        if !isUpgraded { answering?.abandon() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        headDeadline?.cancel()
        bodyDeadline?.cancel()
        endIncoming(NetError.end)
        if !isUpgraded { answering?.abandon() }
        queue.removeAll()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isUpgraded { return context.fireChannelRead(data) }
        if isDraining { return }
        let part: HTTPServerRequestPart = unwrapInboundIn(data)
        if let incoming { return receive(part, into: incoming) }
        if answering != nil { queue.append(part) } else { receive(part) }
    }

    private func receive(_ part: HTTPServerRequestPart, into incoming: BytePipe) {
        switch part {
        case .head(let head): queue.append(.head(head))
        case .body(let bytes):
            incomingBytes &+= bytes.readableBytes
            incoming.push(Array(bytes.readableBytesView))
        case .end: endIncoming(nil)
        }
    }

    private func endIncoming(_ failure: NetError?) {
        guard let incoming else { return }
        incoming.end(failure)
        self.incoming = nil
        bodyDeadline?.cancel()
        bodyDeadline = nil
    }

    /// A body of which nothing comes for `bodySeconds`, though we read, loses its connection.
    private func watchBody() {
        let seen: Int = incomingBytes
        bodyDeadline = channel.eventLoop.scheduleTask(in: .seconds(ServerLimits.bodySeconds)) { [weak self] in
            guard let self, let context, incoming != nil else { return }
            if incomingBytes == seen, !isReadPending { context.close(promise: nil) } else { watchBody() }
        }
    }

    private func resumeReading() {
        guard isReadPending, let context else { return }
        isReadPending = false
        context.read()
    }

    func read(context: ChannelHandlerContext) {
        if let incoming {
            if incoming.isFull { isReadPending = true } else { context.read() }
        } else if answering != nil && !isUpgraded && !queue.isEmpty {
            // Not before the client sends more than it may: to stop and start would be two system calls a request.
            isReadPending = true
        } else {
            context.read()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isUpgraded, !isDraining, answering == nil, error is HTTPParserError {
            let isLong: Bool = (error as? HTTPParserError) == .headerOverflow
            refuse(isLong ? 431 : 400, isLong ? "Request Header Fields Too Large" : "Bad Request: \(error)")
        } else {
            context.close(promise: nil)
        }
    }

    private func receive(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(let head):
            if !hasHead {
                hasHead = true
                headDeadline?.cancel()
                watchIdleness(ServerLimits.idleNanoseconds)
            }
            self.head = head
            body = []
            let length: Int? = head.headers.first(name: "content-length").flatMap { Int($0) }
            let streams: Bool =
                (head.headers.contains(name: "transfer-encoding") || (length ?? 0) > 0)
                && facts.streamsBodies(head.uri)
            if let length, !streams, length > facts.bodyBytesMax { return refuseBody() }
            if let length, !streams { body.reserveCapacity(length) }
            if head.version.minor >= 1, head.headers["host"].count != 1 {
                return refuse(400, "Bad Request: missing required Host header")
            }
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"), promise: nil)
            }
            if streams {
                self.head = nil
                answer(head, stream: begin(length))
            }
        case .body(let bytes):
            guard body.count + bytes.readableBytes <= facts.bodyBytesMax else { return refuseBody() }
            body.append(contentsOf: bytes.readableBytesView)
        case .end:
            guard let head else { return }
            self.head = nil
            bodyDeadline?.cancel()
            bodyDeadline = nil
            answer(head)
        }
    }

    private func begin(_ length: Int?) -> RequestBody {
        let pipe: BytePipe = BytePipe()
        let channel: any Channel = self.channel
        pipe.onRoom { [weak self] in
            guard let self else { return }
            channel.eventLoop.execute { self.resumeReading() }
        }
        incoming = pipe
        watchBody()
        return RequestBody(pipe: pipe, length: length)
    }

    private func answer(_ head: HTTPRequestHead, stream: RequestBody? = nil) {
        let exchange: ServerExchange = ServerExchange()
        answering = exchange
        answersKeepAlive = head.isKeepAlive && !isStopping
        answersChunked = head.version.minor >= 1
        answersHead = head.method == .HEAD
        asksUpgrade =
            head.headers.contains(name: "upgrade")
            && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
        var headers: Headers = Headers()
        headers.pairs.reserveCapacity(head.headers.count)
        for (name, value) in head.headers { headers.pairs.append((name, value)) }
        let target: (path: String, query: String) = splitTarget(head.uri)
        var request: HTTPRequest = HTTPRequest(
            method: head.method.rawValue, path: target.path, rawQuery: target.query, headers: headers, body: body,
            peer: facts.peer, remoteAddress: facts.remoteAddress)
        request.stream = stream
        body = []
        facts.server.began(exchange, sink: self)
        exchange.start(request, responder: facts.server.responder, sink: self)
    }

    private func refuseBody() {
        refuse(413, "Request entity too large: limit is \(facts.bodyBytesMax)")
    }

    /// Answers in place of the responder, then reads on for a moment so that the answer is not lost to a reset.
    private func refuse(_ status: Int, _ message: String) {
        guard let context else { return }
        isDraining = true
        headDeadline?.cancel()
        var response: HTTPResponse = facts.server.responder.respond(toFailure: status, message: message)
        guard case .bytes(let bytes) = response.body else { return context.close(promise: nil) }
        response.headers["Connection"] = "close"
        var out: ByteBuffer = ByteBuffer()
        writeHead(response, length: bytes.count, into: &out)
        out.writeBytes(bytes)
        let channel: any Channel = self.channel
        channel.writeAndFlush(out).whenComplete { _ in
            channel.eventLoop.scheduleTask(in: .seconds(ServerLimits.drainSeconds)) { channel.close(promise: nil) }
        }
    }

    // MARK: answers

    func send(_ response: HTTPResponse, body: [UInt8], for exchange: ServerExchange) {
        channel.eventLoop.execute {
            guard self.answering === exchange, self.context != nil else { return self.finished(exchange) }
            // A body of which the rest is not wanted ends its connection.
            if self.asksUpgrade || self.incoming != nil { self.answersKeepAlive = false }
            var response: HTTPResponse = response
            if !self.answersKeepAlive { response.headers["Connection"] = "close" }
            var out: ByteBuffer = ByteBuffer()
            out.reserveCapacity(512 + body.count)
            writeHead(response, length: body.count, into: &out)
            if !self.answersHead && hasBody(response.status) { out.writeBytes(body) }
            self.channel.writeAndFlush(out, promise: self.closingPromise())
            self.finished(exchange)
        }
    }

    func begin(_ response: HTTPResponse, for exchange: ServerExchange) {
        channel.eventLoop.execute {
            guard self.answering === exchange, self.context != nil else { return }
            if !self.answersChunked || self.asksUpgrade { self.answersKeepAlive = false }
            var response: HTTPResponse = response
            if !self.answersKeepAlive { response.headers["Connection"] = "close" }
            if response.headers["Content-Length"] != nil { self.answersChunked = false }
            if self.answersChunked { response.headers["Transfer-Encoding"] = "chunked" }
            var out: ByteBuffer = ByteBuffer()
            writeHead(response, length: nil, into: &out)
            self.channel.writeAndFlush(out, promise: nil)
        }
    }

    func write(_ bytes: [UInt8], for exchange: ServerExchange) {
        channel.eventLoop.execute {
            let gate: WriteGate = exchange.gate
            guard self.answering === exchange, self.context != nil else { return gate.remove(bytes.count) }
            var out: ByteBuffer = ByteBuffer()
            out.reserveCapacity(bytes.count + 16)
            if self.answersChunked { out.writeString(String(bytes.count, radix: 16) + "\r\n") }
            out.writeBytes(bytes)
            if self.answersChunked { out.writeString("\r\n") }
            self.channel.writeAndFlush(out).whenComplete { _ in gate.remove(bytes.count) }
        }
    }

    func end(isClean: Bool, for exchange: ServerExchange) {
        channel.eventLoop.execute {
            guard self.answering === exchange, let context = self.context else { return self.finished(exchange) }
            if self.incoming != nil { self.answersKeepAlive = false }
            if !isClean {
                context.close(promise: nil)
            } else if self.answersChunked && !self.answersHead {
                self.channel.writeAndFlush(ByteBuffer(string: "0\r\n\r\n"), promise: self.closingPromise())
            } else if !self.answersKeepAlive {
                self.channel.writeAndFlush(ByteBuffer(), promise: self.closingPromise())
            }
            self.finished(exchange)
        }
    }

    func upgrade(_ response: HTTPResponse, for exchange: ServerExchange) async -> (any ByteStream)? {
        let upgrading: EventLoopFuture<ChannelStream?> = channel.eventLoop.submit {
            guard self.answering === exchange, let context = self.context, self.asksUpgrade else {
                self.finished(exchange)
                self.context?.close(promise: nil)
                return nil
            }
            var response: HTTPResponse = response
            response.headers["Connection"] = "Upgrade"
            var out: ByteBuffer = ByteBuffer()
            writeHead(response, length: nil, into: &out)
            self.channel.writeAndFlush(out, promise: nil)
            return try self.handOver(context, exchange)
        }
        return try? await upgrading.get()
    }

    /// The decoder leaves and gives on what it had already read; the connection stays known to the server.
    private func handOver(_ context: ChannelHandlerContext, _ exchange: ServerExchange) throws -> ChannelStream {
        let stream: ChannelStream = ChannelStream(channel: channel)
        isUpgraded = true
        let pipeline: ChannelPipeline.SynchronousOperations = context.pipeline.syncOperations
        try pipeline.addHandler(stream)
        let server: ServerCore = facts.server
        channel.closeFuture.whenComplete { _ in
            exchange.cancel()
            server.ended(exchange)
        }
        _ = channel.setOption(.allowRemoteHalfClosure, value: true)
        let decoder: ChannelHandlerContext = try pipeline.context(
            handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
        pipeline.removeHandler(context: decoder).assumeIsolated().whenComplete { _ in
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
        if isReadPending { context.read() }
        return stream
    }

    /// Closes the connection after the write when it must not be kept.
    private func closingPromise() -> EventLoopPromise<Void>? {
        guard !answersKeepAlive else { return nil }
        let promise: EventLoopPromise<Void> = channel.eventLoop.makePromise()
        let channel: any Channel = self.channel
        let isBodyLeft: Bool = incoming != nil
        promise.futureResult.whenComplete { _ in
            // Read on for a moment, so that the answer is not lost to a reset.
            guard isBodyLeft else { return channel.close(promise: nil) }
            channel.eventLoop.scheduleTask(in: .seconds(ServerLimits.drainSeconds)) { channel.close(promise: nil) }
        }
        return promise
    }

    private func finished(_ exchange: ServerExchange) {
        facts.server.ended(exchange)
        guard answering === exchange else { return }
        answering = nil
        if incoming != nil {
            // What is left of the request is thrown away; the connection closes when the answer has left.
            isDraining = true
            endIncoming(nil)
            return resumeReading()
        }
        quietSince = .now()
        guard answersKeepAlive, let context else { return }
        while answering == nil, !isDraining, let part = queue.popFirst() { receive(part) }
        if answering == nil, isReadPending {
            isReadPending = false
            context.read()
        }
    }

    /// Closes the connection as soon as nothing is being answered on it.
    func stop() {
        isStopping = true
        answersKeepAlive = false
        if answering == nil { channel.close(promise: nil) }
    }
}

/// `path?query`; an absolute form (`http://host/path`) loses its origin.
func splitTarget(_ uri: String) -> (path: String, query: String) {
    var target: Substring = uri[...]
    if !target.hasPrefix("/"), let scheme = target.firstRange(of: "://") {
        target = target[scheme.upperBound...]
        target = target.firstIndex(of: "/").map { target[$0...] } ?? "/"
    }
    guard let mark = target.firstIndex(of: "?") else { return (String(target), "") }
    return (String(target[..<mark]), String(target[target.index(after: mark)...]))
}

func hasBody(_ status: Int) -> Bool { status >= 200 && status != 204 && status != 304 }

/// CR and LF become spaces.
func withoutLineBreaks(_ value: String) -> String {
    guard value.utf8.contains(where: { $0 == 13 || $0 == 10 }) else { return value }
    return String(decoding: value.utf8.map { $0 == 13 || $0 == 10 ? 32 : $0 }, as: UTF8.self)
}

/// Status line and fields. CR and LF in values become spaces, so that no value can begin a new field.
func writeHead(_ response: HTTPResponse, length: Int?, into out: inout ByteBuffer) {
    let status: HTTPResponseStatus = HTTPResponseStatus(statusCode: response.status)
    out.writeString("HTTP/1.1 \(response.status) \(status.reasonPhrase)\r\n")
    for (name, value) in response.headers.pairs {
        out.writeString(name)
        out.writeStaticString(": ")
        out.writeString(withoutLineBreaks(value))
        out.writeStaticString("\r\n")
    }
    if let length, hasBody(response.status), response.headers["Content-Length"] == nil {
        out.writeString("Content-Length: \(length)\r\n")
    }
    if response.headers["Date"] == nil { out.writeString("Date: \(HTTPDate.now())\r\n") }
    out.writeStaticString("\r\n")
}
