// Each filter's yes and no, by the message that users see.

import KubeScheduler
import KubeWire
import Testing

@Suite struct FilterTests {
    static let unhelpful: String = "Preemption is not helpful for scheduling."
    static let noVictims: String = "No preemption victims found for incoming pod."

    func rejection(_ reasons: String, _ preemption: String, of count: Int = 1) -> String {
        "p: 0/\(count) nodes are available: \(reasons). preemption: 0/\(count) nodes are available: \(count) \(preemption)"
    }

    @Test func roomIsCounted() {
        var b: Bench = Bench(nodes: [Sample.node("n1", cpu: "2")], pods: [Sample.pod("a", cpu: "1500m", node: "n1")])
        #expect(b.schedule(Sample.pod("p", cpu: "501m")) == rejection("1 Insufficient cpu", Self.noVictims))
        #expect(b.schedule(Sample.pod("q", cpu: "500m")) == "q → n1")
        #expect(b.schedule(Sample.pod("r", cpu: "1m")).hasPrefix("r: 0/1 nodes are available: 1 Insufficient cpu."))
    }

    @Test func moreThanTheNodeHasIsHopeless() {
        var b: Bench = Bench(nodes: [Sample.node("n1", cpu: "2", memory: "1Gi")])
        #expect(
            b.schedule(Sample.pod("p", cpu: "3", memory: "2Gi"))
                == rejection("1 Insufficient cpu, 1 Insufficient memory", Self.unhelpful))
    }

    @Test func podsAreCounted() {
        var b: Bench = Bench(nodes: [Sample.node("n1", pods: 1)], pods: [Sample.pod("a", node: "n1")])
        #expect(b.schedule(Sample.pod("p")) == rejection("1 Too many pods", Self.noVictims))
    }

    @Test func extendedResources() {
        var gpu: JSON = Sample.pod("p")
        gpu.spec.containers[0].resources.requests["example.com/gpu"] = "1"
        var b: Bench = Bench(nodes: [Sample.node("n1")])
        #expect(b.schedule(gpu) == rejection("1 Insufficient example.com/gpu", Self.unhelpful))
        var node: JSON = Sample.node("n2")
        node.status.allocatable["example.com/gpu"] = "1"
        b.add(node: node)
        #expect(b.outcome() == "p → n2")
    }

    @Test func noNodes() {
        var b: Bench = Bench()
        #expect(b.schedule(Sample.pod("p")) == "p: no nodes available to schedule pods")
        b.add(node: Sample.node("n1"))
        #expect(b.outcome() == "p → n1")
    }

    static let cases: [(JSON, JSON, String)] = [
        (
            Sample.node("n1", taints: [["key": "k", "value": "v", "effect": "NoSchedule"]]), [:],
            "node(s) had untolerated taint {k: v}"
        ),
        (Sample.node("n1", ["unschedulable": true]), [:], "node(s) were unschedulable"),
        (
            Sample.node("n1"), ["nodeSelector": ["disk": "ssd"]],
            "node(s) didn't match Pod's node affinity/selector"
        ),
        (
            Sample.node("n1"),
            [
                "topologySpreadConstraints": [
                    [
                        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": [:],
                    ]
                ]
            ],
            "node(s) didn't match pod topology spread constraints (missing required label)"
        ),
        (
            Sample.node("n1"),
            [
                "affinity": [
                    "podAffinity": [
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            [
                                "topologyKey": "kubernetes.io/hostname",
                                "labelSelector": ["matchLabels": ["app": "db"]],
                            ]
                        ]
                    ]
                ]
            ],
            "node(s) didn't match pod affinity rules"
        ),
    ]

    @Test(arguments: cases) func hopelessNodes(_ node: JSON, _ spec: JSON, _ reason: String) {
        var b: Bench = Bench(nodes: [node])
        #expect(b.schedule(Sample.pod("p", spec)) == rejection("1 " + reason, Self.unhelpful))
    }

    @Test(
        arguments: [
            ["key": "k", "operator": "Exists"], ["operator": "Exists"],
            ["key": "k", "value": "v", "effect": "NoSchedule"],
        ] as [JSON]) func tolerations(_ toleration: JSON)
    {
        var b: Bench = Bench(nodes: [Sample.node("n1", taints: [["key": "k", "value": "v", "effect": "NoSchedule"]])])
        #expect(b.schedule(Sample.pod("p", ["tolerations": [toleration]])) == "p → n1")
    }

    @Test func reasonsOfSeveralNodes() {
        var b: Bench = Bench(nodes: [
            Sample.node("n1", ["unschedulable": true]), Sample.node("n2", ["unschedulable": true]),
            Sample.node("n3", cpu: "1"),
        ])
        #expect(
            b.schedule(Sample.pod("p", cpu: "2"))
                == "p: 0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. "
                + "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.")
    }

    @Test func nodeAffinityTerms() {
        let affinity: JSON = [
            "nodeAffinity": [
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    "nodeSelectorTerms": [
                        ["matchExpressions": [["key": "gen", "operator": "Gt", "values": ["3"]]]],
                        ["matchFields": [["key": "metadata.name", "operator": "In", "values": ["n2"]]]],
                    ]
                ]
            ]
        ]
        var b: Bench = Bench(nodes: [Sample.node("n1", labels: ["gen": "3"]), Sample.node("n2")])
        #expect(b.schedule(Sample.pod("p", ["affinity": affinity])) == "p → n2")
        var c: Bench = Bench(nodes: [Sample.node("n1", labels: ["gen": "4"]), Sample.node("n3")])
        #expect(c.schedule(Sample.pod("p", ["affinity": affinity])) == "p → n1")
    }

    @Test func hostPorts() {
        func pod(_ name: String, _ ip: String, node: String = "") -> JSON {
            var p: JSON = Sample.pod(name, node: node)
            p.spec.containers[0].ports = [["containerPort": 80, "hostPort": 8080, "hostIP": .string(ip)]]
            return p
        }
        var b: Bench = Bench(nodes: [Sample.node("n1")], pods: [pod("a", "127.0.0.1", node: "n1")])
        #expect(
            b.schedule(pod("p", ""))
                == rejection("1 node(s) didn't have free ports for the requested pod ports", Self.noVictims))
        #expect(b.schedule(pod("q", "127.0.0.2")) == "q → n1")
    }

    static let apart: JSON = [
        "affinity": [
            "podAntiAffinity": [
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    [
                        "topologyKey": "kubernetes.io/hostname", "labelSelector": ["matchLabels": ["app": "web"]],
                    ]
                ]
            ]
        ]
    ]

    @Test func antiAffinityBothWays() {
        let labels: [String: String] = ["app": "web"]
        var b: Bench = Bench(
            nodes: [Sample.node("n1")], pods: [Sample.pod("a", labels: labels, node: "n1", Self.apart)])
        #expect(
            b.schedule(Sample.pod("p", labels: labels))
                == rejection("1 node(s) didn't satisfy existing pods anti-affinity rules", Self.noVictims))
        var c: Bench = Bench(nodes: [Sample.node("n1")], pods: [Sample.pod("a", labels: labels, node: "n1")])
        #expect(
            c.schedule(Sample.pod("p", Self.apart))
                == rejection("1 node(s) didn't match pod anti-affinity rules", Self.noVictims))
    }

    @Test func firstOfItsGroupMayGoAnywhere() {
        let together: JSON = [
            "affinity": [
                "podAffinity": [
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        [
                            "topologyKey": "kubernetes.io/hostname", "labelSelector": ["matchLabels": ["app": "web"]],
                        ]
                    ]
                ]
            ]
        ]
        var b: Bench = Bench(nodes: [Sample.node("n1"), Sample.node("n2")])
        let first: String = b.schedule(Sample.pod("p1", labels: ["app": "web"], together))
        let second: String = b.schedule(Sample.pod("p2", labels: ["app": "web"], together))
        #expect(first.suffix(2) == second.suffix(2))
    }

    @Test func spreadKeepsTheSkew() {
        let spread: JSON = [
            "topologySpreadConstraints": [
                [
                    "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": ["matchLabels": ["app": "web"]],
                ]
            ]
        ]
        var b: Bench = Bench(nodes: [Sample.node("n1"), Sample.node("n2", cpu: "1")])
        var counts: [Substring: Int] = [:]
        for i in 0..<6 {
            counts[b.schedule(Sample.pod("p\(i)", cpu: "10m", labels: ["app": "web"], spread)).suffix(2), default: 0] +=
                1
        }
        #expect(counts == ["n1": 3, "n2": 3])
        #expect(b.schedule(Sample.pod("q", cpu: "2", labels: ["app": "web"], spread)).hasSuffix("→ n1"))
        #expect(
            b.schedule(Sample.pod("r", cpu: "1500m", labels: ["app": "web"], spread)).hasPrefix(
                "r: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints."
            ))
    }

    @Test func claims() {
        let volumes: JSON = ["volumes": [["name": "v", "persistentVolumeClaim": ["claimName": "data"]]]]
        var b: Bench = Bench(nodes: [Sample.node("n1")])
        let suffix: String = " preemption: 0/1 nodes are available: 1 " + Self.unhelpful
        #expect(
            b.schedule(Sample.pod("p", volumes))
                == "p: 0/1 nodes are available: persistentvolumeclaim \"data\" not found." + suffix)
        var claim: JSON = ["metadata": ["name": "data", "namespace": "default"], "spec": ["storageClassName": "x"]]
        b.brain.on(claim: nil, claim, now: b.now)
        #expect(
            b.outcome() == "p: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims." + suffix)
        claim.spec.volumeName = "pv1"
        b.brain.on(claim: nil, claim, now: b.now)
        b.brain.on(volume: nil, ["metadata": ["name": "pv1"]], now: b.now)
        #expect(b.outcome() == "p → n1")
    }
}
