// Who has to go for a more important pod.

import KubeModel
import KubeScheduler
import KubeWire
import Testing

@Suite struct PreemptionTests {
    @Test func leastImportantVictim() {
        var b: Bench = Bench(
            nodes: [Sample.node("n1", cpu: "2"), Sample.node("n2", cpu: "2")],
            pods: [
                Sample.pod("a", cpu: "2", node: "n1", priority: 5), Sample.pod("b", cpu: "1", node: "n2", priority: 1),
                Sample.pod("c", cpu: "1", node: "n2", priority: 8),
            ])
        #expect(b.schedule(Sample.pod("p", cpu: "1", priority: 10)) == "p evicts b on n2")
    }

    @Test func sparesWhoMayStay() {
        var b: Bench = Bench(
            nodes: [Sample.node("n1", cpu: "3")],
            pods: [
                Sample.pod("a", cpu: "1", node: "n1", priority: 1), Sample.pod("b", cpu: "2", node: "n1", priority: 2),
            ])
        #expect(b.schedule(Sample.pod("p", cpu: "1", priority: 10)) == "p evicts a on n1")
    }

    @Test func budgetsAreRespectedWhereTheyCanBe() {
        var b: Bench = Bench(
            nodes: [Sample.node("n1", cpu: "1"), Sample.node("n2", cpu: "1")],
            pods: [
                Sample.pod("a", cpu: "1", labels: ["app": "db"], node: "n1", priority: 1),
                Sample.pod("b", cpu: "1", node: "n2", priority: 5),
            ])
        b.brain.on(
            budget: nil,
            [
                "metadata": ["name": "db", "namespace": "default"],
                "spec": ["selector": ["matchLabels": ["app": "db"]]], "status": ["disruptionsAllowed": 0],
            ])
        #expect(b.schedule(Sample.pod("p", cpu: "1", priority: 10)) == "p evicts b on n2")
    }

    @Test func neverMeansNever() {
        var b: Bench = Bench(nodes: [Sample.node("n1", cpu: "1")], pods: [Sample.pod("a", cpu: "1", node: "n1")])
        #expect(
            b.schedule(Sample.pod("p", cpu: "1", priority: 9, ["preemptionPolicy": "Never"]))
                == "p: 0/1 nodes are available: 1 Insufficient cpu. "
                + "preemption: not eligible due to preemptionPolicy=Never.")
    }

    @Test func promisedRoomIsKept() {
        let victim: JSON = Sample.pod("a", cpu: "1", node: "n1")
        var b: Bench = Bench(nodes: [Sample.node("n1", cpu: "1")], pods: [victim])
        let p: JSON = Sample.pod("p", cpu: "1", priority: 10)
        #expect(b.schedule(p) == "p evicts a on n1")
        var told: JSON = p
        told.status.nominatedNodeName = "n1"
        b.brain.on(pod: p, told, now: b.now)
        // A less important pod comes while the victim goes: the room is not for it.
        b.add(pod: Sample.pod("q", cpu: "1", priority: 1))
        #expect(b.outcome().hasPrefix("q: 0/1 nodes are available: 1 Insufficient cpu."))
        b.brain.on(pod: victim, nil, now: b.now)
        let outcomes: [String] = [b.outcome(), b.outcome()]
        #expect(outcomes.contains("p → n1") && !outcomes.contains("q → n1"))
    }

    @Test func antiAffinityIsLiftedWithItsPod() {
        var b: Bench = Bench(
            nodes: [Sample.node("n1")],
            pods: [Sample.pod("a", labels: ["app": "web"], node: "n1", FilterTests.apart)])
        #expect(b.schedule(Sample.pod("p", labels: ["app": "web"], priority: 10)) == "p evicts a on n1")
    }
}
