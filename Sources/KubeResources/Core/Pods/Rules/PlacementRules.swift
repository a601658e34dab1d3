// Where a pod may go: node selectors, affinity, tolerations, spread.

import KubeModel
package import KubeWire

package enum PlacementRules {
    package static func affinity(_ a: JSON, at: String, _ out: inout Faults) {
        let node: JSON = a.nodeAffinity
        let required: JSON = node.requiredDuringSchedulingIgnoredDuringExecution
        let preferred: String = "preferredDuringSchedulingIgnoredDuringExecution"
        if required.exists {
            nodeSelector(
                required, at: at + ".nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution", &out)
        }
        for (i, p) in node[preferred].elements.enumerated() {
            let here: String = "\(at).nodeAffinity.\(preferred)[\(i)]"
            weight(p.weight, at: here + ".weight", &out)
            nodeTerm(p.preference, at: here + ".preference", &out)
        }
        for kind in ["podAffinity", "podAntiAffinity"] {
            for (i, t) in a[kind].requiredDuringSchedulingIgnoredDuringExecution.elements.enumerated() {
                podTerm(t, at: "\(at).\(kind).requiredDuringSchedulingIgnoredDuringExecution[\(i)]", &out)
            }
            for (i, w) in a[kind][preferred].elements.enumerated() {
                let here: String = "\(at).\(kind).\(preferred)[\(i)]"
                weight(w.weight, at: here + ".weight", &out)
                podTerm(w.podAffinityTerm, at: here + ".podAffinityTerm", &out)
            }
        }
    }

    private static func weight(_ w: JSON, at: String, _ out: inout Faults) {
        if !(1...100).contains(w.asInt ?? 0) { out.invalid(at, w.exists ? w : 0, "must be in the range 1-100") }
    }

    package static func nodeSelector(_ s: JSON, at: String, _ out: inout Faults) {
        if s.nodeSelectorTerms.elements.isEmpty {
            return out.required(at + ".nodeSelectorTerms", "must have at least one node selector term")
        }
        for (i, t) in s.nodeSelectorTerms.elements.enumerated() { nodeTerm(t, at: "\(at).nodeSelectorTerms[\(i)]", &out) }
    }

    private static func nodeTerm(_ t: JSON, at: String, _ out: inout Faults) {
        for (i, r) in t.matchExpressions.elements.enumerated() {
            let here: String = "\(at).matchExpressions[\(i)]"
            let count: Int = r.values.elements.count
            switch r["operator"].text {
            case "In", "NotIn":
                if count == 0 {
                    out.required(here + ".values", "must be specified when `operator` is 'In' or 'NotIn'")
                }
            case "Exists", "DoesNotExist":
                if count > 0 {
                    out.forbidden(
                        here + ".values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
                }
            case "Gt", "Lt":
                if count != 1 {
                    out.required(here + ".values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
                }
            default: out.invalid(here + ".operator", r["operator"], "not a valid selector operator")
            }
            out.name(here + ".key", r.key.text, NameRules.qualifiedName)
        }
        for (i, r) in t.matchFields.elements.enumerated() {
            let here: String = "\(at).matchFields[\(i)]"
            if !["In", "NotIn"].contains(r["operator"].text) {
                out.invalid(here + ".operator", r["operator"], "not a valid selector operator")
            } else if r.values.elements.count != 1 {
                out.required(
                    here + ".values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
            }
            if r.key.text != "metadata.name" { out.invalid(here + ".key", r.key, "not a valid field selector key") }
        }
    }

    private static func podTerm(_ t: JSON, at: String, _ out: inout Faults) {
        LabelRules.selector(t.labelSelector, at: at + ".labelSelector", &out)
        LabelRules.selector(t.namespaceSelector, at: at + ".namespaceSelector", &out)
        for ns in t.namespaces.strings { out.name(at + ".namespace", ns, NameRules.dns1123Label) }
        if t.topologyKey.text.isEmpty {
            out.required(at + ".topologyKey", "can not be empty")
        } else {
            out.name(at + ".topologyKey", t.topologyKey.text, NameRules.qualifiedName)
        }
    }

    package static func tolerations(_ list: JSON, at path: String, _ out: inout Faults) {
        for (i, t) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)]"
            let op: String = t["operator"].text
            if !t.key.text.isEmpty { out.name(at + ".key", t.key.text, NameRules.qualifiedName) }
            if t.key.text.isEmpty, op != "Exists" {
                out.invalid(
                    at + ".operator", .string(op),
                    "operator must be Exists when `key` is empty, which means \"match all values and all keys\"")
            }
            if t.tolerationSeconds.exists, t.effect.text != "NoExecute" {
                out.invalid(
                    at + ".effect", .string(t.effect.text), "effect must be 'NoExecute' when `tolerationSeconds` is set")
            }
            switch op {
            case "", "Equal": out.name(at + ".operator", t.value.text, NameRules.labelValue)
            case "Exists":
                if !t.value.text.isEmpty {
                    out.invalid(at + ".operator", t, "value must be empty when `operator` is 'Exists'")
                }
            default: out.notSupported(at + ".operator", t["operator"], ["Equal", "Exists"])
            }
            out.oneOf(
                at + ".effect", t.effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"], isRequired: false)
        }
    }

    package static func spread(_ list: JSON, at path: String, _ out: inout Faults) {
        var seen: Set<String> = []
        for (i, c) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)]"
            if (c.maxSkew.asInt ?? 0) <= 0 { out.invalid(at + ".maxSkew", c.maxSkew, "must be greater than zero") }
            if c.topologyKey.text.isEmpty {
                out.required(at + ".topologyKey", "can not be empty")
            } else {
                out.name(at + ".topologyKey", c.topologyKey.text, NameRules.qualifiedName)
            }
            out.oneOf(at + ".whenUnsatisfiable", c.whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"])
            let pair: String = "{\(c.topologyKey.text), \(c.whenUnsatisfiable.text)}"
            if !seen.insert(pair).inserted {
                out.duplicate(at + ".{topologyKey, whenUnsatisfiable}", .string(pair))
            }
            if let n = c.minDomains.asInt {
                if n <= 0 { out.invalid(at + ".minDomains", c.minDomains, "must be greater than zero") }
                if c.whenUnsatisfiable.text != "DoNotSchedule" {
                    out.invalid(
                        at + ".minDomains", c.minDomains,
                        "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway")
                }
            }
            for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
                out.oneOf("\(at).\(field)", c[field], ["Honor", "Ignore"], isRequired: false)
            }
            LabelRules.selector(c.labelSelector, at: at + ".labelSelector", &out)
        }
    }
}
