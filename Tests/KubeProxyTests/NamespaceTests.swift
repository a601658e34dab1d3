// The rules against a real kernel: a node and two pods as network namespaces that these tests make and delete.

import Glibc
import KubeOS
@testable import KubeProxy
import KubeWire
import Testing

@Suite(.serialized, .enabled(if: getuid() == 0 && Command.find("socat") != nil && Command.find("ip") != nil))
struct NamespaceTests {
    let network: ProxyNetwork = ProxyNetwork(
        nodeName: "n1", clusterCIDR: "10.244.0.0/16", serviceCIDR: "10.96.0.0/12")

    @Test(.timeLimit(.minutes(2))) func servicesReachTheirEndpoints() async throws {
        var world: World = try await World.create()
        do {
            try await world.serve("p1")
            try await world.serve("p2")
            try await check(world)
        } catch {
            await world.delete()
            throw error
        }
        await world.delete()
    }

    private func check(_ world: World) async throws {
        var brain: ProxyBrain = ProxyBrain(network: network)
        try await world.apply(brain.change())
        let web: JSON = Sample.service("web", "10.96.0.1", port: 80, target: 8080, ["nodePort": 30080])
        let one: JSON = Sample.slice("web", port: 8080, ready: ["10.244.1.2"])
        let both: JSON = Sample.slice("web", port: 8080, ready: ["10.244.1.2", "10.244.1.3"])

        // Unknown service: refused at once.
        #expect(try await world.ask("p1", "10.96.0.77", 80).contains("refused"))
        // No endpoints: refused.
        brain.on(service: nil, web)
        try await world.apply(brain.change())
        #expect(try await world.ask("p2", "10.96.0.1", 80).contains("refused"))
        #expect(try await world.ask("node", "10.96.0.1", 80).contains("refused"))
        #expect(try await world.ask("far", "192.0.2.1", 30080).contains("refused"))

        // One endpoint, asked from a pod (source kept), from itself (hairpin), from the node and from outside.
        brain.on(slice: nil, one)
        try await world.apply(brain.change())
        #expect(try await world.ask("p2", "10.96.0.1", 80) == "p1 10.244.1.3")
        #expect(try await world.ask("p1", "10.96.0.1", 80) == "p1 10.244.1.1")
        #expect(try await world.ask("node", "10.96.0.1", 80) == "p1 10.244.1.1")
        #expect(try await world.ask("far", "192.0.2.1", 30080) == "p1 10.244.1.1")
        #expect(try await world.ask("far", "10.96.0.1", 80) == "p1 10.244.1.1")
        // A port that the Service does not have.
        #expect(try await world.ask("p2", "10.96.0.1", 81).contains("refused"))

        // Two endpoints share the load.
        brain.on(slice: one, both)
        try await world.apply(brain.change())
        #expect(try await world.answers("node", "10.96.0.1", 80, 30).count == 2)

        // Affinity: one client, one endpoint.
        let sticky: JSON = Sample.service(
            "web", "10.96.0.1", port: 80, target: 8080, ["nodePort": 30080, "sessionAffinity": "ClientIP"])
        brain.on(service: web, sticky)
        try await world.apply(brain.change())
        #expect(try await world.answers("node", "10.96.0.1", 80, 12).count == 1)

        // externalTrafficPolicy Local keeps the client's address; without a local endpoint packets are dropped.
        let local: JSON = Sample.service(
            "web", "10.96.0.1", port: 80, target: 8080, ["nodePort": 30080, "externalTrafficPolicy": "Local"])
        brain.on(service: sticky, local)
        brain.on(slice: both, one)
        try await world.apply(brain.change())
        #expect(try await world.ask("far", "192.0.2.1", 30080) == "p1 192.0.2.2")
        let away: JSON = Sample.slice("web", port: 8080, [("10.244.1.3", "n2", ["ready": true])])
        brain.on(slice: one, away)
        try await world.apply(brain.change())
        #expect(try await world.ask("far", "192.0.2.1", 30080).contains("failed"))
        #expect(try await world.ask("p1", "10.96.0.1", 80) == "p2 10.244.1.2")

        // A load balancer's address, open to some.
        for (range, isOpen) in [("192.0.2.0/24", true), ("198.51.100.0/24", false)] {
            var balanced: JSON = Sample.service(
                "web", "10.96.0.1", port: 80, target: 8080,
                ["type": "LoadBalancer", "loadBalancerSourceRanges": [.string(range)]])
            balanced.status.loadBalancer.ingress = [["ip": "203.0.113.5"]]
            brain.on(service: local, balanced)
            try await world.apply(brain.change())
            #expect(try await world.ask("far", "203.0.113.5", 80).hasPrefix("p2 ") == isOpen)
        }
        brain.on(
            service: local, Sample.service("web", "10.96.0.1", port: 80, target: 8080, ["externalIPs": ["203.0.113.6"]])
        )
        try await world.apply(brain.change())
        #expect(try await world.ask("far", "203.0.113.6", 80).hasPrefix("p2 "))

        // internalTrafficPolicy Local: this node has none, silence.
        let inside: JSON = Sample.service(
            "web", "10.96.0.1", port: 80, target: 8080, ["internalTrafficPolicy": "Local"])
        brain.on(service: local, inside)
        try await world.apply(brain.change())
        #expect(try await world.ask("p1", "10.96.0.1", 80).contains("failed"))

        // Gone again; what the increments left is what a fresh write gives.
        brain.on(service: inside, nil)
        brain.on(slice: away, nil)
        try await world.apply(brain.change())
        #expect(try await world.ask("p1", "10.96.0.1", 80).contains("refused"))
        let listed: String = try await world.run("node", "nft list table ip apus-proxy")
        brain.suspect()
        try await world.apply(brain.change())
        #expect(try await world.run("node", "nft list table ip apus-proxy") == listed)
    }

