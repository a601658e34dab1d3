// Rarer shapes of faults that rules of several kinds share.

import KubeModel
package import KubeWire

extension Faults {
    /// `Invalid value: why`, for values that are not worth showing.
    package mutating func invalidWhole(_ field: String, _ why: String) {
        append([.invalidWhole(field, why)])
    }
    /// `Duplicate value: …: why`
    package mutating func duplicate(_ field: String, _ value: JSON, _ why: String) {
        append([.duplicate(field, value, why)])
    }
    package mutating func tooMany(_ field: String, _ count: Int, max: Int) {
        if count > max { append([.tooMany(field, actual: count, max: max)]) }
    }
    /// Absent: `Required value: valid values: ["A" "B"]`, as Go prints a list of strings.
    package mutating func choice(_ field: String, _ value: JSON, _ supported: [String]) {
        if value.text.isEmpty {
            required(field, "valid values: [" + supported.map { "\"\($0)\"" }.joined(separator: " ") + "]")
        } else if !supported.contains(value.text) {
            notSupported(field, value, supported)
        }
    }
    /// A quantity that must be more than nothing.
    package mutating func positive(_ field: String, _ value: JSON, _ why: String = "must be greater than zero") {
        if let q = ResourceRules.quantity(value), q.isNegative || q.isZero { invalid(field, value, why) }
    }
}

extension Quantity {
    package var isNegative: Bool { self < .zero }
}
