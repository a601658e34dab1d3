// One gRPC call on its HTTP/2 stream: length-prefixed messages, then a status in the trailers.

import NIOCore
import NIOHPACK
import NIOHTTP2
import Synchronization

/// What the caller holds of a call: its messages in order, ended by nil or thrown `GRPCError`.
final class GRPCCall: Sendable {
    let messages: BytePipe = BytePipe()
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    func attach(_ channel: any Channel) {
        self.channel.withLock { $0 = channel }
        messages.onRoom { channel.eventLoop.execute { channel.read() } }
    }

    /// Resets the stream.
    func cancel() {
        messages.end(GRPCError(code: 1, message: "context canceled"))
        channel.withLock { $0 }?.close(promise: nil)
    }
}

/// Cancels the call when its reader is gone.
final class GRPCCallLease: Sendable {
    let call: GRPCCall
    init(_ call: GRPCCall) { self.call = call }
    deinit { if !call.messages.isEnded { call.cancel() } }
}

/// Event loop only.
final class GRPCCallHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let call: GRPCCall
    private let path: String
    private let message: [UInt8]
    private let timeout: Duration?
    private var deadline: Scheduled<Void>?
    private var frames: GRPCFrames = GRPCFrames()
    private var isDone: Bool = false

    init(call: GRPCCall, path: String, message: [UInt8], timeout: Duration?) {
        self.call = call
        self.path = path
        self.message = message
        self.timeout = timeout
    }

    func channelActive(context: ChannelHandlerContext) {
        var headers: HPACKHeaders = [
            ":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
            "content-type": "application/grpc", "te": "trailers", "user-agent": "apus",
        ]
        if let timeout {
            headers.add(name: "grpc-timeout", value: GRPCFrames.timeout(timeout))
            let channel: any Channel = context.channel
            let call: GRPCCall = self.call
            deadline = context.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
                call.messages.end(GRPCError(code: 4, message: "context deadline exceeded"))
                channel.close(promise: nil)
            }
        }
        context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
        var body: ByteBuffer = ByteBuffer()
        body.reserveCapacity(message.count + 5)
        body.writeInteger(UInt8(0))
        body.writeInteger(UInt32(message.count))
        body.writeBytes(message)
        context.writeAndFlush(wrapOutboundOut(.data(.init(data: .byteBuffer(body), endStream: true))), promise: nil)
        context.fireChannelActive()
    }

    func read(context: ChannelHandlerContext) { if !call.messages.isFull { context.read() } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return }
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            if let status = frame.headers.first(name: "grpc-status") {
                end(GRPCFrames.status(status, frame.headers.first(name: "grpc-message")))
            } else if let status = frame.headers.first(name: ":status"), status != "200" {
                let code: Int = ["502", "503", "504", "429"].contains(status) ? 14 : status == "404" ? 12 : 2
                end(GRPCError(code: code, message: "unexpected HTTP status code received from server: \(status)"))
            } else if frame.endStream {
                end(GRPCError(code: 13, message: "server closed the stream without sending trailers"))
            }
        case .data(let frame):
            guard case .byteBuffer(let bytes) = frame.data else { return }
            do {
                for message in try frames.add(bytes) { call.messages.pushMessage(message) }
            } catch {
                end(error)
                context.close(promise: nil)
            }
            if frame.endStream {
                end(GRPCError(code: 13, message: "server closed the stream without sending trailers"))
            }
        case .rstStream(let code):
            end(
                GRPCError(
                    code: code == .cancel ? 1 : 13, message: "stream terminated by RST_STREAM with error code: \(code)")
            )
        default: break
        }
    }

    private func end(_ error: GRPCError?) {
        isDone = true
        deadline?.cancel()
        call.messages.end(error)
    }

    private func lose() {
        guard !isDone else { return }
        end(GRPCError(code: 14, message: "error reading from server: EOF"))
    }
    func channelInactive(context: ChannelHandlerContext) {
        lose()
        context.fireChannelInactive()
    }
    func handlerRemoved(context: ChannelHandlerContext) { lose() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isDone { end(GRPCError(code: 14, message: "\(error)")) }
        context.close(promise: nil)
    }
}

/// The message framing of gRPC: one byte of flags, four of length, the message.
struct GRPCFrames {
    private var buffer: ByteBuffer = ByteBuffer()

    mutating func add(_ bytes: ByteBuffer) throws(GRPCError) -> [[UInt8]] {
        var bytes: ByteBuffer = bytes
        if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeBuffer(&bytes) }
        var messages: [[UInt8]] = []
        while let flags = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self),
            let length = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self)
        {
            guard flags == 0 else { throw GRPCError(code: 12, message: "compressed messages are not supported") }
            guard length <= GRPCChannel.messageBytesMax else {
                throw GRPCError(
                    code: 8,
                    message: "received message larger than max (\(length) vs. \(GRPCChannel.messageBytesMax))")
            }
            guard buffer.readableBytes >= 5 + Int(length) else { break }
            buffer.moveReaderIndex(forwardBy: 5)
            messages.append(buffer.readBytes(length: Int(length)) ?? [])
        }
        return messages
    }

    /// nil for OK. The message is percent-encoded UTF-8.
    static func status(_ code: String, _ message: String?) -> GRPCError? {
        guard let code = Int(code) else { return GRPCError(code: 2, message: "malformed grpc-status: \(code)") }
        return code == 0 ? nil : GRPCError(code: code, message: percentDecoded(message ?? ""))
    }

    /// At most eight digits and a unit.
    static func timeout(_ duration: Duration) -> String {
        let milliseconds: Int64 = max(
            1, duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000)
        return milliseconds < 100_000_000 ? "\(milliseconds)m" : "\(min(milliseconds / 1000, 99_999_999))S"
    }

    static func percentDecoded(_ text: String) -> String {
        guard text.utf8.contains(37) else { return text }
        let bytes: [UInt8] = Array(text.utf8)
        func digit(_ at: Int) -> UInt8? {
            guard at < bytes.count else { return nil }
            switch bytes[at] {
            case 48...57: return bytes[at] - 48
            case 65...70: return bytes[at] - 55
            case 97...102: return bytes[at] - 87
            default: return nil
            }
        }
        var out: [UInt8] = []
        var i: Int = 0
        while i < bytes.count {
            if bytes[i] == 37, let high = digit(i + 1), let low = digit(i + 2) {
                out.append(high << 4 | low)
                i += 3
            } else {
                out.append(bytes[i])
                i += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
