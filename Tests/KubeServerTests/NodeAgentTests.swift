// The server between a client and a node's agent, over real sockets on loopback: streams, upgrades, the tunnel.

import KubeAPI
import KubeBase
import KubeCrypto
import KubeModel
import KubeNet
import KubeServer
import KubeStore
import KubeWire
import Testing

/// An agent that streams lines and echoes what it is sent after an upgrade.
private struct EchoAgent: HTTPResponder {
    func respond(to request: HTTPRequest) async -> HTTPResponse {
        guard request.headers["Upgrade"] == nil else {
            return HTTPResponse(
                status: 101,
                headers: ["Connection": "Upgrade", "Upgrade": request.headers["Upgrade"]!],
                body: .upgrade { stream in
                    try? await stream.write(Array("hello \(request.path)?\(request.rawQuery) ".utf8))
                    while let bytes = try? await stream.read() { try? await stream.write(bytes) }
                    await stream.close()
                })
        }
        return HTTPResponse(
            status: 200, headers: ["Content-Type": "text/plain"],
            body: .stream { writer in
                for i in 0..<3 {
                    try await writer.write(Array("line \(i) as \(request.peer?.commonName ?? "nobody")\n".utf8))
                }
            })
    }
    func respond(toFailure status: Int, message: String) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "text/plain", Array(message.utf8))
    }
}

/// Stands for pods/log, exec and portforward of KubeResources.
private struct Forwarding: SubresourceHandler {
    let path: String
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        var request: HTTPRequest = call.http!
        request.path = path
        let node: JSON = call.registry.get(API.nodes, namespace: "", name: "n")!
        return .http(try await call.registry.nodeAgents!.forward(request, node: node))
    }
}

@Suite struct NodeAgentTests {
    private struct Rig {
        let agent: HTTPServer
        let http: HTTPServer
        let server: APIServer
        let client: HTTPClient
        let endpoint: Endpoint
        func stop() async {
            await client.shutdown()
            await http.shutdown(graceSeconds: 0)
            await agent.shutdown(graceSeconds: 0)
            await server.close()
        }
    }

    private func rig() async throws -> Rig {
        let ca: CertificateAuthority = try .create(commonName: "test", validity: .seconds(600))
        func issue(_ name: String, _ groups: [String], server: Bool) throws -> (certificatePEM: String, keyPEM: String)
        {
            try ca.issue(
                CertificateRequest(
                    commonName: name, organizations: groups, dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"],
                    isServer: server, isClient: !server, validity: .seconds(600)))
        }
        let serving = try issue("serving", [], server: true)
        let tls: TLSServerOptions = TLSServerOptions(
            certificatePEM: serving.certificatePEM, keyPEM: serving.keyPEM, clientCAPEM: ca.certificatePEM)
        let agent: HTTPServer = try HTTPServer(responder: EchoAgent(), tls: tls, log: .component("agent"))
        let agentPort: Int = try await agent.listen(host: "127.0.0.1", port: 0)
        let mine = try issue("kube-apiserver", ["system:masters"], server: false)
        var definitions: [ResourceDefinition] = Fixture.definitions()
        let pods: Int = definitions.firstIndex { $0.gvr == API.pods }!
        for name in ["log", "exec", "portforward"] {
            definitions[pods].subresources.append(
                SubresourceDefinition(
                    name: name, kind: GroupVersionKind(group: "", version: "v1", kind: "Pod"),
                    verbs: ["get", "create"], handler: .custom(Forwarding(path: "/agent/\(name)"))))
        }
        var options: APIServerOptions = APIServerOptions(
            store: LogStore.memory(), definitions: definitions, authorizer: { _ in MastersOnly() })
        options.nodeAgents = try NodeAgentClient(
            tls: TLSClientOptions(
                caPEM: ca.certificatePEM, certificatePEM: mine.certificatePEM, keyPEM: mine.keyPEM))
        let server: APIServer = try await APIServer.open(options)
        let node: JSON = [
            "metadata": ["name": "n"],
            "status": ["addresses": [["type": "InternalIP", "address": "127.0.0.1"]]],
        ]
        let call: Caller = Caller(server)
        var made: JSON = try await call(.create, API.nodes, namespace: "", node)
        made.status = node.status
        made.status.daemonEndpoints = ["kubeletEndpoint": ["Port": JSON(agentPort)]]
        _ = try await call(.update, API.nodes, "n", namespace: "", made, sub: "status")
        let http: HTTPServer = try HTTPServer(responder: server, tls: tls, log: .component("http"))
        let port: Int = try await http.listen(host: "127.0.0.1", port: 0)
        let user = try issue("admin", ["system:masters"], server: false)
        let client: HTTPClient = try HTTPClient(
            tls: TLSClientOptions(caPEM: ca.certificatePEM, certificatePEM: user.certificatePEM, keyPEM: user.keyPEM))
        return Rig(
            agent: agent, http: http, server: server, client: client, endpoint: .tcp(host: "127.0.0.1", port: port))
    }

