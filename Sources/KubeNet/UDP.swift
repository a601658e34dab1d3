// A UDP socket: datagrams in, datagrams out.

import NIOCore
import NIOPosix

/// The sender or receiver of a datagram.
package struct UDPPeer: Sendable, Hashable {
    package var host: String
    package var port: Int
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

package final class UDPSocket: Sendable {
    /// Datagrams waiting to be received; later ones are dropped, as a full socket buffer would do.
    static let waitingMax: Int = 4096

    private let channel: any Channel
    private let datagrams: AsyncStream<(bytes: [UInt8], from: UDPPeer)>

    package static func bind(host: String, port: Int) async throws -> UDPSocket {
        let (stream, sink) = AsyncStream<(bytes: [UInt8], from: UDPPeer)>.makeStream(
            bufferingPolicy: .bufferingOldest(waitingMax))
        let bootstrap: DatagramBootstrap = DatagramBootstrap(group: EventLoops.shared)
            .channelOption(.socketOption(.so_reuseaddr), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(sink: sink))
                }
            }
        do {
            return UDPSocket(try await bootstrap.bind(host: host, port: port).get(), stream)
        } catch { throw NetError.listening("udp", hostPort(host, port), error) }
    }

    private init(_ channel: any Channel, _ datagrams: AsyncStream<(bytes: [UInt8], from: UDPPeer)>) {
        self.channel = channel
        self.datagrams = datagrams
    }

    package var port: Int { channel.localAddress?.port ?? 0 }

    /// The datagrams in order of arrival; ends when the socket is closed. One reader.
    package var incoming: AsyncStream<(bytes: [UInt8], from: UDPPeer)> { datagrams }

    /// The next datagram; nil when the socket was closed. One reader.
    package func receive() async -> (bytes: [UInt8], from: UDPPeer)? {
        var iterator = datagrams.makeAsyncIterator()
        return await iterator.next()
    }

    /// `peer.host` is an IP address.
    package func send(_ bytes: [UInt8], to peer: UDPPeer) async throws {
        let address: SocketAddress = try SocketAddress(ipAddress: peer.host, port: peer.port)
        let envelope: AddressedEnvelope<ByteBuffer> = AddressedEnvelope(
            remoteAddress: address, data: ByteBuffer(bytes: bytes))
        do { try await channel.writeAndFlush(envelope).get() } catch { throw NetError.on(error, "write udp: ") }
    }

    package func close() async { try? await channel.close().get() }
}

private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private let sink: AsyncStream<(bytes: [UInt8], from: UDPPeer)>.Continuation
    init(sink: AsyncStream<(bytes: [UInt8], from: UDPPeer)>.Continuation) { self.sink = sink }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope: AddressedEnvelope<ByteBuffer> = unwrapInboundIn(data)
        guard let host = envelope.remoteAddress.ipAddress, let port = envelope.remoteAddress.port else { return }
        sink.yield((Array(envelope.data.readableBytesView), UDPPeer(host: host, port: port)))
    }
    func channelInactive(context: ChannelHandlerContext) { sink.finish() }
    /// An ICMP error of an earlier datagram: the socket stays good.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
