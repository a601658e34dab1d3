// Notices nodes that fall silent, says so in their status and taints, and marks their pods not ready.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

/// One timer: each node's reconcile asks to be called again at that node's deadline.
final class NodeLifecycleController: Component {
    static let podIndex: String = "node"

    private let context: ControllerContext
    private let nodes: Informer
    private let leases: Informer
    private let pods: Informer
    private let heartbeats: Mutex<NodeHeartbeats> = Mutex(NodeHeartbeats())
    /// Nodes that went from ready to not ready and whose pods are to be marked.
    private let toMark: Mutex<Set<String>> = Mutex([])
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        nodes = context.informers[API.nodes]
        leases = context.informers[API.leases]
        pods = context.informers[API.pods]
        queue = WorkQueue(time: context.time)
        pods.addIndex(Self.podIndex) { [$0.spec.nodeName.text] }
        nodes.onChange { [weak self] old, new in self?.nodeChanged(old, new) }
        leases.onChange { [weak self] _, new in
            guard let self, let new, new.metadata.namespace.text == "kube-node-lease" else { return }
            heartbeats.withLock {
                $0.lease(new.metadata.name.text, renewed: new.spec.renewTime.text, now: context.time.now())
            }
        }
    }

    private func nodeChanged(_ old: JSON?, _ new: JSON?) {
        guard let node = new ?? old else { return }
        let name: String = node.metadata.name.text
        guard let new else {
            heartbeats.withLock { $0.remove(name) }
            context.events.record(
                node, .normal, reason: "RemovingNode", "Node \(name) event: Removing Node \(name) from Controller")
            return wakeAll()
        }
        let beat: String = Conditions.find(new.status.conditions.elements, "Ready")?.lastHeartbeatTime.text ?? ""
        heartbeats.withLock { $0.status(name, beat: beat, now: context.time.now()) }
        if old == nil {
            context.events.record(
                new, .normal, reason: "RegisteredNode", "Node \(name) event: Registered Node \(name) in Controller")
        }
        let (before, after): (String?, String?) = (old.flatMap { NodePlan.ready($0) }, NodePlan.ready(new))
        if before == "True", after != "True" { _ = toMark.withLock { $0.insert(name) } }
        queue.add(ObjectKey(of: new))
        // Whether any node is ready decides about evictions on all.
        if (before == "True") != (after == "True") { wakeAll() }
    }

    private func wakeAll() { for node in nodes.list() { queue.add(ObjectKey(of: node)) } }

    var name: String { "node-lifecycle-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [nodes, leases, pods] in
                for informer in [nodes, leases, pods] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard var node = nodes.get(key) else { return .done }
        let grace: Duration =
            NodePlan.ready(node) == nil
            ? max(NodePlan.startupGrace, context.options.nodeMonitorGracePeriod)
            : context.options.nodeMonitorGracePeriod
        let now: Timestamp = context.time.now()
        let left: Duration = heartbeats.withLock { $0.timeLeft(key.name, grace: grace, now: now) }
        if left <= .zero, let status = NodePlan.statusWhenSilent(node, now: now) {
            let wasReady: Bool = NodePlan.ready(node) == "True"
            node.status = status
            node = try await context.client.update(API.nodes, node, subresource: "status")
            if wasReady {
                context.events.record(
                    node, .normal, reason: "NodeNotReady", "Node \(key.name) status is now: NodeNotReady")
            }
        }
        let evicts: Bool = nodes.list().contains { $0.metadata.name.text != key.name && NodePlan.ready($0) == "True" }
        let taints: [JSON] = NodePlan.taints(node, evicts: evicts, now: now)
        if !Canonical.equal(.array(taints), node.spec.taints) {
            var tainted: JSON = node
            tainted.spec.taints = taints.isEmpty ? .null : .array(taints)
            node = try await context.client.update(API.nodes, tainted)
        }
        let isMarked: Bool = toMark.withLock { $0.contains(key.name) }
        if NodePlan.ready(node) == "Unknown" || isMarked {
            try await markPodsNotReady(key.name)
            _ = toMark.withLock { $0.remove(key.name) }
        }
        return left > .zero ? .after(left) : .done
    }

    private func markPodsNotReady(_ node: String) async throws(StatusError) {
        for pod in pods.list(index: Self.podIndex, node) where Pod.isReady(pod) {
            var conditions: [JSON] = pod.status.conditions.elements
            guard let i = conditions.firstIndex(where: { $0.type.text == "Ready" }) else { continue }
            conditions[i].status = "False"
            conditions[i].lastTransitionTime = .string(context.time.now().rfc3339)
            var updated: JSON = pod
            updated.status.conditions = .array(conditions)
            do throws(StatusError) {
                try await context.client.update(API.pods, updated, subresource: "status")
                context.events.record(pod, .warning, reason: "NodeNotReady", "Node is not ready")
            } catch {
                if !error.isNotFound { throw error }
            }
        }
    }
}
