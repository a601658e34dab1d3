// Who owns what: controller references, adoption of orphans and release of strays.

import KubeClient
import KubeModel
import KubeWire

enum Owner {
    /// The reference with `controller` and `blockOwnerDeletion` set.
    static func reference(to owner: JSON, _ kind: (apiVersion: String, kind: String)) -> JSON {
        [
            "apiVersion": .string(kind.apiVersion), "kind": .string(kind.kind), "name": owner.metadata.name,
            "uid": owner.metadata.uid, "controller": true, "blockOwnerDeletion": true,
        ]
    }

    static func controllerUID(_ object: JSON) -> String? { controller(object)?.uid.asString }
    static func controller(_ object: JSON) -> JSON? {
        object.metadata.ownerReferences.elements.first { $0.controller.isTrue }
    }
    /// Index of an informer by the uid of the controlling owner.
    static let index: String = "controllerUID"
    @Sendable static func indexKeys(_ object: JSON) -> [String] {
        [controllerUID(object) ?? orphans(in: object.metadata.namespace.text)]
    }
    /// The index key of what has no controller.
    static func orphans(in namespace: String) -> String { "orphans/" + namespace }

    /// What `owner` owns or could adopt.
    static func candidates(_ informer: Informer, for owner: JSON) -> [JSON] {
        informer.list(index: index, owner.metadata.uid.text)
            + informer.list(index: index, orphans(in: owner.metadata.namespace.text))
    }
}

/// What an owner does about the objects it could own: a pure decision.
struct Claim: Sendable {
    /// Owned already and still selected.
    var owned: [JSON] = []
    var adopt: [JSON] = []
    var release: [JSON] = []

    init(owner: JSON, candidates: [JSON], matches: (JSON) -> Bool) {
        let uid: String = owner.metadata.uid.text
        let isDeleting: Bool = owner.metadata.deletionTimestamp.exists
        for object in candidates {
            if let controller = Owner.controllerUID(object) {
                guard controller == uid else { continue }
                if matches(object) {
                    owned.append(object)
                } else if !isDeleting {
                    release.append(object)
                }
            } else if !isDeleting, matches(object), !object.metadata.deletionTimestamp.exists {
                adopt.append(object)
            }
        }
    }

    /// Carries the decision out; answers everything owned afterwards.
    func apply(
        _ client: Client, owner: JSON, ownerKind: (apiVersion: String, kind: String),
        ownerResource: GroupVersionResource, resource: GroupVersionResource
    ) async throws(StatusError) -> [JSON] {
        var all: [JSON] = owned
        if !adopt.isEmpty { try await recheck(client, owner, ownerResource) }
        for object in adopt {
            var references: [JSON] = object.metadata.ownerReferences.elements
            references.append(Owner.reference(to: owner, ownerKind))
            if let adopted = try await Self.set(references, of: object, client, resource) { all.append(adopted) }
        }
        for object in release {
            let uid: String = owner.metadata.uid.text
            let references: [JSON] = object.metadata.ownerReferences.elements.filter { $0.uid.text != uid }
            _ = try await Self.set(references, of: object, client, resource)
        }
        return all
    }

    /// Adoption by an owner that is being deleted would orphan the object again: look at the live owner first.
    private func recheck(_ client: Client, _ owner: JSON, _ resource: GroupVersionResource) async throws(StatusError) {
        let live: JSON = try await client.get(
            resource, namespace: owner.metadata.namespace.text, owner.metadata.name.text)
        guard live.metadata.uid == owner.metadata.uid, !live.metadata.deletionTimestamp.exists else {
            throw .conflict(resource.groupResource, owner.metadata.name.text, "it is being deleted or was replaced")
        }
    }

    /// nil when the object is gone.
    private static func set(
        _ references: [JSON], of object: JSON, _ client: Client, _ resource: GroupVersionResource
    ) async throws(StatusError) -> JSON? {
        let patch: JSON = [
            "metadata": [
                "uid": object.metadata.uid, "resourceVersion": object.metadata.resourceVersion,
                "ownerReferences": .array(references),
            ]
        ]
        do throws(StatusError) {
            return try await client.patch(
                resource, namespace: object.metadata.namespace.text, object.metadata.name.text, .merge, patch)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }
}
