// One request being answered: the task that runs the responder and carries its answer to the connection.

import Synchronization

/// The connection's end of an answer; every call is made on any thread and ordered.
protocol ResponseSink: AnyObject, Sendable {
    /// A whole answer.
    func send(_ response: HTTPResponse, body: [UInt8], for exchange: ServerExchange)
    /// The head of a streamed answer.
    func begin(_ response: HTTPResponse, for exchange: ServerExchange)
    func write(_ bytes: [UInt8], for exchange: ServerExchange)
    /// The end of a streamed answer; not clean: the client must see that the body was cut.
    func end(isClean: Bool, for exchange: ServerExchange)
    /// Answers 101 and hands over the connection; nil when it can't be (HTTP/2, or the client is gone).
    func upgrade(_ response: HTTPResponse, for exchange: ServerExchange) async -> (any ByteStream)?
}

/// Cancelled when the client goes away.
final class ServerExchange: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isCancelled: Bool = false
        var isLong: Bool = false
        /// The responder has answered, or its time was over.
        var isAnswered: Bool = false
    }
    let deadline: RequestDeadline = RequestDeadline()
    let gate: WriteGate = WriteGate()
    private let state: Mutex<State> = Mutex(State())

    func start(_ request: HTTPRequest, responder: any HTTPResponder, sink: any ResponseSink) {
        let task: Task<Void, Never> = Task { await self.run(request, responder: responder, sink: sink) }
        let isCancelled: Bool = state.withLock { s in
            s.task = task
            return s.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    /// The client is gone.
    func abandon() {
        gate.close(NetError(.closed, "the client has gone"))
        cancel()
    }

    func cancel() {
        let task: Task<Void, Never>? = state.withLock { s in
            s.isCancelled = true
            return s.task
        }
        task?.cancel()
    }

    /// Whether this is a stream or an upgraded connection, which a shutdown need not wait for.
    var isLong: Bool { state.withLock { $0.isLong } }

    /// Its time is over: 504 in the responder's place.
    func expire(_ responder: any HTTPResponder, _ sink: any ResponseSink) {
        guard claim() else { return }
        let response: HTTPResponse = responder.respond(
            toFailure: 504, message: "request did not complete within the allotted timeout")
        if case .bytes(let bytes) = response.body { sink.send(response, body: bytes, for: self) }
        cancel()
    }

    /// True for the first who wants to answer.
    private func claim() -> Bool {
        state.withLock { s in
            defer { s.isAnswered = true }
            return !s.isAnswered
        }
    }

    private func run(_ given: HTTPRequest, responder: any HTTPResponder, sink: any ResponseSink) async {
        // Reset before it began: a client that opens and resets streams gets no work out of us.
        guard !Task.isCancelled else { return sink.end(isClean: false, for: self) }
        var request: HTTPRequest = given
        request.deadline = deadline
        let response: HTTPResponse = await responder.respond(to: request)
        deadline.clear()
        guard claim() else { return }
        switch response.body {
        case .bytes(let bytes):
            sink.send(response, body: bytes, for: self)
        case .stream(let produce):
            state.withLock { $0.isLong = true }
            sink.begin(response, for: self)
            if request.method == "HEAD" { return sink.end(isClean: true, for: self) }
            do {
                try await produce(ExchangeWriter(exchange: self, sink: sink))
                sink.end(isClean: true, for: self)
            } catch {
                sink.end(isClean: error is CancellationError, for: self)
            }
        case .upgrade(let serve):
            state.withLock { $0.isLong = true }
            // Also told when the client is gone, so that whatever stands behind the answer is closed.
            let stream: any ByteStream = await sink.upgrade(response, for: self) ?? GoneStream()
            await serve(stream)
            await stream.close()
        }
    }
}

/// What is left of a client that went away before its connection could be handed over.
private struct GoneStream: ByteStream {
    func read() async throws -> [UInt8]? { throw NetError.closed }
    func write(_ bytes: [UInt8]) async throws { throw NetError.closed }
    func finish() async {}
    func close() async {}
}

private struct ExchangeWriter: BodyWriter {
    let exchange: ServerExchange
    let sink: any ResponseSink

    func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        try exchange.gate.add(bytes.count)
        sink.write(bytes, for: exchange)
        try await exchange.gate.waitForRoom()
        try Task.checkCancellation()
    }

    func abort() { exchange.gate.close(NetError(.closed, "the client does not read")) }
}

extension HTTPResponder {
    /// What a request that never reached the responder is answered: too large, malformed.
    package func respond(toFailure status: Int, message: String) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", Array((message + "\n").utf8))
    }
}
