// Request bodies that stream through a server, and certificates chosen by name.

import KubeBase
import KubeCrypto
import KubeNet
import Logging
import Synchronization
import Testing

/// Answers what comes, chunk by chunk.
private let echo: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
    guard let body = request.stream else { return HTTPResponse(contentType: "text/plain", Array("no stream".utf8)) }
    return HTTPResponse(
        status: 200,
        body: .stream { writer in while let chunk = try await body.next() { try await writer.write(chunk) } })
}

private func withStreamingServer(
    tls: TLSServerOptions? = nil, _ answer: @escaping @Sendable (HTTPRequest) async -> HTTPResponse,
    _ body: (Endpoint) async throws -> Void
) async throws {
    let server: HTTPServer = try HTTPServer(
        responder: Responder(answer), tls: tls, bodyBytesMax: 10, streamsBodies: { $0 != "/whole" }, log: .component("test"))
    let port: Int = try await server.listen(host: "127.0.0.1", port: 0)
    do { try await body(.tcp(host: "127.0.0.1", port: port)) } catch {
        await server.shutdown(graceSeconds: 0)
        throw error
    }
    await server.shutdown(graceSeconds: 1)
}

@Suite(.timeLimit(.minutes(1))) struct BodyStreamTests {
    @Test func bodiesLongerThanTheServersLimitAndItsBuffersComeThrough() async throws {
        try await withStreamingServer(echo) { endpoint in
            let client: HTTPClient = try HTTPClient(tls: nil)
            let bytes: [UInt8] = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            // Twice: the connection must be fit for the next request.
            for _ in 0..<2 {
                let response = try await client.send(
                    HTTPRequest(method: "POST", path: "/", body: bytes), to: endpoint, timeout: .seconds(20))
                #expect(try await response.body.collect(maxBytes: 4_000_000) == bytes)
            }
            let none = try await client.send(HTTPRequest(method: "GET", path: "/"), to: endpoint)
            #expect(text(try await none.body.collect(maxBytes: 100)) == "no stream")
            // Where nothing is streamed the limit holds.
            let whole = try await client.send(
                HTTPRequest(method: "POST", path: "/whole", body: Array("short".utf8)), to: endpoint)
            #expect(text(try await whole.body.collect(maxBytes: 100)) == "no stream")
            let long = try await client.send(
                HTTPRequest(method: "POST", path: "/whole", body: Array("longer than ten".utf8)), to: endpoint)
            #expect(long.status == 413)
            long.body.cancel()
            await client.shutdown()
        }
    }

    @Test func aServerStreamsARequestOnToAnother() async throws {
        let client: HTTPClient = try HTTPClient(tls: nil)
        try await withStreamingServer(echo) { inner in
            try await withStreamingServer({ request in
                var onward: HTTPRequest = HTTPRequest(method: request.method, path: request.path)
                onward.stream = request.stream
                do {
                    let answer = try await client.send(onward, to: inner)
                    return HTTPResponse(
                        status: answer.status,
                        body: .stream { writer in for try await chunk in answer.body { try await writer.write(chunk) } })
                } catch { return HTTPResponse(status: 502, contentType: "text/plain", Array("\(error)".utf8)) }
            }) { outer in
                let bytes: [UInt8] = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                let answer = try await client.send(HTTPRequest(method: "PUT", path: "/", body: bytes), to: outer)
                #expect(answer.status == 200)
                #expect(try await answer.body.collect(maxBytes: 4_000_000) == bytes)
            }
        }
        await client.shutdown()
    }

    @Test func anAnswerBeforeTheEndOfTheBodyArrives() async throws {
        try await withStreamingServer({ _ in HTTPResponse(status: 403, contentType: "text/plain", Array("no".utf8)) }) {
            let client: HTTPClient = try HTTPClient(tls: nil)
            let bytes: [UInt8] = [UInt8](repeating: 1, count: 100_000)
            let answer = try await client.send(HTTPRequest(method: "POST", path: "/", body: bytes), to: $0)
            #expect(answer.status == 403)
            #expect(text(try await answer.body.collect(maxBytes: 10)) == "no")
            await client.shutdown()
        }
    }

    @Test func certificatesAreChosenByNameAndReplacedWhileTheServerRuns() async throws {
        let ids: Identities = try Identities()
        func pair(_ name: String) throws -> TLSKeyPair {
            let leaf = try ids.ca.issue(
                CertificateRequest(
                    commonName: name, dnsNames: [name], ipAddresses: [], isServer: true, isClient: false,
                    validity: .seconds(600)))
            return try TLSKeyPair(certificatePEM: leaf.certificatePEM, keyPEM: leaf.keyPEM)
        }
        let web: TLSKeyPair = try pair("web.example")
        let names: ServerNames = ServerNames { $0 == "web.example" ? web : nil }
        // Without an address among its names, which clients would take as well.
        let own = try ids.ca.issue(
            CertificateRequest(
                commonName: "own", dnsNames: ["localhost"], isServer: true, isClient: false, validity: .seconds(600)))
        var options: TLSServerOptions = TLSServerOptions(
            certificatePEM: own.certificatePEM, keyPEM: own.keyPEM, clientCAPEM: nil)
        options.names = names
        try await withStreamingServer(tls: options, echo) { endpoint in
            func reaches(_ name: String) async -> Bool {
                let client: HTTPClient? = try? HTTPClient(
                    tls: TLSClientOptions(caPEM: ids.ca.certificatePEM, serverName: name))
                let answer = try? await client?.send(HTTPRequest(method: "GET", path: "/"), to: endpoint)
                await client?.shutdown()
                return answer?.status == 200
            }
            #expect(await reaches("web.example"))
            #expect(await reaches("localhost"))
            #expect(await !reaches("other.example"))
            let other: TLSKeyPair = try pair("other.example")
            names.replace { $0 == "other.example" ? other : nil }
            #expect(await reaches("other.example"))
            #expect(await !reaches("web.example"))
        }
        let (a, b) = (
            try ids.ca.issue(CertificateRequest(commonName: "a", isServer: true, isClient: false, validity: .seconds(60))),
            try ids.ca.issue(CertificateRequest(commonName: "b", isServer: true, isClient: false, validity: .seconds(60)))
        )
        #expect(throws: NetError(.tls, "tls: private key does not match public key")) {
            try TLSKeyPair(certificatePEM: a.certificatePEM, keyPEM: b.keyPEM)
        }
    }
}
