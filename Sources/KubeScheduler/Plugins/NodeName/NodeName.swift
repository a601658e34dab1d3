// A pod that names its node goes there only.

package struct NodeName: Plugin {
    package let name: String = "NodeName"
    package init() {}

    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? {
        guard !pod.nodeName.isEmpty else { return nil }
        return { node in
            node.name == pod.nodeName
                ? nil : Rejection("node(s) didn't match the requested node name", isHopeless: true)
        }
    }

    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool {
        if case .nodeAdded(let n) = event { return n.name == pod.nodeName }
        return false
    }
}
