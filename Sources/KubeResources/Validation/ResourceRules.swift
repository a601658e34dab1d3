// Resource lists: cpu, memory and friends with their quantities.

package import KubeModel
package import KubeWire

package enum ResourceRules {
    package static let notNegative: String = "must be greater than or equal to 0"

    private static func isHugePage(_ name: String) -> Bool { name.hasPrefix("hugepages-") }
    private static func isNative(_ name: String) -> Bool { !name.contains("/") || name.contains("kubernetes.io/") }
    package static func isExtended(_ name: String) -> Bool {
        !isNative(name) && !name.hasPrefix("requests.")
    }

    /// `resources` of a container.
    package static func container(_ resources: JSON, at path: String, _ out: inout Faults) {
        let limits: JSON = resources.limits
        for (name, value) in limits.fields {
            containerResource(name, value, at: "\(path).limits[\(name)]", &out)
        }
        for (name, value) in resources.requests.fields {
            let at: String = "\(path).requests[\(name)]"
            containerResource(name, value, at: at, &out)
            guard let request = quantity(value) else { continue }
            if let limit = quantity(limits[name]) {
                let isFixed: Bool = isExtended(name) || isHugePage(name)
                if isFixed, request != limit {
                    out.invalid(at, value, "must be equal to \(name) limit of \(limit)")
                } else if !isFixed, limit < request {
                    out.invalid(path + ".requests", value, "must be less than or equal to \(name) limit of \(limit)")
                }
            } else if isExtended(name) || isHugePage(name) {
                out.required(path + ".limits", "Limit must be set for non overcommitable resources")
            }
        }
        let hasHuge: Bool = limits.fields.contains { isHugePage($0.key) }
        let hasBase: Bool = ["cpu", "memory"].contains { limits[$0].exists || resources.requests[$0].exists }
        if hasHuge, !hasBase { out.forbidden(path, "HugePages require cpu or memory") }
        for (i, claim) in resources.claims.elements.enumerated() where claim.name.text.isEmpty {
            out.required("\(path).claims[\(i)].name")
        }
    }

    private static func containerResource(_ name: String, _ value: JSON, at path: String, _ out: inout Faults) {
        out.name(path, name, NameRules.qualifiedName)
        if !name.contains("/"), !["cpu", "memory", "ephemeral-storage"].contains(name), !isHugePage(name) {
            out.invalid(path, .string(name), "must be a standard resource for containers")
        }
        self.value(value, at: path, &out)
        if isExtended(name) || isHugePage(name), let q = quantity(value), q.milliValue % 1000 != 0 {
            out.invalid(path, value, "must be an integer")
        }
    }

    /// One quantity that may not be negative.
    package static func value(_ value: JSON, at path: String, _ out: inout Faults) {
        guard let q = quantity(value) else { return }
        if q.milliValue < 0 { out.invalid(path, value, notNegative) }
    }

    /// A list of any resources (capacity, quota).
    package static func list(_ map: JSON, at path: String, _ out: inout Faults) {
        for (name, value) in map.fields {
            out.name("\(path)[\(name)]", name, NameRules.qualifiedName)
            self.value(value, at: "\(path)[\(name)]", &out)
        }
    }

    package static func quantity(_ value: JSON) -> Quantity? {
        switch value {
        case .string(let text): Quantity(text)
        case .int(let n): Quantity(String(n))
        case .double(let d): Quantity(String(d))
        default: nil
        }
    }
}
