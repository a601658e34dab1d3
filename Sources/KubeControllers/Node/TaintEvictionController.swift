// Deletes pods that do not tolerate the NoExecute taints of their node, each at its own time.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

final class TaintEvictionController: Component {
    private let context: ControllerContext
    private let nodes: Informer
    private let pods: Informer
    private let queue: WorkQueue<ObjectKey>
    /// When each pod that is to go later was first seen under a taint.
    private let seen: Mutex<[ObjectKey: (uid: String, time: Timestamp)]> = Mutex([:])

    init(_ context: ControllerContext) {
        self.context = context
        nodes = context.informers[API.nodes]
        pods = context.informers[API.pods]
        queue = WorkQueue(time: context.time)
        let (queue, nodes, pods): (WorkQueue<ObjectKey>, Informer, Informer) = (queue, nodes, pods)
        pods.addIndex(NodeLifecycleController.podIndex) { [$0.spec.nodeName.text] }
        let evicts: @Sendable (JSON?) -> Bool = { node in
            node?.spec.taints.elements.contains { $0.effect.text == "NoExecute" } ?? false
        }
        nodes.onChange { old, new in
            guard evicts(new) || evicts(old), old?.spec.taints != new?.spec.taints, let new else { return }
            for pod in pods.list(index: NodeLifecycleController.podIndex, new.metadata.name.text) {
                queue.add(ObjectKey(of: pod))
            }
        }
        pods.onChange { old, new in
            guard let new, !new.spec.nodeName.text.isEmpty,
                old?.spec.nodeName != new.spec.nodeName || old?.spec.tolerations != new.spec.tolerations,
                evicts(nodes.get(new.spec.nodeName.text))
            else { return }
            queue.add(ObjectKey(of: new))
        }
    }

    var name: String { "taint-eviction-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [nodes, pods] in
                await nodes.waitForSync()
                await pods.waitForSync()
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let pod = pods.get(key), Pod.isActive(pod), let node = nodes.get(pod.spec.nodeName.text) else {
            return forget(key)
        }
        let now: Timestamp = context.time.now()
        let first: Timestamp = seen.withLock { s in
            if let known = s[key], known.uid == pod.metadata.uid.text { return known.time }
            s[key] = (pod.metadata.uid.text, now)
            return now
        }
        let taints: [JSON] = node.spec.taints.elements
        guard let deadline = TaintEviction.deadline(pod, taints: taints, seen: first, now: now) else {
            return forget(key)
        }
        if deadline > now { return .after(deadline - now) }
        context.events.record(
            pod, .normal, reason: "TaintManagerEviction", "Marking for deletion Pod \(key)")
        do throws(StatusError) {
            var marked: JSON = pod
            var conditions: [JSON] = pod.status.conditions.elements
            Conditions.set(
                &conditions,
                Conditions.make(
                    "DisruptionTarget", true, reason: "DeletionByTaintManager",
                    message: "Taint manager: deleting due to NoExecute taint", at: now))
            marked.status.conditions = .array(conditions)
            try await context.client.update(API.pods, marked, subresource: "status")
            try await context.client.delete(
                API.pods, namespace: key.namespace, key.name, options: ["preconditions": ["uid": pod.metadata.uid]])
        } catch {
            if !error.isNotFound { throw error }
        }
        return forget(key)
    }

    private func forget(_ key: ObjectKey) -> ReconcileResult {
        seen.withLock { s in _ = s.removeValue(forKey: key) }
        return .done
    }
}
