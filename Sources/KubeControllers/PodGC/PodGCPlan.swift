// Pods that nobody else will remove: those of gone nodes, unscheduled ones that end, too many finished ones. Pure.

import KubeBase
import KubeWire

struct PodGCView: Sendable {
    var pods: [JSON]
    /// Nodes by name.
    var nodes: [String: JSON]
    /// When each absent node was first missed.
    var missedSince: [String: Timestamp]
    var terminatedMax: Int
    var now: Timestamp
}

struct PodGCPlan: Sendable {
    /// How long a node must be absent before its pods are removed: it may only be late to register.
    static let quarantine: Duration = .seconds(40)

    /// To be marked Failed with this condition first, when not terminal.
    struct Removal: Sendable {
        var pod: JSON
        var message: String?
    }
    var remove: [Removal] = []
    /// Absent nodes, to be missed from now on.
    var missing: Set<String> = []
    /// Nodes to ask the API about before `remove` is carried out: the cache may be late.
    var next: Duration?

    static func make(_ view: PodGCView) -> PodGCPlan {
        var plan: PodGCPlan = PodGCPlan()
        var finished: [JSON] = []
        for pod in view.pods {
            let node: String = pod.spec.nodeName.text
            let isDeleting: Bool = pod.metadata.deletionTimestamp.exists
            if node.isEmpty {
                if isDeleting { plan.remove.append(Removal(pod: pod, message: nil)) }
            } else if let known = view.nodes[node] {
                if isDeleting, isOutOfService(known) {
                    plan.remove.append(Removal(pod: pod, message: "PodGC: node is out of service"))
                }
            } else {
                plan.missing.insert(node)
                let since: Timestamp = view.missedSince[node] ?? view.now
                let left: Duration = (since + quarantine) - view.now
                if left <= .zero {
                    plan.remove.append(Removal(pod: pod, message: "PodGC: node no longer exists"))
                } else {
                    plan.next = min(plan.next ?? left, left)
                }
            }
            if Pod.isTerminal(pod), !isDeleting { finished.append(pod) }
        }
        if view.terminatedMax > 0, finished.count > view.terminatedMax {
            let removed: Set<String> = Set(plan.remove.map { $0.pod.metadata.uid.text })
            let oldest: [JSON] = finished.sorted { a, b in
                let (x, y): (String, String) = (a.metadata.creationTimestamp.text, b.metadata.creationTimestamp.text)
                return x == y ? a.metadata.name.text < b.metadata.name.text : x < y
            }
            for pod in oldest.prefix(finished.count - view.terminatedMax) where !removed.contains(pod.metadata.uid.text)
            {
                plan.remove.append(Removal(pod: pod, message: nil))
            }
        }
        return plan
    }

    private static func isOutOfService(_ node: JSON) -> Bool {
        NodePlan.ready(node) != "True"
            && node.spec.taints.elements.contains { $0.key.text == "node.kubernetes.io/out-of-service" }
    }
}
