// Facts about pods that several controllers ask for: k8s.io/kubernetes/pkg/api/v1/pod.

import KubeBase
import KubeModel
import KubeWire

enum Pod {
    static func condition(_ pod: JSON, _ type: String) -> JSON? {
        pod.status.conditions.elements.first { $0.type.text == type }
    }
    static func isReady(_ pod: JSON) -> Bool { condition(pod, "Ready")?.status.text == "True" }
    /// Succeeded or Failed: no container will run again.
    static func isTerminal(_ pod: JSON) -> Bool {
        let phase: String = pod.status.phase.text
        return phase == "Succeeded" || phase == "Failed"
    }
    static func isActive(_ pod: JSON) -> Bool { !isTerminal(pod) && !pod.metadata.deletionTimestamp.exists }

    static func readySince(_ pod: JSON) -> Timestamp? {
        guard let ready = condition(pod, "Ready"), ready.status.text == "True" else { return nil }
        return ready.lastTransitionTime.asString.flatMap { Timestamp(rfc3339: $0) }
    }
    /// Ready for at least `minReadySeconds`.
    static func isAvailable(_ pod: JSON, minReadySeconds: Int, now: Timestamp) -> Bool {
        guard isReady(pod) else { return false }
        if minReadySeconds == 0 { return true }
        return availableIn(pod, minReadySeconds: minReadySeconds, now: now) == .zero
    }
    /// Time until a ready pod becomes available (zero: it is); nil when it isn't ready.
    static func availableIn(_ pod: JSON, minReadySeconds: Int, now: Timestamp) -> Duration? {
        guard let since = readySince(pod) else { return nil }
        let left: Duration = (since + .seconds(minReadySeconds)) - now
        return max(left, .zero)
    }
    static func restarts(_ pod: JSON) -> Int {
        pod.status.containerStatuses.elements.reduce(0) { max($0, $1.restartCount.asInt ?? 0) }
    }
    /// `controller.kubernetes.io/pod-deletion-cost`; 0 when absent or malformed.
    static func deletionCost(_ pod: JSON) -> Int32 {
        Int32(pod.metadata.annotations["controller.kubernetes.io/pod-deletion-cost"].text) ?? 0
    }

    /// A pod of `owner` from its template, without a name of its own.
    static func from(template: JSON, owner: JSON, ownerKind: (apiVersion: String, kind: String)) -> JSON {
        var pod: JSON = ["apiVersion": "v1", "kind": "Pod"]
        var prefix: String = owner.metadata.name.text + "-"
        // Upstream drops the dash when the prefix would not be a valid name; the name limit of pods is 253.
        if prefix.utf8.count > 248 { prefix = owner.metadata.name.text }
        pod.metadata.generateName = .string(prefix)
        pod.metadata.namespace = owner.metadata.namespace
        pod.metadata.labels = template.metadata.labels
        pod.metadata.annotations = template.metadata.annotations
        pod.metadata.finalizers = template.metadata.finalizers
        pod.metadata.ownerReferences = [Owner.reference(to: owner, ownerKind)]
        pod.spec = template.spec
        return pod
    }
}
