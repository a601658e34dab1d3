// Keeps the status of PodDisruptionBudgets, by which the API server allows or refuses evictions.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class DisruptionController: Component {
    private let context: ControllerContext
    private let budgets: Informer
    private let pods: Informer
    private let scaled: [String: Informer]
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        budgets = context.informers[API.podDisruptionBudgets]
        pods = context.informers[API.pods]
        scaled = [
            "ReplicaSet": context.informers[API.replicaSets], "Deployment": context.informers[API.deployments],
            "StatefulSet": context.informers[API.statefulSets],
            "ReplicationController": context.informers[API.replicationControllers],
        ]
        queue = WorkQueue(time: context.time)
        let (queue, budgets): (WorkQueue<ObjectKey>, Informer) = (queue, budgets)
        budgets.onChange { _, new in if let new { queue.add(ObjectKey(of: new)) } }
        pods.onChange { old, new in
            if let old, let new, Pod.isReady(old) == Pod.isReady(new), old.metadata.labels == new.metadata.labels,
                old.metadata.deletionTimestamp.exists == new.metadata.deletionTimestamp.exists
            {
                return
            }
            guard let pod = new ?? old else { return }
            for budget in budgets.list(namespace: pod.metadata.namespace.text)
            where Self.selector(budget).matches(object: pod) { queue.add(ObjectKey(of: budget)) }
        }
        for informer in scaled.values {
            informer.onChange { old, new in
                guard let object = new ?? old, old?.spec.replicas != new?.spec.replicas else { return }
                for budget in budgets.list(namespace: object.metadata.namespace.text) {
                    queue.add(ObjectKey(of: budget))
                }
            }
        }
    }

    /// policy/v1: an empty selector selects every pod of the namespace, an absent one none.
    private static func selector(_ budget: JSON) -> LabelSelector { LabelSelector(budget.spec.selector) }

    var name: String { "disruption-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [budgets, pods, scaled] in
                for informer in [budgets, pods] + Array(scaled.values) { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let budget = budgets.get(key) else { return .done }
        let selector: LabelSelector = Self.selector(budget)
        let selected: [JSON] = pods.list(namespace: key.namespace).filter {
            selector.matches(object: $0) && !Pod.isTerminal($0)
        }
        let (status, next): (JSON, Duration?) = DisruptionPlan.status(
            DisruptionView(
                budget: budget, pods: selected, expectedScale: scale(selected), now: context.time.now()))
        if !Canonical.equal(status, budget.status) {
            var updated: JSON = budget
            updated.status = status
            let written: JSON = updated
            try await ifPresent { () async throws(StatusError) in
                try await context.client.update(API.podDisruptionBudgets, written, subresource: "status")
            }
        }
        return next.map { .after($0) } ?? .done
    }

    /// The sum over the pods' topmost controllers.
    private func scale(_ pods: [JSON]) -> Int? {
        var byUID: [String: Int] = [:]
        for pod in pods {
            guard let owner = Owner.controller(pod),
                let object = scaled[owner.kind.text]?.get(
                    namespace: pod.metadata.namespace.text, owner.name.text), object.metadata.uid == owner.uid
            else { return nil }
            var top: JSON = object
            if let above = Owner.controller(object),
                let object = scaled[above.kind.text]?.get(namespace: pod.metadata.namespace.text, above.name.text),
                object.metadata.uid == above.uid
            {
                top = object
            }
            byUID[top.metadata.uid.text] = top.spec.replicas.asInt ?? 1
        }
        return byUID.values.reduce(0, +)
    }
}
