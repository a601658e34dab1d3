// The server on loopback, asked over UDP and TCP.

import KubeBase
import KubeClient
import KubeModel
import KubeNet
import KubeWire
import Testing

@testable import KubeDNS

/// Lists what it holds; watches stay silent.
private struct Shelf: APITransport {
    let objects: [String: [JSON]]

    func call(_ call: APICall) async throws(StatusError) -> JSON {
        ["kind": "List", "metadata": ["resourceVersion": "1"], "items": .array(objects[call.resource.resource] ?? [])]
    }
    func watch(_ call: APICall) async throws(StatusError) -> WatchStream { WatchStream { _ in } }
}

@Suite struct ServerTests {
    @Test(.timeLimit(.minutes(1))) func answersOverUDPAndTCP() async throws {
        let service: JSON = [
            "metadata": ["name": "web", "namespace": "default", "resourceVersion": "1"],
            "spec": ["clusterIP": "10.96.0.7"],
        ]
        let client: Client = Client(transport: Shelf(objects: ["services": [service]]), fieldManager: "test")
        let informers: InformerSet = InformerSet(client)
        let probe: UDPSocket = try await UDPSocket.bind(host: "127.0.0.1", port: 0)
        let port: Int = probe.port
        await probe.close()
        let server: DNSServer = DNSServer(informers: informers, addresses: ["127.0.0.1"], port: port)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await informers.run() }
            group.addTask { try await server.run() }
            let query: [UInt8] = WireFormatTests.query("web.default.svc.cluster.local")
            let foreign: [UInt8] = WireFormatTests.query("example.com")
            var answer: [UInt8] = []
            let client: UDPSocket = try await UDPSocket.bind(host: "127.0.0.1", port: 0)
            // SERVFAIL until the zone is filled, silence until the socket is bound: a client asks again.
            let asking: Task<Void, any Error> = Task {
                while true {
                    try await client.send(query, to: UDPPeer(host: "127.0.0.1", port: port))
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            while answer.isEmpty || answer[3] & 15 == 2 { answer = await client.receive()?.bytes ?? [] }
            asking.cancel()
            #expect(answer.suffix(4) == [10, 96, 0, 7])
            try await client.send(foreign, to: UDPPeer(host: "127.0.0.1", port: port))
            var code: UInt8 = 0
            while code == 0 { code = await client.receive().map { $0.bytes[3] & 15 } ?? 15 }
            #expect(code == 5)

            let stream: any ByteStream = try await TCP.connect(
                to: .tcp(host: "127.0.0.1", port: port), timeout: .seconds(5))
            // Two queries in one write, answered in order.
            var both: [UInt8] = []
            for q in [query, foreign] { both += [0, UInt8(q.count)] + q }
            try await stream.write(both)
            var got: [UInt8] = []
            while got.count < 4 + answer.count, let more: [UInt8] = try await stream.read() { got += more }
            #expect(Array(got[2..<(2 + answer.count)]) == answer)
            await stream.close()
            await client.close()
            group.cancelAll()
        }
    }
}
