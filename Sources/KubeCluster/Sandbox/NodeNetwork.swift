// A node's own network: a link to the bridge, routes to the other nodes' pods, no way out.

import KubeOS
import KubeWire

/// Pure: the `ip` lines and the CNI configuration.
enum NodeNetwork {
    /// On the host; the node's namespace exists.
    static func link(_ n: NodePlace, namespaceFile: String) -> [String] {
        [
            "link add \(n.hostLink) type veth peer name eth0 netns \(namespaceFile)",
            "link set \(n.hostLink) master \(n.cluster.bridge) up",
        ]
    }

    /// In the node's namespace.
    static func inside(_ n: NodePlace) -> [String] {
        let c: ClusterConfiguration = n.cluster
        return [
            "addr add \(n.address)/24 dev eth0",
            "addr add \(c.dnsAddress)/32 dev lo",
            "link set eth0 up",
            "route add unreachable \(c.serviceCIDR) metric \(HostNetwork.fallbackMetric)",
            "route add unreachable \(c.podCIDR) metric \(HostNetwork.fallbackMetric)",
        ] + routes(n)
    }

    /// To the pods of the other nodes; laid again when nodes are added.
    static func routes(_ n: NodePlace) -> [String] {
        n.cluster.nodes.filter { $0.number != n.number }.map {
            "route replace \($0.podCIDR) via \($0.address) dev eth0"
        }
    }

    static let sysctls: [(name: String, value: String)] = [
        ("net/ipv4/ip_forward", "1"),
        // Kubernetes' node defaults: NodePorts on loopback, and long lists of neighbours.
        ("net/ipv4/conf/all/route_localnet", "1"),
        ("net/ipv4/conf/all/rp_filter", "0"),
        ("net/ipv4/conf/default/rp_filter", "0"),
    ]

    /// Each pod has its own link to the node (ptp), so that every packet between pods passes the node's rules.
    static func cniConfiguration(podCIDR: String) -> JSON {
        let range: JSON = ["subnet": JSON(podCIDR)]
        let ipam: JSON = [
            "type": "host-local", "dataDir": "/run/cni-ipam-state",
            "ranges": .array([.array([range])]), "routes": .array([["dst": "0.0.0.0/0"] as JSON]),
        ]
        let link: JSON = ["type": "ptp", "mtu": 1500, "ipMasq": false, "ipam": ipam]
        let ports: JSON = ["type": "portmap", "capabilities": ["portMappings": true]]
        return ["cniVersion": "0.4.0", "name": "apus", "plugins": .array([link, ports])]
    }
}
