// A watch over a WebSocket: each event is one message, for browsers.

import KubeModel
import KubeNet
import KubeWire

package enum WatchSocket {
    /// `answer`, a stream of watch frames, over a WebSocket when that is what `request` asks for. JSON events are text
    /// messages without their line ends; protobuf events are binary messages without their length prefixes.
    static func response(_ answer: HTTPResponse, to request: HTTPRequest) -> HTTPResponse {
        guard answer.status == 200, WebSocket.isUpgrade(request), case .stream(let run) = answer.body else {
            return answer
        }
        guard let (headers, _) = WebSocket.accept(request, protocols: []) else {
            return StatusError.badRequest("bad WebSocket handshake: watches have no subprotocol").response()
        }
        let isText: Bool = answer.headers["Content-Type"] == "application/json"
        return HTTPResponse(
            status: 101, headers: headers,
            body: .upgrade { stream in
                let socket: WebSocket = WebSocket(stream, isServer: true)
                let (aborts, abort): (AsyncStream<Void>, AsyncStream<Void>.Continuation) = AsyncStream.makeStream(
                    bufferingPolicy: .bufferingNewest(1))
                let writer: Messages = Messages(socket: socket, isText: isText, giveUp: { abort.yield() })
                let isAborted: Bool = await withTaskGroup(of: Bool.self) { group in
                    // What the client sends means nothing, but its close ends the watch.
                    group.addTask {
                        while let message = try? await socket.receive() { _ = message }
                        return false
                    }
                    group.addTask {
                        try? await run(writer)
                        return false
                    }
                    group.addTask {
                        for await _ in aborts { return true }
                        return false
                    }
                    let first: Bool = await group.next() ?? false
                    group.cancelAll()
                    return first
                }
                // To one who does not read there is no goodbye to say.
                if isAborted { await stream.close() } else { await socket.close(code: 1000, reason: "") }
            })
    }

    private struct Messages: BodyWriter {
        let socket: WebSocket
        let isText: Bool
        let giveUp: @Sendable () -> Void

        func abort() { giveUp() }

        func write(_ bytes: [UInt8]) async throws {
            for message in isText ? WatchSocket.lines(bytes) : WatchSocket.prefixed(bytes) {
                try await socket.send(isText ? .text(message) : .binary(message))
            }
        }
    }

    /// Events of a JSON stream.
    package static func lines(_ bytes: [UInt8]) -> [[UInt8]] { bytes.split(separator: 10).map { Array($0) } }

    /// Events of a protobuf stream: four bytes of length, most significant first, before each.
    package static func prefixed(_ bytes: [UInt8]) -> [[UInt8]] {
        var out: [[UInt8]] = []
        var at: Int = 0
        while at + 4 <= bytes.count {
            let length: Int = bytes[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) }
            guard at + 4 + length <= bytes.count else { break }
            out.append(Array(bytes[(at + 4)..<(at + 4 + length)]))
            at += 4 + length
        }
        return out
    }
}
