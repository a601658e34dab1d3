// One Service → its chains and map elements.

import KubeWire

/// A port and where its traffic may go: the input of the rules.
package struct ServedPort: Sendable, Equatable {
    package var port: ServicePort
    package var destinations: Destinations
}

/// The way of a packet:
///
///     service-ips ─→ service-X (policy Cluster) ──────────────→ an endpoint
///                └─→ local-X (internalTrafficPolicy: Local) ──→ an endpoint of this node
///     external address, node port ─→ external-X ─→ service-X, masqueraded
///                                       └ externalTrafficPolicy: Local ─→ local-X, source kept
package struct ServiceRules {
    private let network: ProxyNetwork
    private let port: ServicePort
    private let to: Destinations
    private let suffix: String
    private var rules: Ruleset = Ruleset()

    /// The part of the ruleset that belongs to one Service, and its local endpoints' addresses.
    package static func ruleset(_ ports: [ServedPort], _ network: ProxyNetwork) -> Ruleset {
        var all: Ruleset = Ruleset()
        for served in ports where !network.answeredHere.contains(served.port.clusterIP) {
            var one: ServiceRules = ServiceRules(network, served)
            one.write()
            all.merge(one.rules)
        }
        return all
    }

    private init(_ network: ProxyNetwork, _ served: ServedPort) {
        self.network = network
        port = served.port
        to = served.destinations
        suffix = Self.chainSuffix(served.port)
    }

    /// `V3K2…-default/web/tcp/http`: unique by a hash, since the kernel cuts no names longer than 127 bytes for us.
    package static func chainSuffix(_ port: ServicePort) -> String {
        let text: String = "\(port.service)/\(port.transport)/\(port.portName)"
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits: String = String(hash, radix: 36, uppercase: true)
        return digits.suffix(8) + "-" + text.prefix(80)
    }

    private var cluster: String { "service-" + suffix }
    private var local: String { "local-" + suffix }
    private var external: String { "external-" + suffix }
    private var transport: JSON { .string(port.transport) }

    private mutating func write() {
        let isExternal: Bool = port.nodePort != 0 || !port.externalIPs.isEmpty || !port.loadBalancerIPs.isEmpty
        let needsLocal: Bool = port.isInternalLocal || (port.isExternalLocal && isExternal)
        if !to.cluster.isEmpty { writeChoice(cluster, among: to.cluster) }
        if needsLocal, !to.local.isEmpty { writeChoice(local, among: to.local) }
        let inside: [Endpoint] = port.isInternalLocal ? to.local : to.cluster
        if !inside.isEmpty {
            rules.add(
                element(port.clusterIP, NFT.goto(port.isInternalLocal ? local : cluster)), to: BaseRules.serviceMap)
        } else {
            rules.add(element(port.clusterIP, unserved), to: BaseRules.emptyServiceMap)
        }
        if isExternal { writeExternal() }
    }

    /// Endpoints elsewhere but none here: silence, so that a load balancer tries another node. None at all: refused.
    private var unserved: JSON { NFT.goto(to.cluster.isEmpty ? BaseRules.rejectChain : BaseRules.dropChain) }

    private mutating func writeExternal() {
        let target: [Endpoint] = port.isExternalLocal ? to.local + to.cluster : to.cluster
        guard !target.isEmpty else {
            for address in port.externalIPs + port.loadBalancerIPs {
                rules.add(element(address, unserved), to: BaseRules.emptyServiceMap)
            }
            if port.nodePort != 0 { rules.add(nodePortElement(unserved), to: BaseRules.emptyNodePortMap) }
            return
        }
        let masquerade: JSON = NFT.setMark(BaseRules.masqueradeMark)
        if port.isExternalLocal {
            var chain: [[JSON]] = []
            if !to.cluster.isEmpty {
                let fromPods: JSON = NFT.match(NFT.saddr, "==", NFT.prefix(network.clusterCIDR))
                chain.append([fromPods, NFT.goto(cluster)])
                chain.append([NFT.isFromThisHost, masquerade, NFT.goto(cluster)])
            }
            chain.append([to.local.isEmpty ? NFT.drop : NFT.goto(local)])
            rules.chains[external] = Chain(chain)
        } else {
            rules.chains[external] = Chain([[masquerade], [NFT.goto(cluster)]])
        }
        for address in port.externalIPs {
            rules.add(element(address, NFT.goto(external)), to: BaseRules.serviceMap)
        }
        var balanced: String = external
        if !port.sourceRanges.isEmpty, !port.loadBalancerIPs.isEmpty {
            balanced = "firewall-" + suffix
            let allowed: [JSON] = port.sourceRanges.map { NFT.prefix($0) }
            rules.chains[balanced] = Chain([
                [NFT.match(NFT.saddr, "==", NFT.anonymousSet(allowed)), NFT.goto(external)], [NFT.drop],
            ])
        }
        for address in port.loadBalancerIPs {
            rules.add(element(address, NFT.goto(balanced)), to: BaseRules.serviceMap)
        }
        if port.nodePort != 0 { rules.add(nodePortElement(NFT.goto(external)), to: BaseRules.nodePortMap) }
    }

    private func element(_ address: String, _ verdict: JSON) -> Element {
        Element(key: NFT.concat(.string(address), transport, JSON(port.port)), value: verdict)
    }

    private func nodePortElement(_ verdict: JSON) -> Element {
        Element(key: NFT.concat(transport, JSON(port.nodePort)), value: verdict)
    }

    /// A chain that translates to one of `endpoints`, each as likely as the other.
    private mutating func writeChoice(_ name: String, among endpoints: [Endpoint]) {
        let outside: JSON = NFT.match(NFT.saddr, "!=", NFT.prefix(network.clusterCIDR))
        // Policy Local keeps the client's address: only what goes through service-X is masqueraded.
        var chain: [[JSON]] = name == cluster ? [[outside, NFT.setMark(BaseRules.masqueradeMark)]] : []
        let isTransport: JSON = NFT.match(NFT.protocolNumber, "==", transport)
        guard let seconds: Int = port.affinitySeconds else {
            let choices: [JSON] = endpoints.enumerated().map { i, e in
                [JSON(i), NFT.concat(.string(e.address), JSON(e.port))]
            }
            let choice: JSON = ["map": ["key": NFT.random(endpoints.count), "data": NFT.anonymousSet(choices)]]
            chain.append([isTransport, ["dnat": ["family": "ip", "addr": choice]]])
            rules.chains[name] = Chain(chain)
            return
        }
        for e in endpoints {
            let target: String = "endpoint-\(suffix)/\(e.address)/\(e.port)"
            let clients: String = "affinity-\(suffix)/\(e.address)/\(e.port)"
            rules.sets[clients] = NamedSet(type: "ipv4_addr", flags: ["timeout"], timeoutSeconds: seconds)
            rules.chains[target] = Chain([
                [["set": ["op": "update", "elem": NFT.saddr, "set": .string("@" + clients)]]],
                [isTransport, ["dnat": ["addr": .string(e.address), "port": JSON(e.port)]]],
            ])
            chain.append([NFT.match(NFT.saddr, "==", .string("@" + clients)), NFT.goto(target)])
        }
        let verdicts: [JSON] = endpoints.enumerated().map { i, e in
            [JSON(i), NFT.goto("endpoint-\(suffix)/\(e.address)/\(e.port)")]
        }
        chain.append([["vmap": ["key": NFT.random(endpoints.count), "data": NFT.anonymousSet(verdicts)]]])
        rules.chains[name] = Chain(chain)
    }
}
