// Nodes whose cpu and memory would be used in like shares are better.

package struct NodeResourcesBalancedAllocation: Plugin {
    package let name: String = "NodeResourcesBalancedAllocation"
    package init() {}

    package func scores(for pod: PodView, on nodes: [Int], in cluster: Cluster) -> [Int64]? {
        guard pod.requests.milliCPU > 0 || pod.requests.memory > 0 else { return nil }
        func share(_ used: Int64, _ all: Int64) -> Double { min(Double(used) / Double(max(all, 1)), 1) }
        return nodes.map { i in
            let all: Resources = cluster.nodes[i].allocatable
            let used: Resources = cluster.nodes[i].requested
            let cpu: Double = share(used.milliCPU + pod.requests.milliCPU, all.milliCPU)
            let memory: Double = share(used.memory + pod.requests.memory, all.memory)
            return Int64((1 - abs(cpu - memory) / 2) * Double(Score.max))
        }
    }
}
