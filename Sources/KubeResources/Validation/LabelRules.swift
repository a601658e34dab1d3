// Labels, annotations and label selectors: k8s.io/apimachinery/pkg/apis/meta/v1/validation.

import KubeModel
package import KubeWire

package enum LabelRules {
    package static func labels(_ map: JSON, at path: String, _ out: inout Faults) {
        for (key, value) in map.fields {
            out.name(path, key, NameRules.qualifiedName)
            out.name(path, value.text, NameRules.labelValue)
        }
    }

    /// At most 256 KiB in all.
    package static func annotations(_ map: JSON, at path: String, _ out: inout Faults) {
        var size: Int = 0
        for (key, value) in map.fields {
            out.name(path, key.lowercased(), NameRules.qualifiedName)
            size += key.utf8.count + value.text.utf8.count
        }
        if size > 256 << 10 { out.tooLong(path, maxLength: 256 << 10) }
    }

    /// A metav1.LabelSelector.
    package static func selector(_ selector: JSON, at path: String, _ out: inout Faults) {
        labels(selector.matchLabels, at: path + ".matchLabels", &out)
        for (i, r) in selector.matchExpressions.elements.enumerated() {
            requirement(r, at: "\(path).matchExpressions[\(i)]", &out)
        }
    }

    private static func requirement(_ r: JSON, at path: String, _ out: inout Faults) {
        switch r["operator"].text {
        case "In", "NotIn":
            if r.values.elements.isEmpty {
                out.required(path + ".values", "must be specified when `operator` is 'In' or 'NotIn'")
            }
        case "Exists", "DoesNotExist":
            if !r.values.elements.isEmpty {
                out.forbidden(path + ".values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
            }
        default:
            out.invalid(path + ".operator", r["operator"], "not a valid selector operator")
        }
        out.name(path + ".key", r.key.text, NameRules.qualifiedName)
        for (i, v) in r.values.strings.enumerated() { out.name("\(path).values[\(i)]", v, NameRules.labelValue) }
    }

    /// No term at all: such a selector would select everything.
    package static func isEmpty(_ selector: JSON) -> Bool {
        selector.matchLabels.fields.isEmpty && selector.matchExpressions.elements.isEmpty
    }
}
