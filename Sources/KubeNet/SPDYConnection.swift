// SPDY/3.1 over a byte stream, either role: the shell of the session, and its streams.

import Synchronization

/// Streams inside one connection. Peers in Kubernetes (moby/spdystream) neither send nor respect WINDOW_UPDATE, so
/// windows are kept only towards a peer that has shown that it keeps them (by SETTINGS or WINDOW_UPDATE); otherwise a
/// stream whose reader lags behind by `SPDYStream.bytesMax` pauses the connection.
package final class SPDYConnection: Sendable {
    fileprivate struct State {
        var session: SPDYSession = SPDYSession()
        var streams: [UInt32: SPDYStream] = [:]
        var nextID: UInt32
        var lastPeerID: UInt32 = 0
        var isClosed: Bool = false
        var isGoingAway: Bool = false
        var keepsWindows: Bool = false
        var initialWindow: Int = 64 << 10
        var reader: Task<Void, Never>?
    }
    private let stream: any ByteStream
    private let isServer: Bool
    fileprivate let state: Mutex<State>
    private let out: BytePipe = BytePipe()
    private let gate: WriteGate = WriteGate()
    /// Streams that the peer opened, in order; ends with the connection. One reader.
    package let incoming: AsyncStream<SPDYStream>
    private let arrivals: AsyncStream<SPDYStream>.Continuation
    /// Streams that a peer may have open at once.
    static let streamsMax: Int = 4096
    static let replyTimeout: Duration = .seconds(30)
    /// How long the peer may take to close, so that a reset does not overtake our last frames.
    static let goodbyeTimeout: Duration = .milliseconds(1000)
    private let ended: OneEvent = OneEvent()

    package init(_ stream: any ByteStream, isServer: Bool) {
        self.stream = stream
        self.isServer = isServer
        state = Mutex(State(nextID: isServer ? 2 : 1))
        (incoming, arrivals) = AsyncStream.makeStream()
        let reader: Task<Void, Never> = Task { await self.run() }
        state.withLock { $0.reader = reader }
    }

    /// A new stream, once the peer has accepted it. Throws when it refused or the connection is gone.
    package func open(headers: Headers) async throws -> SPDYStream {
        let opened: SPDYStream = try state.withLock { s in
            guard !s.isClosed, !s.isGoingAway else { throw NetError.closed }
            let opened: SPDYStream = SPDYStream(
                connection: self, id: s.nextID, headers: headers, window: s.initialWindow)
            s.streams[s.nextID] = opened
            send(s.session.open(stream: s.nextID, headers: headers))
            s.nextID += 2
            return opened
        }
        try await opened.waitForReply(timeout: Self.replyTimeout)
        return opened
    }

    /// Sends what was written, says GOAWAY and closes. Streams end.
    package func close() async {
        let isFirst: Bool = state.withLock { s in
            guard !s.isClosed, !s.isGoingAway else { return false }
            s.isGoingAway = true
            send(s.session.goAway(lastStream: s.lastPeerID))
            return true
        }
        if isFirst {
            try? await gate.waitForDrain()
            await stream.finish()
            await ended.wait(atMost: Self.goodbyeTimeout)
        }
        await stream.close()
        end(NetError.closed)
    }

    /// Measures nothing, keeps middleboxes awake.
    package func ping() { state.withLock { s in send(s.session.ping(isServer ? 2 : 1)) } }

    // MARK: sending

    /// Called under the state's lock, so that frames leave in the order they were made.
    private func send(_ frame: [UInt8]) {
        guard (try? gate.add(frame.count)) != nil else { return }
        out.push(frame)
    }

    fileprivate func reply(_ id: UInt32, _ headers: Headers) {
        state.withLock { s in if !s.isClosed { send(s.session.reply(stream: id, headers: headers)) } }
    }

    fileprivate func reset(_ id: UInt32, status: UInt32) {
        state.withLock { s in
            guard !s.isClosed else { return }
            send(s.session.reset(stream: id, status: status))
            s.streams[id] = nil
        }
    }

    fileprivate func data(_ id: UInt32, _ bytes: ArraySlice<UInt8>, isFinal: Bool) throws {
        try state.withLock { s in
            guard !s.isClosed else { throw NetError.closed }
            send(s.session.data(stream: id, bytes, isFinal: isFinal))
        }
    }

    fileprivate func consumed(_ id: UInt32, _ count: Int) {
        state.withLock { s in
            guard s.keepsWindows, !s.isClosed else { return }
            send(s.session.window(stream: id, delta: UInt32(count)))
            send(s.session.window(stream: 0, delta: UInt32(count)))
        }
    }

    fileprivate var keepsWindows: Bool { state.withLock { $0.keepsWindows } }
    fileprivate func waitForRoom() async throws { try await gate.waitForRoom() }
    fileprivate func forget(_ id: UInt32) { state.withLock { $0.streams[id] = nil } }

    private func write() async {
        do {
            while let frame = try await out.next() {
                try await stream.write(frame)
                gate.remove(frame.count)
            }
        } catch {
            gate.close(error)
            await stream.close()
        }
    }

    // MARK: receiving

    private func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.write() }
            do {
                while let bytes = try await stream.read() {
                    let events: [SPDYEvent] = try state.withLock { try $0.session.receive(bytes) }
                    for event in events { try await on(event) }
                }
                end(nil)
            } catch { end(error) }
            await stream.close()
        }
    }

    private func on(_ event: SPDYEvent) async throws {
        switch event {
        case .opened(let id, let headers, let isFinal): accept(id, headers, isFinal)
        case .replied(let id, _, let isFinal):
            let stream: SPDYStream? = find(id)
            stream?.replied(nil)
            if isFinal { stream?.received([], isFinal: true) }
        case .headers(let id, _, let isFinal): if isFinal { find(id)?.received([], isFinal: true) }
        case .data(let id, let bytes, let isFinal):
            guard let stream = find(id) else {
                if !bytes.isEmpty { consumed(id, bytes.count) }
                return
            }
            stream.received(bytes, isFinal: isFinal)
            if !keepsWindows { try await stream.waitForRoom() }
        case .reset(let id, let status):
            let stream: SPDYStream? = state.withLock { $0.streams.removeValue(forKey: id) }
            stream?.wasReset(status)
        case .window(let id, let delta):
            state.withLock { $0.keepsWindows = true }
            if id != 0 { find(id)?.widen(Int(delta)) }
        case .initialWindow(let size):
            let (streams, delta): ([SPDYStream], Int) = state.withLock { s in
                s.keepsWindows = true
                defer { s.initialWindow = Int(size) }
                return (Array(s.streams.values), Int(size) - s.initialWindow)
            }
            for stream in streams { stream.widen(delta) }
        case .ping(let id):
            // Even numbers are the server's own.
            if (id % 2 == 0) != isServer { state.withLock { s in send(s.session.ping(id)) } }
        case .goAway: state.withLock { $0.isGoingAway = true }
        }
    }

    private func accept(_ id: UInt32, _ headers: Headers, _ isFinal: Bool) {
        let opened: SPDYStream? = state.withLock { s in
            guard id > s.lastPeerID, (id % 2 == 1) == isServer, s.streams.count < Self.streamsMax else {
                send(s.session.reset(stream: id, status: 3))
                return nil
            }
            s.lastPeerID = id
            let opened: SPDYStream = SPDYStream(
                connection: self, id: id, headers: headers, window: s.initialWindow)
            s.streams[id] = opened
            return opened
        }
        guard let opened else { return }
        if isFinal { opened.received([], isFinal: true) }
        arrivals.yield(opened)
    }

    private func find(_ id: UInt32) -> SPDYStream? { state.withLock { $0.streams[id] } }

    /// The connection is over.
    private func end(_ error: (any Error)?) {
        let streams: [SPDYStream] = state.withLock { s in
            s.isClosed = true
            defer { s.streams = [:] }
            return Array(s.streams.values)
        }
        arrivals.finish()
        ended.happen()
        for stream in streams { stream.lost(error ?? NetError.end) }
        out.end()
        gate.close(error ?? NetError.closed)
    }
}

