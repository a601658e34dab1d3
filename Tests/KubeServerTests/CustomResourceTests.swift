import KubeAPI
import KubeModel
import KubeServer
import KubeWire
import Testing

@Suite struct CustomResourceTests {
    private static let resource: GroupVersionResource = GroupVersionResource("stable.example.com/v1", "crontabs")

    static let definition: JSON = [
        "metadata": ["name": "crontabs.stable.example.com"],
        "spec": [
            "group": "stable.example.com", "scope": "Namespaced",
            "names": ["plural": "crontabs", "singular": "crontab", "kind": "CronTab", "listKind": "CronTabList"],
            "versions": [
                [
                    "name": "v1", "served": true, "storage": true,
                    "schema": [
                        "openAPIV3Schema": [
                            "type": "object", "required": ["spec"],
                            "properties": [
                                "spec": [
                                    "type": "object",
                                    "properties": [
                                        "image": ["type": "string", "pattern": "^[a-z]+$"],
                                        "replicas": ["type": "integer", "minimum": 1, "default": 1],
                                        "free": ["type": "object", "x-kubernetes-preserve-unknown-fields": true],
                                    ],
                                ]
                            ],
                        ]
                    ],
                ]
            ],
        ],
    ]

    @Test func aDefinitionIsServedAtOnceAndCleanedUp() async throws {
        let server: APIServer = try await Fixture.server()
        let call: Caller = Caller(server)
        let running: Task<Void, any Error> = Task { try await server.run() }
        defer { running.cancel() }
        _ = try await call(.create, API.customResourceDefinitions, namespace: "", Self.definition)
        let made: JSON = try await call(
            .create, Self.resource, "",
            [
                "apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": ["name": "a"],
                "spec": ["image": "web", "nonsense": 1, "free": ["x": 1]],
            ])
        #expect(made.spec == ["image": "web", "replicas": 1, "free": ["x": 1]])
        do {
            _ = try await call(.patch, Self.resource, "a", ["spec": ["replicas": 0, "image": "B4"]])
            Issue.record("values against the schema were taken")
        } catch {
            #expect(error.code == 422)
            #expect(error.message.contains("spec.replicas in body should be greater than or equal to 1"))
            #expect(error.message.contains("spec.image in body should match '^[a-z]+$'"))
        }
        var events = try await self.events(server)
        while let event = try await events.next(), !Self.isEstablished(event.object) {}
        _ = try await call(.delete, API.customResourceDefinitions, "crontabs.stable.example.com", namespace: "")
        while let event = try await events.next(), event.kind != .deleted {}
        await #expect(throws: StatusError.noSuchResource) { _ = try await call(.list, Self.resource) }
    }

    private static func isEstablished(_ crd: JSON) -> Bool {
        crd.status.conditions.elements.contains { $0.type == "Established" && $0.status == "True" }
    }

    private func events(_ server: APIServer) async throws -> AsyncThrowingStream<WatchEvent, any Error>.Iterator {
        let c: APICall = APICall(.watch, API.customResourceDefinitions)
        return try await server.transport(user: .loopback).watch(c).makeAsyncIterator()
    }
}
