// Gives each node its block of pod addresses: spec.podCIDR.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class NodeIPAMController: Component {
    private let context: ControllerContext
    private let nodes: Informer
    private let writes: OwnWrites
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        nodes = context.informers[API.nodes]
        writes = OwnWrites(nodes)
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        nodes.onChange { _, new in
            if let new, new.spec.podCIDR.text.isEmpty { queue.add(ObjectKey(of: new)) }
        }
    }

    var name: String { "node-ipam-controller" }

    func run() async throws {
        if context.options.clusterCIDR.isEmpty { return }
        // One worker: two nodes must not get one block.
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue, ready: { [nodes] in await nodes.waitForSync() },
            reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        let all: [JSON] = writes.over(nodes.list()) { _ in true }
        guard let node = all.first(where: { $0.metadata.name.text == key.name }), node.spec.podCIDR.text.isEmpty,
            !node.metadata.deletionTimestamp.exists
        else { return .done }
        guard
            var blocks = NodeCIDRs(cluster: context.options.clusterCIDR, blockMask: context.options.nodeCIDRMaskSize)
        else {
            throw StatusError.internalError(
                "cluster CIDR \(context.options.clusterCIDR) cannot be cut into nodes' blocks")
        }
        for other in all { for cidr in other.spec.podCIDRs.strings + [other.spec.podCIDR.text] { blocks.occupy(cidr) } }
        guard let block = blocks.allocate() else {
            context.events.record(
                node, .normal, reason: "CIDRNotAvailable", "Node \(key.name) status is now: CIDRNotAvailable")
            return .after(.seconds(10))
        }
        do throws(StatusError) {
            let updated: JSON = try await context.client.patch(
                API.nodes, key.name, .merge,
                [
                    "metadata": ["uid": node.metadata.uid],
                    "spec": ["podCIDR": .string(block), "podCIDRs": [.string(block)]],
                ])
            writes.wrote(updated)
        } catch {
            if !error.isNotFound { throw error }
        }
        return .done
    }
}
