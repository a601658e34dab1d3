// The server's way to node agents: HTTPS with a client certificate, bodies streamed, upgrades spliced.

package import KubeModel
package import KubeNet
package import KubeWire
import Synchronization

package final class NodeAgentClient: NodeAgentDialer {
    /// Until the agent's first answer: connecting, TLS and the head.
    static let headTimeout: Duration = .seconds(30)
    static let agentPortDefault: Int = 10250
    /// The client's SPDY frames inside WebSocket messages (KEP-4006).
    static let tunnelProtocol: String = "SPDY/3.1+portforward.k8s.io"

    private let current: Mutex<HTTPClient>
    private var client: HTTPClient { current.withLock { $0 } }

    /// `tls` holds the server's client certificate for agents and the authority that signed theirs.
    package init(tls: TLSClientOptions) throws { current = Mutex(try HTTPClient(tls: tls)) }

    /// A renewed certificate; streams that stand keep their connections.
    package func replaceTLS(_ tls: TLSClientOptions) throws {
        let new: HTTPClient = try HTTPClient(tls: tls)
        current.withLock { $0 = new }
    }

    package func forward(_ request: HTTPRequest, node: JSON) async throws(StatusError) -> HTTPResponse {
        try await forward(request, node: node, headWithin: NodeAgentClient.headTimeout)
    }

    package func forward(
        _ request: HTTPRequest, node: JSON, headWithin limit: Duration
    ) async throws(StatusError) -> HTTPResponse {
        let endpoint: Endpoint = try NodeAgentClient.endpoint(of: node)
        var onward: HTTPRequest = request
        for header in ["Host", "Content-Length", "Transfer-Encoding", "Accept-Encoding"] {
            onward.headers[header] = nil
        }
        do {
            guard request.headers["Upgrade"] != nil else {
                return NodeAgentClient.relayed(
                    try await client.send(onward, to: endpoint, timeout: limit))
            }
            if WebSocket.isUpgrade(request),
                WebSocket.askedProtocols(request).contains(NodeAgentClient.tunnelProtocol)
            {
                return try await tunnel(onward, to: endpoint)
            }
            return try await spliced(onward, to: endpoint)
        } catch let error as StatusError {
            throw error
        } catch {
            let host: String = node.metadata.name.text
            throw .internalError("error dialing backend: \(host): \(error)")
        }
    }

    /// InternalIP and the port that the agent reported.
    private static func endpoint(of node: JSON) throws(StatusError) -> Endpoint {
        let addresses: [JSON] = node.status.addresses.elements
        let order: [String] = ["InternalIP", "Hostname", "ExternalIP"]
        for type in order {
            if let host = addresses.first(where: { $0.type.text == type })?.address.asString {
                let port: Int = node.status.daemonEndpoints.kubeletEndpoint["Port"].asInt ?? agentPortDefault
                return .tcp(host: host, port: port)
            }
        }
        throw .internalError("no preferred addresses found; known addresses: []")
    }

    /// The agent's answer, chunk by chunk.
    static func relayed(_ answer: HTTPClientResponse) -> HTTPResponse {
        var headers: Headers = answer.headers
        for hop in ["Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Upgrade"] {
            headers[hop] = nil
        }
        return HTTPResponse(
            status: answer.status, headers: headers,
            body: .stream { writer in
                defer { answer.body.cancel() }
                for try await chunk in answer.body { try await writer.write(chunk) }
            })
    }

    /// The client's own upgrade, sent on as it is (SPDY/3.1 and the WebSocket protocols of exec and attach).
    private func spliced(_ request: HTTPRequest, to endpoint: Endpoint) async throws -> HTTPResponse {
        let (answer, stream): (HTTPClientResponse, (any ByteStream)?) = try await client.upgrade(
            request, to: endpoint, timeout: NodeAgentClient.headTimeout)
        guard let stream else { return NodeAgentClient.relayed(answer) }
        return HTTPResponse(
            status: 101, headers: answer.headers, body: .upgrade { near in await splice(near, stream) })
    }

    /// Port-forward of kubectl: SPDY frames in WebSocket messages here, plain SPDY/3.1 to the agent.
    private func tunnel(_ request: HTTPRequest, to endpoint: Endpoint) async throws -> HTTPResponse {
        guard let (headers, _) = WebSocket.accept(request, protocols: [NodeAgentClient.tunnelProtocol]) else {
            throw StatusError.badRequest("bad WebSocket handshake")
        }
        var onward: HTTPRequest = request
        onward.method = "POST"
        onward.headers.pairs.removeAll { $0.name.lowercased().hasPrefix("sec-websocket-") }
        onward.headers["Connection"] = "Upgrade"
        onward.headers["Upgrade"] = "SPDY/3.1"
        onward.headers["X-Stream-Protocol-Version"] = "portforward.k8s.io"
        let (answer, stream): (HTTPClientResponse, (any ByteStream)?) = try await client.upgrade(
            onward, to: endpoint, timeout: NodeAgentClient.headTimeout)
        guard let stream else { return NodeAgentClient.relayed(answer) }
        return HTTPResponse(
            status: 101, headers: headers,
            body: .upgrade { near in
                await splice(WebSocketTunnel(WebSocket(near, isServer: true)), stream)
            })
    }
}
