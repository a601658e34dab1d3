// The host's side of a cluster's network: one bridge, routes to pods and services.

import KubeOS
import KubeWire

/// Pure: the `ip` lines. The host reaches pods through their node, and ClusterIPs through one live node, which
/// translates.
enum HostNetwork {
    /// Metric of the routes that catch what no live node takes.
    static let fallbackMetric: UInt32 = 4_278_198_272

    static func create(_ c: ClusterConfiguration) -> [String] {
        [
            "link add \(c.bridge) type bridge",
            "addr add \(c.bridgeAddress)/24 dev \(c.bridge)",
            "link set \(c.bridge) up",
            "route add unreachable \(c.serviceCIDR) metric \(fallbackMetric)",
            "route add unreachable \(c.podCIDR) metric \(fallbackMetric)",
        ]
    }

    static func delete(_ c: ClusterConfiguration) -> [String] {
        [
            "route del unreachable \(c.serviceCIDR) metric \(fallbackMetric)",
            "route del unreachable \(c.podCIDR) metric \(fallbackMetric)",
            "link del \(c.bridge)",
        ]
    }

    static func addNode(_ n: NodePlace) -> [String] {
        ["route replace \(n.podCIDR) via \(n.address) dev \(n.cluster.bridge)"]
    }

    static func removeNode(_ n: NodePlace) -> [String] {
        ["route del \(n.podCIDR) via \(n.address) dev \(n.cluster.bridge)", "link del \(n.hostLink)"]
    }

    static func services(through n: NodePlace) -> [String] {
        ["route replace \(n.cluster.serviceCIDR) via \(n.address) dev \(n.cluster.bridge)"]
    }

    static func noServices(_ c: ClusterConfiguration) -> [String] {
        ["route del \(c.serviceCIDR) dev \(c.bridge)"]
    }

    /// The first index whose bridge and network nobody uses, and its pod and service ranges neither unless `ranges` are
    /// fixed already: then those must be free.
    static func freeIndex(ranges: Int? = nil) async throws -> Int {
        let links: [String] = try await Links.show(["link", "show"]).elements.map { $0.ifname.text }
        let routes: JSON = try await Links.show(["route", "show", "table", "all"])
        let taken: [AddressRange] = routes.elements.compactMap { AddressRange($0.dst.text) }
        func isFree(_ range: String) -> Bool {
            AddressRange(range).map { r in !taken.contains { $0.overlaps(r) } } ?? false
        }
        if let ranges {
            let c: ClusterConfiguration = ClusterConfiguration(
                name: "", nodeCount: 1, port: 0, registry: "", index: ranges)
            guard isFree(c.podCIDR), isFree(c.serviceCIDR) else {
                throw ClusterError(
                    "the cluster's ranges (pods \(c.podCIDR), Services \(c.serviceCIDR)) are in use on this machine, "
                        + "maybe by another cluster that runs: see `ip route`")
            }
        }
        for index in ClusterConfiguration.indexes {
            let c: ClusterConfiguration = ClusterConfiguration(
                name: "", nodeCount: 1, port: 0, registry: "", index: index)
            if links.contains(c.bridge) || Cgroup(c.cgroup).exists || !isFree(c.nodeNetwork) { continue }
            if ranges == nil, !isFree(c.podCIDR) || !isFree(c.serviceCIDR) { continue }
            return index
        }
        throw ClusterError(
            "no free address range: 10.89.0.0/24 … 10.89.11.0/24, or their pod and service ranges, are in use")
    }
}

/// An IPv4 range in CIDR form; a bare address is a /32.
struct AddressRange: Equatable {
    var address: UInt32
    var length: Int

    /// nil for `default`, IPv6 and the like.
    init?(_ text: String) {
        let parts: [Substring] = text.split(separator: "/", maxSplits: 1)
        guard let first = parts.first else { return nil }
        let bytes: [UInt32] = first.split(separator: ".").compactMap { UInt8($0).map { UInt32($0) } }
        guard bytes.count == 4 else { return nil }
        address = bytes.reduce(0) { $0 << 8 | $1 }
        length = parts.count == 2 ? Int(parts[1]) ?? 32 : 32
    }

    func overlaps(_ other: AddressRange) -> Bool {
        let bits: Int = min(length, other.length)
        if bits == 0 { return true }
        return (address ^ other.address) >> UInt32(32 - bits) == 0
    }
}
