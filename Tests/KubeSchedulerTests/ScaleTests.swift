// How the brain's cost grows with the cluster. Prints; asserts nothing about this machine's speed.

import KubeScheduler
import KubeWire
import Testing

@Suite(.serialized) struct ScaleTests {
    @Test(
        .timeLimit(.minutes(2)),
        arguments: [
            (100, 200, false), (100, 200, true), (1000, 50, true),
        ])
    func brain(_ nodes: Int, _ pods: Int, _ hasOwner: Bool) {
        var b: Bench = Bench(
            nodes: (0..<nodes).map {
                Sample.node("n\($0)", cpu: "64", memory: "256Gi", labels: ["topology.kubernetes.io/zone": "z\($0 % 3)"])
            })
        if hasOwner {
            let service: JSON = [
                "metadata": ["name": "s", "namespace": "default"], "spec": ["selector": ["app": "web"]],
            ]
            b.brain.on(owner: "services", nil, service, hasLabelSelector: false)
        }
        for i in 0..<pods { b.add(pod: Sample.pod("p\(i)", cpu: "10m", labels: ["app": "web"])) }
        let start: ContinuousClock.Instant = .now
        var placed: Int = 0
        while case .bind? = b.next() { placed += 1 }
        #expect(placed == pods)
        let microseconds: Int = Int((ContinuousClock.now - start) / .microseconds(1)) / pods
        print("scheduler brain: \(nodes) nodes, \(pods) pods, owner \(hasOwner): \(microseconds) µs a pod")
    }
}
