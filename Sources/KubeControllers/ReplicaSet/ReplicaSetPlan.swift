// How many pods a ReplicaSet (or ReplicationController) lacks or has too many, and what its status says: pure.

import KubeBase
import KubeModel
import KubeWire

struct ReplicaSetView: Sendable {
    var set: JSON
    /// The pods it owns, in any state.
    var pods: [JSON]
    /// Active pods per node of every set with the same owner (a Deployment's).
    var relatedPerNode: [String: Int]
    var now: Timestamp
}

struct ReplicaSetPlan: Sendable {
    /// Pods created or deleted in one go, as upstream's burst.
    static let burst: Int = 500

    var create: Int = 0
    var delete: [JSON] = []

    static func make(_ view: ReplicaSetView) -> ReplicaSetPlan {
        guard !view.set.metadata.deletionTimestamp.exists else { return ReplicaSetPlan() }
        let active: [JSON] = view.pods.filter { Pod.isActive($0) }
        let wanted: Int = view.set.spec.replicas.asInt ?? 1
        if active.count < wanted { return ReplicaSetPlan(create: min(wanted - active.count, burst)) }
        guard active.count > wanted else { return ReplicaSetPlan() }
        let ranked: [(rank: DeletionRank, pod: JSON)] = active.map { pod in
            let doubles: Int = view.relatedPerNode[pod.spec.nodeName.text] ?? 0
            return (DeletionRank(pod, doubles: doubles, now: view.now), pod)
        }.sorted { $0.rank < $1.rank }
        return ReplicaSetPlan(delete: ranked.prefix(min(active.count - wanted, burst)).map { $0.pod })
    }

    /// The status from what is there, and when it must be looked at again because a pod becomes available.
    static func status(
        _ view: ReplicaSetView, failure: (reason: String, message: String)?, reportsTerminating: Bool
    ) -> (status: JSON, next: Duration?) {
        let set: JSON = view.set
        let templateLabels: [String: String] = set.spec.template.metadata.labels.stringMap
        let minReadySeconds: Int = set.spec.minReadySeconds.asInt ?? 0
        var (replicas, labelled, ready, available, terminating): (Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0)
        var next: Duration?
        for pod in view.pods {
            guard Pod.isActive(pod) else {
                if pod.metadata.deletionTimestamp.exists, !Pod.isTerminal(pod) { terminating += 1 }
                continue
            }
            replicas += 1
            let labels: [String: String] = pod.metadata.labels.stringMap
            if templateLabels.allSatisfy({ labels[$0.key] == $0.value }) { labelled += 1 }
            guard Pod.isReady(pod) else { continue }
            ready += 1
            let left: Duration? =
                minReadySeconds == 0
                ? .zero : Pod.availableIn(pod, minReadySeconds: minReadySeconds, now: view.now)
            if left == .zero { available += 1 } else if let left { next = min(next ?? left, left) }
        }
        var status: JSON = [:]
        func count(_ name: String, _ n: Int) { if n > 0 { status[name] = JSON(n) } }
        status.replicas = JSON(replicas)
        count("fullyLabeledReplicas", labelled)
        count("readyReplicas", ready)
        count("availableReplicas", available)
        if reportsTerminating { status.terminatingReplicas = JSON(terminating) }
        status.observedGeneration = set.metadata.generation
        var conditions: [JSON] = set.status.conditions.elements
        if let failure {
            if Conditions.find(conditions, "ReplicaFailure") == nil {
                conditions.append(
                    Conditions.make(
                        "ReplicaFailure", true, reason: failure.reason, message: failure.message, at: view.now))
            }
        } else {
            Conditions.remove(&conditions, "ReplicaFailure")
        }
        if !conditions.isEmpty { status.conditions = .array(conditions) }
        return (status, next)
    }
}
