// NetworkPolicies: which rules, and what a real kernel does with them.

import Glibc
import KubeModel
import KubeOS
import KubeWire
import Testing

@testable import KubeProxy

@Suite(.serialized) struct PolicyTests {
    static func pod(_ name: String, _ address: String, _ labels: [String: String], node: String = "n1") -> JSON {
        var p: JSON = ["apiVersion": "v1", "kind": "Pod"]
        p.metadata = ["name": .string(name), "namespace": "default", "labels": JSON(labels)]
        p.spec = [
            "nodeName": .string(node), "containers": [["ports": [["name": "http", "containerPort": 8080]]]],
        ]
        p.status = ["phase": "Running", "podIP": .string(address)]
        return p
    }

    static func policy(_ spec: JSON) -> JSON {
        ["metadata": ["name": "p", "namespace": "default"], "spec": spec]
    }

    static func view(_ policies: JSON...) -> PolicyView {
        var v: PolicyView = PolicyView(nodeName: "n1")
        v.namespaces = ["default": ["kubernetes.io/metadata.name": "default"]]
        for p in [pod("p1", "10.244.1.2", ["app": "web"]), pod("p2", "10.244.1.3", ["app": "client"])] {
            v.pods[ObjectKey(of: p)] = PolicyPod(p)
        }
        for p in policies { v.policies[ObjectKey(of: p)] = p }
        return v
    }

    static let toWeb: JSON = ["podSelector": ["matchLabels": ["app": "web"]]]

    static func ingress(_ rules: JSON...) -> JSON {
        var s: JSON = toWeb
        s.policyTypes = ["Ingress"]
        s.ingress = .array(rules)
        return policy(s)
    }

    static let client: JSON = ["podSelector": ["matchLabels": ["app": "client"]]]

    @Test func onlySelectedPodsOfThisNodeAreIsolated() {
        let chains: [String: Chain] = PolicyRules.ruleset(Self.view(Self.ingress())).chains
        #expect(Set(chains.keys) == ["policy-forward", "ingress-10.244.1.2"])
        var away: PolicyView = Self.view(Self.ingress())
        away.nodeName = "n2"
        #expect(Set(PolicyRules.ruleset(away).chains.keys) == ["policy-forward"])
    }

    @Test func hostPodsHaveNoPolicy() {
        var p: JSON = Self.pod("x", "10.0.0.1", [:])
        p.spec.hostNetwork = true
        #expect(PolicyPod(p) == nil)
    }

    /// The policy, whether p2 and far may reach p1:8080.
    static let cases: [(String, [JSON], Bool, Bool)] = [
        ("none", [], true, true),
        ("deny all", [ingress()], false, false),
        ("allow all", [ingress([:])], true, true),
        ("by pod label", [ingress(["from": [client]])], true, false),
        ("by other label", [ingress(["from": [["podSelector": ["matchLabels": ["app": "x"]]]]])], false, false),
        ("by namespace", [ingress(["from": [["namespaceSelector": [:]]]])], true, false),
        ("by block", [ingress(["from": [["ipBlock": ["cidr": "192.0.2.0/24"]]]])], false, true),
        (
            "by block but one",
            [ingress(["from": [["ipBlock": ["cidr": "0.0.0.0/0", "except": ["10.244.1.3/32"]]]]])], false, true
        ),
        ("by port", [ingress(["ports": [["port": 8080]]])], true, true),
        ("by other port", [ingress(["ports": [["port": 81]]])], false, false),
        ("by range", [ingress(["ports": [["port": 8000, "endPort": 9000]]])], true, true),
        ("by named port", [ingress(["from": [client], "ports": [["port": "http"]]])], true, false),
        ("by udp", [ingress(["ports": [["port": 8080, "protocol": "UDP"]]])], false, false),
        ("egress denied", [policy(["podSelector": [:], "policyTypes": ["Egress"]])], false, true),
        (
            "egress to pods",
            [
                policy([
                    "podSelector": [:], "policyTypes": ["Egress"],
                    "egress": [["to": [toWeb], "ports": [["port": "http"]]]],
                ])
            ],
            true, true
        ),
    ]

    @Test(.enabled(if: getuid() == 0 && Command.find("socat") != nil), .timeLimit(.minutes(2)))
    func kernelDoesWhatPoliciesSay() async throws {
        var world: World = try await World.create()
        do {
            try await world.serve("p1")
            let table: Table = Table(name: "apus-policy")
            let filter: PacketFilter = Kernel.packetFilter(in: world.space("node"))
            var old: Ruleset = Ruleset()
            for (name, policies, fromPod, fromFar) in Self.cases {
                var view: PolicyView = Self.view()
                for p in policies { view.policies[ObjectKey(of: p)] = p }
                let new: Ruleset = PolicyRules.ruleset(view)
                let isFirst: Bool = old == Ruleset()
                if let t: JSON = isFirst ? table.rewrite(new) : table.transaction(from: old, to: new) {
                    try await filter(t)
                }
                old = new
                #expect(try await world.reaches("p2", "10.244.1.2", 8080) == fromPod, "\(name) from a pod")
                #expect(try await world.reaches("far", "10.244.1.2", 8080) == fromFar, "\(name) from outside")
                // The node's probes always pass.
                #expect(try await world.reaches("node", "10.244.1.2", 8080), "\(name) from the node")
            }
        } catch {
            await world.delete()
            throw error
        }
        await world.delete()
    }
}
