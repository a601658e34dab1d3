// Moves each Deployment one planned step at a time; ReplicaSets do the work.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class DeploymentController: Component {
    static let kind: (apiVersion: String, kind: String) = ("apps/v1", "Deployment")

    private let context: ControllerContext
    private let deployments: Informer
    private let sets: Informer
    private let pods: Informer
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        deployments = context.informers[API.deployments]
        sets = context.informers[API.replicaSets]
        pods = context.informers[API.pods]
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        deployments.onChange { old, new in if let object = new ?? old { queue.add(ObjectKey(of: object)) } }
        let (deployments, sets): (Informer, Informer) = (deployments, sets)
        OwnedPods(
            kind: "Deployment", owners: deployments, expectations: nil,
            selector: { LabelSelector($0.spec.selector) }, enqueue: { queue.add($0) }
        ).watch(sets)
        pods.addIndex(Owner.index, Owner.indexKeys)
        pods.onChange { old, new in
            // A Recreate waits for the last old pod to go.
            guard let gone = old, new == nil || Pod.isTerminal(new!), let owner = Owner.controller(gone),
                owner.kind.text == "ReplicaSet",
                let set = sets.get(namespace: gone.metadata.namespace.text, owner.name.text),
                let controller = Owner.controller(set)
            else { return }
            let key: ObjectKey = ObjectKey(namespace: gone.metadata.namespace.text, name: controller.name.text)
            if let d = deployments.get(key), !DeploymentMath.isRolling(d) { queue.add(key) }
        }
    }

    var name: String { "deployment-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [deployments, sets, pods] in
                for informer in [deployments, sets, pods] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let deployment = deployments.get(key) else { return .done }
        let selector: LabelSelector = LabelSelector(deployment.spec.selector)
        if selector.isEverything {
            context.events.record(
                deployment, .warning, reason: "SelectingAll",
                "This deployment is selecting all pods. A non-empty selector is required.")
            return .done
        }
        let claim: Claim = Claim(owner: deployment, candidates: Owner.candidates(sets, for: deployment)) {
            selector.matches(object: $0)
        }
        let owned: [JSON] = try await claim.apply(
            context.client, owner: deployment, ownerKind: Self.kind, ownerResource: API.deployments,
            resource: API.replicaSets)
        var running: [String: [JSON]] = [:]
        if !DeploymentMath.isRolling(deployment) {
            for set in owned { running[set.metadata.uid.text] = pods.list(index: Owner.index, set.metadata.uid.text) }
        }
        let actions: [DeploymentAction] = DeploymentPlan.make(
            DeploymentView(deployment: deployment, sets: owned, pods: running, now: context.time.now()))
        return try await carryOut(actions, deployment)
    }

    private func carryOut(_ actions: [DeploymentAction], _ d: JSON) async throws -> ReconcileResult {
        var result: ReconcileResult = .done
        var live: JSON = d
        for action in actions {
            switch action {
            case .create(let set):
                guard try await create(set, live) else { return .done }
            case .update(let set): try await context.client.update(API.replicaSets, set)
            case .scale(let set, let from):
                try await context.client.update(API.replicaSets, set)
                let to: Int = DeploymentMath.replicas(set)
                context.events.record(
                    d, .normal, reason: "ScalingReplicaSet",
                    "Scaled \(to > from ? "up" : "down") replica set \(set.metadata.name.text) from \(from) to \(to)")
            case .delete(let set):
                try await ifPresent { () async throws(StatusError) in
                    try await context.client.delete(
                        API.replicaSets, namespace: set.metadata.namespace.text, set.metadata.name.text,
                        options: ["preconditions": ["uid": set.metadata.uid]])
                }
            case .setRevision(let revision):
                live.metadata.annotations[DeploymentMath.revision] = .string(revision)
                live = try await context.client.update(API.deployments, live)
            case .status(let status):
                live.status = status
                let updated: JSON = live
                try await ifPresent { () async throws(StatusError) in
                    try await context.client.update(API.deployments, updated, subresource: "status")
                }
            case .again(let delay): result = .after(delay)
            }
        }
        return result
    }

    /// False when the step ends here: the name was taken, so that another hash comes next, or nothing can be made.
    private func create(_ set: JSON, _ d: JSON) async throws -> Bool {
        let namespace: String = d.metadata.namespace.text
        do throws(StatusError) {
            try await context.client.create(API.replicaSets, namespace: namespace, set)
        } catch {
            if error.isAlreadyExists { return try await settleCollision(set, d) }
            if error.isNamespaceTerminating { return false }
            let message: String = "Failed to create new replica set \"\(set.metadata.name.text)\": \(error)"
            context.events.record(d, .warning, reason: "ReplicaSetCreateError", message)
            if DeploymentStatus.hasDeadline(d) {
                var updated: JSON = d
                DeploymentStatus.set(
                    &updated.status,
                    DeploymentStatus.condition(
                        "Progressing", "False", reason: "ReplicaSetCreateError", message: message,
                        at: context.time.now()))
                _ = try? await context.client.update(API.deployments, updated, subresource: "status")
            }
            throw error
        }
        let size: Int = DeploymentMath.replicas(set)
        if size > 0 {
            context.events.record(
                d, .normal, reason: "ScalingReplicaSet",
                "Scaled up replica set \(set.metadata.name.text) from 0 to \(size)")
        }
        return true
    }

    /// The set of that name may be ours from a step that the cache has not shown yet.
    private func settleCollision(_ set: JSON, _ d: JSON) async throws(StatusError) -> Bool {
        let taken: JSON = try await context.client.get(
            API.replicaSets, namespace: d.metadata.namespace.text, set.metadata.name.text)
        let isOurs: Bool =
            Owner.controllerUID(taken) == d.metadata.uid.text
            && DeploymentMath.comparable(taken.spec.template) == DeploymentMath.comparable(set.spec.template)
        if isOurs { return true }
        var updated: JSON = d
        updated.status.collisionCount = JSON((d.status.collisionCount.asInt ?? 0) + 1)
        try await context.client.update(API.deployments, updated, subresource: "status")
        return false
    }
}
