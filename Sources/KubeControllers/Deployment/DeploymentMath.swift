// The arithmetic of rollouts: surge, unavailability, proportional shares, revisions. Upstream's deployment_util.

import KubeModel
import KubeWire

enum DeploymentMath {
    static let revision: String = "deployment.kubernetes.io/revision"
    static let revisionHistory: String = "deployment.kubernetes.io/revision-history"
    static let desiredReplicas: String = "deployment.kubernetes.io/desired-replicas"
    static let maxReplicas: String = "deployment.kubernetes.io/max-replicas"
    static let templateHash: String = "pod-template-hash"
    /// Characters kept in the revision history annotation.
    static let revisionHistoryLength: Int = 2000
    /// Annotations of a Deployment that its ReplicaSets don't get.
    static let notCopied: Set<String> = [
        "kubectl.kubernetes.io/last-applied-configuration", revision, revisionHistory, desiredReplicas, maxReplicas,
        "deprecated.deployment.rollback.to",
    ]

    static func replicas(_ object: JSON) -> Int { object.spec.replicas.asInt ?? 1 }
    static func isRolling(_ d: JSON) -> Bool { d.spec.strategy.type.text != "Recreate" }

    /// Surge rounds up, unavailability down; both zero would never move, so one pod may then be unavailable.
    static func fenceposts(_ d: JSON) -> (surge: Int, unavailable: Int) {
        let total: Int = replicas(d)
        let rolling: JSON = d.spec.strategy.rollingUpdate
        func scaled(_ value: JSON, up: Bool) -> Int {
            let given: IntOrString = IntOrString(value.exists ? value : "25%") ?? IntOrString("25%")!
            return given.scaled(total: total, roundsUp: up) ?? 0
        }
        let surge: Int = scaled(rolling.maxSurge, up: true)
        let unavailable: Int = scaled(rolling.maxUnavailable, up: false)
        return surge == 0 && unavailable == 0 ? (0, 1) : (surge, unavailable)
    }
    static func maxSurge(_ d: JSON) -> Int { isRolling(d) ? fenceposts(d).surge : 0 }
    static func maxUnavailable(_ d: JSON) -> Int {
        guard isRolling(d), replicas(d) > 0 else { return 0 }
        return min(fenceposts(d).unavailable, replicas(d))
    }

    static func revision(of object: JSON) -> Int { Int(object.metadata.annotations[revision].text) ?? 0 }

    /// The template without the hash label that a ReplicaSet's has.
    static func comparable(_ template: JSON) -> JSON {
        var t: JSON = template
        t.metadata.labels[templateHash] = .null
        return Canonical.form(t)
    }

    /// The replicas of the new set that the strategy allows now.
    static func newSetReplicas(_ d: JSON, all: [JSON], new: JSON) -> Int {
        guard isRolling(d) else { return replicas(d) }
        let current: Int = all.reduce(0) { $0 + replicas($1) }
        let most: Int = replicas(d) + maxSurge(d)
        if current >= most { return replicas(new) }
        return replicas(new) + min(most - current, replicas(d) - replicas(new))
    }

    /// The share of `toAdd` pods (negative: to remove) for one set, of which `added` were given to others.
    static func proportion(_ set: JSON, _ d: JSON, toAdd: Int, added: Int) -> Int {
        guard replicas(set) != 0, toAdd != 0, toAdd != added else { return 0 }
        let share: Int = fraction(set, d)
        let allowed: Int = toAdd - added
        return toAdd > 0 ? min(share, allowed) : max(share, allowed)
    }

    private static func fraction(_ set: JSON, _ d: JSON) -> Int {
        let size: Int = replicas(set)
        if replicas(d) == 0 { return -size }
        let mostNow: Int = replicas(d) + maxSurge(d)
        let mostBefore: Int =
            Int(set.metadata.annotations[maxReplicas].text) ?? d.status.replicas.asInt ?? 0
        guard mostBefore > 0 else { return 0 }
        let scaled: Double = Double(size * mostNow) / Double(mostBefore)
        return Int(scaled.rounded(.toNearestOrAwayFromZero)) - size
    }

    static func older(_ a: JSON, _ b: JSON) -> Bool {
        let (x, y): (String, String) = (a.metadata.creationTimestamp.text, b.metadata.creationTimestamp.text)
        return x == y ? a.metadata.name.text < b.metadata.name.text : x < y
    }
    /// Larger first; equal sizes: newer first when growing, older first when shrinking.
    static func bySize(newerFirst: Bool) -> (JSON, JSON) -> Bool {
        { a, b in
            if replicas(a) != replicas(b) { return replicas(a) > replicas(b) }
            return newerFirst ? older(b, a) : older(a, b)
        }
    }
}