    private func request(_ method: String, _ name: String, query: String = "") -> HTTPRequest {
        HTTPRequest(method: method, path: "/api/v1/namespaces/default/pods/p/\(name)", rawQuery: query)
    }

    private func read(_ stream: any ByteStream, until text: String) async throws -> String {
        var all: [UInt8] = []
        while !String(decoding: all, as: UTF8.self).contains(text), let more = try await stream.read() { all += more }
        return String(decoding: all, as: UTF8.self)
    }

    @Test(.timeLimit(.minutes(1))) func logsAreStreamedWithTheServersCertificate() async throws {
        let rig: Rig = try await rig()
        let answer: HTTPClientResponse = try await rig.client.send(request("GET", "log"), to: rig.endpoint)
        let text: String = String(decoding: try await answer.body.collect(maxBytes: 1 << 20), as: UTF8.self)
        #expect(answer.status == 200)
        #expect(text == "line 0 as kube-apiserver\nline 1 as kube-apiserver\nline 2 as kube-apiserver\n")
        await rig.stop()
    }

    @Test(.timeLimit(.minutes(1))) func anUpgradeIsSplicedThrough() async throws {
        let rig: Rig = try await rig()
        var exec: HTTPRequest = request("POST", "exec", query: "command=a&command=b")
        exec.headers = ["Connection": "Upgrade", "Upgrade": "SPDY/3.1"]
        let (answer, upgraded): (HTTPClientResponse, (any ByteStream)?) = try await rig.client.upgrade(
            exec, to: rig.endpoint)
        #expect(answer.status == 101)
        let stream: any ByteStream = try #require(upgraded)
        #expect(try await read(stream, until: "b ") == "hello /agent/exec?command=a&command=b ")
        try await stream.write(Array("ping".utf8))
        #expect(try await read(stream, until: "ping") == "ping")
        await stream.close()
        await rig.stop()
    }

    @Test(.timeLimit(.minutes(1))) func portForwardIsTakenOutOfItsTunnel() async throws {
        let rig: Rig = try await rig()
        let (_, socket, chosen) = try await WebSocket.connect(
            rig.client, request("GET", "portforward"), to: rig.endpoint, protocols: ["SPDY/3.1+portforward.k8s.io"])
        #expect(chosen == "SPDY/3.1+portforward.k8s.io")
        let tunnel: WebSocketTunnel = WebSocketTunnel(try #require(socket))
        #expect(try await read(tunnel, until: "? ") == "hello /agent/portforward? ")
        try await tunnel.write(Array("ping".utf8))
        #expect(try await read(tunnel, until: "ping") == "ping")
        await tunnel.close()
        await rig.stop()
    }

    @Test(.timeLimit(.minutes(1))) func anAgentThatIsGoneIsAnError() async throws {
        let rig: Rig = try await rig()
        await rig.agent.shutdown(graceSeconds: 0)
        let answer: HTTPClientResponse = try await rig.client.send(request("GET", "log"), to: rig.endpoint)
        #expect(answer.status == 500)
        let body: JSON = try JSON.parse(try await answer.body.collect(maxBytes: 1 << 20))
        #expect(body.message.text.contains("error dialing backend"))
        await rig.stop()
    }
}
