// The faults found while rules walk an object, in the order of the walk.

package import KubeModel
package import KubeWire

/// Rules append; the caller turns the list into one `Invalid` status.
package struct Faults: Sendable {
    package private(set) var list: [FieldError] = []

    package init() {}

    package mutating func required(_ field: String, _ why: String = "") { list.append(.required(field, why)) }
    package mutating func invalid(_ field: String, _ value: JSON, _ why: String) {
        list.append(.invalid(field, value, why))
    }
    package mutating func notSupported(_ field: String, _ value: JSON, _ supported: [String]) {
        list.append(.notSupported(field, value, supported))
    }
    package mutating func duplicate(_ field: String, _ value: JSON) { list.append(.duplicate(field, value)) }
    package mutating func forbidden(_ field: String, _ why: String) { list.append(.forbidden(field, why)) }
    package mutating func notFound(_ field: String, _ value: JSON) { list.append(.notFound(field, value)) }
    package mutating func tooLong(_ field: String, maxLength: Int) {
        list.append(.tooLong(field, maxLength: maxLength))
    }
    package mutating func append(_ more: [FieldError]) { list += more }

    /// One `Invalid` for each complaint of a name rule.
    package mutating func name(_ field: String, _ value: String, _ rule: (String) -> [String]) {
        for why in rule(value) { invalid(field, .string(value), why) }
    }

    /// An enumerated string: absent is `Required`, unknown is `Unsupported value`.
    package mutating func oneOf(_ field: String, _ value: JSON, _ supported: [String], isRequired: Bool = true) {
        if value.text.isEmpty {
            if isRequired { required(field) }
        } else if !supported.contains(value.text) {
            notSupported(field, value, supported)
        }
    }

    /// An optional number that may not be negative.
    package mutating func notNegative(_ field: String, _ value: JSON) {
        if let n = value.asInt64, n < 0 { invalid(field, value, "must be greater than or equal to 0") }
    }

    /// An optional number within a closed range.
    package mutating func range(_ field: String, _ value: JSON, _ range: ClosedRange<Int64>) {
        guard let n = value.asInt64, !range.contains(n) else { return }
        invalid(field, value, "must be between \(range.lowerBound) and \(range.upperBound), inclusive")
    }

    package mutating func port(_ field: String, _ value: JSON) { range(field, value, 1...65535) }

    /// A field that keeps its first value.
    package mutating func immutable(_ field: String, _ new: JSON, _ old: JSON) {
        if !Self.same(new, old) { invalid(field, new, "field is immutable") }
    }

    /// Equal where absent, empty object and empty list count as the same, as Go's semantic equality does.
    package static func same(_ a: JSON, _ b: JSON) -> Bool {
        switch (a, b) {
        case (.object(let x), .object(let y)):
            for (key, value) in x where !same(value, y[key] ?? .null) { return false }
            for (key, value) in y where x[key] == nil && !same(value, .null) { return false }
            return true
        case (.array(let x), .array(let y)):
            return x.count == y.count && zip(x, y).allSatisfy { same($0, $1) }
        case (.null, .array(let y)): return y.isEmpty
        case (.array(let x), .null): return x.isEmpty
        case (.null, .object(let y)): return y.allSatisfy { same(.null, $0.value) }
        case (.object(let x), .null): return x.allSatisfy { same($0.value, .null) }
        case (.null, .string(let y)): return y.isEmpty
        case (.string(let x), .null): return x.isEmpty
        case (.int, .double), (.double, .int): return a.asDouble == b.asDouble
        default: return a == b
        }
    }
}