    @Test(.timeLimit(.minutes(1))) func udpFlowsFollowTheirEndpoint() async throws {
        var world: World = try await World.create()
        do {
            try await world.serve("p1")
            try await world.serve("p2")
            var brain: ProxyBrain = ProxyBrain(network: network)
            let first: JSON = Sample.slice("dns", port: 8080, transport: "UDP", ready: ["10.244.1.2"])
            brain.on(service: nil, Sample.service("dns", "10.96.0.3", port: 53, target: 8080, transport: "UDP"))
            brain.on(slice: nil, first)
            try await world.apply(brain.change())
            // The same source port both times: without the clean-up conntrack would keep the dead endpoint.
            // A busy machine gets more time, an idle one need not wait.
            let ask: String =
                "for t in 0.5 2 8; do a=$(echo q | socat -t$t -T$t - UDP:10.96.0.3:53,sourceport=4444);"
                + " [ -z \"$a\" ] || break; done; echo \"$a\""
            #expect(try await world.run("node", ask).hasPrefix("p1 "))
            brain.on(slice: first, Sample.slice("dns", port: 8080, transport: "UDP", ready: ["10.244.1.3"]))
            try await world.apply(brain.change())
            #expect(try await world.run("node", ask).hasPrefix("p2 "))
        } catch {
            await world.delete()
            throw error
        }
        await world.delete()
    }

    @Test(.timeLimit(.minutes(1))) func foreignChangesRaiseTheAlarm() async throws {
        let world: World = try await World.create()
        let table: Table = Table(name: "apus-proxy")
        let filter: PacketFilter = Kernel.packetFilter(in: world.space("node"))
        let alarm: TableAlarm? = try await OwnThread.run(in: world.space("node")) { TableAlarm(table: "apus-proxy") }
        var alarms: AsyncStream<Void>.Iterator? = alarm?.alarms.makeAsyncIterator()
        alarm?.expect()
        try await filter(table.rewrite(BaseRules.ruleset(network)))
        try await world.run("node", "nft flush chain ip apus-proxy services")
        let rang: Void? = await alarms?.next()
        #expect(rang != nil)
        await world.delete()
    }
}
