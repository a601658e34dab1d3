// A NIO channel seen as a `ByteStream`: the last handler of its pipeline.

import NIOCore
import NIOSSL

/// Reads pause the socket when nobody takes the bytes; writes wait while the socket's buffer is full. The channel lives
/// until `close()`, an error, or both directions have ended. Its variables are touched on the event loop only.
final class ChannelStream: ByteStream, ChannelDuplexHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let channel: any Channel
    private let pipe: BytePipe = BytePipe()
    private let gate: WriteGate = WriteGate()
    private var context: ChannelHandlerContext?
    private var isReadPending: Bool = false
    private var isInputClosed: Bool = false
    private var isOutputClosed: Bool = false
    /// Seconds that bytes already accepted by `write` may take to leave after `close()`.
    static let lingerSeconds: Int64 = 5

    /// Add it to the channel's pipeline on its event loop.
    init(channel: any Channel) {
        self.channel = channel
        pipe.onRoom { [weak self] in
            guard let self else { return }
            channel.eventLoop.execute { self.resumeReading() }
        }
    }

    // MARK: the stream's side, any thread

    func read() async throws -> [UInt8]? { try await pipe.next() }

    func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        try gate.add(bytes.count)
        let channel: any Channel = self.channel
        let gate: WriteGate = self.gate
        channel.eventLoop.execute {
            channel.writeAndFlush(ByteBuffer(bytes: bytes)).whenComplete { _ in gate.remove(bytes.count) }
        }
        try await gate.waitForRoom()
    }

    func finish() async {
        do { try await gate.waitForDrain() } catch { return }
        try? await channel.eventLoop.submit { self.closeOutput() }.get().get()
    }

    func close() async {
        let limit: Scheduled<Void> = channel.eventLoop.scheduleTask(in: .seconds(ChannelStream.lingerSeconds)) {
            self.channel.close(promise: nil)
        }
        try? await gate.waitForDrain()
        limit.cancel()
        pipe.end()
        // With half-closure allowed a TLS channel that closes would not take the peer's end for an end.
        try? await channel.setOption(.allowRemoteHalfClosure, value: false).get()
        try? await channel.close().get()
    }

    // MARK: the channel's side, event loop

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        end(NetError.closed)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer: ByteBuffer = unwrapInboundIn(data)
        if let bytes = buffer.readBytes(length: buffer.readableBytes) { pipe.push(bytes) }
    }

    func read(context: ChannelHandlerContext) {
        if pipe.isFull { isReadPending = true } else { context.read() }
    }

    private func resumeReading() {
        guard isReadPending, let context else { return }
        isReadPending = false
        context.read()
    }

    private func closeOutput() -> EventLoopFuture<Void> {
        guard !isOutputClosed else { return channel.eventLoop.makeSucceededVoidFuture() }
        isOutputClosed = true
        return isInputClosed ? channel.close() : channel.close(mode: .output)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            isInputClosed = true
            pipe.end()
            if isOutputClosed { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        pipe.end()
        gate.close(NetError.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case NIOSSLError.uncleanShutdown = error { pipe.end() } else { end(NetError.on(error)) }
        context.close(promise: nil)
    }

    private func end(_ error: NetError) {
        pipe.end(error)
        gate.close(error)
    }
}

/// Copies both ways, passing on each half-close, until both directions have ended; then closes both.
package func splice(_ a: any ByteStream, _ b: any ByteStream) async {
    @Sendable func copy(_ from: any ByteStream, _ to: any ByteStream) async -> Bool {
        do {
            while let bytes = try await from.read() { try await to.write(bytes) }
            await to.finish()
            return true
        } catch { return false }
    }
    await withTaskGroup(of: Bool.self) { group in
        group.addTask { await copy(a, b) }
        group.addTask { await copy(b, a) }
        for await clean in group where !clean { group.cancelAll() }
    }
    await a.close()
    await b.close()
}
