// A gRPC client over HTTP/2 for CRI, CSI, containerd and etcd: unary calls and server streams with deadlines.

import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Synchronization

/// A status other than OK. Codes: 1 cancelled, 2 unknown, 4 deadline exceeded, 5 not found, 6 already exists,
/// 8 resource exhausted, 12 unimplemented, 13 internal, 14 unavailable.
package struct GRPCError: Error, Sendable, Hashable, CustomStringConvertible {
    package var code: Int
    package var message: String
    package init(code: Int, message: String) {
        self.code = code
        self.message = message
    }

    private static let names: [String] = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
        "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
        "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]
    /// As grpc-go prints it.
    package var description: String {
        let name: String = Self.names.indices.contains(code) ? Self.names[code] : "Code(\(code))"
        return "rpc error: code = \(name) desc = \(message)"
    }
}

/// Connects at the first call and again after the connection was lost. Calls on a lost connection fail at once with
/// code 14; so do calls that can't connect.
package final class GRPCChannel: Sendable {
    private struct State {
        var connection: EventLoopFuture<GRPCConnection>?
        var isShutDown: Bool = false
    }
    private let endpoint: Endpoint
    private let state: Mutex<State> = Mutex(State())
    /// Bytes of one message that are accepted: as CRI's clients set it.
    static let messageBytesMax: Int = 16 << 20
    static let connectTimeout: TimeAmount = .seconds(5)

    package init(endpoint: Endpoint) { self.endpoint = endpoint }

    /// `path` is `/package.Service/Method`. A call that outlasts `timeout` fails with code 4.
    package func unary(
        _ path: String, _ message: [UInt8], timeout: Duration
    ) async throws(GRPCError) -> [UInt8] {
        let call: GRPCCall = try await start(path, message, timeout: timeout)
        do {
            return try await withTaskCancellationHandler {
                var answer: [UInt8]?
                while let next = try await call.messages.next() { answer = answer ?? next }
                guard let answer else { throw GRPCError(code: 13, message: "the answer has no message") }
                return answer
            } onCancel: {
                call.cancel()
            }
        } catch { throw GRPCError(error) }
    }

    /// Messages as they come. Ending the iteration (or its task) resets the call.
    package func serverStream(
        _ path: String, _ message: [UInt8]
    ) async throws(GRPCError) -> AsyncThrowingStream<[UInt8], any Error> {
        let call: GRPCCall = try await start(path, message, timeout: nil)
        let lease: GRPCCallLease = GRPCCallLease(call)
        return AsyncThrowingStream {
            try await withTaskCancellationHandler {
                do { return try await lease.call.messages.next() } catch { throw GRPCError(error) }
            } onCancel: {
                lease.call.cancel()
            }
        }
    }

    package func shutdown() async {
        let connection: EventLoopFuture<GRPCConnection>? = state.withLock { s in
            s.isShutDown = true
            defer { s.connection = nil }
            return s.connection
        }
        if let ready = try? await connection?.get() { try? await ready.channel.close().get() }
    }

    private func start(
        _ path: String, _ message: [UInt8], timeout: Duration?
    ) async throws(GRPCError) -> GRPCCall {
        do {
            let connection: GRPCConnection = try await connection().get()
            return try await connection.start(path, message, timeout: timeout).get()
        } catch { throw GRPCError(error, endpoint) }
    }

    private func connection() throws -> EventLoopFuture<GRPCConnection> {
        try state.withLock { s in
            if s.isShutDown { throw GRPCError(code: 1, message: "grpc: the client connection is closing") }
            if let connection = s.connection { return connection }
            let connecting: EventLoopFuture<GRPCConnection> = connect()
            s.connection = connecting
            connecting.whenComplete { result in
                switch result {
                case .failure: self.forget(connecting)
                case .success(let connection):
                    connection.gone.whenComplete { _ in self.forget(connecting) }
                }
            }
            return connecting
        }
    }

    private func forget(_ connection: EventLoopFuture<GRPCConnection>) {
        state.withLock { s in if s.connection === connection { s.connection = nil } }
    }

    private func connect() -> EventLoopFuture<GRPCConnection> {
        let loop: any EventLoop = EventLoops.shared.next()
        return ClientBootstrap(group: loop).connectTimeout(Self.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
                    try pipeline.addHandler(GRPCConnection.http2(channel))
                    try pipeline.addHandler(
                        GRPCConnectionHandler(gone: channel.eventLoop.makePromise()))
                }
            }
            .connect(endpoint)
            .flatMapThrowing { channel in
                let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
                return GRPCConnection(
                    channel: channel,
                    multiplexer: try pipeline.handler(type: NIOHTTP2Handler.self).syncMultiplexer(),
                    gone: try pipeline.handler(type: GRPCConnectionHandler.self).gone.futureResult)
            }
    }
}

