// nodeSelector and node affinity.

package struct NodeAffinity: Plugin {
    package let name: String = "NodeAffinity"
    package let weight: Int64 = 2
    package init() {}

    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? {
        if pod.nodeSelector.isEmpty && pod.requiredNodes == nil { return nil }
        return { node in
            pod.wants(node)
                ? nil : Rejection("node(s) didn't match Pod's node affinity/selector", isHopeless: true)
        }
    }

    package func scores(for pod: PodView, on nodes: [Int], in cluster: Cluster) -> [Int64]? {
        guard !pod.preferredNodes.isEmpty else { return nil }
        let raw: [Int64] = nodes.map { i in
            let node: NodeView = cluster.nodes[i]
            return pod.preferredNodes.reduce(0) { sum, preference in
                preference.term.matches(name: node.name, labels: node.labels) ? sum + preference.weight : sum
            }
        }
        return Score.scaled(raw)
    }

    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool {
        guard let node: NodeView = event.node, pod.wants(node) else { return false }
        if case .nodeChanged(let old, _) = event { return !pod.wants(old) }
        return true
    }
}
