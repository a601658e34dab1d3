// The part of the ruleset that is there without any Service: hooks, maps and the marks they agree on.

package import KubeWire

/// Addresses that the rules depend on.
package struct ProxyNetwork: Sendable, Equatable {
    package var nodeName: String
    /// All pods; traffic to Services from elsewhere is masqueraded.
    package var clusterCIDR: String
    package var serviceCIDR: String
    /// Service addresses that the node itself answers (the cluster DNS): never translated.
    package var answeredHere: [String]

    package init(nodeName: String, clusterCIDR: String, serviceCIDR: String, answeredHere: [String] = []) {
        self.nodeName = nodeName
        self.clusterCIDR = clusterCIDR
        self.serviceCIDR = serviceCIDR
        self.answeredHere = answeredHere
    }
}

package enum BaseRules {
    /// The bit of the packet mark that asks for masquerading; kube-proxy's default.
    package static let masqueradeMark: Int = 0x4000

    package static let serviceMap: String = "service-ips"
    package static let nodePortMap: String = "service-nodeports"
    package static let emptyServiceMap: String = "no-endpoint-services"
    package static let emptyNodePortMap: String = "no-endpoint-nodeports"
    /// Local endpoints as (address, address): one that reaches itself through a Service must see a foreign source.
    package static let hairpinSet: String = "hairpin"
    package static let rejectChain: String = "refuse-packet"
    package static let dropChain: String = "drop-packet"

    package static func ruleset(_ network: ProxyNetwork) -> Ruleset {
        let byAddress: JSON = NFT.concat(NFT.daddr, NFT.protocolNumber, NFT.dport)
        let byPort: JSON = NFT.concat(NFT.protocolNumber, NFT.dport)
        let notLoopback: JSON = NFT.match(NFT.daddr, "!=", NFT.prefix("127.0.0.0/8"))
        var r: Ruleset = Ruleset()
        for name in [serviceMap, emptyServiceMap] {
            r.sets[name] = NamedSet(type: ["ipv4_addr", "inet_proto", "inet_service"], map: "verdict")
        }
        for name in [nodePortMap, emptyNodePortMap] {
            r.sets[name] = NamedSet(type: ["inet_proto", "inet_service"], map: "verdict")
        }
        r.sets[hairpinSet] = NamedSet(type: ["ipv4_addr", "ipv4_addr"])

        r.chains["services"] = Chain([
            [NFT.follow(byAddress, in: serviceMap)],
            [NFT.isForThisHost, notLoopback, NFT.follow(byPort, in: nodePortMap)],
        ])
        r.chains["nat-prerouting"] = hook("nat", "prerouting", -100, [[NFT.jump("services")]])
        r.chains["nat-output"] = hook("nat", "output", -100, [[NFT.jump("services")]])
        r.chains["nat-postrouting"] = hook(
            "nat", "postrouting", 100,
            [
                [NFT.hasMark(masqueradeMark), NFT.clearMark(masqueradeMark), NFT.masquerade],
                [
                    NFT.isTranslated, NFT.match(NFT.concat(NFT.saddr, NFT.daddr), "==", .string("@" + hairpinSet)),
                    NFT.masquerade,
                ],
            ])

        r.chains[rejectChain] = Chain([[NFT.isTCP, NFT.reset], [NFT.reject]])
        r.chains[dropChain] = Chain([[NFT.drop]])
        var unknown: [JSON] = [NFT.match(NFT.daddr, "==", NFT.prefix(network.serviceCIDR))]
        if !network.answeredHere.isEmpty {
            unknown.append(
                NFT.match(NFT.daddr, "!=", NFT.anonymousSet(network.answeredHere.sorted().map { JSON.string($0) })))
        }
        r.chains["unserved"] = Chain([
            [NFT.follow(byAddress, in: emptyServiceMap)],
            [NFT.isForThisHost, notLoopback, NFT.follow(byPort, in: emptyNodePortMap)],
            unknown + [NFT.goto(rejectChain)],
        ])
        for name in ["input", "forward", "output"] {
            r.chains["filter-" + name] = hook("filter", name, 0, [[NFT.isNew, NFT.jump("unserved")]])
        }
        return r
    }

    package static func hook(_ type: String, _ hook: String, _ priority: Int, _ rules: [[JSON]]) -> Chain {
        Chain(
            hook: ["type": .string(type), "hook": .string(hook), "prio": JSON(priority), "policy": "accept"], rules)
    }
}
