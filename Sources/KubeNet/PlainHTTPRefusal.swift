// A client that speaks plain HTTP to a TLS port is told so, in the words of Go's server.

import NIOCore

/// Looks at the first byte of a connection, then leaves the pipeline.
final class PlainHTTPRefusal: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private static let answer: String = """
        HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n
        """

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes: ByteBuffer = unwrapInboundIn(data)
        guard let first = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else { return }
        // A TLS record begins with 22, an HTTP method with a letter.
        if first >= 65, first <= 90 {
            let channel: any Channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: Self.answer))).whenComplete { _ in
                channel.close(promise: nil)
            }
        } else {
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }
}
