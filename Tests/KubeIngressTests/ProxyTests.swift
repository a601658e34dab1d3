// The proxy on loopback: between a client and endpoints that live, die and upgrade.

import KubeBase
import KubeCrypto
import KubeNet
import Logging
import Synchronization
import Testing

@testable import KubeIngress

private struct Answering: HTTPResponder {
    let answer: @Sendable (HTTPRequest) async -> HTTPResponse
    func respond(to request: HTTPRequest) async -> HTTPResponse { await answer(request) }
}

private func serve(_ responder: any HTTPResponder, streams: Bool = false) async throws -> (HTTPServer, Int) {
    let server: HTTPServer = try HTTPServer(
        responder: responder, tls: nil, streamsBodies: { _ in streams }, log: .component("test"))
    return (server, try await server.listen(host: "127.0.0.1", port: 0))
}

private func endpoint(_ port: Int) -> Endpoint { .tcp(host: "127.0.0.1", port: port) }

private func table(_ endpoints: [Endpoint]) -> RoutingTable {
    let key: BackendKey = BackendKey(namespace: "n", service: "s", port: "80")
    var table: RoutingTable = RoutingTable()
    table.rules["h"] = [RoutingTable.PathRule(path: "/x", isExact: false, backend: key)]
    table.endpoints[key] = endpoints
    return table
}

/// A port on which nobody listens.
private func deadPort() async throws -> Int {
    let listener: TCPListener = try await TCP.listen(host: "127.0.0.1", port: 0) { _ in }
    await listener.close()
    return listener.port
}

private func get(
    _ port: Int, _ path: String = "/x", method: String = "GET", body: [UInt8] = []
) async throws -> (Int, String) {
    let client: HTTPClient = try HTTPClient(tls: nil)
    let answer = try await client.send(
        HTTPRequest(method: method, path: path, headers: ["Host": "h"], body: body), to: endpoint(port),
        timeout: .seconds(20))
    let text: String = String(decoding: try await answer.body.collect(maxBytes: 1 << 24), as: UTF8.self)
    await client.shutdown()
    return (answer.status, text)
}

@Suite(.timeLimit(.minutes(1))) struct ProxyTests {
    @Test func rulesEndpointsAndTheLackOfThem() async throws {
        let (one, onePort) = try await serve(Answering { HTTPResponse(contentType: "text/plain", Array($0.path.utf8)) })
        let proxy: IngressProxy = try IngressProxy()
        let (front, port) = try await serve(IngressResponder(proxy: proxy, scheme: "http", port: 80), streams: true)
        #expect(try await get(port).0 == 404)
        proxy.replace(table([]))
        #expect(try await get(port).0 == 503)
        #expect(try await get(port, "/y").0 == 404)
        let dead: Int = try await deadPort()
        proxy.replace(table([endpoint(dead)]))
        #expect(try await get(port).0 == 502)
        // Whichever is tried first: a refused connection is tried elsewhere, also for a body that streams.
        proxy.replace(table([endpoint(dead), endpoint(onePort)]))
        for _ in 0..<6 { #expect(try await get(port, "/x/a").1 == "/x/a") }
        for _ in 0..<6 { #expect(try await get(port, method: "POST", body: [1, 2, 3]).0 == 200) }
        await front.shutdown(graceSeconds: 1)
        await one.shutdown(graceSeconds: 1)
        await proxy.shutdown()
    }

    @Test func aConnectionThatEndsWithoutAnAnswerIsRepeatedOnlyWhenThatIsHarmless() async throws {
        let seen: Atomic<Int> = Atomic(0)
        let rude: TCPListener = try await TCP.listen(host: "127.0.0.1", port: 0) { stream in
            _ = try? await stream.read()
            seen.add(1, ordering: .relaxed)
        }
        let proxy: IngressProxy = try IngressProxy()
        let (front, port) = try await serve(IngressResponder(proxy: proxy, scheme: "http", port: 80), streams: true)
        let (one, onePort) = try await serve(Answering { _ in HTTPResponse(contentType: "text/plain", [111, 107]) })
        proxy.replace(table([endpoint(rude.port), endpoint(onePort)]))
        for _ in 0..<6 { #expect(try await get(port).1 == "ok") }
        #expect(seen.load(ordering: .relaxed) > 0)
        proxy.replace(table([endpoint(rude.port)]))
        let before: Int = seen.load(ordering: .relaxed)
        #expect(try await get(port, method: "POST", body: [1]).0 == 502)
        #expect(seen.load(ordering: .relaxed) == before + 1)
        await front.shutdown(graceSeconds: 1)
        await one.shutdown(graceSeconds: 1)
        await rude.close()
        await proxy.shutdown()
    }

    @Test func endpointsWithTLSAreSpokenToWithTLS() async throws {
        let ca: CertificateAuthority = try CertificateAuthority.create(commonName: "own", validity: .seconds(600))
        let leaf = try ca.issue(
            CertificateRequest(commonName: "own", isServer: true, isClient: false, validity: .seconds(600)))
        let one: HTTPServer = try HTTPServer(
            responder: Answering { _ in HTTPResponse(contentType: "text/plain", Array("secret".utf8)) },
            tls: TLSServerOptions(certificatePEM: leaf.certificatePEM, keyPEM: leaf.keyPEM, clientCAPEM: nil),
            log: .component("test"))
        let onePort: Int = try await one.listen(host: "127.0.0.1", port: 0)
        let proxy: IngressProxy = try IngressProxy()
        var secure: RoutingTable = table([endpoint(onePort)])
        secure.secure = Set(secure.endpoints.keys)
        proxy.replace(secure)
        let (front, port) = try await serve(IngressResponder(proxy: proxy, scheme: "http", port: 80), streams: true)
        #expect(try await get(port).1 == "secret")
        await front.shutdown(graceSeconds: 1)
        await one.shutdown(graceSeconds: 1)
        await proxy.shutdown()
    }

    @Test func upgradedConnectionsCarryBytesBothWays() async throws {
        let (one, onePort) = try await serve(
            Answering { request in
                guard request.headers["Upgrade"] == "echo" else { return HTTPResponse(status: 400) }
                return HTTPResponse(
                    status: 101, headers: ["Upgrade": "echo"],
                    body: .upgrade { stream in
                        while let bytes = try? await stream.read() { try? await stream.write(bytes) }
                    })
            })
        let proxy: IngressProxy = try IngressProxy()
        proxy.replace(table([endpoint(onePort)]))
        let (front, port) = try await serve(IngressResponder(proxy: proxy, scheme: "http", port: 80), streams: true)
        let client: HTTPClient = try HTTPClient(tls: nil)
        let (answer, stream) = try await client.upgrade(
            HTTPRequest(
                method: "GET", path: "/x", headers: ["Host": "h", "Connection": "Upgrade", "Upgrade": "echo"]),
            to: endpoint(port))
        #expect(answer.status == 101)
        if let stream {
            try await stream.write(Array("ping".utf8))
            #expect(try await stream.read() == Array("ping".utf8))
            await stream.close()
        } else {
            Issue.record("no stream")
        }
        await client.shutdown()
        await front.shutdown(graceSeconds: 1)
        await one.shutdown(graceSeconds: 1)
        await proxy.shutdown()
    }
}
