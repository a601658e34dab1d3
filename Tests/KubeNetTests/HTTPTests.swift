// HTTP over loopback: identities, streams, limits, upgrades, pipelining.

import KubeBase
import KubeCrypto
import KubeNet
import Synchronization
import Testing

@Suite struct HTTPTests {
    @Test func certificateBecomesIdentityAndConnectionsAreKept() async throws {
        let ids: Identities = try Identities()
        try await withServer(tls: ids.server) { r in
            let who: String = r.peer.map { $0.commonName + $0.organizations.joined(separator: ",") } ?? "nobody"
            return HTTPResponse(contentType: "text/plain", Array("\(who) \(r.path) \(r.rawQuery) \(r.body.count)".utf8))
        } _: { server, endpoint in
            let client: HTTPClient = try HTTPClient(tls: ids.client)
            for i in 0..<20 {
                let r = try await client.send(
                    HTTPRequest(method: "POST", path: "/a%20b", rawQuery: "x=1", body: [UInt8](repeating: 7, count: i)),
                    to: endpoint, timeout: .seconds(5))
                #expect(r.status == 200)
                #expect(text(try await r.body.collect(maxBytes: 100)) == "janedev,ops /a%20b x=1 \(i)")
            }
            #expect(server.connectionCount == 1)
            let anonymous: HTTPClient = try HTTPClient(tls: TLSClientOptions(caPEM: ids.ca.certificatePEM))
            let r = try await anonymous.send(HTTPRequest(method: "GET", path: "/"), to: endpoint)
            #expect(text(try await r.body.collect(maxBytes: 100)) == "nobody /  0")
            let distrustful: HTTPClient = try HTTPClient(tls: TLSClientOptions(caPEM: Identities().ca.certificatePEM))
            await #expect(throws: NetError.self) {
                _ = try await distrustful.send(HTTPRequest(method: "GET", path: "/"), to: endpoint)
            }
            await client.shutdown()
        }
    }

    @Test func streamsArriveWriteByWriteAndEndWithTheClient() async throws {
        let cancelled: AsyncStream<Bool>.Continuation
        let wasCancelled: AsyncStream<Bool>
        (wasCancelled, cancelled) = AsyncStream.makeStream()
        try await withServer { _ in
            HTTPResponse(
                status: 200,
                body: .stream { writer in
                    do {
                        try await writer.write(Array("one".utf8))
                        while true {
                            try await writer.write([UInt8](repeating: 65, count: 100_000))
                        }
                    } catch {
                        cancelled.yield(true)
                        throw error
                    }
                })
        } _: { server, endpoint in
            let client: HTTPClient = try HTTPClient(tls: nil)
            do {
                let r = try await client.send(HTTPRequest(method: "GET", path: "/"), to: endpoint)
                var iterator = r.body.makeAsyncIterator()
                #expect(text(try await iterator.next() ?? []).hasPrefix("one"))
                for _ in 0..<10 { _ = try await iterator.next() }
                r.body.cancel()
            }
            var it = wasCancelled.makeAsyncIterator()
            #expect(await it.next() == true)
        }
    }

    @Test func bodyLimitAnswers413() async throws {
        try await withServer(bodyBytesMax: 1000) { r in
            HTTPResponse(contentType: "text/plain", Array("\(r.body.count)".utf8))
        } _: { _, endpoint in
            let client: HTTPClient = try HTTPClient(tls: nil)
            let fits = try await client.send(
                HTTPRequest(method: "POST", path: "/", body: [UInt8](repeating: 1, count: 1000)), to: endpoint)
            #expect(fits.status == 200)
            let r = try await client.send(
                HTTPRequest(method: "POST", path: "/", body: [UInt8](repeating: 1, count: 5_000_000)), to: endpoint)
            #expect(r.status == 413)
            #expect(text(try await r.body.collect(maxBytes: 1000)).contains("limit is 1000"))
        }
    }

    @Test func upgradeKeepsEarlyBytes() async throws {
        let ids: Identities = try Identities()
        try await withServer(tls: ids.server) { r in
            HTTPResponse(
                status: 101, headers: ["Upgrade": "echo"],
                body: .upgrade { stream in
                    while let bytes = try? await stream.read() { try? await stream.write(bytes) }
                    await stream.finish()
                })
        } _: { server, endpoint in
            let client: HTTPClient = try HTTPClient(tls: ids.client)
            let (r, stream) = try await client.upgrade(
                HTTPRequest(method: "POST", path: "/", headers: ["Connection": "Upgrade", "Upgrade": "echo"]),
                to: endpoint)
            #expect(r.status == 101)
            let s: any ByteStream = try #require(stream)
            let big: [UInt8] = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            async let sent: Void = {
                try await s.write(big)
                await s.finish()
            }()
            var back: [UInt8] = []
            while let bytes = try await s.read() { back += bytes }
            try await sent
            #expect(back == big)
            await s.close()
        }
    }

    @Test func pipelinedRequestsAndEarlyUpgradeBytes() async throws {
        try await withServer { r in
            if r.path == "/up" {
                return HTTPResponse(
                    status: 101, headers: ["Upgrade": "x"],
                    body: .upgrade { stream in
                        if let bytes = try? await stream.read() { try? await stream.write(bytes) }
                    })
            }
            await Task.yield()
            return HTTPResponse(contentType: "text/plain", Array(r.path.utf8))
        } _: { _, endpoint in
            let s: any ByteStream = try await TCP.connect(to: endpoint, timeout: .seconds(2))
            let requests: String = ["/1", "/2", "/3"].map { "GET \($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
            try await s.write(
                Array((requests + "GET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nEARLY").utf8)
            )
            var all: [UInt8] = []
            while let bytes = try await s.read() { all += bytes }
            let got: String = text(all)
            #expect(got.contains("/1HTTP/1.1 200 OK"))
            #expect(got.contains("/3HTTP/1.1 101 Switching Protocols"))
            #expect(got.hasSuffix("EARLY"))
            await s.close()
            let bad: any ByteStream = try await TCP.connect(to: endpoint, timeout: .seconds(2))
            try await bad.write(Array("NONSENSE\r\n\r\n".utf8))
            #expect(text(try await bad.read() ?? []).hasPrefix("HTTP/1.1 400"))
            await bad.close()
        }
    }

    @Test func takenPortAndDeadPeerHaveGoWords() async throws {
        try await withServer { _ in
            HTTPResponse(status: 200)
        } _: { _, endpoint in
            guard case .tcp(_, let port) = endpoint else { return }
            let other: HTTPServer = try HTTPServer(
                responder: Responder { _ in HTTPResponse(status: 200) }, tls: nil, log: .component("test"))
            do {
                _ = try await other.listen(host: "127.0.0.1", port: port)
                Issue.record("bound twice")
            } catch let error as NetError {
                #expect(error.message == "listen tcp 127.0.0.1:\(port): bind: address already in use")
            }
        }
        do {
            _ = try await TCP.connect(to: .tcp(host: "127.0.0.1", port: 1), timeout: .seconds(1))
            Issue.record("connected")
        } catch let error as NetError {
            #expect(error.message == "dial tcp 127.0.0.1:1: connect: connection refused")
        }
    }

    @Test func timeoutEndsAWaitForTheHead() async throws {
        try await withServer { _ in
            try? await Task.sleep(for: .seconds(30))
            return HTTPResponse(status: 200)
        } _: { _, endpoint in
            let client: HTTPClient = try HTTPClient(tls: nil)
            let error = await #expect(throws: NetError.self) {
                _ = try await client.send(
                    HTTPRequest(method: "GET", path: "/"), to: endpoint, timeout: .milliseconds(50))
            }
            #expect(error?.kind == .timeout)
        }
    }

    @Test func datagramsGoBothWays() async throws {
        let a: UDPSocket = try await UDPSocket.bind(host: "127.0.0.1", port: 0)
        let b: UDPSocket = try await UDPSocket.bind(host: "127.0.0.1", port: 0)
        try await a.send([1, 2, 3], to: UDPPeer(host: "127.0.0.1", port: b.port))
        let got = try #require(await b.receive())
        #expect(got.bytes == [1, 2, 3] && got.from.port == a.port)
        await a.close()
        await b.close()
        #expect(await b.receive() == nil)
    }
}
