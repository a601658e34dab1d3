// Gives each StatefulSet its numbered pods and their claims, one step at a time.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class StatefulSetController: Component {
    static let kind: (apiVersion: String, kind: String) = ("apps/v1", "StatefulSet")
    static let revisionLabel: String = "controller.kubernetes.io/hash"

    private let context: ControllerContext
    private let sets: Informer
    private let pods: Informer
    private let claims: Informer
    private let revisions: Informer
    private let podWrites: OwnWrites
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        sets = context.informers[API.statefulSets]
        pods = context.informers[API.pods]
        claims = context.informers[API.persistentVolumeClaims]
        revisions = context.informers[API.controllerRevisions]
        podWrites = OwnWrites(pods)
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        sets.onChange { old, new in if let object = new ?? old { queue.add(ObjectKey(of: object)) } }
        OwnedPods(
            kind: "StatefulSet", owners: sets, expectations: nil, selector: { LabelSelector($0.spec.selector) },
            enqueue: { queue.add($0) }
        ).watch(pods)
        revisions.addIndex(Owner.index, Owner.indexKeys)
    }

    var name: String { "statefulset-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [sets, pods, claims, revisions] in
                for informer in [sets, pods, claims, revisions] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let set = sets.get(key) else { return .done }
        let selector: LabelSelector = LabelSelector(set.spec.selector)
        if selector.isEverything { return .done }
        let uid: String = set.metadata.uid.text
        // Only pods of our names are adopted.
        let candidates: [JSON] = podWrites.over(Owner.candidates(pods, for: set)) { Owner.controllerUID($0) == uid }
        let claim: Claim = Claim(owner: set, candidates: candidates) {
            selector.matches(object: $0) && StatefulPods.ordinal(set, $0) != nil
        }
        let owned: [JSON] = try await claim.apply(
            context.client, owner: set, ownerKind: Self.kind, ownerResource: API.statefulSets, resource: API.pods)
        let history: Revisions = Revisions(
            owner: set, ownerKind: Self.kind, label: Self.revisionLabel,
            known: revisions.list(index: Owner.index, uid))
        guard let update = try await history.current(context, resource: API.statefulSets) else { return .again }
        let current: JSON =
            history.known.first { $0.metadata.name == set.status.currentRevision } ?? update
        let plan: StatefulSetPlan = StatefulSetPlan.make(
            StatefulSetView(set: set, pods: owned, current: current, update: update, now: context.time.now()))
        var failure: StatusError?
        for action in plan.actions {
            do throws(StatusError) { try await carryOut(action, set) } catch {
                if !error.isNamespaceTerminating { failure = failure ?? error }
            }
        }
        try await setClaimOwners(set, owned, plan.condemned)
        if !Canonical.equal(plan.status, set.status) {
            var updated: JSON = set
            updated.status = plan.status
            let written: JSON = updated
            try await ifPresent { () async throws(StatusError) in
                try await context.client.update(API.statefulSets, written, subresource: "status")
            }
        }
        try await cleanUp(history, owned, keep: [current, update])
        if let failure { throw failure }
        return plan.next.map { .after($0) } ?? .done
    }

    private func carryOut(_ action: StatefulSetPlan.Action, _ set: JSON) async throws(StatusError) {
        let setName: String = set.metadata.name.text
        switch action {
        case .create(let pod, let ordinal):
            let name: String = pod.metadata.name.text
            do throws(StatusError) {
                try await createClaims(set, ordinal, for: name)
                podWrites.wrote(try await context.client.create(API.pods, namespace: set.metadata.namespace.text, pod))
                context.events.record(
                    set, .normal, reason: "SuccessfulCreate", "create Pod \(name) in StatefulSet \(setName) successful")
            } catch {
                if error.isAlreadyExists || error.isNamespaceTerminating { throw error }
                context.events.record(
                    set, .warning, reason: "FailedCreate",
                    "create Pod \(name) in StatefulSet \(setName) failed error: \(error)")
                throw error
            }
        case .delete(let pod): try await delete(pod, set)
        case .recycle(let pod):
            let (reason, state): (String, String) =
                pod.status.phase.text == "Failed"
                ? ("RecreatingFailedPod", "failed") : ("RecreatingTerminatedPod", "succeeded")
            context.events.record(
                set, .warning, reason: reason,
                "StatefulSet \(ObjectKey(of: set)) is recreating \(state) Pod \(pod.metadata.name.text)"
            )
            try await delete(pod, set)
        case .mend(let pod, _):
            podWrites.wrote(try await context.client.update(API.pods, pod))
        }
    }

    private func delete(_ pod: JSON, _ set: JSON) async throws(StatusError) {
        let (name, setName): (String, String) = (pod.metadata.name.text, set.metadata.name.text)
        do throws(StatusError) {
            let left: JSON = try await context.client.delete(
                API.pods, namespace: pod.metadata.namespace.text, name,
                options: ["preconditions": ["uid": pod.metadata.uid]])
            if left.metadata.uid == pod.metadata.uid { podWrites.wrote(left) }
            context.events.record(
                set, .normal, reason: "SuccessfulDelete", "delete Pod \(name) in StatefulSet \(setName) successful")
        } catch {
            if error.isNotFound { return }
            context.events.record(
                set, .warning, reason: "FailedDelete",
                "delete Pod \(name) in StatefulSet \(setName) failed error: \(error)")
            throw error
        }
    }

    private func createClaims(_ set: JSON, _ ordinal: Int, for pod: String) async throws(StatusError) {
        for claim in StatefulPods.claims(set, ordinal) {
            let (name, setName): (String, String) = (claim.metadata.name.text, set.metadata.name.text)
            if claims.get(ObjectKey(of: claim)) != nil { continue }
            do throws(StatusError) {
                try await context.client.create(
                    API.persistentVolumeClaims, namespace: set.metadata.namespace.text, claim)
                context.events.record(
                    set, .normal, reason: "SuccessfulCreate",
                    "create Claim \(name) Pod \(pod) in StatefulSet \(setName) success")
            } catch {
                if error.isAlreadyExists { continue }
                context.events.record(
                    set, .warning, reason: "FailedCreate",
                    "create Claim \(name) for Pod \(pod) in StatefulSet \(setName) failed error: \(error)")
                throw error
            }
        }
    }

    private func setClaimOwners(_ set: JSON, _ pods: [JSON], _ condemned: [JSON]) async throws(StatusError) {
        guard !set.spec.volumeClaimTemplates.elements.isEmpty else { return }
        let doomed: Set<String> = Set(condemned.map { $0.metadata.name.text })
        for pod in pods {
            guard let ordinal = StatefulPods.ordinal(set, pod) else { continue }
            for wanted in StatefulPods.claims(set, ordinal) {
                guard let claim = claims.get(ObjectKey(of: wanted)), !claim.metadata.deletionTimestamp.exists else {
                    continue
                }
                let owners: [JSON] = StatefulPods.claimOwners(
                    set, claim, pod: pod, isCondemned: doomed.contains(pod.metadata.name.text))
                if Canonical.equal(.array(owners), claim.metadata.ownerReferences) { continue }
                var updated: JSON = claim
                updated.metadata.ownerReferences = owners.isEmpty ? .null : .array(owners)
                let written: JSON = updated
                try await ifPresent { () async throws(StatusError) in
                    try await context.client.update(API.persistentVolumeClaims, written)
                }
            }
        }
    }

    private func cleanUp(_ history: Revisions, _ pods: [JSON], keep: [JSON]) async throws(StatusError) {
        var used: Set<String> = Set(pods.map { $0.metadata.labels[Revisions.hashLabel].text })
        used.formUnion(keep.map { $0.metadata.name.text })
        for revision in history.surplus(inUse: used) {
            try await ifPresent { () async throws(StatusError) in
                try await context.client.delete(
                    API.controllerRevisions, namespace: revision.metadata.namespace.text, revision.metadata.name.text)
            }
        }
    }
}
