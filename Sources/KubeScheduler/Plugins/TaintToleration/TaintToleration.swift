// Taints keep pods away that do not tolerate them.

package struct TaintToleration: Plugin {
    package let name: String = "TaintToleration"
    package let weight: Int64 = 3
    package init() {}

    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? {
        { node in
            for taint in node.taints where taint.forbidsScheduling && !pod.tolerates(taint) {
                return Rejection(
                    "node(s) had untolerated taint {\(taint.key): \(taint.value)}", isHopeless: true)
            }
            return nil
        }
    }

    /// Fewer PreferNoSchedule taints that the pod does not tolerate are better.
    package func scores(for pod: PodView, on nodes: [Int], in cluster: Cluster) -> [Int64]? {
        guard nodes.contains(where: { cluster.nodes[$0].taints.contains { $0.effect == "PreferNoSchedule" } }) else {
            return nil
        }
        let raw: [Int64] = nodes.map { i in
            Int64(cluster.nodes[i].taints.count { $0.effect == "PreferNoSchedule" && !pod.tolerates($0) })
        }
        return Score.scaled(raw, reverse: true)
    }

    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool {
        if case .nodeChanged(let old, let new) = event, old.taints == new.taints { return false }
        guard let node: NodeView = event.node else { return false }
        return node.taints.allSatisfy { !$0.forbidsScheduling || pod.tolerates($0) }
    }
}
