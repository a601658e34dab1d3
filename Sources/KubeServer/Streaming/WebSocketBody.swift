// A streamed answer (pod logs) as WebSocket messages, for browsers: apimachinery's wsstream reader protocols.

package import KubeNet
import KubeWire

package enum WebSocketBody {
    /// Each chunk is one message: binary, or base64 in text for `base64.binary.k8s.io`.
    static let protocols: [String] = ["binary.k8s.io", "base64.binary.k8s.io"]

    /// `request` without its handshake, for the one who makes the answer.
    package static func plain(_ request: HTTPRequest) -> HTTPRequest {
        var plain: HTTPRequest = request
        plain.headers["Upgrade"] = nil
        plain.headers["Connection"] = nil
        plain.headers.pairs.removeAll { $0.name.lowercased().hasPrefix("sec-websocket-") }
        return plain
    }

    /// `answer` over a WebSocket when that is what `request` asks for; errors stay plain answers.
    package static func response(_ answer: HTTPResponse, to request: HTTPRequest) -> HTTPResponse {
        guard answer.status == 200, WebSocket.isUpgrade(request) else { return answer }
        guard let (headers, chosen) = WebSocket.accept(request, protocols: protocols) else {
            return HTTPResponse(status: 403, contentType: "text/plain", Array("unsupported WebSocket protocol\n".utf8))
        }
        let body: HTTPResponse.Body = answer.body
        return HTTPResponse(
            status: 101, headers: headers,
            body: .upgrade { stream in
                let socket: WebSocket = WebSocket(stream, isServer: true)
                let writer: MessageWriter = MessageWriter(socket: socket, isBase64: chosen == "base64.binary.k8s.io")
                await withTaskGroup(of: Void.self) { group in
                    // What the client sends means nothing, but its close ends the answer.
                    group.addTask { while let message = try? await socket.receive() { _ = message } }
                    group.addTask {
                        switch body {
                        case .bytes(let bytes): try? await writer.write(bytes)
                        case .stream(let write): try? await write(writer)
                        case .upgrade: break
                        }
                    }
                    await group.next()
                    group.cancelAll()
                    await socket.close(code: 1000, reason: "")
                }
            })
    }

    private struct MessageWriter: BodyWriter {
        let socket: WebSocket
        let isBase64: Bool
        func write(_ bytes: [UInt8]) async throws {
            guard !bytes.isEmpty else { return }
            try await socket.send(isBase64 ? .text(Array(Base64.encode(bytes).utf8)) : .binary(bytes))
        }
    }
}