/// One stream of a SPDY connection.
package final class SPDYStream: ByteStream {
    private struct State {
        var window: Int
        var isOutputClosed: Bool = false
        var isInputClosed: Bool = false
        var isDeaf: Bool = false
        var reply: Result<Void, any Error>?
        var awaitsReply: CheckedContinuation<Void, any Error>?
        var awaitWindow: [CheckedContinuation<Void, Never>] = []
    }
    private let connection: SPDYConnection
    private let id: UInt32
    /// As the opener gave them; names compare without case.
    package let headers: Headers
    private let pipe: BytePipe = BytePipe()
    private let unread: WriteGate = WriteGate(bytesMax: SPDYStream.bytesMax)
    private let state: Mutex<State>
    /// Bytes that may wait for the reader before the connection pauses.
    static let bytesMax: Int = 1 << 20

    fileprivate init(connection: SPDYConnection, id: UInt32, headers: Headers, window: Int) {
        self.connection = connection
        self.id = id
        self.headers = headers
        state = Mutex(State(window: window))
    }

    /// Accepts a stream that the peer opened; it may wait for this.
    package func reply(headers: Headers = Headers()) async throws { connection.reply(id, headers) }

    package func read() async throws -> [UInt8]? {
        guard let bytes = try await pipe.next() else { return nil }
        unread.remove(bytes.count)
        connection.consumed(id, bytes.count)
        return bytes
    }

    package func write(_ bytes: [UInt8]) async throws {
        var rest: ArraySlice<UInt8> = bytes[...]
        while !rest.isEmpty {
            let count: Int = try await takeWindow(min(rest.count, SPDYSession.dataBytesMax))
            try connection.data(id, rest.prefix(count), isFinal: false)
            rest = rest.dropFirst(count)
            try await connection.waitForRoom()
        }
    }

    /// Sends the end of our direction.
    package func finish() async {
        let isFirst: Bool = state.withLock { s in
            defer { s.isOutputClosed = true }
            return !s.isOutputClosed
        }
        guard isFirst else { return }
        try? connection.data(id, [], isFinal: true)
        forgetWhenDone()
    }

    /// Ends our direction and drops what still comes.
    package func close() async {
        await finish()
        state.withLock { $0.isDeaf = true }
        pipe.end()
        unread.close(NetError.closed)
    }

    /// Aborts both directions (RST_STREAM CANCEL).
    package func reset() async {
        connection.reset(id, status: 5)
        lost(NetError.closed)
    }

    private func takeWindow(_ wanted: Int) async throws -> Int {
        while true {
            try Task.checkCancellation()
            let isLimited: Bool = connection.keepsWindows
            let count: Int = try state.withLock { s in
                if s.isOutputClosed { throw NetError.closed }
                let count: Int = isLimited ? min(wanted, max(0, s.window)) : wanted
                s.window -= count
                return count
            }
            if count > 0 { return count }
            await withTaskCancellationHandler {
                await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in
                    let isReady: Bool = state.withLock { s in
                        if s.window > 0 || s.isOutputClosed || Task.isCancelled { return true }
                        s.awaitWindow.append(c)
                        return false
                    }
                    if isReady { c.resume() }
                }
            } onCancel: {
                self.wakeWriters()
            }
        }
    }

    private func wakeWriters() {
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock { s in
            defer { s.awaitWindow = [] }
            return s.awaitWindow
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: the connection's side

    fileprivate func received(_ bytes: [UInt8], isFinal: Bool) {
        let isDeaf: Bool = state.withLock { s in
            if isFinal { s.isInputClosed = true }
            return s.isDeaf
        }
        if isDeaf {
            connection.consumed(id, bytes.count)
        } else if !bytes.isEmpty, (try? unread.add(bytes.count)) != nil {
            pipe.push(bytes)
        }
        if isFinal {
            pipe.end()
            forgetWhenDone()
        }
    }

    fileprivate func waitForRoom() async throws {
        do { try await unread.waitForRoom() } catch is CancellationError { throw CancellationError() } catch {}
    }

    fileprivate func widen(_ delta: Int) {
        state.withLock { $0.window += delta }
        wakeWriters()
    }

    /// A reset ends our reading like a FIN once what came before it was read: Kubernetes' streaming servers end a session
    /// by resetting all of its streams (apimachinery's spdy connection.Close), also those that lie half open.
    fileprivate func wasReset(_ status: UInt32) {
        lost(NetError(.closed, status == 3 ? "stream refused" : "stream reset"), readingEnds: nil)
    }

    fileprivate func lost(_ error: any Error) { lost(error, readingEnds: error) }

    private func lost(_ error: any Error, readingEnds: (any Error)?) {
        state.withLock { s in
            s.isInputClosed = true
            s.isOutputClosed = true
        }
        replied(error)
        pipe.end(readingEnds)
        unread.close(error)
        wakeWriters()
    }

    private func forgetWhenDone() {
        if state.withLock({ $0.isInputClosed && $0.isOutputClosed }) { connection.forget(id) }
    }

    fileprivate func replied(_ error: (any Error)?) {
        let waiter: CheckedContinuation<Void, any Error>? = state.withLock { s in
            guard s.reply == nil else { return nil }
            s.reply = error.map { .failure($0) } ?? .success(())
            defer { s.awaitsReply = nil }
            return s.awaitsReply
        }
        if let error { waiter?.resume(throwing: error) } else { waiter?.resume() }
    }

    fileprivate func waitForReply(timeout: Duration) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await Task.sleep(for: timeout)
                self.replied(NetError(.timeout, "timed out waiting for the stream's reply"))
            }
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { (c: CheckedContinuation<Void, any Error>) in
                    let ready: Result<Void, any Error>? = state.withLock { s in
                        if s.reply == nil { s.awaitsReply = c }
                        return s.reply
                    }
                    if let ready { c.resume(with: ready) }
                }
            } onCancel: {
                self.replied(CancellationError())
            }
            group.cancelAll()
        }
    }
}
