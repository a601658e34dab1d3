// What `apus up` was asked for, kept so that the next `up` resumes the same cluster.

import KubeOS
package import KubeWire

/// Everything about one cluster that does not change while it lives.
package struct ClusterConfiguration: Sendable, Equatable {
    package var name: String
    package var nodeCount: Int
    /// Where the API listens on 127.0.0.1 and on the bridge.
    package var port: Int
    /// `host:port` of a plain-http registry on this machine's loopback that nodes may pull from; empty: none.
    package var registry: String
    /// 0–11: names the bridge and chooses the nodes' network. May change between runs.
    package var index: Int
    /// 0–11: chooses the ranges of pods and Services; fixed for life, since objects in the store hold such addresses.
    package var ranges: Int
    /// Flags of `apus server` that this cluster's server gets, by name without the dashes; paths are absolute.
    package var serverFlags: [String: String] = [:]

    package init(name: String, nodeCount: Int, port: Int, registry: String, index: Int, ranges: Int? = nil) {
        self.name = name
        self.nodeCount = nodeCount
        self.port = port
        self.registry = registry
        self.index = index
        self.ranges = ranges ?? index
    }

    package static let indexes: Range<Int> = 0..<12
    package static let nodeCountMax: Int = 200
    package static let clusterDomain: String = "cluster.local"

    package var bridge: String { "apus\(index)" }
    package var nodeNetwork: String { "10.89.\(index).0/24" }
    package var bridgeAddress: String { "10.89.\(index).1" }
    /// Above the nodes' addresses, on their link: reachable from this machine.
    package var loadBalancerPool: String { "10.89.\(index).\(Self.nodeCountMax + 2)-10.89.\(index).254" }
    package var podCIDR: String { "10.\(244 + ranges).0.0/16" }
    package var serviceCIDR: String { "10.\(96 + ranges).0.0/16" }
    package var kubernetesAddress: String { "10.\(96 + ranges).0.1" }
    package var dnsAddress: String { "10.\(96 + ranges).0.10" }
    /// Parent of every process of the cluster's nodes.
    package var cgroup: String { "/apus\(index)" }
    package var server: String { "https://127.0.0.1:\(port)" }
    /// As the nodes reach it.
    package var serverFromNodes: String { "https://\(bridgeAddress):\(port)" }

    package var nodes: [NodePlace] { (1...max(1, nodeCount)).map { NodePlace(number: $0, cluster: self) } }
    package func node(named name: String) -> NodePlace? { nodes.first { $0.name == name } }
}

/// One node's share of the ranges. Numbers start at 1.
package struct NodePlace: Sendable {
    package let number: Int
    package let cluster: ClusterConfiguration

    package var name: String { "node\(number)" }
    package var address: String { "10.89.\(cluster.index).\(number + 1)" }
    package var podCIDR: String { "10.\(244 + cluster.ranges).\(number).0/24" }
    /// The end of the node's link that stays on the host (at most 15 characters).
    package var hostLink: String { "\(cluster.bridge)n\(number)" }
    package var cgroup: String { "\(cluster.cgroup)/\(name)" }
}

extension ClusterConfiguration {
    package var json: JSON {
        [
            "name": JSON(name), "nodes": JSON(nodeCount), "port": JSON(port), "registry": JSON(registry),
            "index": JSON(index), "ranges": JSON(ranges), "serverFlags": JSON(serverFlags),
        ]
    }

    package init?(json: JSON) {
        guard let name = json.name.asString, let nodes = json.nodes.asInt, let port = json.port.asInt,
            let index = json["index"].asInt
        else { return nil }
        self.init(
            name: name, nodeCount: nodes, port: port, registry: json.registry.text, index: index,
            ranges: json.ranges.asInt)
        serverFlags = json.serverFlags.stringMap
    }

    /// nil when the cluster was never made.
    package static func load(_ paths: ClusterPaths) throws -> ClusterConfiguration? {
        guard Files.exists(paths.configuration) else { return nil }
        let json: JSON = try JSON.parse(try Files.read(paths.configuration))
        guard let configuration = ClusterConfiguration(json: json) else {
            throw ClusterError("\(paths.configuration) is damaged; `apus down --delete` removes the cluster")
        }
        return configuration
    }

    package func save(_ paths: ClusterPaths) throws {
        try Files.makeDirectories(paths.state, mode: 0o755)
        try Files.writeAtomically(paths.configuration, json.encoded())
    }
}

/// A sentence for the user.
package struct ClusterError: Error, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}
