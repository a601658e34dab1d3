// ResourceQuotas: names that can be counted, and scopes that go with them.

import KubeModel
import KubeWire

enum QuotaRules {
    private static let compute: Set<String> = [
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage",
        "limits.cpu", "limits.memory", "limits.ephemeral-storage",
    ]
    private static let counts: Set<String> = [
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims",
        "configmaps", "services.nodeports", "services.loadbalancers",
    ]
    private static let scopes: Set<String> = [
        "BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating",
        "VolumeAttributesClass",
    ]

    private static func isStandard(_ name: String) -> Bool {
        compute.contains(name) || counts.contains(name) || name == "requests.storage"
            || name.hasPrefix("hugepages-") || name.hasPrefix("requests.hugepages-")
    }

    static func check(_ spec: JSON, _ out: inout Faults) {
        for (name, value) in spec.hard.fields {
            let at: String = "spec.hard[\(name)]"
            out.name(at, name, NameRules.qualifiedName)
            if !name.contains("/"), !isStandard(name) {
                out.invalid(at, .string(name), "must be a standard resource for quotas")
            }
            ResourceRules.value(value, at: at, &out)
            if counts.contains(name) || name.hasPrefix("count/"), let q = ResourceRules.quantity(value),
                q.milliValue % 1000 != 0
            {
                out.invalid(at, value, "must be an integer")
            }
        }
        names(spec, &out)
        selector(spec, &out)
    }

    /// Whether the scope says anything about a standard resource.
    private static func fits(_ scope: String, _ name: String) -> Bool {
        switch scope {
        case "BestEffort": name == "pods"
        case "VolumeAttributesClass": name == "persistentvolumeclaims" || name == "requests.storage"
        default: name == "pods" || compute.contains(name)
        }
    }

    private static func misfits(_ scope: String, _ spec: JSON) -> Bool {
        spec.hard.fields.contains { isStandard($0.key) && !fits(scope, $0.key) }
    }

    private static func names(_ spec: JSON, _ out: inout Faults) {
        let given: [String] = spec.scopes.strings
        for scope in given {
            if !scopes.contains(scope) {
                out.invalid("spec.scopes", spec.scopes, "unsupported scope")
            } else if misfits(scope, spec) {
                out.invalid("spec.scopes", spec.scopes, "unsupported scope applied to resource")
            }
        }
        for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]]
        where pair.allSatisfy({ given.contains($0) }) {
            out.invalid("spec.scopes", spec.scopes, "conflicting scopes")
        }
    }

    private static func selector(_ spec: JSON, _ out: inout Faults) {
        let at: String = "spec.scopeSelector.matchExpressions"
        for e in spec.scopeSelector.matchExpressions.elements {
            let (scope, op, values): (String, String, [JSON]) = (
                e.scopeName.text, e["operator"].text, e.values.elements
            )
            if !scopes.contains(scope) {
                out.invalid(at + ".scopeName", e.scopeName, "unsupported scope")
            } else if misfits(scope, spec) {
                out.invalid(at, spec.scopeSelector, "unsupported scope applied to resource")
            }
            if scopes.contains(scope), !["PriorityClass", "VolumeAttributesClass"].contains(scope), op != "Exists" {
                out.invalid(
                    at + ".operator", e["operator"],
                    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
                        + "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
                        + "ResourceQuotaScopeCrossNamespacePodAffinity")
            }
            switch op {
            case "In", "NotIn":
                if values.isEmpty {
                    out.required(
                        at + ".values",
                        "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")
                }
            case "Exists", "DoesNotExist":
                if !values.isEmpty {
                    out.invalid(
                        at + ".values", e.values,
                        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector")
                }
            default: out.invalid(at + ".operator", e["operator"], "not a valid selector operator")
            }
        }
    }
}
