// metrics.k8s.io: from the agents' text to rates, and what the server asks of whom.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeServer
import KubeWire
import Synchronization
import Testing

@testable import KubeResources

@Suite struct MetricsTests {
    private static let text: String = """
        # HELP container_cpu_usage_seconds_total [STABLE] …
        # TYPE container_cpu_usage_seconds_total counter
        container_cpu_usage_seconds_total{container="a",namespace="ns",pod="p"} 2.5 20000
        container_memory_working_set_bytes{container="a",namespace="ns",pod="p"} 4096 20000
        container_start_time_seconds{container="a",namespace="ns",pod="p"} 5.5
        node_cpu_usage_seconds_total 1e-05 20001
        node_memory_working_set_bytes 8192 20001
        broken{x="
        odd{label="a\\"b,c}"} NaN
        """

    @Test func readsTheAgentsText() {
        let s: NodeSample = NodeSample(prometheus: Self.text)
        #expect(s.node.cpuNanoseconds == 10_000)
        #expect(s.node.cpuTakenAt == Timestamp(nanoseconds: 20_001_000_000))
        #expect(s.node.workingSetBytes == 8192)
        let c: NodeSample.Usage? = s.pods[NodeSample.PodKey(namespace: "ns", name: "p")]?["a"]
        #expect(c?.cpuNanoseconds == 2_500_000_000)
        #expect(c?.startedAt == Timestamp(nanoseconds: 5_500_000_000))
        #expect(s.pods.count == 1)
    }

    private func usage(_ cpu: Double, at: Double, startedAt: Double = 0) -> NodeSample.Usage {
        func time(_ s: Double) -> Timestamp { Timestamp(nanoseconds: Int64(s * 1e9)) }
        return NodeSample.Usage(
            cpuNanoseconds: UInt64(cpu * 1e9), cpuTakenAt: time(at), workingSetBytes: 1 << 20,
            startedAt: time(startedAt))
    }

    @Test func measuresRates() {
        let key: NodeSample.PodKey = NodeSample.PodKey(namespace: "ns", name: "p")
        var older: NodeSample = NodeSample()
        var newer: NodeSample = NodeSample()
        (older.node, newer.node) = (usage(10, at: 100), usage(14, at: 110))
        older.pods[key] = ["kept": usage(1, at: 100), "restarted": usage(9, at: 100)]
        newer.pods[key] = [
            "kept": usage(3, at: 110), "restarted": usage(1, at: 110, startedAt: 105),
        ]
        var window: UsageWindow = UsageWindow(older: older, newer: newer)
        #expect(window.node?.cpuNanoCores == 400_000_000)
        #expect(window.pod(key)?["kept"]?.cpuNanoCores == 200_000_000)
        #expect(window.pod(key)?["restarted"]?.cpuNanoCores == 200_000_000)
        #expect(window.pod(key)?["restarted"]?.window == .seconds(5))
        // A pod is told whole or not at all.
        window.newer.pods[key]!["young"] = usage(0, at: 110, startedAt: 109.5)
        #expect(window.pod(key) == nil)
        #expect(UsageWindow.canStart(older, end: Timestamp(seconds: 159)))
        #expect(!UsageWindow.canStart(older, end: Timestamp(seconds: 160)))
        #expect(!UsageWindow.canStart(older, end: Timestamp(nanoseconds: 100_900_000_000)))
    }

    @Test func servesNodesAndPods() async throws {
        let agents: FakeAgents = FakeAgents()
        let s: TestServer = try await TestServer.start(nodeAgents: agents)
        let nodes: GroupVersionResource = GroupVersionResource("metrics.k8s.io/v1beta1", "nodes")
        let pods: GroupVersionResource = GroupVersionResource("metrics.k8s.io/v1beta1", "pods")
        for name in ["good", "mute"] {
            _ = try await s.create(
                API.nodes, "", ["kind": "Node", "apiVersion": "v1", "metadata": ["name": .string(name)]])
        }
        for name in ["p", "q"] {
            let pod: JSON = [
                "kind": "Pod", "apiVersion": "v1",
                "metadata": ["name": .string(name), "labels": ["app": .string(name)]],
                "spec": ["nodeName": "good", "containers": [["name": "a", "image": "x"]]],
            ]
            _ = try await s.create(API.pods, "default", pod)
            try await s.server.registry.update(API.pods, namespace: "default", name: name) { pod in
                pod.status.phase = "Running"
                return true
            }
        }
        async let first: JSON = s.call(.list, nodes)
        async let second: JSON = s.call(.list, pods, "default")
        let (n, p): (JSON, JSON) = try await (first, second)
        // One window of two samples serves both; the node that fails is left out.
        #expect(agents.count("good") == 2)
        #expect(n.kind == "NodeMetricsList")
        #expect(n["items"].elements.map { $0.metadata.name.text } == ["good"])
        #expect(p["items"].elements.map { $0.metadata.name.text } == ["p"])
        #expect(p["items"][0].containers[0].usage.memory == "4Ki")
        #expect(p["items"][0].metadata.labels.app == "p")
        let none: JSON = try await s.call(.list, pods, "default", query: ["labelSelector": "app=q"])
        #expect(none["items"].elements.isEmpty)
        #expect(agents.count("good") == 2)
        let noPod: StatusError? = await s.failure { () throws(StatusError) in
            try await s.call(.get, pods, "default", "z")
        }
        #expect(noPod?.message == "pods \"z\" not found")
        let unmeasured: StatusError? = await s.failure { () throws(StatusError) in
            try await s.call(.get, pods, "default", "q")
        }
        #expect(unmeasured?.message == "podmetrics.metrics.k8s.io \"default/q\" not found")
        let mute: StatusError? = await s.failure { () throws(StatusError) in
            try await s.call(.get, nodes, "", "mute")
        }
        #expect(mute?.message == "nodemetrics.metrics.k8s.io \"mute\" not found")
    }
}

/// One agent that counts up, one that fails.
private final class FakeAgents: NodeAgentDialer {
    private let asked: Mutex<[String: Int]> = Mutex([:])
    func count(_ node: String) -> Int { asked.withLock { $0[node] ?? 0 } }

    func forward(_ request: HTTPRequest, node: JSON) async throws(StatusError) -> HTTPResponse {
        let name: String = node.metadata.name.text
        let n: Int = asked.withLock { a in
            a[name, default: 0] += 1
            return a[name]!
        }
        guard name == "good", request.path == "/metrics/resource" else { throw .internalError("no such agent") }
        let at: Int64 = Timestamp.now.nanoseconds / 1_000_000
        let labels: String = "{container=\"a\",namespace=\"default\",pod=\"p\"}"
        let text: String = """
            node_cpu_usage_seconds_total \(n) \(at)
            node_memory_working_set_bytes 8192 \(at)
            container_cpu_usage_seconds_total\(labels) \(n) \(at)
            container_memory_working_set_bytes\(labels) 4096 \(at)
            container_start_time_seconds\(labels) 1
            """
        return HTTPResponse(contentType: "text/plain", Array(text.utf8))
    }
}
