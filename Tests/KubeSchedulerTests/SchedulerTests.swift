// The shell against a small server: bindings, reports, evictions, and how fast.

import KubeBase
import KubeClient
import KubeModel
import KubeScheduler
import KubeWire
import Testing

@Suite(.serialized) struct SchedulerTests {
    /// Runs a scheduler over `server` while `body` runs.
    func with(_ server: SmallServer, _ body: @Sendable () async throws -> Void) async throws {
        let client: Client = Client(transport: server, fieldManager: "test")
        let informers: InformerSet = InformerSet(client)
        let scheduler: Scheduler = Scheduler(client: client, informers: informers)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await informers.run() }
            group.addTask { try await scheduler.run() }
            try await body()
            group.cancelAll()
        }
    }

    @Test(.timeLimit(.minutes(1))) func bindsReportsAndBindsLater() async throws {
        let server: SmallServer = SmallServer()
        try await with(server) {
            server.put("pods", Sample.pod("p", cpu: "2"))
            let key: ObjectKey = ObjectKey(namespace: "default", name: "p")
            let told: JSON = try await server.wait("pods", key) { !$0.status.conditions.elements.isEmpty }
            let condition: JSON = told.status.conditions[0]
            #expect(
                condition.type == "PodScheduled" && condition.status == "False" && condition.reason == "Unschedulable")
            #expect(condition.message == "no nodes available to schedule pods")
            server.put("nodes", Sample.node("n1", cpu: "1"))
            _ = try await server.wait("pods", key) {
                $0.status.conditions[0].message.text.hasPrefix("0/1 nodes are available: 1 Insufficient cpu.")
            }
            server.put("nodes", Sample.node("n2"))
            let bound: JSON = try await server.wait("pods", key) { !$0.spec.nodeName.text.isEmpty }
            #expect(bound.spec.nodeName == "n2")
            while !server.objects("events").contains(where: { $0.reason == "Scheduled" }) { await Task.yield() }
            let messages: Set<String> = Set(server.objects("events").map { $0.message.text })
            #expect(messages.contains("Successfully assigned default/p to n2"))
            #expect(messages.contains("no nodes available to schedule pods"))
        }
    }

    @Test(.timeLimit(.minutes(1))) func evictsForTheMoreImportant() async throws {
        let server: SmallServer = SmallServer()
        server.put("nodes", Sample.node("n1", cpu: "1"))
        server.put("pods", Sample.pod("small", cpu: "1", node: "n1"))
        try await with(server) {
            server.put("pods", Sample.pod("big", cpu: "1", priority: 100))
            let bound: JSON = try await server.wait("pods", ObjectKey(namespace: "default", name: "big")) {
                !$0.spec.nodeName.text.isEmpty
            }
            #expect(bound.spec.nodeName == "n1" && bound.status.nominatedNodeName == "n1")
            let victim: JSON? = server.patches.first { $0.status.conditions[0].type == "DisruptionTarget" }
            #expect(victim?.status.conditions[0].reason == "PreemptionByScheduler")
            while !server.objects("events").contains(where: { $0.reason == "Preempted" }) { await Task.yield() }
        }
    }

    /// Prints what it measures; fails only when something is very wrong.
    @Test(.timeLimit(.minutes(1))) func latencyAndThroughput() async throws {
        let server: SmallServer = SmallServer()
        for i in 0..<100 { server.put("nodes", Sample.node("n\(i)", cpu: "64", memory: "256Gi")) }
        try await with(server) {
            var latencies: [Duration] = []
            for i in 0..<50 {
                let key: ObjectKey = ObjectKey(namespace: "default", name: "one\(i)")
                let start: ContinuousClock.Instant = .now
                server.put("pods", Sample.pod(key.name, cpu: "10m"))
                _ = try await server.wait("pods", key) { !$0.spec.nodeName.text.isEmpty }
                latencies.append(.now - start)
            }
            latencies.sort()
            let count: Int = 2000
            let start: ContinuousClock.Instant = .now
            for i in 0..<count { server.put("pods", Sample.pod("p\(i)", cpu: "10m")) }
            while server.objects("pods").contains(where: { $0.spec.nodeName.text.isEmpty }) {
                try await Task.sleep(for: .milliseconds(5))
            }
            let seconds: Double = Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000
            print(
                "scheduler: latency p50 \(latencies[25]), max \(latencies[49]); \(count) pods on 100 nodes in \(seconds) s"
            )
            #expect(latencies[25] < .milliseconds(100))
        }
    }
}
