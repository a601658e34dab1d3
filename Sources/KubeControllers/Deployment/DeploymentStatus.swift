// What a Deployment's status says: counts, availability, progress and its deadline. Pure.

import KubeBase
import KubeWire

enum DeploymentStatus {
    static func hasDeadline(_ d: JSON) -> Bool {
        guard let seconds = d.spec.progressDeadlineSeconds.asInt64 else { return false }
        return seconds != Int64(Int32.max)
    }

    static func condition(
        _ type: String, _ status: String, reason: String, message: String, at now: Timestamp
    ) -> JSON {
        let stamp: JSON = .string(now.rfc3339)
        return [
            "type": .string(type), "status": .string(status), "lastUpdateTime": stamp, "lastTransitionTime": stamp,
            "reason": .string(reason), "message": .string(message),
        ]
    }

    /// Nothing changes when status and reason stay; the transition time stays when the status does.
    static func set(_ status: inout JSON, _ condition: JSON) {
        var conditions: [JSON] = status.conditions.elements
        var new: JSON = condition
        if let old = Conditions.find(conditions, condition.type.text) {
            if old.status == new.status, old.reason == new.reason { return }
            if old.status == new.status { new.lastTransitionTime = old.lastTransitionTime }
        }
        Conditions.remove(&conditions, condition.type.text)
        conditions.append(new)
        status.conditions = .array(conditions)
    }

    static func remove(_ status: inout JSON, _ type: String) {
        var conditions: [JSON] = status.conditions.elements
        Conditions.remove(&conditions, type)
        status.conditions = conditions.isEmpty ? .null : .array(conditions)
    }

    /// Counts and the Available condition.
    static func calculate(_ d: JSON, all: [JSON], new: JSON?, now: Timestamp) -> JSON {
        func sum(_ name: String) -> Int { all.reduce(0) { $0 + ($1.status[name].asInt ?? 0) } }
        let available: Int = sum("availableReplicas")
        let wanted: Int = all.reduce(0) { $0 + DeploymentMath.replicas($1) }
        var status: JSON = [:]
        func count(_ name: String, _ n: Int) { if n > 0 { status[name] = JSON(n) } }
        status.observedGeneration = d.metadata.generation
        count("replicas", sum("replicas"))
        count("updatedReplicas", new?.status.replicas.asInt ?? 0)
        count("readyReplicas", sum("readyReplicas"))
        count("availableReplicas", available)
        count("unavailableReplicas", wanted - available)
        status.terminatingReplicas = JSON(sum("terminatingReplicas"))
        status.conditions = d.status.conditions
        status.collisionCount = d.status.collisionCount
        let isAvailable: Bool = available >= DeploymentMath.replicas(d) - DeploymentMath.maxUnavailable(d)
        set(
            &status,
            condition(
                "Available", isAvailable ? "True" : "False",
                reason: isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                message: isAvailable
                    ? "Deployment has minimum availability." : "Deployment does not have minimum availability.",
                at: now))
        return status
    }

    static func isComplete(_ d: JSON, _ status: JSON) -> Bool {
        let wanted: Int = DeploymentMath.replicas(d)
        return (status.updatedReplicas.asInt ?? 0) == wanted && (status.replicas.asInt ?? 0) == wanted
            && (status.availableReplicas.asInt ?? 0) == wanted
            && (status.observedGeneration.asInt ?? 0) >= (d.metadata.generation.asInt ?? 0)
    }

    static func isProgressing(_ d: JSON, _ status: JSON) -> Bool {
        func n(_ s: JSON, _ name: String) -> Int { s[name].asInt ?? 0 }
        let old: JSON = d.status
        let (oldOld, newOld): (Int, Int) = (
            n(old, "replicas") - n(old, "updatedReplicas"), n(status, "replicas") - n(status, "updatedReplicas")
        )
        return n(status, "updatedReplicas") > n(old, "updatedReplicas") || newOld < oldOld
            || n(status, "readyReplicas") > n(old, "readyReplicas")
            || n(status, "availableReplicas") > n(old, "availableReplicas")
    }

    /// Time left of the progress deadline; negative when it is over, nil when none runs.
    static func timeLeft(_ d: JSON, _ status: JSON, now: Timestamp) -> Duration? {
        guard hasDeadline(d), let c = Conditions.find(status.conditions.elements, "Progressing"),
            c.reason.text != "NewReplicaSetAvailable",
            let from = c.lastUpdateTime.asString.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        return (from + .seconds(d.spec.progressDeadlineSeconds.asInt64 ?? 600)) - now
    }

    static func isTimedOut(_ d: JSON, _ status: JSON, now: Timestamp) -> Bool {
        if let c = Conditions.find(status.conditions.elements, "Progressing") {
            if c.reason.text == "NewReplicaSetAvailable" { return false }
            if c.reason.text == "ProgressDeadlineExceeded" { return true }
        }
        return timeLeft(d, status, now: now).map { $0 < .zero } ?? false
    }

    /// The status during a rollout: upstream's syncRolloutStatus.
    static func rollout(_ d: JSON, all: [JSON], new: JSON?, now: Timestamp) -> JSON {
        var status: JSON = calculate(d, all: all, new: new, now: now)
        if !hasDeadline(d) { remove(&status, "Progressing") }
        let current: JSON? = Conditions.find(d.status.conditions.elements, "Progressing")
        let wasComplete: Bool =
            status.replicas == status.updatedReplicas && current?.reason.text == "NewReplicaSetAvailable"
        if hasDeadline(d), !wasComplete {
            let subject: String =
                new.map { "ReplicaSet \"\($0.metadata.name.text)\"" } ?? "Deployment \"\(d.metadata.name.text)\""
            if isComplete(d, status) {
                set(
                    &status,
                    condition(
                        "Progressing", "True", reason: "NewReplicaSetAvailable",
                        message: "\(subject) has successfully progressed.", at: now))
            } else if isProgressing(d, status) {
                var c: JSON = condition(
                    "Progressing", "True", reason: "ReplicaSetUpdated", message: "\(subject) is progressing.", at: now)
                if let current, current.status.text == "True" { c.lastTransitionTime = current.lastTransitionTime }
                remove(&status, "Progressing")
                set(&status, c)
            } else if isTimedOut(d, status, now: now) {
                set(
                    &status,
                    condition(
                        "Progressing", "False", reason: "ProgressDeadlineExceeded",
                        message: "\(subject) has timed out progressing.", at: now))
            }
        }
        if let failure = replicaFailure(all: all, new: new) {
            set(&status, failure)
        } else {
            remove(&status, "ReplicaFailure")
        }
        return status
    }

    /// The new set's failure, else the first of any; it lacks the update time that a Deployment's condition has.
    private static func replicaFailure(all: [JSON], new: JSON?) -> JSON? {
        for set in (new.map { [$0] } ?? []) + all {
            guard var c = Conditions.find(set.status.conditions.elements, "ReplicaFailure") else { continue }
            c.lastUpdateTime = c.lastTransitionTime
            return c
        }
        return nil
    }
}
