// Numbers that may be percentages.

import KubeModel
package import KubeWire

package enum NumberRules {
    package static func isDigits(_ value: String) -> Bool {
        !value.isEmpty && value.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
    }

    /// `25%`
    package static func percent(_ value: String) -> Int? {
        guard value.hasSuffix("%"), isDigits(String(value.dropLast())) else { return nil }
        return Int(value.dropLast())
    }

    /// IntOrString: a number ≥ 0 or a percentage; `isBelow100` caps the latter.
    package static func positiveIntOrPercent(
        _ value: JSON, at path: String, isBelow100: Bool = false, _ out: inout Faults
    ) {
        if let text = value.asString {
            guard let n = percent(text) else {
                return out.invalid(
                    path, value,
                    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
                        + "regex used for validation is '[0-9]+%')")
            }
            if isBelow100, n > 100 { out.invalid(path, value, "must not be greater than 100%") }
        } else {
            out.notNegative(path, value)
        }
    }

    /// 0 or 0%.
    package static func isZero(_ value: JSON) -> Bool {
        value.asString.map { percent($0) == 0 } ?? ((value.asInt ?? 0) == 0)
    }
}
