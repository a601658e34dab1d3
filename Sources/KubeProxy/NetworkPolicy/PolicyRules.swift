// NetworkPolicies → the rules of one node: networking.k8s.io/v1.

package import KubeModel
package import KubeWire

/// The cluster as policies see it.
package struct PolicyView: Sendable {
    package var nodeName: String
    package var policies: [ObjectKey: JSON] = [:]
    package var pods: [ObjectKey: PolicyPod] = [:]
    /// Labels by namespace.
    package var namespaces: [String: [String: String]] = [:]
    package init(nodeName: String) { self.nodeName = nodeName }
}

/// Pure: the view → the whole table. A pod that some policy selects has a chain for each direction it is isolated in;
/// what no rule there lets return is dropped. Traffic of the node itself (probes) never passes the forward hook.
///
///     forward ─ known connection: accept
///             ├ egress-pods[source]       → egress-ADDRESS  ─ a rule matches: return │ end: drop
///             └ ingress-pods[destination] → ingress-ADDRESS ─ a rule matches: return │ end: drop
package struct PolicyRules {
    package enum Direction: String, Sendable, CaseIterable {
        case ingress, egress
        var typeName: String { self == .ingress ? "Ingress" : "Egress" }
        /// The member of a rule that lists the other side.
        var peers: String { self == .ingress ? "from" : "to" }
        var peerAddress: JSON { self == .ingress ? NFT.saddr : NFT.daddr }
        var map: String { rawValue + "-pods" }
    }

    private let view: PolicyView
    private var rules: Ruleset = Ruleset()

    package static func ruleset(_ view: PolicyView) -> Ruleset {
        var r: PolicyRules = PolicyRules(view: view)
        r.write()
        return r.rules
    }

    private init(view: PolicyView) { self.view = view }

    private mutating func write() {
        for d in Direction.allCases { rules.sets[d.map] = NamedSet(type: "ipv4_addr", map: "verdict") }
        rules.chains["policy-forward"] = BaseRules.hook(
            "filter", "forward", 1,
            [
                [NFT.isKnown, NFT.accept], [NFT.follow(NFT.saddr, in: Direction.egress.map)],
                [NFT.follow(NFT.daddr, in: Direction.ingress.map)],
            ])
        let policies: [JSON] = view.policies.sorted { $0.key < $1.key }.map { $0.value }
        for pod in view.pods.values where pod.node == view.nodeName {
            for d in Direction.allCases {
                let mine: [JSON] = policies.filter { Self.isolates($0, d) && selects($0, pod) }
                if !mine.isEmpty { isolate(pod, d, mine) }
            }
        }
    }

    private static func isolates(_ policy: JSON, _ d: Direction) -> Bool {
        let types: [String] = policy.spec.policyTypes.strings
        if !types.isEmpty { return types.contains(d.typeName) }
        return d == .ingress || policy.spec.egress.exists
    }

    private func selects(_ policy: JSON, _ pod: PolicyPod) -> Bool {
        policy.metadata.namespace.text == pod.key.namespace
            && LabelSelector(policy.spec.podSelector).matches(pod.labels)
    }

    private mutating func isolate(_ pod: PolicyPod, _ d: Direction, _ policies: [JSON]) {
        let name: String = "\(d.rawValue)-\(pod.address)"
        // A pod may always talk to itself (through a Service).
        var chain: [[JSON]] = [[NFT.match(d.peerAddress, "==", .string(pod.address)), NFT.return]]
        for policy in policies {
            for (i, rule) in policy.spec[d.rawValue].elements.enumerated() {
                let set: String = "\(d.rawValue)-\(policy.metadata.namespace.text)/\(policy.metadata.name.text)/\(i)"
                chain += allow(rule, d, pod, policy.metadata.namespace.text, set)
            }
        }
        chain.append([NFT.drop])
        rules.chains[name] = Chain(chain)
        rules.add(Element(key: .string(pod.address), value: NFT.jump(name)), to: d.map)
    }

    /// The nft rules of one policy rule: each kind of peer with each port.
    private mutating func allow(
        _ rule: JSON, _ d: Direction, _ pod: PolicyPod, _ namespace: String, _ set: String
    ) -> [[JSON]] {
        let peers: [JSON] = rule[d.peers].elements
        var sides: [[JSON]] = []
        var members: [PolicyPod] = []
        if peers.isEmpty {
            sides.append([])
        } else {
            for block in peers.map({ $0.ipBlock }) where block.exists { sides.append(Self.block(block, d)) }
            members = self.members(peers, namespace)
            let selectors: Bool = peers.contains { !$0.ipBlock.exists }
            if selectors {
                if rules.sets[set] == nil {
                    rules.sets[set] = NamedSet(type: "ipv4_addr")
                    for m in members { rules.add(Element(key: .string(m.address)), to: set) }
                }
                sides.append([NFT.match(d.peerAddress, "==", .string("@" + set))])
            }
        }
        let ports: [JSON] = rule.ports.elements
        guard !ports.isEmpty else { return sides.map { $0 + [NFT.return] } }
        var list: [[JSON]] = []
        for port in ports {
            let transport: String = (port["protocol"].asString ?? "TCP").lowercased()
            let isTransport: JSON = NFT.match(NFT.protocolNumber, "==", .string(transport))
            if let name: String = port.port.asString {
                list += named(name, transport, d, pod, peers.isEmpty ? Array(view.pods.values) : members, sides)
                continue
            }
            var match: [JSON] = [isTransport]
            if let number: Int = port.port.asInt {
                let last: Int = port.endPort.asInt ?? number
                let range: JSON = last > number ? ["range": [JSON(number), JSON(last)]] : JSON(number)
                match.append(NFT.match(NFT.dport, "==", range))
            }
            list += sides.map { $0 + match + [NFT.return] }
        }
        return list
    }

    /// A port by name: what the destination's containers call so.
    private func named(
        _ name: String, _ transport: String, _ d: Direction, _ pod: PolicyPod, _ members: [PolicyPod], _ sides: [[JSON]]
    ) -> [[JSON]] {
        let isTransport: JSON = NFT.match(NFT.protocolNumber, "==", .string(transport))
        func rule(_ side: [JSON], _ number: Int) -> [JSON] {
            side + [isTransport, NFT.match(NFT.dport, "==", JSON(number)), NFT.return]
        }
        if d == .ingress {
            guard let number: Int = pod.port(named: name, transport) else { return [] }
            return sides.map { rule($0, number) }
        }
        var byNumber: [Int: [String]] = [:]
        for m in members {
            if let n: Int = m.port(named: name, transport) { byNumber[n, default: []].append(m.address) }
        }
        return byNumber.sorted { $0.key < $1.key }.map { number, addresses in
            let set: JSON = NFT.anonymousSet(addresses.sorted().map { JSON.string($0) })
            return rule([NFT.match(NFT.daddr, "==", set)], number)
        }
    }

    private static func block(_ block: JSON, _ d: Direction) -> [JSON] {
        let cidr: String = block.cidr.text
        var match: [JSON] = cidr.hasSuffix("/0") ? [] : [NFT.match(d.peerAddress, "==", NFT.prefix(cidr))]
        let excepted: [JSON] = block.except.strings.map { NFT.prefix($0) }
        if !excepted.isEmpty { match.append(NFT.match(d.peerAddress, "!=", NFT.anonymousSet(excepted))) }
        return match
    }

    /// The pods that the selectors among the peers mean.
    private func members(_ peers: [JSON], _ namespace: String) -> [PolicyPod] {
        var found: [ObjectKey: PolicyPod] = [:]
        for peer in peers where !peer.ipBlock.exists {
            let pods: LabelSelector = peer.podSelector.exists ? LabelSelector(peer.podSelector) : .everything
            let spaces: LabelSelector? = peer.namespaceSelector.exists ? LabelSelector(peer.namespaceSelector) : nil
            for pod in view.pods.values {
                let isIn: Bool =
                    spaces.map { $0.matches(view.namespaces[pod.key.namespace] ?? [:]) }
                    ?? (pod.key.namespace == namespace)
                if isIn, pods.matches(pod.labels) { found[pod.key] = pod }
            }
        }
        return found.sorted { $0.key < $1.key }.map { $0.value }
    }
}
