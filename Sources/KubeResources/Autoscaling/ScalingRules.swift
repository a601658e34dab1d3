// Metrics and behaviour of autoscalers: pkg/apis/autoscaling/validation.

import KubeModel
import KubeWire

enum ScalingRules {
    private static let sources: [(type: String, field: String)] = [
        ("ContainerResource", "containerResource"), ("External", "external"), ("Object", "object"), ("Pods", "pods"),
        ("Resource", "resource"),
    ]
    private static let windowSecondsMax: Int64 = 3600
    private static let periodSecondsMax: Int64 = 1800

    static func target(_ ref: JSON, at: String, _ out: inout Faults) {
        for f in ["kind", "name"] {
            if ref[f].text.isEmpty {
                out.required("\(at).\(f)")
            } else {
                out.name("\(at).\(f)", ref[f].text, NameRules.pathSegment)
            }
        }
        if ref.apiVersion.text.split(separator: "/", omittingEmptySubsequences: false).count > 2 {
            out.invalid(
                at + ".apiVersion", ref.apiVersion, "unexpected GroupVersion string: \(ref.apiVersion.text)")
        }
    }

    static func metric(_ m: JSON, at: String, _ out: inout Faults) {
        if m.type.text.isEmpty { out.required(at + ".type", "must specify a metric source type") }
        let expected: String? = sources.first { $0.type == m.type.text }?.field
        if expected == nil { out.notSupported(at + ".type", .string(m.type.text), sources.map { $0.type }) }
        let present: [String] = ["object", "external", "pods", "resource", "containerResource"].filter { m[$0].exists }
        if let first = present.first { source(first, m[first], at: "\(at).\(first)", &out) }
        if let expected, !present.contains(expected) {
            out.required("\(at).\(expected)", "must populate information for the given metric source")
        }
        if present.count != 1 {
            for other in present where other != expected {
                out.forbidden("\(at).\(other)", "must populate the given metric source only")
            }
        }
    }

    private static func source(_ kind: String, _ s: JSON, at: String, _ out: inout Faults) {
        let target: String = at + ".target"
        let hasAverage: Bool = s.target.averageValue.exists
        switch kind {
        case "object":
            self.target(s.describedObject, at: at + ".describedObject", &out)
            identifier(s.metric, at: at + ".metric", &out)
            self.value(s.target, at: target, &out)
            if !s.target.value.exists, !hasAverage {
                out.required(target + ".averageValue", "must set either a value or averageValue")
            }
        case "external":
            identifier(s.metric, at: at + ".metric", &out)
            self.value(s.target, at: target, &out)
            if !s.target.value.exists, !hasAverage {
                out.required(
                    target + ".averageValue", "must set either a target value for metric or a per-pod target")
            }
            if s.target.value.exists, hasAverage {
                out.forbidden(
                    target + ".value", "may not set both a target value for metric and a per-pod target")
            }
        case "pods":
            identifier(s.metric, at: at + ".metric", &out)
            self.value(s.target, at: target, &out)
            let average: Quantity? = ResourceRules.quantity(s.target.averageValue)
            if average.map({ $0.isZero || $0.isNegative }) ?? true {
                out.required(target + ".averageValue", "must specify a positive target averageValue")
            }
        default: resource(kind, s, at: at, &out)
        }
    }

    private static func resource(_ kind: String, _ s: JSON, at: String, _ out: inout Faults) {
        let target: String = at + ".target"
        if s.name.text.isEmpty { out.required(at + ".name", "must specify a resource name") }
        if kind == "containerResource", s.container.text.isEmpty {
            out.required(at + ".container", "must specify a container")
        }
        value(s.target, at: target, &out)
        let hasUtilization: Bool = s.target.averageUtilization.exists
        if !hasUtilization, !s.target.averageValue.exists {
            out.required(
                target + ".averageUtilization", "must set either a target raw value or a target utilization")
        }
        if hasUtilization, s.target.averageValue.exists {
            out.forbidden(
                target + ".averageValue", "may not set both a target raw value and a target utilization")
        }
    }

    private static func value(_ t: JSON, at: String, _ out: inout Faults) {
        if t.type.text.isEmpty {
            out.required(at + ".type", "must specify a metric target type")
        } else if !["Utilization", "Value", "AverageValue"].contains(t.type.text) {
            out.invalid(at + ".type", t.type, "must be either Utilization, Value, or AverageValue")
        }
        out.positive(at + ".value", t.value, "must be positive")
        out.positive(at + ".averageValue", t.averageValue, "must be positive")
        if let n = t.averageUtilization.asInt, n < 1 {
            out.invalid(at + ".averageUtilization", t.averageUtilization, "must be greater than 0")
        }
    }

    private static func identifier(_ id: JSON, at: String, _ out: inout Faults) {
        if id.name.text.isEmpty {
            out.required(at + ".name", "must specify a metric name")
        } else {
            out.name(at + ".name", id.name.text, NameRules.pathSegment)
        }
        LabelRules.selector(id.selector, at: at + ".selector", &out)
    }

    static func behaviour(_ rules: JSON, at: String, _ out: inout Faults) {
        if let n = rules.stabilizationWindowSeconds.asInt64 {
            let field: String = at + ".stabilizationWindowSeconds"
            if n < 0 { out.invalid(field, JSON(n), "must be greater than or equal to zero") }
            if n > windowSecondsMax { out.invalid(field, JSON(n), "must be less than or equal to \(windowSecondsMax)") }
        }
        if rules.selectPolicy.exists {
            out.oneOf(at + ".selectPolicy", rules.selectPolicy, ["Disabled", "Max", "Min"])
        }
        if rules.policies.elements.isEmpty { out.required(at + ".policies", "must specify at least one Policy") }
        for (i, p) in rules.policies.elements.enumerated() {
            let here: String = "\(at).policies[\(i)]"
            if !["Percent", "Pods"].contains(p.type.text) {
                out.notSupported(here + ".type", .string(p.type.text), ["Percent", "Pods"])
            }
            for f in ["value", "periodSeconds"] where (p[f].asInt64 ?? 0) <= 0 {
                out.invalid("\(here).\(f)", p[f].exists ? p[f] : 0, "must be greater than zero")
            }
            if (p.periodSeconds.asInt64 ?? 0) > periodSecondsMax {
                out.invalid(
                    here + ".periodSeconds", p.periodSeconds, "must be less than or equal to \(periodSecondsMax)")
            }
        }
        if let q = ResourceRules.quantity(rules.tolerance), q.isNegative {
            out.invalid(at + ".tolerance", rules.tolerance, "must be greater than or equal to 0")
        }
    }
}
