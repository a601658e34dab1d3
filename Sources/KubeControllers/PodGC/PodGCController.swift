// Removes pods that no node agent will remove.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

final class PodGCController: Component {
    private static let key: ObjectKey = ObjectKey(namespace: "", name: "pods")

    private let context: ControllerContext
    private let pods: Informer
    private let nodes: Informer
    private let missedSince: Mutex<[String: Timestamp]> = Mutex([:])
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        pods = context.informers[API.pods]
        nodes = context.informers[API.nodes]
        queue = WorkQueue(time: context.time)
        let (queue, nodes): (WorkQueue<ObjectKey>, Informer) = (queue, nodes)
        pods.onChange { old, new in
            guard let new else { return }
            let isDeleting: Bool = new.metadata.deletionTimestamp.exists
            let node: String = new.spec.nodeName.text
            let becameTerminal: Bool = Pod.isTerminal(new) && !(old.map { Pod.isTerminal($0) } ?? false)
            let isLost: Bool =
                node.isEmpty
                ? isDeleting : nodes.get(node) == nil || (isDeleting && old?.metadata.deletionTimestamp.exists != true)
            // A moment's wait lets many events share one pass.
            if becameTerminal || isLost { queue.add(Self.key, after: .milliseconds(500)) }
        }
        nodes.onChange { old, new in
            if new == nil || old?.spec.taints != new?.spec.taints { queue.add(Self.key, after: .milliseconds(500)) }
        }
    }

    var name: String { "pod-garbage-collector" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [pods, nodes] in
                await pods.waitForSync()
                await nodes.waitForSync()
            }, reconcile: { _ in try await self.reconcile() }
        ).run()
    }

    private func reconcile() async throws -> ReconcileResult {
        var byName: [String: JSON] = [:]
        for node in nodes.list() { byName[node.metadata.name.text] = node }
        let now: Timestamp = context.time.now()
        let plan: PodGCPlan = PodGCPlan.make(
            PodGCView(
                pods: pods.list(), nodes: byName, missedSince: missedSince.withLock { $0 },
                terminatedMax: context.options.terminatedPodsMax, now: now))
        missedSince.withLock { since in
            since = since.filter { plan.missing.contains($0.key) }
            for node in plan.missing where since[node] == nil { since[node] = now }
        }
        var alive: Set<String> = []
        for removal in plan.remove {
            let node: String = removal.pod.spec.nodeName.text
            if !node.isEmpty, byName[node] == nil {
                if alive.contains(node) { continue }
                if try await exists(node) {
                    alive.insert(node)
                    continue
                }
            }
            try await remove(removal)
        }
        return plan.next.map { .after($0) } ?? .done
    }

    private func exists(_ node: String) async throws(StatusError) -> Bool {
        do throws(StatusError) {
            _ = try await context.client.get(API.nodes, node)
            return true
        } catch {
            if error.isNotFound { return false }
            throw error
        }
    }

    private func remove(_ removal: PodGCPlan.Removal) async throws(StatusError) {
        let pod: JSON = removal.pod
        do throws(StatusError) {
            if let message = removal.message, !Pod.isTerminal(pod) {
                var conditions: [JSON] = pod.status.conditions.elements
                Conditions.set(
                    &conditions,
                    Conditions.make(
                        "DisruptionTarget", true, reason: "DeletionByPodGC", message: message, at: context.time.now()))
                try await context.client.patch(
                    API.pods, namespace: pod.metadata.namespace.text, pod.metadata.name.text, .merge,
                    [
                        "metadata": ["uid": pod.metadata.uid],
                        "status": ["phase": "Failed", "conditions": .array(conditions)],
                    ], subresource: "status")
            }
            try await context.client.delete(
                API.pods, namespace: pod.metadata.namespace.text, pod.metadata.name.text,
                options: ["gracePeriodSeconds": 0, "preconditions": ["uid": pod.metadata.uid]])
        } catch {
            if !error.isNotFound { throw error }
        }
    }
}
