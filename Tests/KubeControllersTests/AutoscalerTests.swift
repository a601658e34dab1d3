// Replica counts from usage, and how fast they may change.

import KubeBase
import KubeWire
import Testing

@testable import KubeControllers

@Suite struct AutoscalerTests {
    private let now: Timestamp = Timestamp(seconds: 1_700_000_000)

    private func pod(_ name: String, ready: Bool = true, phase: String = "Running", request: String? = "1") -> JSON {
        var p: JSON = ["metadata": ["name": .string(name)]]
        p.spec.containers = [["name": "c"]]
        if let request { p.spec.containers[0].resources.requests.cpu = .string(request) }
        p.status.phase = .string(phase)
        p.status.startTime = .string((now - .seconds(3600)).rfc3339)
        p.status.conditions = [
            [
                "type": "Ready", "status": ready ? "True" : "False",
                "lastTransitionTime": .string((now - .seconds(3600)).rfc3339),
            ]
        ]
        return p
    }
    private func answer(
        _ use: [Int64?], target: ReplicaCalculator.Target = .utilization(50), pods change: ([JSON]) -> [JSON] = { $0 }
    ) throws -> Int {
        let pods: [JSON] = use.indices.map { pod("p\($0)") }
        var samples: [String: PodSample] = [:]
        for (i, milli) in use.enumerated() {
            if let milli { samples["p\(i)"] = PodSample(milli: milli, at: now, windowSeconds: 30) }
        }
        return try ReplicaCalculator(
            resource: "cpu", target: target, current: use.count, pods: change(pods), samples: samples, now: now
        ).answer().replicas
    }

    @Test func ratios() throws {
        #expect(try answer([1000, 1000]) == 4)
        #expect(try answer([540, 540]) == 2)
        #expect(try answer([100, 100, 100, 100]) == 1)
        #expect(try answer([300, 600, 900], target: .averageValue(300)) == 6)
    }

    @Test func podsWithoutSamplesHoldBack() throws {
        // 900 of 1000 on one, nothing known of the other: taken as 0 → 45 %, within tolerance.
        #expect(try answer([900, nil]) == 2)
        // Shrinking: the unknown one is taken at its whole request.
        #expect(try answer([50, 50, nil]) == 3)
    }

    @Test func unreadyPodsHoldGrowthBack() throws {
        let grown: Int = try answer([1000, 1000, nil]) { pods in
            var p: [JSON] = pods
            p[2].status.phase = "Pending"
            return p
        }
        #expect(grown == 4)
    }

    @Test func missingRequestIsAnError() {
        #expect(throws: ReplicaCalculator.Failure.self) {
            try answer([100]) { pods in pods.map { _ in pod("p0", request: nil) } }
        }
    }

    @Test func speedIsLimited() {
        var memory: ScalingMemory = ScalingMemory()
        let hpa: JSON = ["spec": ["minReplicas": 2, "maxReplicas": 50]]
        func decide(_ current: Int, _ wanted: Int, after: Int64 = 0) -> ScalingBehavior.Decision {
            ScalingBehavior.decide(hpa, current: current, recommended: wanted, &memory, now: now + .seconds(after))
        }
        let up: ScalingBehavior.Decision = decide(3, 40)
        #expect(up.replicas == 7)
        #expect(up.limited.reason == "ScaleUpLimit")
        memory.changed(from: 3, to: 7, at: now)
        #expect(decide(7, 40, after: 1).replicas == 7)
        #expect(decide(7, 40, after: 16).replicas == 14)
        let held: ScalingBehavior.Decision = decide(14, 3, after: 60)
        #expect(held.replicas == 14)
        #expect(held.able.reason == "ScaleDownStabilized")
        let down: ScalingBehavior.Decision = decide(14, 1, after: 400)
        #expect(down.replicas == 2)
        #expect(decide(14, 1, after: 900).replicas == 2)
        #expect(decide(60, 60, after: 1000).replicas == 50)
    }
}
