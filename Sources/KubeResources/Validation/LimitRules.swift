// LimitRanges: bounds and defaults that agree with each other.

import KubeModel
import KubeWire

enum LimitRules {
    static func check(_ spec: JSON, _ out: inout Faults) {
        var types: Set<String> = []
        for (i, item) in spec.limits.elements.enumerated() {
            let at: String = "spec.limits[\(i)]"
            type(item.type, at: at + ".type", &out)
            if !types.insert(item.type.text).inserted { out.duplicate(at + ".type", item.type) }
            for f in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
                ResourceRules.list(item[f], at: "\(at).\(f)", &out)
            }
            if item.type.text == "Pod" {
                for f in ["default", "defaultRequest"] where !item[f].fields.isEmpty {
                    out.forbidden("\(at).\(f)", "may not be specified when `type` is 'Pod'")
                }
            }
            if item.type.text == "PersistentVolumeClaim", !item.min.storage.exists, !item.max.storage.exists {
                out.required(
                    at + ".limits", "either minimum or maximum storage value is required, but neither was provided")
            }
            order(item, at: at, &out)
        }
    }

    private static func type(_ type: JSON, at: String, _ out: inout Faults) {
        out.name(at, type.text, NameRules.qualifiedName)
        if !type.text.isEmpty, !type.text.contains("/"),
            !["Container", "PersistentVolumeClaim", "Pod"].contains(type.text)
        {
            out.invalid(at, type, "must be a standard limit type or fully qualified")
        }
    }

    private static func order(_ item: JSON, at: String, _ out: inout Faults) {
        let keys: Set<String> = Set(
            ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"].flatMap { item[$0].fields.keys })
        for key in keys.sorted() {
            func q(_ f: String) -> Quantity? { ResourceRules.quantity(item[f][key]) }
            /// Faults when `a` is above `b`, on the field `f` which shows its value `shown`.
            func ordered(_ a: String, _ b: String, _ f: String, _ shown: String, _ text: (Quantity, Quantity) -> String)
            {
                guard let x = q(a), let y = q(b), y < x else { return }
                out.invalid("\(at).\(f)[\(key)]", item[shown][key], text(x, y))
            }
            ordered("min", "max", "min", "min") { "min value \($0) is greater than max value \($1)" }
            ordered("min", "defaultRequest", "defaultRequest", "defaultRequest") {
                "min value \($0) is greater than default request value \($1)"
            }
            ordered("defaultRequest", "max", "defaultRequest", "defaultRequest") {
                "default request value \($0) is greater than max value \($1)"
            }
            ordered("defaultRequest", "default", "defaultRequest", "defaultRequest") {
                "default request value \($0) is greater than default limit value \($1)"
            }
            ordered("min", "default", "default", "min") { "min value \($0) is greater than default value \($1)" }
            ordered("default", "max", "default", "max") { "default value \($0) is greater than max value \($1)" }
            if let ratio = q("maxLimitRequestRatio"), ratio < Quantity(1) {
                out.invalid(
                    "\(at).maxLimitRequestRatio[\(key)]", item.maxLimitRequestRatio[key],
                    "ratio \(ratio) is less than 1")
            }
        }
    }
}
