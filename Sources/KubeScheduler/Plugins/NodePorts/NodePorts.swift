// A host port is given once on a node.

package struct NodePorts: Plugin {
    package let name: String = "NodePorts"
    package init() {}

    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? {
        guard !pod.hostPorts.isEmpty else { return nil }
        return { node in
            let isTaken: Bool = pod.hostPorts.contains { port in node.hostPorts.contains { $0.conflicts(with: port) } }
            return isTaken ? Rejection("node(s) didn't have free ports for the requested pod ports") : nil
        }
    }

    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool {
        switch event {
        case .nodeAdded: true
        case .podGone(let gone): gone.hostPorts.contains { p in pod.hostPorts.contains { $0.conflicts(with: p) } }
        default: false
        }
    }
}
