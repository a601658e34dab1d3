// Cordoned nodes take only pods that tolerate it.

package struct NodeUnschedulable: Plugin {
    package let name: String = "NodeUnschedulable"
    private static let taint: Taint = Taint(key: "node.kubernetes.io/unschedulable", effect: "NoSchedule")
    package init() {}

    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? {
        if pod.tolerates(Self.taint) { return nil }
        return { $0.isUnschedulable ? Rejection("node(s) were unschedulable", isHopeless: true) : nil }
    }

    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool {
        switch event {
        case .nodeAdded(let n): !n.isUnschedulable
        case .nodeChanged(let old, let new): old.isUnschedulable && !new.isUnschedulable
        default: false
        }
    }
}
