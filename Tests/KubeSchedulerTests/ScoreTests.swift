// Among nodes that fit, which is taken.

import KubeScheduler
import KubeWire
import Testing

@Suite struct ScoreTests {
    @Test func emptierNodeWins() {
        var b: Bench = Bench(
            nodes: [Sample.node("n1"), Sample.node("n2")], pods: [Sample.pod("a", cpu: "2", memory: "4Gi", node: "n1")])
        #expect(b.schedule(Sample.pod("p", cpu: "100m")) == "p → n2")
    }

    @Test func replicasAreSharedOut() {
        var b: Bench = Bench(nodes: (1...3).map { Sample.node("n\($0)") })
        var counts: [Substring: Int] = [:]
        for i in 0..<9 { counts[b.schedule(Sample.pod("p\(i)")).suffix(2), default: 0] += 1 }
        #expect(counts == ["n1": 3, "n2": 3, "n3": 3])
    }

    @Test func preferredNodeAffinity() {
        let affinity: JSON = [
            "nodeAffinity": [
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    [
                        "weight": 50,
                        "preference": ["matchExpressions": [["key": "disk", "operator": "In", "values": ["ssd"]]]],
                    ]
                ]
            ]
        ]
        var b: Bench = Bench(nodes: [Sample.node("n1"), Sample.node("n2", labels: ["disk": "ssd"]), Sample.node("n3")])
        #expect(b.schedule(Sample.pod("p", ["affinity": affinity])) == "p → n2")
    }

    @Test func preferNoSchedule() {
        var b: Bench = Bench(nodes: [
            Sample.node("n1", taints: [["key": "k", "effect": "PreferNoSchedule"]]), Sample.node("n2"),
        ])
        #expect(b.schedule(Sample.pod("p")) == "p → n2")
    }

    @Test func imageHolderWins() {
        var node: JSON = Sample.node("n2")
        node.status.images = [["names": ["web:latest"], "sizeBytes": 800_000_000]]
        var b: Bench = Bench(nodes: [Sample.node("n1"), node])
        #expect(b.schedule(Sample.pod("p")) == "p → n2")
    }

    @Test func preferredPodAffinity() {
        func spec(_ kind: String) -> JSON {
            var s: JSON = [:]
            s.affinity[kind].preferredDuringSchedulingIgnoredDuringExecution = [
                [
                    "weight": 100,
                    "podAffinityTerm": [
                        "topologyKey": "kubernetes.io/hostname", "labelSelector": ["matchLabels": ["app": "db"]],
                    ],
                ]
            ]
            return s
        }
        for (kind, node) in [("podAffinity", "n1"), ("podAntiAffinity", "n2")] {
            var b: Bench = Bench(
                nodes: [Sample.node("n1"), Sample.node("n2")],
                pods: [Sample.pod("a", labels: ["app": "db"], node: "n1")])
            #expect(b.schedule(Sample.pod("p", spec(kind))) == "p → \(node)")
        }
    }

    @Test func defaultSpreadByOwner() {
        // n2 is far bigger, yet pods of one Service do not all go there.
        var b: Bench = Bench(nodes: [Sample.node("n1", cpu: "4"), Sample.node("n2", cpu: "6", memory: "12Gi")])
        let service: JSON = ["metadata": ["name": "s", "namespace": "default"], "spec": ["selector": ["app": "web"]]]
        b.brain.on(owner: "services", nil, service, hasLabelSelector: false)
        var counts: [Substring: Int] = [:]
        for i in 0..<4 {
            counts[b.schedule(Sample.pod("p\(i)", labels: ["app": "web"])).suffix(2), default: 0] += 1
        }
        #expect(counts == ["n1": 2, "n2": 2])
    }
}
