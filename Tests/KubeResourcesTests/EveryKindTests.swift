// The API operations of conformance ("should support … API operations") for every built-in kind.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeResources
import KubeServer
import KubeWire
import Testing

@Suite struct EveryKindTests {
    @Test func noKindIsForgotten() {
        let known: Set<GroupVersionResource> = Set(SampleObjects.all.map { $0.resource })
        let missing: [String] = BuiltIn.resources.filter {
            $0.enabledByDefault && $0.verbs.contains("watch") && !known.contains($0.gvr)
        }.map { $0.gvr.groupResource.description }
        #expect(missing == ["certificatesigningrequests.certificates.k8s.io"])
    }

    @Test(arguments: SampleObjects.all) func supportsItsOperations(_ sample: SampleObjects.Sample) async throws {
        let t: TestServer = try await TestServer.start()
        let namespace: String = sample.isNamespaced ? "default" : ""
        let name: String = sample.object.meta.name
        var watchCall: APICall = APICall(.watch, sample.resource)
        watchCall.namespace = namespace
        watchCall.query = ["labelSelector": "suite=all"]
        let list: JSON = try await t.call(.list, sample.resource, namespace)
        watchCall.query["resourceVersion"] = list.metadata.resourceVersion.text
        let stream: WatchStream = try await t.server.transport(user: .loopback).watch(watchCall)
        var events: WatchStream.Iterator = stream.makeAsyncIterator()

        let made: JSON = try await t.create(sample.resource, namespace, sample.object)
        #expect(made.kind.text == sample.kind && !made.meta.uid.isEmpty)
        #expect(try await events.next()?.kind == .added)
        let got: JSON = try await t.call(.get, sample.resource, namespace, name)
        #expect(got == made)
        let chosen: JSON = try await t.call(
            .list, sample.resource, namespace, query: ["labelSelector": "suite=all"])
        #expect(chosen.items.elements.count == 1 && chosen.kind.text == sample.kind + "List")
        let again: StatusError? = await t.failure { () async throws(StatusError) in
            try await t.create(sample.resource, namespace, sample.object)
        }
        #expect(again?.reason == "AlreadyExists")

        let patched: JSON = try await t.call(
            .patch, sample.resource, namespace, name, body: ["metadata": ["annotations": ["patched": "true"]]])
        #expect(patched.metadata.annotations.patched == "true")
        #expect(patched.metadata.generation == made.metadata.generation, "annotations are not of the generation")
        var changed: JSON = patched
        changed.metadata.annotations.updated = "true"
        let updated: JSON = try await t.call(.update, sample.resource, namespace, name, body: changed)
        #expect(updated.metadata.annotations.updated == "true")
        let stale: StatusError? = await t.failure { () async throws(StatusError) in
            try await t.call(.update, sample.resource, namespace, name, body: patched)
        }
        #expect(stale?.reason == "Conflict")
        try await statusOperations(t, sample, namespace, updated)
        var applied: JSON = [
            "apiVersion": made.apiVersion, "kind": made.kind,
            "metadata": ["name": made.metadata.name, "labels": ["applied": "yes"]],
        ]
        if sample.isNamespaced { applied.metadata.namespace = "default" }
        var call: APICall = APICall(.patch, sample.resource)
        call.namespace = namespace
        call.name = name
        call.body = applied
        call.patchType = .apply
        call.query = ["fieldManager": "suite"]
        let result: JSON = try await t.server.transport(user: .loopback).call(call)
        #expect(result.metadata.labels.applied == "yes" && result.metadata.labels.suite == "all")
        #expect(result.metadata.managedFields.elements.contains { $0.manager == "suite" && $0.operation == "Apply" })
        try await deletion(t, sample, namespace, name)
    }

    private func statusOperations(
        _ t: TestServer, _ sample: SampleObjects.Sample, _ namespace: String, _ object: JSON
    ) async throws {
        let definition: ResourceDefinition = try #require(t.server.registry.definition(sample.resource))
        guard definition.subresource("status") != nil else { return }
        let name: String = object.meta.name
        let patched: JSON = try await t.call(
            .patch, sample.resource, namespace, name, "status",
            body: ["metadata": ["annotations": ["patchedstatus": "true"]], "spec": ["no": "one"]])
        #expect(patched.spec == object.spec, "status writes leave spec alone")
        let read: JSON = try await t.call(.get, sample.resource, namespace, name, "status")
        #expect(read.meta.uid == object.meta.uid)
        var wanted: JSON = read
        let type: ObjectType? = BuiltIn.schema.type(definition.typeName)
        let hasConditions: Bool =
            type.flatMap { $0.members.first { $0.name == "status" } }.map {
                if case .object(let i) = $0.type {
                    return BuiltIn.schema.types[i].members.contains { $0.name == "conditions" }
                }
                return false
            } ?? false
        guard hasConditions else { return }
        wanted.status.conditions.elements.append([
            "type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        ])
        let result: JSON = try await t.call(.update, sample.resource, namespace, name, "status", body: wanted)
        #expect(result.status.conditions.elements.contains { $0.type == "StatusUpdate" })
        #expect(result.metadata.managedFields.elements.contains { $0.subresource == "status" })
    }

    private func deletion(
        _ t: TestServer, _ sample: SampleObjects.Sample, _ namespace: String, _ name: String
    ) async throws {
        let dry: JSON = try await t.call(.delete, sample.resource, namespace, name, query: ["dryRun": "All"])
        #expect(dry.exists)
        _ = try await t.call(.get, sample.resource, namespace, name)
        _ = try await t.call(
            .deletecollection, sample.resource, namespace, query: ["labelSelector": "suite=all"])
        let left: JSON = try await t.call(.list, sample.resource, namespace, query: ["labelSelector": "suite=all"])
        #expect(
            left.items.elements.allSatisfy {
                $0.meta.isDeleting && !($0.meta.finalizers.isEmpty && $0.spec.finalizers.elements.isEmpty)
            })
        if left.items.elements.isEmpty {
            let gone: StatusError? = await t.failure { () async throws(StatusError) in
                try await t.call(.delete, sample.resource, namespace, name)
            }
            #expect(gone?.reason == "NotFound")
        }
    }
}
