// The proxy's knowledge: Services and EndpointSlices in, transactions for the packet filter out.

import KubeModel
package import KubeWire

/// UDP flows that a change leaves pointing at a dead end: conntrack remembers them as long as packets come.
package struct StaleFlows: Sendable, Hashable {
    /// The Service's address as clients used it; nil: the node port at any address.
    package var address: String?
    package var port: Int
    /// Flows to this endpoint only; nil: all (they were never translated).
    package var endpoint: String?
}

/// What one change asks of the shell, in this order.
package struct ProxyChange: Sendable, Equatable {
    /// A libnftables JSON document; nil when no rule differs.
    package var transaction: JSON?
    package var staleFlows: [StaleFlows] = []
}

/// Each Service's part of the ruleset is computed from that Service alone, so a change costs what it touches.
package struct ProxyBrain: Sendable {
    package let network: ProxyNetwork
    package let table: Table
    /// The node's `topology.kubernetes.io/zone`, for hints.
    private var zone: String = ""
    private var services: [ObjectKey: JSON] = [:]
    /// By Service, then by slice name.
    private var slices: [ObjectKey: [String: JSON]] = [:]
    private var served: [ObjectKey: [ServedPort]] = [:]
    private var parts: [ObjectKey: Ruleset] = [:]
    private var hairpin: Ruleset = Ruleset()
    private var dirty: Set<ObjectKey> = []
    private var isWritten: Bool = false

    package init(network: ProxyNetwork, table: Table = Table(name: "apus-proxy")) {
        self.network = network
        self.table = table
    }

    package mutating func on(service old: JSON?, _ new: JSON?) {
        guard let any: JSON = new ?? old else { return }
        let key: ObjectKey = ObjectKey(of: any)
        services[key] = new
        dirty.insert(key)
    }

    package mutating func on(slice old: JSON?, _ new: JSON?) {
        for (slice, isNew) in [(old, false), (new, true)] {
            guard let slice, let name: String = slice.metadata.labels["kubernetes.io/service-name"].asString else {
                continue
            }
            let key: ObjectKey = ObjectKey(namespace: slice.metadata.namespace.text, name: name)
            slices[key, default: [:]][slice.metadata.name.text] = isNew ? slice : nil
            if slices[key]?.isEmpty == true { slices[key] = nil }
            dirty.insert(key)
        }
    }

    package mutating func on(node: JSON?) {
        let new: String = node?.metadata.labels["topology.kubernetes.io/zone"].asString ?? ""
        guard new != zone else { return }
        zone = new
        dirty.formUnion(services.keys)
    }

    /// Forgets that anything was written: the next change rewrites the whole table.
    package mutating func suspect() { isWritten = false }

    /// What has to be done since the last call. The caller vouches that it is applied, or calls `suspect`.
    package mutating func change() -> ProxyChange {
        var before: Ruleset = hairpin
        var after: Ruleset = Ruleset()
        var flows: Set<StaleFlows> = []
        for key in dirty.sorted() {
            let old: [ServedPort] = served[key] ?? []
            let new: [ServedPort] = ports(of: key)
            guard old != new else { continue }
            flows.formUnion(Self.staleFlows(old, new))
            let part: Ruleset = ServiceRules.ruleset(new, network)
            before.merge(parts[key] ?? Ruleset())
            after.merge(part)
            served[key] = new.isEmpty ? nil : new
            parts[key] = new.isEmpty ? nil : part
        }
        dirty.removeAll(keepingCapacity: true)
        hairpin = localEndpoints()
        after.merge(hairpin)
        let stale: [StaleFlows] = isWritten ? flows.sorted { "\($0)" < "\($1)" } : []
        if isWritten { return ProxyChange(transaction: table.transaction(from: before, to: after), staleFlows: stale) }
        isWritten = true
        return ProxyChange(transaction: table.rewrite(ruleset), staleFlows: stale)
    }

    /// All that the table should hold now.
    package var ruleset: Ruleset {
        var all: Ruleset = BaseRules.ruleset(network)
        for key in parts.keys.sorted() { all.merge(parts[key]!) }
        all.merge(hairpin)
        return all
    }

    private func ports(of key: ObjectKey) -> [ServedPort] {
        guard let service: JSON = services[key] else { return [] }
        let mine: [JSON] = slices[key].map { $0.sorted { $0.key < $1.key }.map { $0.value } } ?? []
        return ServicePort.list(service).map { port in
            let endpoints: [Endpoint] = port.endpoints(in: mine, nodeName: network.nodeName)
            return ServedPort(
                port: port, destinations: Destinations(endpoints, nodeName: network.nodeName, zone: zone))
        }
    }

    private func localEndpoints() -> Ruleset {
        var addresses: Set<String> = []
        for ports in served.values {
            for port in ports { for e in port.destinations.local { addresses.insert(e.address) } }
        }
        var r: Ruleset = Ruleset()
        for a in addresses {
            r.add(Element(key: NFT.concat(.string(a), .string(a))), to: BaseRules.hairpinSet)
        }
        return r
    }

    /// Flows to endpoints that are gone, and flows that began while a port had no endpoint.
    private static func staleFlows(_ old: [ServedPort], _ new: [ServedPort]) -> Set<StaleFlows> {
        var flows: Set<StaleFlows> = []
        func add(_ port: ServicePort, _ endpoint: String?) {
            for address in [port.clusterIP] + port.externalIPs + port.loadBalancerIPs {
                flows.insert(StaleFlows(address: address, port: port.port, endpoint: endpoint))
            }
            if port.nodePort != 0 {
                flows.insert(StaleFlows(address: nil, port: port.nodePort, endpoint: endpoint))
            }
        }
        for before in old where before.port.transport == "udp" {
            let now: ServedPort? = new.first { $0.port.port == before.port.port && $0.port.transport == "udp" }
            let left: Set<String> = Set((now?.destinations.cluster ?? []).map { $0.address })
            for e in before.destinations.cluster where !left.contains(e.address) { add(before.port, e.address) }
        }
        for now in new where now.port.transport == "udp" && !now.destinations.cluster.isEmpty {
            let before: ServedPort? = old.first { $0.port.port == now.port.port && $0.port.transport == "udp" }
            if before?.destinations.cluster.isEmpty ?? true { add(now.port, nil) }
        }
        return flows
    }
}
