// The quality-of-service class of a pod: from the cpu and memory requests and limits of its containers.

import KubeModel
import KubeWire

enum QoSClass: String, Sendable {
    case guaranteed = "Guaranteed"
    case burstable = "Burstable"
    case bestEffort = "BestEffort"

    init(of pod: JSON) {
        if let known = QoSClass(rawValue: pod.status.qosClass.text) {
            self = known
            return
        }
        var hasAny: Bool = false
        var isGuaranteed: Bool = true
        for c in pod.spec.initContainers.elements + pod.spec.containers.elements {
            for resource in ["cpu", "memory"] {
                let request: Int64 = Self.milli(c.resources.requests[resource])
                let limit: Int64 = Self.milli(c.resources.limits[resource])
                if request > 0 || limit > 0 { hasAny = true }
                if limit == 0 || (request != 0 && request != limit) { isGuaranteed = false }
            }
        }
        self = !hasAny ? .bestEffort : isGuaranteed ? .guaranteed : .burstable
    }

    private static func milli(_ quantity: JSON) -> Int64 { Quantity(quantity)?.milliValue ?? 0 }
}