extension GRPCError {
    fileprivate init(_ error: any Error, _ endpoint: Endpoint? = nil) {
        switch error {
        case let error as GRPCError: self = error
        case is CancellationError: self.init(code: 1, message: "context canceled")
        default:
            let cause: NetError = endpoint.map { NetError.dialing($0, error) } ?? NetError.on(error)
            self.init(code: 14, message: "connection error: desc = \"transport: \(cause.message)\"")
        }
    }
}

/// One HTTP/2 connection.
struct GRPCConnection: Sendable {
    let channel: any Channel
    let multiplexer: NIOHTTP2Handler.StreamMultiplexer
    /// Succeeds when the peer closed the connection or said that it takes no more calls.
    let gone: EventLoopFuture<Void>

    static func http2(_ channel: any Channel) -> NIOHTTP2Handler {
        var connection: NIOHTTP2Handler.ConnectionConfiguration = .init()
        connection.initialSettings = [
            HTTP2Setting(parameter: .enablePush, value: 0),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 1 << 20),
            HTTP2Setting(parameter: .initialWindowSize, value: 4 << 20),
        ]
        connection.targetWindowSize = 16 << 20
        // grpc-go sends a PING with each answer.
        connection.controlFrameRateLimit.maximumCount = 1_000_000
        var stream: NIOHTTP2Handler.StreamConfiguration = .init()
        stream.targetWindowSize = 4 << 20
        stream.streamResetFrameRateLimit.maximumCount = 1_000_000
        stream.streamErrorRateLimit.maximumCount = 1_000_000
        return NIOHTTP2Handler(
            mode: .client, eventLoop: channel.eventLoop, connectionConfiguration: connection,
            streamConfiguration: stream
        ) { stream in stream.close() }
    }

    func start(_ path: String, _ message: [UInt8], timeout: Duration?) -> EventLoopFuture<GRPCCall> {
        let promise: EventLoopPromise<any Channel> = channel.eventLoop.makePromise()
        let call: GRPCCall = GRPCCall()
        multiplexer.createStreamChannel(promise: promise) { stream in
            stream.eventLoop.makeCompletedFuture {
                call.attach(stream)
                try stream.pipeline.syncOperations.addHandler(
                    GRPCCallHandler(call: call, path: path, message: message, timeout: timeout))
            }
        }
        return promise.futureResult.map { _ in call }
    }
}

/// Notices that the connection ends: closed, or a GOAWAY.
private final class GRPCConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    let gone: EventLoopPromise<Void>
    private var isGone: Bool = false
    init(gone: EventLoopPromise<Void>) { self.gone = gone }

    private func end() {
        guard !isGone else { return }
        isGone = true
        gone.succeed()
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .goAway = unwrapInboundIn(data).payload { end() }
    }
    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }
    func handlerRemoved(context: ChannelHandlerContext) { end() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOHTTP2Errors.StreamError { return }
        end()
        context.close(promise: nil)
    }
}
