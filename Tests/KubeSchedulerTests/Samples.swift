// Nodes and pods to test with, and a brain that has seen them.

import KubeBase
import KubeModel
import KubeScheduler
import KubeWire

enum Sample {
    static func node(
        _ name: String, cpu: String = "4", memory: String = "8Gi", pods: Int = 110, labels: [String: String] = [:],
        taints: [JSON] = [], _ spec: JSON = [:]
    ) -> JSON {
        var n: JSON = ["apiVersion": "v1", "kind": "Node"]
        n.metadata.name = .string(name)
        n.metadata.labels = JSON(labels.merging(["kubernetes.io/hostname": name]) { a, _ in a })
        n.spec = spec
        if !taints.isEmpty { n.spec.taints = .array(taints) }
        n.status.allocatable = ["cpu": .string(cpu), "memory": .string(memory), "pods": JSON(pods)]
        return n
    }

    static func pod(
        _ name: String, cpu: String = "", memory: String = "", labels: [String: String] = [:], node: String = "",
        priority: Int = 0, _ spec: JSON = [:]
    ) -> JSON {
        var p: JSON = ["apiVersion": "v1", "kind": "Pod"]
        p.metadata = ["name": .string(name), "namespace": "default", "uid": .string("uid-" + name)]
        p.metadata.labels = JSON(labels)
        var container: JSON = ["name": "c", "image": "web"]
        if !cpu.isEmpty { container.resources.requests.cpu = .string(cpu) }
        if !memory.isEmpty { container.resources.requests.memory = .string(memory) }
        p.spec = ["schedulerName": "default-scheduler", "containers": [container], "priority": JSON(priority)]
        if !node.isEmpty { p.spec.nodeName = .string(node) }
        for (key, value) in spec.fields { p.spec[key] = value }
        return p
    }
}

/// A brain with a clock that the test moves.
struct Bench {
    var brain: SchedulerBrain = SchedulerBrain(seed: 7)
    var now: Timestamp = Timestamp(seconds: 1000)

    init(nodes: [JSON] = [], pods: [JSON] = []) {
        for n in nodes { add(node: n) }
        for p in pods { add(pod: p) }
    }

    mutating func add(node: JSON) { brain.on(node: nil, node, now: now) }
    mutating func add(pod: JSON) { brain.on(pod: nil, pod, now: now) }

    mutating func next() -> Decision? { brain.next(now: now) }

    /// `web → n1`, `web: 0/1 nodes …`, `none`
    mutating func outcome() -> String {
        switch next() {
        case nil: "none"
        case .bind(let pod, let node): "\(pod.key.name) → \(node)"
        case .reject(let pod, let message, nil): "\(pod.key.name): \(message)"
        case .reject(let pod, _, let victims?):
            "\(pod.key.name) evicts \(victims.pods.map { $0.key.name }.joined(separator: ",")) on \(victims.node)"
        }
    }

    /// Adds the pod and says what became of it.
    mutating func schedule(_ pod: JSON) -> String {
        add(pod: pod)
        return outcome()
    }
}
