// The quality-of-service class of a pod: who is evicted first.

import KubeModel
package import KubeWire

package enum QualityOfService {
    /// Guaranteed: every container has limits of cpu and memory and requests equal to them. BestEffort: nobody asks
    /// for anything. Burstable: the rest.
    package static func of(_ spec: JSON) -> String {
        let pod: JSON = spec.resources
        var requests: Bool = false
        var isGuaranteed: Bool = true
        var list: [JSON] = spec.initContainers.elements + spec.containers.elements
        if !pod.requests.fields.isEmpty || !pod.limits.fields.isEmpty { list = [["resources": pod]] }
        for c in list {
            for name in ["cpu", "memory"] {
                let limit: Quantity? = ResourceRules.quantity(c.resources.limits[name]).flatMap { $0.isZero ? nil : $0 }
                let request: Quantity? =
                    ResourceRules.quantity(c.resources.requests[name]).flatMap { $0.isZero ? nil : $0 }
                if limit != nil || request != nil { requests = true }
                if limit == nil || (request ?? limit) != limit { isGuaranteed = false }
            }
        }
        if !requests { return "BestEffort" }
        return isGuaranteed ? "Guaranteed" : "Burstable"
    }
}
