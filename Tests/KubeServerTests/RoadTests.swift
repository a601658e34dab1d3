// What happens to a request before anybody serves it: paths, times, turns.

import KubeAPI
import KubeModel
import KubeNet
import KubeWire
import Synchronization
import Testing

@testable import KubeServer

@Suite struct RoadTests {
    @Test(arguments: [
        ("/api/v1/namespaces/default//configmaps", 404, "could not find the requested resource"),
        ("/api/v1//configmaps", 404, "could not find the requested resource"),
        ("/api/v1/namespaces/default/configmaps/..", 400, "Name parameter invalid: \"..\": may not be '..'"),
        ("/api/v1/namespaces/../configmaps/a", 400, "Name parameter invalid: \"..\": may not be '..'"),
        ("/api/v1/namespaces/default/configmaps/%2e%2e", 400, "Name parameter invalid: \"..\": may not be '..'"),
        ("/api/v1/namespaces/default/configmaps/a%2fb", 400, "Name parameter invalid: \"a/b\": may not contain '/'"),
        ("/api/v1/namespaces/default/configmaps/a%25b", 400, "Name parameter invalid: \"a%b\": may not contain '%'"),
        ("/api/v1/namespaces/default/configmaps/a%00b", 404, "not found"),
        ("/api/v1/namespaces/default/configmaps/" + String(repeating: "a", count: 5_000), 404, "not found"),
        ("/nothing/../api/v1", 404, "could not find the requested resource"),
    ])
    func trickyPathsAreRefused(path: String, status: Int, words: String) async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        let answer = await wire("GET", path)
        #expect(answer.status == status)
        #expect(try JSON.parse(answer.text).message.text.contains(words), "\(answer.text)")
    }

    @Test func slashesAroundAPathAreNothing() async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        #expect(await wire("GET", "/api/v1/namespaces/default/configmaps/").status == 200)
    }

    @Test func aTimeoutMustBeADuration() async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        let path: String = "/api/v1/namespaces/default/configmaps?timeout="
        // Without somebody who keeps time there is nothing to refuse: the server's own way is tested over sockets.
        #expect(throws: StatusError.self) { try APIServer.seconds(Query(raw: "timeout=invalid")) }
        #expect(try APIServer.seconds(Query(raw: "timeout=0s")) == 60)
        #expect(try APIServer.seconds(Query(raw: "timeout=1h")) == 60)
        #expect(try APIServer.seconds(Query(raw: "timeout=250ms")) == 0.25)
        #expect(await wire("GET", path + "1s").status == 200)
        #expect(await wire("GET", path + "invalid").status == 400)
    }

    @Test func theClientsAuditIDIsKept() async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        let answer = await wire("GET", "/api/v1/namespaces", headers: ["Audit-ID": "mine"])
        #expect(answer.headers["Audit-Id"] == "mine")
        #expect(await wire("GET", "/api/v1/namespaces").headers["Audit-Id"]?.count == 36)
    }

    @Test func answersNameTheirFlow() async throws {
        let server: APIServer = try await Fixture.server()
        try await server.bootstrap()
        let parts: Task<Void, any Error> = Task { try await server.run() }
        defer { parts.cancel() }
        let wire: Wire = Wire(server: server)
        while await wire("GET", "/readyz").status != 200 { await Task.yield() }
        let answer = await wire("GET", "/api/v1/namespaces")
        let call: Caller = Caller(server)
        let schema: JSON = try await call(.get, API.flowSchemas, "exempt", namespace: "")
        let level: JSON = try await call(.get, API.priorityLevelConfigurations, "exempt", namespace: "")
        #expect(answer.headers["X-Kubernetes-PF-FlowSchema-UID"] == schema.metadata.uid.text)
        #expect(answer.headers["X-Kubernetes-PF-PriorityLevel-UID"] == level.metadata.uid.text)
        #expect(schema.metadata.annotations["apf.kubernetes.io/autoupdate-spec"] == "true")
    }

    @Test func mandatoryObjectsComeBackAndDanglingIsTold() async throws {
        let server: APIServer = try await Fixture.server()
        try await server.bootstrap()
        let parts: Task<Void, any Error> = Task { try await server.run() }
        defer { parts.cancel() }
        let call: Caller = Caller(server)
        func until(_ test: (JSON) -> Bool, _ resource: GroupVersionResource, _ name: String) async throws -> JSON {
            while true {
                if let o = try? await call(.get, resource, name, namespace: ""), test(o) { return o }
                await Task.yield()
            }
        }
        _ = try await call(.delete, API.flowSchemas, "catch-all", namespace: "")
        let back: JSON = try await until({ $0.spec.matchingPrecedence == 10_000 }, API.flowSchemas, "catch-all")
        #expect(back.spec.priorityLevelConfiguration.name == "catch-all")
        _ = try await call(
            .create, API.flowSchemas, namespace: "",
            [
                "metadata": ["name": "lost"],
                "spec": ["priorityLevelConfiguration": ["name": "nowhere"], "matchingPrecedence": 50],
            ])
        let lost: JSON = try await until({ $0.status.conditions[0].type == "Dangling" }, API.flowSchemas, "lost")
        #expect(lost.status.conditions[0].status == "True")
        #expect(lost.status.conditions[0].reason == "NotFound")
        #expect(
            lost.status.conditions[0].message
                == "This FlowSchema references the PriorityLevelConfiguration object named \"nowhere\" but there is no such object"
        )
        let found: JSON = try await until(
            { $0.status.conditions[0].status == "False" }, API.flowSchemas, "global-default")
        #expect(found.status.conditions[0].reason == "Found")
    }
}
