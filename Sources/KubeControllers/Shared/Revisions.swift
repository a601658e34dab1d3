// The history of a template as ControllerRevisions: DaemonSets and StatefulSets roll out and back by it.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

struct Revisions: Sendable {
    static let hashLabel: String = "controller-revision-hash"

    var owner: JSON
    var ownerKind: (apiVersion: String, kind: String)
    /// The label that holds the hash on a revision: upstream's two kinds differ.
    var label: String
    /// Owned revisions, oldest first.
    var known: [JSON]

    init(owner: JSON, ownerKind: (apiVersion: String, kind: String), label: String, known: [JSON]) {
        self.owner = owner
        self.ownerKind = ownerKind
        self.label = label
        self.known = known.sorted {
            let (a, b): (Int, Int) = (Self.number($0), Self.number($1))
            return a == b ? $0.metadata.name.text < $1.metadata.name.text : a < b
        }
    }

    static func number(_ revision: JSON) -> Int { revision.revision.asInt ?? 0 }

    /// What a revision stores: a patch that puts the template back. Byte for byte as upstream writes it, because
    /// clients compare: keys in order, and the template's creationTimestamp null (kubernetes/kubernetes#134773).
    var data: JSON {
        var template: JSON = owner.spec.template
        template["$patch"] = "replace"
        var metadata: [(key: String, value: JSON)] = template.metadata.fields.filter { $0.key != "creationTimestamp" }
            .map { ($0.key, $0.value) }
        metadata.append(("creationTimestamp", .null))
        template.metadata = .object(JSONObject(unique: metadata))
        return ["spec": ["template": Self.inKeyOrder(template)]]
    }

    private static func inKeyOrder(_ json: JSON) -> JSON {
        switch json {
        case .object(let object):
            let pairs: [(key: String, value: JSON)] = object.map { ($0.key, inKeyOrder($0.value)) }
            return .object(JSONObject(unique: pairs.sorted { $0.key < $1.key }))
        case .array(let elements): return .array(elements.map { inKeyOrder($0) })
        default: return json
        }
    }

    /// The template that a revision stands for.
    static func template(_ revision: JSON) -> JSON {
        var template: JSON = revision.data.spec.template
        template["$patch"] = .null
        if !template.metadata.creationTimestamp.exists { template.metadata.fields.remove("creationTimestamp") }
        return template
    }

    enum Step: Sendable, Equatable {
        case use(JSON)
        /// An older revision becomes the newest again.
        case bump(JSON)
        case create(JSON)
    }

    /// How to come to the revision of the present template.
    func step() -> Step {
        let wanted: JSON = Canonical.form(data)
        let next: Int = (known.last.map { Self.number($0) } ?? 0) + 1
        if var same = known.last(where: { Canonical.form($0.data) == wanted }) {
            if same.metadata.uid == known.last!.metadata.uid { return .use(same) }
            same.revision = JSON(next)
            return .bump(same)
        }
        let hash: String = Canonical.hash(wanted, collisionCount: owner.status.collisionCount.asInt)
        var made: JSON = ["apiVersion": "apps/v1", "kind": "ControllerRevision"]
        made.metadata.name = .string("\(owner.metadata.name.text)-\(hash)")
        made.metadata.namespace = owner.metadata.namespace
        made.metadata.labels = owner.spec.template.metadata.labels
        made.metadata.labels[label] = .string(hash)
        made.metadata.ownerReferences = [Owner.reference(to: owner, ownerKind)]
        made.data = data
        made.revision = JSON(next)
        return .create(made)
    }

    /// Revisions beyond the limit that no pod uses.
    func surplus(inUse: Set<String>) -> [JSON] {
        let idle: [JSON] = known.filter { !inUse.contains($0.metadata.name.text) }
        let limit: Int = owner.spec.revisionHistoryLimit.asInt ?? 10
        return Array(idle.prefix(max(0, idle.count - limit)))
    }

    /// Carries `step` out; nil when another hash must be tried (`collisionCount` was raised).
    func current(_ context: ControllerContext, resource: GroupVersionResource) async throws(StatusError) -> JSON? {
        switch step() {
        case .use(let revision): return revision
        case .bump(let revision): return try await context.client.update(API.controllerRevisions, revision)
        case .create(let revision):
            let namespace: String = owner.metadata.namespace.text
            do throws(StatusError) {
                return try await context.client.create(API.controllerRevisions, namespace: namespace, revision)
            } catch {
                guard error.isAlreadyExists else { throw error }
            }
            let taken: JSON = try await context.client.get(
                API.controllerRevisions, namespace: namespace, revision.metadata.name.text)
            if Canonical.equal(taken.data, revision.data) { return taken }
            var updated: JSON = owner
            updated.status.collisionCount = JSON((owner.status.collisionCount.asInt ?? 0) + 1)
            try await context.client.update(resource, updated, subresource: "status")
            return nil
        }
    }
}
