// Plain TCP and Unix-socket connections as byte streams.

import NIOCore
import NIOPosix

package enum TCP {
    /// Throws `NetError` in Go's words: `dial tcp 10.0.0.1:80: connect: connection refused`.
    package static func connect(to endpoint: Endpoint, timeout: Duration) async throws -> any ByteStream {
        let bootstrap: ClientBootstrap = ClientBootstrap(group: EventLoops.shared)
            .connectTimeout(TimeAmount(timeout))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ChannelStream(channel: channel))
                }
            }
        do {
            let channel: any Channel = try await bootstrap.connect(endpoint).get()
            return try await channel.pipeline.handler(type: ChannelStream.self).get()
        } catch { throw NetError.dialing(endpoint, error) }
    }

    /// Each connection runs `onConnection` in a task of its own and is closed when that returns.
    package static func listen(
        host: String, port: Int, onConnection: @escaping @Sendable (any ByteStream) async -> Void
    ) async throws -> TCPListener {
        let bootstrap: ServerBootstrap = ServerBootstrap(group: EventLoops.shared)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let stream: ChannelStream = ChannelStream(channel: channel)
                    try channel.pipeline.syncOperations.addHandler(stream)
                    let task: Task<Void, Never> = Task {
                        await onConnection(stream)
                        await stream.close()
                    }
                    channel.closeFuture.whenComplete { _ in task.cancel() }
                }
            }
        do { return TCPListener(try await bootstrap.bind(host: host, port: port).get()) } catch {
            throw NetError.listening("tcp", hostPort(host, port), error)
        }
    }
}

package final class TCPListener: Sendable {
    private let channel: any Channel
    init(_ channel: any Channel) { self.channel = channel }
    package var port: Int { channel.localAddress?.port ?? 0 }
    /// Stops accepting; connections already accepted go on.
    package func close() async { try? await channel.close().get() }
}

extension ClientBootstrap {
    func connect(_ endpoint: Endpoint) -> EventLoopFuture<any Channel> {
        switch endpoint {
        case .tcp(let host, let port): connect(host: host, port: port)
        case .unix(let path): connect(unixDomainSocketPath: path)
        }
    }
}
