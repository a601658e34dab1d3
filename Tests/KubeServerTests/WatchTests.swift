import KubeAPI
import KubeModel
import KubeNet
import KubeServer
import KubeWire
import Testing

@Suite struct WatchTests {
    private func start(
        _ server: APIServer, query: [String: String]
    ) async throws -> AsyncThrowingStream<WatchEvent, any Error>.Iterator {
        var c: APICall = APICall(.watch, API.configMaps)
        c.namespace = "default"
        c.query = query
        return try await server.transport(user: .loopback).watch(c).makeAsyncIterator()
    }

    @Test func leavingTheSelectionIsADeletion() async throws {
        let server: APIServer = try await Fixture.server()
        let call: Caller = Caller(server)
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("a", labels: ["k": "1"]))
        var events = try await start(server, query: ["labelSelector": "k=1"])
        #expect(try await events.next()?.kind == .added)
        _ = try await call(.patch, API.configMaps, "a", ["data": ["x": "y"]])
        #expect(try await events.next()?.kind == .modified)
        let left: JSON = try await call(.patch, API.configMaps, "a", ["metadata": ["labels": ["k": "2"]]])
        let end: WatchEvent? = try await events.next()
        #expect(end?.kind == .deleted)
        #expect(end?.object.metadata.resourceVersion == left.metadata.resourceVersion)
        _ = try await call(.patch, API.configMaps, "a", ["metadata": ["labels": ["k": "1"]]])
        #expect(try await events.next()?.kind == .added)
        _ = try await call(.delete, API.configMaps, "a")
        #expect(try await events.next()?.kind == .deleted)
    }

    @Test func aWatchResumesWhereItEnded() async throws {
        let server: APIServer = try await Fixture.server()
        let call: Caller = Caller(server)
        for i in 0..<4 { _ = try await call(.create, API.configMaps, "", Fixture.configMap("c\(i)")) }
        var events = try await start(server, query: ["resourceVersion": "2"])
        #expect(try await events.next()?.object.meta.name == "c2")
        #expect(try await events.next()?.object.meta.name == "c3")
        await #expect(throws: StatusError.self) { _ = try await start(server, query: ["resourceVersion": "99"]) }
    }

    @Test func tooOldIsExpired() async throws {
        let server: APIServer = try await Fixture.server()
        let call: Caller = Caller(server)
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("a"))
        // More than the log holds.
        let big: String = String(repeating: "x", count: 100_000)
        for i in 0..<60 { _ = try await call(.patch, API.configMaps, "a", ["data": ["x": .string("\(i)" + big)]]) }
        do {
            _ = try await start(server, query: ["resourceVersion": "1"])
            Issue.record("a watch from a forgotten revision began")
        } catch let error as StatusError {
            #expect(error.isExpired)
            #expect(error.message.hasPrefix("too old resource version: 1 ("))
        }
    }

    @Test func initialEventsEndWithABookmark() async throws {
        let server: APIServer = try await Fixture.server()
        _ = try await Caller(server)(.create, API.configMaps, "", Fixture.configMap("a"))
        let wire: Wire = Wire(server: server)
        let answer = await wire(
            "GET",
            "/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1&sendInitialEvents=true"
                + "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
        let lines: [JSON] = try answer.text.split(separator: "\n").map { try JSON.parse(String($0)) }
        // A last bookmark may come at the end, as upstream sends one.
        #expect(lines.map { $0.type.text }.prefix(2) == ["ADDED", "BOOKMARK"])
        #expect(lines[1].object.metadata.annotations["k8s.io/initial-events-end"] == "true")
        #expect(lines[1].object.metadata.resourceVersion == "1")
    }

    @Test func streamsCarryEventsAsTheyHappen() async throws {
        let server: APIServer = try await Fixture.server()
        let wire: Wire = Wire(server: server)
        let call: Caller = Caller(server)
        async let answer = wire(
            "GET", "/api/v1/watch/namespaces/default/configmaps/b?timeoutSeconds=1&resourceVersion=0")
        for name in ["a", "b"] { _ = try await call(.create, API.configMaps, "", Fixture.configMap(name)) }
        let lines: [JSON] = try await answer.text.split(separator: "\n").map { try JSON.parse(String($0)) }
        #expect(lines.map { $0.object.meta.name } == ["b"])
    }
}
