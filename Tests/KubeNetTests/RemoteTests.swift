// exec and port-forward end to end: our client over WebSocket, the translating proxy, a SPDY backend.

import KubeBase
import KubeCrypto
import KubeNet
import KubeWire
import Synchronization
import Testing

/// A runtime's streaming server: exec upper-cases stdin to stdout, says `done` on stderr, and exits with 3.
private func runtime(_ request: HTTPRequest) -> HTTPResponse {
    if request.path == "/missing" { return HTTPResponse(status: 404, contentType: "text/plain", Array("gone".utf8)) }
    if request.path == "/portforward" {
        return HTTPResponse(
            status: 101,
            headers: ["Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "portforward.k8s.io"],
            body: .upgrade { stream in
                let spdy: SPDYConnection = SPDYConnection(stream, isServer: true)
                await withTaskGroup(of: Void.self) { group in
                    for await s in spdy.incoming {
                        try? await s.reply()
                        group.addTask {
                            if s.headers["streamType"] == "data" {
                                while let bytes = try? await s.read() { try? await s.write(bytes) }
                            } else if s.headers["port"] == "81" {
                                try? await s.write(Array("no port 81".utf8))
                            }
                            await s.finish()
                        }
                    }
                }
            })
    }
    guard let handshake = RemoteCommandHandshake(request) else { return HTTPResponse(status: 400) }
    let options: RemoteCommandOptions = RemoteCommandOptions(query: request.rawQuery)
    return HTTPResponse(
        status: 101, headers: handshake.headers,
        body: .upgrade { stream in
            guard let s = try? await RemoteCommandSession.open(handshake, over: stream, options: options) else {
                return
            }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await s.run() }
                while let bytes = try? await s.stdin?.read() {
                    try? await s.stdout?.write(bytes.map { $0 >= 97 ? $0 - 32 : $0 })
                }
                try? await s.stderr?.write(Array("done".utf8))
                await s.finish(status: RemoteCommandSession.exited(3))
            }
        })
}

@Suite struct RemoteTests {
    private func withCluster(_ body: (HTTPClient, Endpoint) async throws -> Void) async throws {
        let ids: Identities = try Identities()
        let backendClient: HTTPClient = try HTTPClient(tls: nil)
        try await withServer {
            runtime($0)
        } _: { _, backend in
            try await withServer(tls: ids.server) { request in
                let there: StreamingBackend = StreamingBackend(
                    client: backendClient, endpoint: backend, path: request.path, rawQuery: request.rawQuery)
                do {
                    if request.path == "/portforward" {
                        return try await StreamingProxy.portForward(request, to: there)
                    }
                    return try await StreamingProxy.remoteCommand(
                        request, options: RemoteCommandOptions(query: request.rawQuery), to: there)
                } catch { return HTTPResponse(status: 502, contentType: "text/plain", Array("\(error)".utf8)) }
            } _: { _, endpoint in
                try await body(try HTTPClient(tls: ids.client), endpoint)
            }
        }
    }

    @Test func execCarriesStreamsAndExitCode() async throws {
        try await withCluster { client, endpoint in
            let input: [UInt8] = [UInt8](repeating: 97, count: 500_000)
            let sent: Mutex<[[UInt8]]> = Mutex([input, Array("xyz".utf8)])
            let out: Mutex<[UInt8]> = Mutex([])
            let err: Mutex<[UInt8]> = Mutex([])
            let command: RemoteCommandClient = RemoteCommandClient(
                stdin: { sent.withLock { $0.isEmpty ? nil : $0.removeFirst() } },
                stdout: { bytes in out.withLock { $0 += bytes } }, stderr: { bytes in err.withLock { $0 += bytes } })
            let status: JSON = try await command.run(
                client,
                HTTPRequest(method: "GET", path: "/exec", rawQuery: "command=x&stdin=true&stdout=true&stderr=true"),
                to: endpoint)
            #expect(RemoteCommandClient.exitCode(status) == 3)
            #expect(out.withLock { $0.count } == 500_003)
            #expect(out.withLock { text(Array($0.suffix(4))) } == "AXYZ")
            #expect(err.withLock { text($0) } == "done")
        }
    }

    @Test func refusalsArePassedOn() async throws {
        try await withCluster { client, endpoint in
            let command: RemoteCommandClient = RemoteCommandClient(stdout: { _ in }, stderr: { _ in })
            let error = await #expect(throws: RemoteRefusal.self) {
                _ = try await command.run(
                    client, HTTPRequest(method: "GET", path: "/missing", rawQuery: "stdout=true"), to: endpoint)
            }
            #expect(error?.status == 404)
        }
    }

    @Test func spdyClientsPassThrough() async throws {
        try await withCluster { client, endpoint in
            let (r, stream) = try await client.upgrade(
                HTTPRequest(
                    method: "POST", path: "/exec", rawQuery: "stdin=true&stdout=true",
                    headers: [
                        "Connection": "Upgrade", "Upgrade": "SPDY/3.1",
                        "X-Stream-Protocol-Version": "v4.channel.k8s.io",
                    ]), to: endpoint)
            #expect(r.status == 101 && r.headers["X-Stream-Protocol-Version"] == "v4.channel.k8s.io")
            let spdy: SPDYConnection = SPDYConnection(try #require(stream), isServer: false)
            let error: SPDYStream = try await spdy.open(headers: ["streamType": "error"])
            let stdin: SPDYStream = try await spdy.open(headers: ["streamType": "stdin"])
            let stdout: SPDYStream = try await spdy.open(headers: ["streamType": "stdout"])
            try await stdin.write(Array("abc".utf8))
            #expect(text(try await stdout.read() ?? []) == "ABC")
            await stdin.finish()
            #expect(text(try await error.read() ?? []).contains("NonZeroExitCode"))
            await spdy.close()
        }
    }

    @Test func portForwardThroughTheTunnelAndByChannels() async throws {
        try await withCluster { client, endpoint in
            let request: HTTPRequest = HTTPRequest(method: "GET", path: "/portforward", rawQuery: "ports=80&ports=81")
            let forward: PortForwardClient = try await PortForwardClient.connect(client, request, to: endpoint)
            let c: PortForwardConnection = try await forward.open(port: 80)
            try await c.data.write(Array("hello".utf8))
            #expect(text(try await c.data.read() ?? []) == "hello")
            await c.data.finish()
            #expect(try await c.data.read() == nil)
            let failing: PortForwardConnection = try await forward.open(port: 81)
            #expect(text(try await failing.errors.read() ?? []) == "no port 81")
            await forward.close()

            let (_, socket, chosen) = try await WebSocket.connect(
                client, request, to: endpoint, protocols: ["v4.channel.k8s.io"])
            let old: WebSocket = try #require(socket)
            #expect(chosen == "v4.channel.k8s.io")
            var seen: Set<[UInt8]> = []
            for _ in 0..<4 { seen.insert(try await old.receive()?.bytes ?? []) }
            #expect(seen == [[0, 80, 0], [1, 80, 0], [2, 81, 0], [3, 81, 0]])
            try await old.send(.binary([0, 7, 8]))
            var got: Set<[UInt8]> = []
            for _ in 0..<2 { got.insert(try await old.receive()?.bytes ?? []) }
            #expect(got == [[0, 7, 8], [3] + Array("no port 81".utf8)])
            await old.close(code: 1000, reason: "")
        }
    }
}
