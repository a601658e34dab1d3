// What a whole pod asks for (KEP-753, KEP-2837): k8s.io/component-helpers/resource.

import KubeModel
import KubeWire

enum PodTotals {
    /// `part` is `requests` or `limits`. Containers and sidecars add up; each init container runs alone beside the
    /// sidecars before it; what the pod itself says stands instead of the sum.
    static func of(_ pod: JSON, _ part: String, withOverhead: Bool = false) -> JSON {
        let spec: JSON = pod.spec
        var total: [String: Quantity] = [:]
        for c in spec.containers.elements { add(c.resources[part], to: &total) }
        var sidecars: [String: Quantity] = [:]
        var peak: [String: Quantity] = [:]
        for c in spec.initContainers.elements {
            var alone: [String: Quantity] = sidecars
            add(c.resources[part], to: &alone)
            if c.restartPolicy.text == "Always" {
                add(c.resources[part], to: &total)
                sidecars = alone
            }
            for (name, q) in alone { peak[name] = max(peak[name] ?? .zero, q) }
        }
        for (name, q) in peak { total[name] = max(total[name] ?? .zero, q) }
        for (name, value) in spec.resources[part].fields {
            if let q = ResourceRules.quantity(value) { total[name] = q }
        }
        if withOverhead {
            for (name, value) in spec.overhead.fields {
                guard let q = ResourceRules.quantity(value), part == "requests" || total[name] != nil else { continue }
                total[name] = (total[name] ?? .zero) + q
            }
        }
        return JSON(total.mapValues { $0.description })
    }

    private static func add(_ list: JSON, to total: inout [String: Quantity]) {
        for (name, value) in list.fields {
            if let q = ResourceRules.quantity(value) { total[name] = (total[name] ?? .zero) + q }
        }
    }
}
