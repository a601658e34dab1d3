// A node must have room for what the pod requests; emptier nodes are better.

package struct NodeResourcesFit: Plugin {
    package let name: String = "NodeResourcesFit"
    package init() {}

    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? {
        { node in Self.rejection(of: pod.requests, by: node) }
    }

    private static func rejection(of wanted: Resources, by node: NodeView) -> Rejection? {
        var reasons: [String] = []
        var isHopeless: Bool = false
        func check(_ name: String, _ wanted: Int64, _ all: Int64, _ used: Int64) {
            guard wanted > 0, wanted > all - used else { return }
            reasons.append("Insufficient " + name)
            if wanted > all { isHopeless = true }
        }
        if node.pods.count + 1 > node.podsMax { reasons.append("Too many pods") }
        check("cpu", wanted.milliCPU, node.allocatable.milliCPU, node.requested.milliCPU)
        check("memory", wanted.memory, node.allocatable.memory, node.requested.memory)
        check(
            "ephemeral-storage", wanted.ephemeralStorage, node.allocatable.ephemeralStorage,
            node.requested.ephemeralStorage)
        for name in wanted.other.keys.sorted() {
            check(name, wanted.other[name]!, node.allocatable.other[name] ?? 0, node.requested.other[name] ?? 0)
        }
        return reasons.isEmpty ? nil : Rejection(reasons: reasons, isHopeless: isHopeless)
    }

    /// LeastAllocated of cpu and memory: the mean of their free shares.
    package func scores(for pod: PodView, on nodes: [Int], in cluster: Cluster) -> [Int64]? {
        func free(_ wanted: Int64, _ all: Int64) -> Int64 {
            all == 0 || wanted > all ? 0 : (all - wanted) * Score.max / all
        }
        return nodes.map { i in
            let all: Resources = cluster.nodes[i].allocatable
            let used: Resources = cluster.nodes[i].likelyRequested
            let cpu: Int64 = free(used.milliCPU + pod.likelyRequests.milliCPU, all.milliCPU)
            let memory: Int64 = free(used.memory + pod.likelyRequests.memory, all.memory)
            let kinds: Int64 = (all.milliCPU > 0 ? 1 : 0) + (all.memory > 0 ? 1 : 0)
            return kinds == 0 ? 0 : (cpu + memory) / kinds
        }
    }

    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool {
        switch event {
        case .podGone: true
        case .podChanged(let old, let new): old.requests != new.requests
        case .nodeAdded(let n): Self.rejection(of: pod.requests, by: n) == nil
        case .nodeChanged(let old, let new):
            (old.allocatable != new.allocatable || old.podsMax != new.podsMax)
                && Self.rejection(of: pod.requests, by: new) == nil
        default: false
        }
    }
}
