// Nodes that hold the pod's images already are a little better.

package struct ImageLocality: Plugin {
    package let name: String = "ImageLocality"
    /// Images smaller than this in sum do not count; more than the other (for each container) counts fully. Bytes.
    private static let bytesMin: Int64 = 23 << 20
    private static let bytesMax: Int64 = 1000 << 20
    package init() {}

    package func scores(for pod: PodView, on nodes: [Int], in cluster: Cluster) -> [Int64]? {
        let names: [String] = pod.images.map(Self.normalised)
        guard nodes.count > 1, nodes.contains(where: { i in names.contains { cluster.nodes[i].images[$0] != nil } })
        else { return nil }
        var holders: [String: Int64] = [:]
        for name in names { holders[name] = Int64(cluster.nodes.count { $0.images[name] != nil }) }
        let top: Int64 = Self.bytesMax * Int64(names.count)
        return nodes.map { i in
            // An image that few nodes hold draws less, lest all replicas go to the one node that has it.
            let sum: Int64 = names.reduce(0) { sum, name in
                sum + (cluster.nodes[i].images[name] ?? 0) * (holders[name] ?? 0) / Int64(cluster.nodes.count)
            }
            return Score.max * (min(max(sum, Self.bytesMin), top) - Self.bytesMin) / (top - Self.bytesMin)
        }
    }

    /// With the tag that the container runtime lists: `nginx` → `nginx:latest`.
    static func normalised(_ image: String) -> String {
        let last: Substring = image.split(separator: "/").last ?? ""
        return last.contains(":") || last.contains("@") ? image : image + ":latest"
    }
}
