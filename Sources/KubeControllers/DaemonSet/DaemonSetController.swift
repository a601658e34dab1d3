// Keeps one pod of each DaemonSet on every node that fits.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

final class DaemonSetController: Component {
    static let kind: (apiVersion: String, kind: String) = ("apps/v1", "DaemonSet")

    private let context: ControllerContext
    private let sets: Informer
    private let pods: Informer
    private let nodes: Informer
    private let revisions: Informer
    private let control: PodControl
    private let expectations: Expectations
    private let failures: Mutex<[ObjectKey: FailedPodBackoff]> = Mutex([:])
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        sets = context.informers[API.daemonSets]
        pods = context.informers[API.pods]
        nodes = context.informers[API.nodes]
        revisions = context.informers[API.controllerRevisions]
        control = PodControl(client: context.client, events: context.events)
        expectations = Expectations(time: context.time)
        queue = WorkQueue(time: context.time)
        let (queue, expectations, sets): (WorkQueue<ObjectKey>, Expectations, Informer) = (queue, expectations, sets)
        sets.onChange { old, new in
            if new == nil, let old { expectations.forget(ObjectKey(of: old)) }
            if let object = new ?? old { queue.add(ObjectKey(of: object)) }
        }
        OwnedPods(
            kind: "DaemonSet", owners: sets, expectations: expectations, selector: { LabelSelector($0.spec.selector) },
            enqueue: { queue.add($0) }
        ).watch(pods)
        revisions.addIndex(Owner.index, Owner.indexKeys)
        nodes.onChange { old, new in
            // Heartbeats don't matter; what decides where pods go does.
            if let old, let new, old.metadata.labels == new.metadata.labels, old.spec == new.spec { return }
            for set in sets.list() { queue.add(ObjectKey(of: set)) }
        }
    }

    var name: String { "daemonset-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [sets, pods, nodes, revisions] in
                for informer in [sets, pods, nodes, revisions] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let set = sets.get(key) else {
            failures.withLock { $0[key] = nil }
            return .done
        }
        let selector: LabelSelector = LabelSelector(set.spec.selector)
        if selector.isEverything {
            context.events.record(
                set, .warning, reason: "SelectingAll",
                "This daemon set is selecting all pods. A non-empty selector is required.")
            return .done
        }
        if set.metadata.deletionTimestamp.exists { return .done }
        let isCurrent: Bool = expectations.areMet(key)
        let claim: Claim = Claim(owner: set, candidates: Owner.candidates(pods, for: set)) {
            selector.matches(object: $0)
        }
        let owned: [JSON] = try await claim.apply(
            context.client, owner: set, ownerKind: Self.kind, ownerResource: API.daemonSets, resource: API.pods)
        let history: Revisions = Revisions(
            owner: set, ownerKind: Self.kind, label: Revisions.hashLabel,
            known: revisions.list(index: Owner.index, set.metadata.uid.text))
        guard let current = try await history.current(context, resource: API.daemonSets) else { return .again }
        let hash: String = current.metadata.labels[Revisions.hashLabel].text
        var view: DaemonSetView = DaemonSetView(
            set: set, nodes: nodes.list(), pods: owned, hash: hash, isCurrent: isCurrent, now: context.time.now())
        if owned.contains(where: { Pod.isTerminal($0) }), let held = failures.withLock({ $0[key] }) {
            for node in view.nodes {
                let name: String = node.metadata.name.text
                view.heldUntil[name] = held.heldUntil(name, now: view.now)
            }
        }
        let plan: DaemonSetPlan = DaemonSetPlan.make(view)
        if !Canonical.equal(plan.status, set.status) {
            var updated: JSON = set
            updated.status = plan.status
            let written: JSON = updated
            try await ifPresent { () async throws(StatusError) in
                try await context.client.update(API.daemonSets, written, subresource: "status")
            }
        }
        if let error = await carryOut(plan, set, key, hash) { throw error }
        try await cleanUp(history, owned, keep: current)
        return plan.next.map { .after($0) } ?? .done
    }

    private func carryOut(_ plan: DaemonSetPlan, _ set: JSON, _ key: ObjectKey, _ hash: String) async -> StatusError? {
        if plan.create.isEmpty, plan.delete.isEmpty { return nil }
        expectations.expect(
            key, creations: plan.create.count, deletions: plan.delete.map { $0.metadata.uid.text })
        let now: Timestamp = context.time.now()
        for pod in plan.failed {
            failures.withLock { $0[key, default: FailedPodBackoff()].failed(pod.spec.nodeName.text, now: now) }
            context.events.record(
                set, .warning, reason: "FailedDaemonPod",
                "Found failed daemon pod \(pod.metadata.namespace.text)/\(pod.metadata.name.text) on node "
                    + "\(pod.spec.nodeName.text), will try to kill it")
        }
        let made: [JSON] = plan.create.map { DaemonSetPlan.pod(set, node: $0, hash: hash) }
        let result: (missed: Int, error: StatusError?) = await control.create(made, owner: set)
        if result.missed > 0 { expectations.creationSeen(key, count: result.missed) }
        let error: StatusError? = await control.delete(plan.delete, owner: set) { [expectations] uid in
            expectations.deletionSeen(key, uid: uid)
        }
        return result.error?.isNamespaceTerminating == true ? error : result.error ?? error
    }

    private func cleanUp(_ history: Revisions, _ pods: [JSON], keep: JSON) async throws(StatusError) {
        let hashes: Set<String> = Set(pods.map { $0.metadata.labels[Revisions.hashLabel].text })
        var used: Set<String> = [keep.metadata.name.text]
        for revision in history.known where hashes.contains(revision.metadata.labels[Revisions.hashLabel].text) {
            used.insert(revision.metadata.name.text)
        }
        for revision in history.surplus(inUse: used) {
            try await ifPresent { () async throws(StatusError) in
                try await context.client.delete(
                    API.controllerRevisions, namespace: revision.metadata.namespace.text, revision.metadata.name.text)
            }
        }
    }
}
