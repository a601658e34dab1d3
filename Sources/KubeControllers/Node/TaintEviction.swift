// When a NoExecute taint drives a pod from its node. Pure.

import KubeAPI
import KubeBase
import KubeWire

enum TaintEviction {
    /// nil: the pod may stay. Otherwise the time at which it must go. `seen`: when the pod was first seen under a
    /// taint; it counts for taints that do not tell when they were added (kubectl's).
    static func deadline(_ pod: JSON, taints: [JSON], seen: Timestamp, now: Timestamp) -> Timestamp? {
        let tolerations: [JSON] = pod.spec.tolerations.elements
        var deadline: Timestamp?
        for taint in taints where taint.effect.text == "NoExecute" {
            let matching: [JSON] = tolerations.filter { NodeFit.tolerates($0, taint) }
            if matching.isEmpty { return now }
            let since: Timestamp = taint.timeAdded.asString.flatMap { Timestamp(rfc3339: $0) } ?? seen
            // The shortest time among the tolerations; one without a time tolerates for ever only if none has a time.
            guard let seconds = matching.compactMap({ $0.tolerationSeconds.asInt64 }).min() else { continue }
            let end: Timestamp = since + .seconds(max(0, seconds))
            deadline = min(deadline ?? end, end)
        }
        return deadline
    }
}
