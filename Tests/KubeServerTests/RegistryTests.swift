import KubeAPI
import KubeModel
import KubeServer
import KubeStore
import KubeWire
import Testing

@Suite struct RegistryTests {
    @Test func createFillsWhatTheServerOwns() async throws {
        let call: Caller = Caller(try await Fixture.server())
        var body: JSON = Fixture.configMap("a", ["x": "y"])
        body.metadata.uid = "mine"
        let made: JSON = try await call(.create, API.configMaps, "", body)
        #expect(made.kind == "ConfigMap" && made.apiVersion == "v1")
        #expect(made.metadata.uid.text.utf8.count == 36)
        #expect(made.metadata.namespace == "default")
        #expect(made.metadata.resourceVersion == "1")
        #expect(made.meta.creationTimestamp != nil)
        #expect(made.metadata.managedFields[0].operation == "Update")
        await #expect(throws: StatusError.alreadyExists(API.configMaps.groupResource, "a")) {
            _ = try await call(.create, API.configMaps, "", body)
        }
    }

    @Test func generatedNamesAreDrawn() async throws {
        let call: Caller = Caller(try await Fixture.server())
        let made: JSON = try await call(.create, API.configMaps, "", ["metadata": ["generateName": "g-"]])
        #expect(made.meta.name.hasPrefix("g-") && made.meta.name.utf8.count == 7)
        #expect(made.metadata.fields.keys.first == "name")
    }

    @Test func staleUpdatesConflictAndEqualOnesDoNotWrite() async throws {
        let call: Caller = Caller(try await Fixture.server())
        var one: JSON = try await call(.create, API.configMaps, "", Fixture.configMap("a", ["x": "1"]))
        let same: JSON = try await call(.update, API.configMaps, "a", one)
        #expect(same.metadata.resourceVersion == one.metadata.resourceVersion)
        let stale: JSON = one
        one.data.x = "2"
        let two: JSON = try await call(.update, API.configMaps, "a", one)
        #expect(two.metadata.resourceVersion == "2")
        await #expect(throws: StatusError.modified(API.configMaps.groupResource, "a")) {
            _ = try await call(.update, API.configMaps, "a", stale)
        }
    }

    @Test func concurrentPatchesAllLand() async throws {
        let call: Caller = Caller(try await Fixture.server())
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("a"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for i in 0..<5 {
                group.addTask {
                    let patch: JSON = ["data": .object(JSONObject([("k\(i)", "v")]))]
                    _ = try await call(.patch, API.configMaps, "a", patch)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await call(.get, API.configMaps, "a").data.fields.count == 5)
    }

    @Test func finalizersHoldAnObject() async throws {
        let call: Caller = Caller(try await Fixture.server())
        var body: JSON = Fixture.configMap("a")
        body.metadata.finalizers = ["x.io/hold"]
        _ = try await call(.create, API.configMaps, "", body)
        let marked: JSON = try await call(.delete, API.configMaps, "a")
        #expect(marked.meta.isDeleting)
        #expect(try await call(.get, API.configMaps, "a").meta.isDeleting)
        _ = try await call(.patch, API.configMaps, "a", ["metadata": ["finalizers": []]])
        await #expect(throws: StatusError.notFound(API.configMaps.groupResource, "a")) {
            _ = try await call(.get, API.configMaps, "a")
        }
    }

    @Test func propagationBecomesFinalizers() async throws {
        let call: Caller = Caller(try await Fixture.server())
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("a"))
        let marked: JSON = try await call(.delete, API.configMaps, "a", ["propagationPolicy": "Foreground"])
        #expect(marked.meta.finalizers == ["foregroundDeletion"])
        let gone: JSON = try await call(.delete, API.configMaps, "a", ["propagationPolicy": "Background"])
        #expect(gone.status == "Success")
    }

    @Test func dryRunsLeaveNoTrace() async throws {
        let call: Caller = Caller(try await Fixture.server())
        let shown: JSON = try await call(
            .create, API.configMaps, "", Fixture.configMap("a"), query: ["dryRun": "All"])
        #expect(!shown.metadata.uid.text.isEmpty)
        #expect(try await call(.list, API.configMaps)["items"].elements.isEmpty)
    }

    @Test func statusAndSpecAreApart() async throws {
        let call: Caller = Caller(try await Fixture.server())
        let made: JSON = try await call(.create, API.deployments, "", Self.deployment)
        #expect(made.metadata.generation == 1)
        #expect(made.spec.revisionHistoryLimit == 10)
        var status: JSON = made
        status.status.replicas = 2
        status.spec.replicas = 9
        let updated: JSON = try await call(.update, API.deployments, "web", status, sub: "status")
        #expect(updated.status.replicas == 2 && updated.spec.replicas == 1)
        #expect(updated.metadata.generation == 1)
        var spec: JSON = updated
        spec.spec.replicas = 3
        spec.status.replicas = 7
        let scaled: JSON = try await call(.update, API.deployments, "web", spec)
        #expect(scaled.spec.replicas == 3 && scaled.status.replicas == 2)
        #expect(scaled.metadata.generation == 2)
    }

    @Test func scaleIsAViewOfReplicas() async throws {
        let call: Caller = Caller(try await Fixture.server())
        _ = try await call(.create, API.deployments, "", Self.deployment)
        var scale: JSON = try await call(.get, API.deployments, "web", sub: "scale")
        #expect(scale.kind == "Scale" && scale.spec.replicas == 1 && scale.status.selector == "app=web")
        scale.spec.replicas = 4
        _ = try await call(.update, API.deployments, "web", scale, sub: "scale")
        #expect(try await call(.get, API.deployments, "web").spec.replicas == 4)
    }

    @Test func pagesAreOfOneRevision() async throws {
        let call: Caller = Caller(try await Fixture.server())
        for i in 0..<5 { _ = try await call(.create, API.configMaps, "", Fixture.configMap("c\(i)")) }
        let first: JSON = try await call(.list, API.configMaps, query: ["limit": "2"])
        #expect(first["items"].elements.map { $0.meta.name } == ["c0", "c1"])
        #expect(first.metadata.remainingItemCount == 3)
        _ = try await call(.delete, API.configMaps, "c3")
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("c9"))
        let token: String = first.metadata["continue"].text
        let rest: JSON = try await call(.list, API.configMaps, query: ["limit": "10", "continue": token])
        #expect(rest["items"].elements.map { $0.meta.name } == ["c2", "c3", "c4"])
        #expect(rest.metadata.resourceVersion == first.metadata.resourceVersion)
        let exact: JSON = try await call(
            .list, API.configMaps, query: ["resourceVersion": "2", "resourceVersionMatch": "Exact"])
        #expect(exact["items"].elements.map { $0.meta.name } == ["c0", "c1"])
    }

    @Test func namespacesDoNotMix() async throws {
        let call: Caller = Caller(try await Fixture.server())
        for ns in ["a", "a-b", "b"] {
            _ = try await call(.create, API.configMaps, namespace: ns, Fixture.configMap("x"))
        }
        #expect(try await call(.list, API.configMaps, namespace: "a")["items"].elements.count == 1)
        #expect(try await call(.list, API.configMaps, namespace: "")["items"].elements.count == 3)
    }

    @Test func collectionsAreDeletedBySelector() async throws {
        let call: Caller = Caller(try await Fixture.server())
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("a", labels: ["k": "1"]))
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("b", labels: ["k": "2"]))
        _ = try await call(.deletecollection, API.configMaps, query: ["labelSelector": "k=1"])
        #expect(try await call(.list, API.configMaps)["items"].elements.map { $0.meta.name } == ["b"])
    }

    @Test func applyCreatesAndKeepsManagers() async throws {
        let call: Caller = Caller(try await Fixture.server())
        let config: JSON = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a"], "data": ["x": "1"],
        ]
        _ = try await call(
            .patch, API.configMaps, "a", config, query: ["fieldManager": "one"], patch: .apply)
        var other: JSON = config
        other.data.x = "2"
        await #expect(throws: StatusError.self) {
            _ = try await call(.patch, API.configMaps, "a", other, query: ["fieldManager": "two"], patch: .apply)
        }
        let forced: JSON = try await call(
            .patch, API.configMaps, "a", other, query: ["fieldManager": "two", "force": "true"], patch: .apply)
        #expect(forced.data.x == "2")
    }

    @Test func badMetadataIsRefused() async throws {
        let call: Caller = Caller(try await Fixture.server())
        var body: JSON = Fixture.configMap("a")
        body.metadata.labels = ["bad key!": "v"]
        await #expect(throws: StatusError.self) { _ = try await call(.create, API.configMaps, "", body) }
        await #expect(throws: StatusError.self) {
            _ = try await call(.create, API.configMaps, "", Fixture.configMap("Not_A_Name"))
        }
        body = Fixture.configMap("a", ["x": String(repeating: "y", count: 2 << 20)])
        do {
            _ = try await call(.create, API.configMaps, "", body)
            Issue.record("an object of 2 MiB was taken")
        } catch {
            #expect(error.code == 413)
        }
    }

    @Test func everythingComesBackAfterAReopening() async throws {
        let path: String = "/tmp/apus-server-\(UInt64.random(in: 0 ... .max)).db"
        defer { Files.remove(path) }
        let first: APIServer = try await Fixture.server(store: LogStore.sqlite(path: path))
        let call: Caller = Caller(first)
        let made: JSON = try await call(.create, API.configMaps, "", Fixture.configMap("a", ["x": "ü\"\n"]))
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("b"))
        _ = try await call(.delete, API.configMaps, "b")
        await first.close()
        let second: APIServer = try await Fixture.server(store: LogStore.sqlite(path: path))
        let again: Caller = Caller(second)
        #expect(try await again(.get, API.configMaps, "a") == made)
        #expect(try await again(.list, API.configMaps)["items"].elements.count == 1)
        await second.close()
    }

    static let deployment: JSON = [
        "metadata": ["name": "web"],
        "spec": [
            "selector": ["matchLabels": ["app": "web"]],
            "template": [
                "metadata": ["labels": ["app": "web"]], "spec": ["containers": [["name": "c", "image": "nginx"]]],
            ],
        ],
    ]
}
