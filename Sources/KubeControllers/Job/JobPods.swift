// What a Job's pods say: index, outcome, and what its failure policy makes of a failure. Pure.

import KubeBase
import KubeModel
import KubeWire

enum JobPods {
    static let finalizer: String = "batch.kubernetes.io/job-tracking"
    static let index: String = "batch.kubernetes.io/job-completion-index"
    static let indexFailures: String = "batch.kubernetes.io/job-index-failure-count"

    static func isIndexed(_ job: JSON) -> Bool { job.spec.completionMode.text == "Indexed" }
    static func index(of pod: JSON) -> Int? { Int(pod.metadata.annotations[index].text) }
    static func isTracked(_ pod: JSON) -> Bool { pod.metadata.finalizers.strings.contains(finalizer) }
    static func replacesOnlyFailed(_ job: JSON) -> Bool { job.spec.podReplacementPolicy.text == "Failed" }

    static func isSucceeded(_ pod: JSON) -> Bool { pod.status.phase.text == "Succeeded" }
    /// A deleted pod that never finished counts as failed, unless only really failed pods are replaced.
    static func isFailed(_ pod: JSON, _ job: JSON) -> Bool {
        if pod.status.phase.text == "Failed" { return true }
        if replacesOnlyFailed(job) { return false }
        return pod.metadata.deletionTimestamp.exists && pod.status.phase.text != "Succeeded"
    }
    static func isTerminating(_ pod: JSON) -> Bool { pod.metadata.deletionTimestamp.exists && !Pod.isTerminal(pod) }

    /// When its last container ended, or when it was deleted.
    static func finishedAt(_ pod: JSON) -> Timestamp? {
        let ends: [Timestamp] = pod.status.containerStatuses.elements.compactMap {
            $0.state.terminated.finishedAt.asString.flatMap { Timestamp(rfc3339: $0) }
        }
        return ends.max() ?? pod.metadata.deletionTimestamp.asString.flatMap { Timestamp(rfc3339: $0) }
            ?? Pod.condition(pod, "Ready")?.lastTransitionTime.asString.flatMap { Timestamp(rfc3339: $0) }
            ?? pod.metadata.creationTimestamp.asString.flatMap { Timestamp(rfc3339: $0) }
    }

    enum PolicyAction: Sendable, Equatable {
        case failJob(message: String)
        case failIndex
        case ignore
        case count
    }

    /// The first rule of `spec.podFailurePolicy` that matches a failed pod; nil: none does.
    static func policyAction(_ job: JSON, _ pod: JSON) -> PolicyAction? {
        for (i, rule) in job.spec.podFailurePolicy.rules.elements.enumerated() {
            guard let why = match(rule, pod) else { continue }
            switch rule.action.text {
            case "FailJob": return .failJob(message: "\(why) matching FailJob rule at index \(i)")
            case "FailIndex": return .failIndex
            case "Ignore": return .ignore
            default: return .count
            }
        }
        return nil
    }

    private static func match(_ rule: JSON, _ pod: JSON) -> String? {
        let key: String = "\(pod.metadata.namespace.text)/\(pod.metadata.name.text)"
        if rule.onExitCodes.exists {
            let only: String = rule.onExitCodes.containerName.text
            let codes: [Int] = rule.onExitCodes.values.elements.compactMap { $0.asInt }
            let statuses: [JSON] = pod.status.initContainerStatuses.elements + pod.status.containerStatuses.elements
            for status in statuses where only.isEmpty || status.name.text == only {
                guard let code = status.state.terminated.exitCode.asInt, code != 0 else { continue }
                let isIn: Bool = codes.contains(code)
                if rule.onExitCodes.operator.text == "In" ? isIn : !isIn {
                    return "Container \(status.name.text) for pod \(key) failed with exit code \(code)"
                }
            }
            return nil
        }
        for pattern in rule.onPodConditions.elements {
            let wanted: String = pattern.status.asString ?? "True"
            if let c = Pod.condition(pod, pattern.type.text), c.status.text == wanted {
                return "Pod \(key) has condition \(c.type.text)"
            }
        }
        return nil
    }

    /// The pod of an indexed job: its index in annotation, label, host name and environment.
    static func setIndex(_ i: Int, _ job: JSON, _ pod: inout JSON, failures: Int?) {
        let name: String = "\(job.metadata.name.text)-\(i)"
        pod.metadata.generateName = .string(name + "-")
        pod.metadata.annotations[index] = .string(String(i))
        pod.metadata.labels[index] = .string(String(i))
        if let failures { pod.metadata.annotations[indexFailures] = .string(String(failures)) }
        if name.utf8.count <= 63 { pod.spec.hostname = .string(name) }
        for list in ["initContainers", "containers"] {
            for c in pod.spec[list].elements.indices {
                let env: [JSON] = pod.spec[list][c].env.elements
                if env.contains(where: { $0.name.text == "JOB_COMPLETION_INDEX" }) { continue }
                let path: JSON = .string("metadata.labels['\(index)']")
                pod.spec[list][c].env = .array(
                    env + [["name": "JOB_COMPLETION_INDEX", "valueFrom": ["fieldRef": ["fieldPath": path]]]])
            }
        }
    }
}
