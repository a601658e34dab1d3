// Server-side apply through the registry: conflicts, handing over, subresources.

import KubeAPI
import KubeModel
import KubeNet
import KubeServer
import KubeStore
import KubeWire
import Testing

@Suite struct ApplyTests {
    private func apply(
        _ call: Caller, _ resource: GroupVersionResource, _ name: String, _ body: JSON, by manager: String,
        sub: String = "", force: Bool = false
    ) async throws(StatusError) -> JSON {
        var query: [String: String] = ["fieldManager": manager]
        if force { query["force"] = "true" }
        return try await call(.patch, resource, name, body, sub: sub, query: query, patch: .apply)
    }
    private func refusal(_ body: () async throws(StatusError) -> JSON) async -> StatusError? {
        do throws(StatusError) {
            _ = try await body()
            return nil
        } catch { return error }
    }
    private func map(_ data: [String: String]) -> JSON {
        ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a"], "data": JSON(data)]
    }
    private func deployment(_ replicas: Int?) -> JSON {
        var o: JSON = [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "d"],
            "spec": [
                "selector": ["matchLabels": ["a": "b"]],
                "template": [
                    "metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "i"]]],
                ],
            ],
        ]
        if let replicas { o.spec.replicas = JSON(replicas) }
        return o
    }

    @Test func conflictsAreToldAndForced() async throws {
        let call: Caller = Caller(try await Fixture.server())
        _ = try await apply(call, API.configMaps, "a", map(["k": "1", "l": "1"]), by: "one")
        let error: StatusError? = await refusal { () async throws(StatusError) in
            try await self.apply(call, API.configMaps, "a", map(["k": "2"]), by: "two")
        }
        #expect(error?.message == "Apply failed with 1 conflict: conflict with \"one\": .data.k")
        #expect(error?.code == 409 && error?.details.causes[0].reason == "FieldManagerConflict")
        let many: StatusError? = await refusal { () async throws(StatusError) in
            try await self.apply(call, API.configMaps, "a", map(["k": "2", "l": "2"]), by: "two")
        }
        #expect(
            many?.message == "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.k\n- .data.l")
        let forced: JSON = try await apply(call, API.configMaps, "a", map(["k": "2"]), by: "two", force: true)
        #expect(forced.data.k == "2" && forced.data.l == "1")
        // What nobody names any more goes.
        let less: JSON = try await apply(call, API.configMaps, "a", map([:]), by: "one")
        #expect(less.data.fields["l"] == nil && less.data.k == "2")
    }

    @Test func anUpdateTakesOwnershipAndANoOpWritesNothing() async throws {
        let call: Caller = Caller(try await Fixture.server())
        let first: JSON = try await apply(call, API.configMaps, "a", map(["k": "1"]), by: "one")
        let again: JSON = try await apply(call, API.configMaps, "a", map(["k": "1"]), by: "one")
        #expect(first.metadata.resourceVersion == again.metadata.resourceVersion)
        _ = try await call(.patch, API.configMaps, "a", ["data": ["k": "3"]], query: ["fieldManager": "edit"])
        let error: StatusError? = await refusal { () async throws(StatusError) in
            try await self.apply(call, API.configMaps, "a", map(["k": "1"]), by: "one")
        }
        #expect(error?.message == "Apply failed with 1 conflict: conflict with \"edit\" using v1: .data.k")
    }

    @Test func kubectlOwnsWhatItsClientSideApplySet() async throws {
        let call: Caller = Caller(try await Fixture.server())
        let key: String = "kubectl.kubernetes.io/last-applied-configuration"
        var made: JSON = map(["k": "1"])
        made.metadata.annotations[key] = .string(map(["k": "1"]).description + "\n")
        _ = try await call(.create, API.configMaps, "", made, query: ["fieldManager": "kubectl-client-side-apply"])
        let other: StatusError? = await refusal { () async throws(StatusError) in
            try await self.apply(call, API.configMaps, "a", map(["k": "2"]), by: "someone")
        }
        #expect(other?.isConflict == true)
        let result: JSON = try await apply(call, API.configMaps, "a", map(["k": "2"]), by: "kubectl")
        #expect(result.data.k == "2")
        #expect(result.metadata.annotations[key].text.contains("\"k\":\"2\""))
    }

    @Test func aScaleHandsReplicasOver() async throws {
        let call: Caller = Caller(try await Fixture.server())
        _ = try await apply(call, API.deployments, "d", deployment(2), by: "one")
        let scale: JSON = [
            "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": ["name": "d"], "spec": ["replicas": 5],
        ]
        let error: StatusError? = await refusal { () async throws(StatusError) in
            try await self.apply(call, API.deployments, "d", scale, by: "scaler", sub: "scale")
        }
        #expect(error?.message == "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas")
        let result: JSON = try await apply(call, API.deployments, "d", scale, by: "scaler", sub: "scale", force: true)
        #expect(result.kind == "Scale" && result.spec.replicas == 5)
        let now: JSON = try await call(.get, API.deployments, "d")
        let entry: JSON? = now.metadata.managedFields.elements.first { $0.manager == "scaler" }
        #expect(entry?.subresource == "scale" && entry?.operation == "Apply" && entry?.apiVersion == "apps/v1")
        #expect(entry?.fieldsV1 == ["f:spec": ["f:replicas": [:]]])
        // The first applier lets go: the scaler's value stays.
        let kept: JSON = try await apply(call, API.deployments, "d", deployment(nil), by: "one")
        #expect(kept.spec.replicas == 5)
    }

    @Test func managersAreNamedAndPrintable() async throws {
        let server: APIServer = try await Fixture.server()
        let wire: Wire = Wire(server: server)
        let path: String = "/api/v1/namespaces/default/configmaps/a"
        let none = await wire(
            "PATCH", path, map([:]).description, headers: ["Content-Type": "application/apply-patch+yaml"])
        #expect(none.status == 422 && none.text.contains("fieldManager: Required value: is required for apply patch"))
        let hidden = await wire(
            "PATCH", path + "?fieldManager=a%07b", map([:]).description,
            headers: ["Content-Type": "application/apply-patch+yaml"])
        #expect(hidden.text.contains("should only contain printable characters (at position 1)"))
    }

    @Test func repeatedOwnersAreDropped() async throws {
        let call: Caller = Caller(try await Fixture.server())
        let owner: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"]
        var object: JSON = map([:])
        object.metadata.ownerReferences = [owner, owner]
        let made: JSON = try await call(.create, API.configMaps, "", object)
        #expect(made.metadata.ownerReferences.elements.count == 1)
    }
}
