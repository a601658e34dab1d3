// Many watchers of one resource: woken in rounds, each still sees everything once and in order.

import KubeAPI
import KubeModel
import KubeNet
import KubeServer
import KubeWire
import Testing

@Suite struct CrowdTests {
    @Test(.timeLimit(.minutes(2))) func aCrowdSeesEverythingInOrder() async throws {
        let server: APIServer = try await Fixture.server()
        let call: Caller = Caller(server)
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("first"))
        let collectors: [Collector] = (0..<40).map { _ in Collector() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            for (i, collector) in collectors.enumerated() {
                // Half of them watch all namespaces: other frames are shared among them.
                let path: String = i % 2 == 0 ? "/api/v1/configmaps" : "/api/v1/namespaces/default/configmaps"
                let request: HTTPRequest = HTTPRequest(
                    method: "GET", path: path, rawQuery: "watch=1&resourceVersion=1", headers: ["User-Agent": "t/1"], body: [],
                    peer: Fixture.admin)
                group.addTask {
                    if case .stream(let run) = await server.respond(to: request).body { try? await run(collector) }
                }
            }
            for i in 0..<200 {
                let place: String = i % 4 == 0 ? "other" : "default"
                _ = try await call(.create, API.configMaps, "", namespace: place, Fixture.configMap("m\(i)"))
            }
            for (i, collector) in collectors.enumerated() {
                let expected: [String] = (0..<200).filter { i % 2 == 0 || $0 % 4 != 0 }.map { "m\($0)" }
                var names: [String] = []
                while names.count < expected.count {
                    try await Task.sleep(for: .milliseconds(2))
                    names = try collector.text.split(separator: "\n").map { try JSON.parse(String($0)).object.meta.name }
                }
                #expect(names == expected)
            }
            group.cancelAll()
        }
    }

    @Test func webSocketMessagesAreEvents() {
        #expect(WatchSocket.lines(Array("{\"a\":1}\n{\"b\":2}\n".utf8)) == [Array("{\"a\":1}".utf8), Array("{\"b\":2}".utf8)])
        #expect(WatchSocket.prefixed([0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 9]) == [[7, 8], [9]])
        #expect(WatchSocket.prefixed([0, 0, 0, 9, 1]).isEmpty)
    }
}
