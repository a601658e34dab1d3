// Several byte streams in one WebSocket: the first byte of each message is the channel (`channel.k8s.io`).

import KubeWire
import Synchronization

/// The channels of one WebSocket. `run` reads it and fills them; a channel whose reader lags pauses the socket.
final class WebSocketChannels: Sendable {
    private let socket: WebSocket
    private let isBase64: Bool
    private let channels: [WebSocketChannel]
    /// Milliseconds to wait for the peer's goodbye, so that our last message is not lost to a reset.
    static let goodbyeTimeout: Duration = .milliseconds(1000)

    /// `isBase64`: text messages of a digit and base64.
    init(_ socket: WebSocket, isBase64: Bool, count: Int) {
        self.socket = socket
        self.isBase64 = isBase64
        channels = (0..<count).map { WebSocketChannel(id: UInt8($0), socket: socket, isBase64: isBase64) }
    }

    func channel(_ id: Int) -> WebSocketChannel { channels[id] }

    /// Returns when the peer closed or the connection broke; the channels end then.
    func run() async {
        do {
            while let message = try await socket.receive() { try await on(message.bytes) }
            for channel in channels { channel.ended(nil) }
        } catch {
            for channel in channels { channel.ended(error) }
        }
    }

    private func on(_ message: [UInt8]) async throws {
        guard let first = message.first else { return }
        if isBase64 {
            guard let payload = Base64.decode(String(decoding: message.dropFirst(), as: UTF8.self)) else {
                throw NetError(.malformed, "websocket: bad base64")
            }
            if let channel = find(first &- 48) { try await channel.received(payload) }
        } else if first == 255, message.count == 2 {
            // v5: the peer has no more to send on a channel.
            find(message[1])?.ended(nil)
        } else {
            if let channel = find(first) { try await channel.received(Array(message.dropFirst())) }
        }
    }

    private func find(_ id: UInt8) -> WebSocketChannel? {
        Int(id) < channels.count ? channels[Int(id)] : nil
    }

    func close() async {
        for channel in channels { channel.stop() }
        await socket.close(code: 1000, reason: "", waiting: Self.goodbyeTimeout)
    }
}

/// One channel; `finish` says the v5 close signal.
final class WebSocketChannel: ByteStream {
    private let id: UInt8
    private let socket: WebSocket
    private let isBase64: Bool
    private let pipe: BytePipe = BytePipe()
    private let unread: WriteGate = WriteGate()
    /// Bytes of one message at most.
    static let messageBytesMax: Int = 32 << 10

    init(id: UInt8, socket: WebSocket, isBase64: Bool) {
        self.id = id
        self.socket = socket
        self.isBase64 = isBase64
    }

    func read() async throws -> [UInt8]? {
        guard let bytes = try await pipe.next() else { return nil }
        unread.remove(bytes.count)
        return bytes
    }

    func write(_ bytes: [UInt8]) async throws {
        var rest: ArraySlice<UInt8> = bytes[...]
        while !rest.isEmpty {
            try await writeMessage(rest.prefix(Self.messageBytesMax))
            rest = rest.dropFirst(Self.messageBytesMax)
        }
    }

    func writeMessage(_ bytes: ArraySlice<UInt8>) async throws {
        if isBase64 {
            try await socket.send(.text([id + 48] + Array(Base64.encode(bytes).utf8)))
        } else {
            try await socket.send(.binary([id] + bytes))
        }
    }

    /// Nothing to say to a client before v5, which takes the closed connection as the end.
    func finish() async {}
    func close() async { stop() }

    /// Says that we send no more on this channel (v5).
    func sayEnd() async { try? await socket.send(.binary([255, id])) }

    fileprivate func received(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty, (try? unread.add(bytes.count)) != nil else { return }
        pipe.push(bytes)
        do { try await unread.waitForRoom() } catch is CancellationError { throw CancellationError() } catch {}
    }

    fileprivate func ended(_ error: (any Error)?) { pipe.end(error) }

    fileprivate func stop() {
        pipe.end()
        unread.close(NetError.closed)
    }
}
