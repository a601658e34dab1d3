// How fast an autoscaler may move: stabilization windows, policies, bounds. Pure, with a memory of what was done.

import KubeBase
import KubeWire

struct ScalingMemory: Sendable {
    var recommendations: [(at: Timestamp, replicas: Int)] = []
    /// Replicas added, and replicas removed.
    var ups: [(at: Timestamp, count: Int)] = []
    var downs: [(at: Timestamp, count: Int)] = []
    private static let kept: Duration = .seconds(3600)

    mutating func changed(from: Int, to: Int, at now: Timestamp) {
        if to > from { ups.append((now, to - from)) }
        if to < from { downs.append((now, from - to)) }
        ups.removeAll { $0.at + Self.kept < now }
        downs.removeAll { $0.at + Self.kept < now }
    }
}

enum ScalingBehavior {
    struct Decision: Sendable, Equatable {
        var replicas: Int
        /// Condition ScalingLimited.
        var limited: (isTrue: Bool, reason: String, message: String)
        /// Condition AbleToScale, when stabilization held the count.
        var able: (reason: String, message: String)

        static func == (a: Decision, b: Decision) -> Bool {
            a.replicas == b.replicas && a.limited.reason == b.limited.reason
        }
    }

    private static let defaultUp: [JSON] = [
        ["type": "Pods", "value": 4, "periodSeconds": 15], ["type": "Percent", "value": 100, "periodSeconds": 15],
    ]
    private static let defaultDown: [JSON] = [["type": "Percent", "value": 100, "periodSeconds": 15]]

    static func decide(
        _ hpa: JSON, current: Int, recommended: Int, _ memory: inout ScalingMemory, now: Timestamp
    ) -> Decision {
        let (up, down): (JSON, JSON) = (hpa.spec.behavior.scaleUp, hpa.spec.behavior.scaleDown)
        let (least, most): (Int, Int) = (hpa.spec.minReplicas.asInt ?? 1, hpa.spec.maxReplicas.asInt ?? 1)
        var able: (String, String) = ("ReadyForNewScale", "recommended size matches current size")
        let wanted: Int = stabilize(up, down, current: current, recommended, &memory, now)
        if wanted > recommended {
            able = (
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation"
            )
        } else if wanted < recommended {
            able = (
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation"
            )
        }
        var limited: (Bool, String, String) = (
            false, "DesiredWithinRange", "the desired count is within the acceptable range"
        )
        var result: Int = wanted
        if wanted > current {
            let rate: Int = limit(up, defaultUp, current, memory.ups, memory.downs, isUp: true, now)
            let cap: Int = min(rate, most)
            if wanted > cap {
                result = max(cap, min(current, most))
                limited =
                    cap == most
                    ? (true, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
                    : (
                        true, "ScaleUpLimit",
                        "the desired replica count is increasing faster than the maximum scale rate"
                    )
            }
        } else if wanted < current {
            let rate: Int = limit(down, defaultDown, current, memory.ups, memory.downs, isUp: false, now)
            let floor: Int = max(rate, least)
            if wanted < floor {
                result = min(floor, max(current, least))
                limited =
                    floor == least
                    ? (true, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
                    : (
                        true, "ScaleDownLimit",
                        "the desired replica count is decreasing faster than the maximum scale rate"
                    )
            }
        }
        if result < least {
            result = least
            limited = (true, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
        } else if result > most {
            result = most
            limited = (true, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
        }
        return Decision(replicas: result, limited: limited, able: able)
    }

    /// Upwards the lowest, downwards the highest recommendation of its window.
    private static func stabilize(
        _ up: JSON, _ down: JSON, current: Int, _ recommended: Int, _ memory: inout ScalingMemory, _ now: Timestamp
    ) -> Int {
        let upWindow: Duration = .seconds(up.stabilizationWindowSeconds.asInt64 ?? 0)
        let downWindow: Duration = .seconds(down.stabilizationWindowSeconds.asInt64 ?? 300)
        var (lowest, highest): (Int, Int) = (recommended, recommended)
        for r in memory.recommendations {
            if r.at + upWindow > now { lowest = min(lowest, r.replicas) }
            if r.at + downWindow > now { highest = max(highest, r.replicas) }
        }
        memory.recommendations.removeAll { $0.at + max(upWindow, downWindow) <= now }
        memory.recommendations.append((now, recommended))
        var result: Int = current
        if result < lowest { result = lowest }
        if result > highest { result = highest }
        return result
    }

    private static func limit(
        _ rules: JSON, _ defaults: [JSON], _ current: Int, _ ups: [(at: Timestamp, count: Int)],
        _ downs: [(at: Timestamp, count: Int)], isUp: Bool, _ now: Timestamp
    ) -> Int {
        let select: String = rules.selectPolicy.text
        if select == "Disabled" { return current }
        let policies: [JSON] = rules.policies.exists ? rules.policies.elements : defaults
        var limits: [Int] = []
        for policy in policies {
            let period: Duration = .seconds(policy.periodSeconds.asInt64 ?? 15)
            let value: Int = policy.value.asInt ?? 0
            let added: Int = ups.filter { $0.at + period > now }.reduce(0) { $0 + $1.count }
            let removed: Int = downs.filter { $0.at + period > now }.reduce(0) { $0 + $1.count }
            let start: Int = current - added + removed
            switch (policy.type.text, isUp) {
            case ("Pods", true): limits.append(start + value)
            case ("Pods", false): limits.append(start - value)
            case (_, true): limits.append(Int((Double(start) * (1 + Double(value) / 100)).rounded(.up)))
            default: limits.append(Int((Double(start) * (1 - Double(value) / 100)).rounded(.up)))
            }
        }
        // Max: the fastest policy wins.
        let fastest: Bool = select != "Min"
        return (isUp == fastest ? limits.max() : limits.min()) ?? current
    }
}
