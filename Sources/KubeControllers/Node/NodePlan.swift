// What a node's heartbeats and conditions mean for its status and taints. Pure.

import KubeBase
import KubeWire

enum NodePlan {
    /// Time for a new node to post its first status.
    static let startupGrace: Duration = .seconds(60)
    static let notReady: String = "node.kubernetes.io/not-ready"
    static let unreachable: String = "node.kubernetes.io/unreachable"
    private static let conditionTypes: [String] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"]
    /// Condition → the value at which its taint is set → taint key; all NoSchedule.
    private static let conditionTaints: [(type: String, value: String, key: String)] = [
        ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
        ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
        ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
        ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ]

    /// True, False, Unknown; nil when the node has no such condition yet.
    static func ready(_ node: JSON) -> String? {
        Conditions.find(node.status.conditions.elements, "Ready")?.status.asString
    }

    /// The status of a node that nobody has heard of for the grace period; nil when it says so already.
    static func statusWhenSilent(_ node: JSON, now: Timestamp) -> JSON? {
        var conditions: [JSON] = node.status.conditions.elements
        var isChanged: Bool = false
        for type in conditionTypes {
            if let i = conditions.firstIndex(where: { $0.type.text == type }) {
                guard conditions[i].status.text != "Unknown" else { continue }
                conditions[i].status = "Unknown"
                conditions[i].reason = "NodeStatusUnknown"
                conditions[i].message = "Kubelet stopped posting node status."
                conditions[i].lastTransitionTime = .string(now.rfc3339)
            } else {
                conditions.append([
                    "type": .string(type), "status": "Unknown", "lastHeartbeatTime": node.metadata.creationTimestamp,
                    "lastTransitionTime": .string(now.rfc3339), "reason": "NodeStatusNeverUpdated",
                    "message": "Kubelet never posted node status.",
                ])
            }
            isChanged = true
        }
        guard isChanged else { return nil }
        var status: JSON = node.status
        status.conditions = .array(conditions)
        return status
    }

    /// The taints the node must have; others' taints stay. `evicts` false holds back NoExecute: when no node is ready,
    /// the fault is more likely ours than theirs.
    static func taints(_ node: JSON, evicts: Bool, now: Timestamp) -> [JSON] {
        var wanted: [(key: String, effect: String)] = []
        switch ready(node) {
        case "True": break
        case nil: wanted.append((notReady, "NoSchedule"))
        case "False":
            wanted.append((notReady, "NoSchedule"))
            if evicts { wanted.append((notReady, "NoExecute")) }
        default:
            wanted.append((unreachable, "NoSchedule"))
            if evicts { wanted.append((unreachable, "NoExecute")) }
        }
        for (type, value, key) in conditionTaints
        where Conditions.find(node.status.conditions.elements, type)?.status.text == value {
            wanted.append((key, "NoSchedule"))
        }
        if node.spec.unschedulable.isTrue { wanted.append(("node.kubernetes.io/unschedulable", "NoSchedule")) }

        let owned: Set<String> = Set(
            [notReady, unreachable, "node.kubernetes.io/unschedulable"] + conditionTaints.map { $0.key })
        var taints: [JSON] = node.spec.taints.elements.filter { taint in
            !owned.contains(taint.key.text) || wanted.contains { $0 == (taint.key.text, taint.effect.text) }
                || (taint.effect.text != "NoSchedule" && taint.effect.text != "NoExecute")
        }
        for (key, effect) in wanted
        where !taints.contains(where: { $0.key.text == key && $0.effect.text == effect }) {
            var taint: JSON = ["key": .string(key), "effect": .string(effect)]
            taint.timeAdded = .string(now.rfc3339)
            taints.append(taint)
        }
        return taints
    }
}

/// When each node was last heard of, by our own clock: a node's clock may be wrong.
struct NodeHeartbeats: Sendable {
    private struct Heard {
        var lease: String = ""
        var status: String = ""
        var at: Timestamp
    }
    private var heard: [String: Heard] = [:]

    mutating func lease(_ node: String, renewed: String, now: Timestamp) {
        guard heard[node]?.lease != renewed else { return }
        heard[node, default: Heard(at: now)].lease = renewed
        heard[node]!.at = now
    }
    /// A status is a heartbeat only when it comes from the node: the time it writes changes.
    mutating func status(_ node: String, beat: String, now: Timestamp) {
        guard heard[node] == nil || heard[node]!.status != beat else { return }
        heard[node, default: Heard(at: now)].status = beat
        heard[node]!.at = now
    }
    mutating func remove(_ node: String) { heard[node] = nil }
    /// Zero or negative: silent for longer than `grace`.
    func timeLeft(_ node: String, grace: Duration, now: Timestamp) -> Duration {
        guard let at = heard[node]?.at else { return grace }
        return (at + grace) - now
    }
}
