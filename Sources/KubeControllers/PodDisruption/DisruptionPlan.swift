// How many pods of a budget may be disrupted now. Pure.

import KubeBase
import KubeModel
import KubeWire

struct DisruptionView: Sendable {
    var budget: JSON
    /// Pods that the selector matches.
    var pods: [JSON]
    /// Replicas that the pods' controllers want, once per controller; nil: some pod has no known scale.
    var expectedScale: Int?
    var now: Timestamp
}

enum DisruptionPlan {
    /// How long an eviction may take to show before it is forgotten.
    static let deletionTimeout: Duration = .seconds(120)

    /// The status, and when a remembered eviction times out.
    static func status(_ view: DisruptionView) -> (status: JSON, next: Duration?) {
        let budget: JSON = view.budget
        var status: JSON = budget.status
        var conditions: [JSON] = status.conditions.elements
        func condition(_ isTrue: Bool, _ reason: String, _ message: String) {
            var c: JSON = Conditions.make("DisruptionAllowed", isTrue, reason: reason, message: message, at: view.now)
            c.observedGeneration = budget.metadata.generation
            Conditions.set(&conditions, c)
        }
        guard let (expected, desired) = counts(view) else {
            condition(false, "SyncFailed", "found no controllers for the selected pods, or they have no scale")
            status.conditions = .array(conditions)
            status.disruptionsAllowed = 0
            return (status, nil)
        }
        var next: Duration?
        var disrupted: JSON = [:]
        var names: Set<String> = []
        for (name, at) in budget.status.disruptedPods.fields {
            guard let pod = view.pods.first(where: { $0.metadata.name.text == name }),
                !pod.metadata.deletionTimestamp.exists, let time = at.asString.flatMap({ Timestamp(rfc3339: $0) })
            else { continue }
            let left: Duration = (time + deletionTimeout) - view.now
            if left <= .zero { continue }
            disrupted[name] = at
            names.insert(name)
            next = min(next ?? left, left)
        }
        let healthy: Int = view.pods.filter {
            Pod.isReady($0) && !$0.metadata.deletionTimestamp.exists && !names.contains($0.metadata.name.text)
        }.count
        let allowed: Int = expected <= 0 ? 0 : max(0, healthy - desired)
        status.disruptionsAllowed = JSON(allowed)
        status.currentHealthy = JSON(healthy)
        status.desiredHealthy = JSON(desired)
        status.expectedPods = JSON(expected)
        status.disruptedPods = disrupted.fields.isEmpty ? .null : disrupted
        status.observedGeneration = budget.metadata.generation
        if allowed > 0 { condition(true, "SufficientPods", "") } else { condition(false, "InsufficientPods", "") }
        status.conditions = .array(conditions)
        return (status, next)
    }

    private static func counts(_ view: DisruptionView) -> (expected: Int, desired: Int)? {
        let spec: JSON = view.budget.spec
        if spec.maxUnavailable.exists {
            guard let expected = view.expectedScale,
                let most = IntOrStringValue.scaled(spec.maxUnavailable, of: expected)
            else { return nil }
            return (expected, max(0, expected - most))
        }
        if let n = spec.minAvailable.asInt { return (view.pods.count, n) }
        guard spec.minAvailable.exists else { return (view.pods.count, 1) }
        guard let expected = view.expectedScale, let least = IntOrStringValue.scaled(spec.minAvailable, of: expected)
        else {
            return nil
        }
        return (expected, least)
    }
}
