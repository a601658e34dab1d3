// `rollout status`: says what a rollout waits for until it is done.

import KubeModel
import KubeWire
import Synchronization

enum RolloutStatus {
    static let command: Command = {
        var c: Command = Command("status", "Show the status of the rollout")
        c.usage = "(TYPE NAME | TYPE/NAME) [flags]"
        c.flags =
            Rollout.flags + [
                Flag("watch", short: "w", .bool, preset: "true", "Watch the status of the rollout until it's done."),
                Flag("timeout", .string, preset: "0s", "The length of time to wait before ending watch, zero means never."),
                Flag("revision", .string, preset: "0", "Pin to a specific revision for showing its status."),
            ]
        c.run = { i in
            for target in try await Rollout.targets(i) { try await follow(i, target) }
        }
        return c
    }()

    private static func follow(_ i: Invocation, _ target: Target) async throws {
        guard ["Deployment", "StatefulSet", "DaemonSet"].contains(target.served.kind) else {
            throw UsageError("no status viewer has been implemented for \(target.served.kind)")
        }
        let last: Mutex<String> = Mutex("")
        let isOnce: Bool = !i.flags.bool("watch")
        let limit: Duration? = try i.flags.duration("timeout").flatMap { $0 == .zero ? nil : $0 }
        let kind: String = target.served.kind
        try await ObjectWatch(i, target).wait(timeout: limit, whatFor: "timed out waiting for the condition") { object in
            guard let object else { throw StatusError.notFound(target.served.groupResource, target.name) }
            let (text, isDone): (String, Bool) = try state(of: object, kind: kind)
            let isNew: Bool = last.withLock {
                let isNew: Bool = $0 != text
                $0 = text
                return isNew
            }
            if isNew { i.console.line(text) }
            return isDone || isOnce
        }
    }

    /// The sentence for an object's present state, in kubectl's words.
    static func state(of o: JSON, kind: String) throws(UsageError) -> (String, Bool) {
        let name: String = o.meta.name
        let status: JSON = o.status
        let noun: String = kind == "Deployment" ? "deployment" : kind == "DaemonSet" ? "daemon set" : "statefulset"
        guard (status.observedGeneration.asInt ?? 0) >= o.meta.generation else {
            return ("Waiting for \(noun) spec update to be observed...", false)
        }
        switch kind {
        case "Deployment": return try deployment(o, name)
        case "DaemonSet":
            let desired: Int = status.desiredNumberScheduled.asInt ?? 0
            let updated: Int = status.updatedNumberScheduled.asInt ?? 0
            let available: Int = status.numberAvailable.asInt ?? 0
            if updated < desired { return ("Waiting for daemon set \"\(name)\" rollout to finish: \(updated) out of \(desired) new pods have been updated...", false) }
            if available < desired { return ("Waiting for daemon set \"\(name)\" rollout to finish: \(available) of \(desired) updated pods are available...", false) }
            return ("daemon set \"\(name)\" successfully rolled out", true)
        default:
            let replicas: Int = o.spec.replicas.asInt ?? 1
            let ready: Int = status.readyReplicas.asInt ?? 0
            let updated: Int = status.updatedReplicas.asInt ?? 0
            if ready < replicas { return ("Waiting for \(replicas - ready) pods to be ready...", false) }
            if status.updateRevision.text != status.currentRevision.text {
                return ("waiting for statefulset rolling update to complete \(updated) pods at revision \(status.updateRevision.text)...", false)
            }
            return ("statefulset rolling update complete \(status.currentReplicas.asInt ?? 0) pods at revision \(status.currentRevision.text)...", true)
        }
    }

    private static func deployment(_ o: JSON, _ name: String) throws(UsageError) -> (String, Bool) {
        let status: JSON = o.status
        if status.conditions.elements.contains(where: { $0.type.text == "Progressing" && $0.reason.text == "ProgressDeadlineExceeded" }) {
            throw UsageError("deployment \"\(name)\" exceeded its progress deadline")
        }
        let wanted: Int = o.spec.replicas.asInt ?? 1
        let updated: Int = status.updatedReplicas.asInt ?? 0
        let total: Int = status.replicas.asInt ?? 0
        let available: Int = status.availableReplicas.asInt ?? 0
        let prefix: String = "Waiting for deployment \"\(name)\" rollout to finish: "
        if updated < wanted { return (prefix + "\(updated) out of \(wanted) new replicas have been updated...", false) }
        if total > updated { return (prefix + "\(total - updated) old replicas are pending termination...", false) }
        if available < updated { return (prefix + "\(available) of \(updated) updated replicas are available...", false) }
        return ("deployment \"\(name)\" successfully rolled out", true)
    }
}
