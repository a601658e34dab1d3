// Keeps the number of pods that each ReplicaSet wants; ReplicationControllers are the same under another name.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

/// The differences between the two kinds.
struct ReplicaSetKind: Sendable {
    var apiVersion: String
    var kind: String
    var resource: GroupVersionResource
    var reportsTerminating: Bool
    var selector: @Sendable (JSON) -> LabelSelector

    static let replicaSet: ReplicaSetKind = ReplicaSetKind(
        apiVersion: "apps/v1", kind: "ReplicaSet", resource: API.replicaSets, reportsTerminating: true,
        selector: { LabelSelector($0.spec.selector) })
    static let replicationController: ReplicaSetKind = ReplicaSetKind(
        apiVersion: "v1", kind: "ReplicationController", resource: API.replicationControllers,
        reportsTerminating: false,
        selector: { set in
            let labels: [String: String] = set.spec.selector.stringMap
            return labels.isEmpty ? .nothing : LabelSelector(matching: labels)
        })
}

final class ReplicaSetController: Component {
    private let kind: ReplicaSetKind
    private let context: ControllerContext
    private let sets: Informer
    private let pods: Informer
    private let control: PodControl
    private let expectations: Expectations
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext, _ kind: ReplicaSetKind) {
        self.kind = kind
        self.context = context
        sets = context.informers[kind.resource]
        pods = context.informers[API.pods]
        control = PodControl(client: context.client, events: context.events)
        expectations = Expectations(time: context.time)
        queue = WorkQueue(time: context.time)
        let (queue, expectations): (WorkQueue<ObjectKey>, Expectations) = (queue, expectations)
        sets.addIndex(Owner.index, Owner.indexKeys)
        sets.onChange { old, new in
            if new == nil, let old { expectations.forget(ObjectKey(of: old)) }
            if let object = new ?? old { queue.add(ObjectKey(of: object)) }
        }
        OwnedPods(
            kind: kind.kind, owners: sets, expectations: expectations, selector: kind.selector,
            enqueue: { queue.add($0) }
        ).watch(pods)
    }

    var name: String { kind.kind.lowercased() + "-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [sets, pods] in
                await sets.waitForSync()
                await pods.waitForSync()
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let set = sets.get(key) else { return .done }
        let isMet: Bool = expectations.areMet(key)
        let selector: LabelSelector = kind.selector(set)
        let claim: Claim = Claim(owner: set, candidates: Owner.candidates(pods, for: set)) {
            selector.matches(object: $0)
        }
        let owned: [JSON] = try await claim.apply(
            context.client, owner: set, ownerKind: (kind.apiVersion, kind.kind), ownerResource: kind.resource,
            resource: API.pods)
        let view: ReplicaSetView = ReplicaSetView(
            set: set, pods: owned, relatedPerNode: relatedPerNode(set, owned), now: context.time.now())
        var error: StatusError?
        var failure: (reason: String, message: String)?
        if isMet {
            let plan: ReplicaSetPlan = ReplicaSetPlan.make(view)
            error = await carryOut(plan, set, key)
            if let error {
                failure = (plan.create > 0 ? "FailedCreate" : "FailedDelete", error.message)
            }
        } else if let old = Conditions.find(set.status.conditions.elements, "ReplicaFailure") {
            failure = (old.reason.text, old.message.text)
        }
        let next: Duration? = try await writeStatus(view, failure: failure)
        if let error { throw error }
        return next.map { .after($0) } ?? .done
    }

    private func carryOut(_ plan: ReplicaSetPlan, _ set: JSON, _ key: ObjectKey) async -> StatusError? {
        if plan.create > 0 {
            expectations.expect(key, creations: plan.create)
            let pod: JSON = Pod.from(
                template: set.spec.template, owner: set, ownerKind: (kind.apiVersion, kind.kind))
            let result: (missed: Int, error: StatusError?) = await control.create(
                Array(repeating: pod, count: plan.create), owner: set)
            if result.missed > 0 { expectations.creationSeen(key, count: result.missed) }
            return result.error?.isNamespaceTerminating == true ? nil : result.error
        }
        if !plan.delete.isEmpty {
            expectations.expect(key, deletions: plan.delete.map { $0.metadata.uid.text })
            return await control.delete(plan.delete, owner: set) { [expectations] uid in
                expectations.deletionSeen(key, uid: uid)
            }
        }
        return nil
    }

    private func relatedPerNode(_ set: JSON, _ owned: [JSON]) -> [String: Int] {
        var related: [JSON] = owned
        if let uid = Owner.controllerUID(set) {
            for other in sets.list(index: Owner.index, uid) where other.metadata.uid != set.metadata.uid {
                related += pods.list(index: Owner.index, other.metadata.uid.text)
            }
        }
        var count: [String: Int] = [:]
        for pod in related where Pod.isActive(pod) { count[pod.spec.nodeName.text, default: 0] += 1 }
        return count
    }

    private func writeStatus(
        _ view: ReplicaSetView, failure: (reason: String, message: String)?
    ) async throws(StatusError) -> Duration? {
        let (status, next): (JSON, Duration?) = ReplicaSetPlan.status(
            view, failure: failure, reportsTerminating: kind.reportsTerminating)
        if Canonical.equal(status, view.set.status) { return next }
        var updated: JSON = view.set
        updated.status = status
        do throws(StatusError) {
            try await context.client.update(kind.resource, updated, subresource: "status")
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
        return next
    }
}
