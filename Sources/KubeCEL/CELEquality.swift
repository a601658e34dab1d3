// When two values are equal: numbers by value whatever their type, lists of type set or map whatever their order.

extension CELValue {
    /// Levels of nesting that a comparison follows; objects are less deep than this.
    private static let depthMax: Int = 256

    package static func equal(_ a: CELValue, _ b: CELValue) -> Bool { equal(a, b, 0) }

    static func equal(_ a: CELValue, _ b: CELValue, _ depth: Int) -> Bool {
        guard depth < depthMax else { return false }
        switch (a, b) {
        case (.null, .null): return true
        case (.bool(let x), .bool(let y)): return x == y
        case (.string(let x), .string(let y)): return sameBytes(x, y)
        case (.int(let x), .int(let y)): return x == y
        case (.bytes(let x), .bytes(let y)): return x == y
        case (.timestamp(let x), .timestamp(let y)): return x == y
        case (.duration(let x), .duration(let y)): return x == y
        case (.type(let x), .type(let y)): return x.runtimeName == y.runtimeName
        case (.list(let x), .list(let y)): return equal(x, y, depth)
        case (.map(let x), .map(let y)):
            guard x.count == y.count else { return false }
            for key in x.keys {
                guard let v = x[key], let w = y[key], equal(v, w, depth + 1) else { return false }
            }
            return true
        case (.optional(let x), .optional(let y)):
            guard let x, let y else { return x == nil && y == nil }
            return equal(x, y, depth + 1)
        case (.opaque(let x), .opaque(let y)): return x.isEqual(y)
        case (.lazy(let x), .lazy(let y)): return x === y
        default: return compareNumbers(a, b) == 0
        }
    }

    /// Go compares bytes, not canonical equivalence.
    static func sameBytes(_ a: String, _ b: String) -> Bool {
        a.utf8.count == b.utf8.count && a.utf8.elementsEqual(b.utf8)
    }

    private static func equal(_ x: CELList, _ y: CELList, _ depth: Int) -> Bool {
        guard x.count == y.count else { return false }
        switch x.declaration?.listType ?? y.declaration?.listType ?? .atomic {
        case .atomic:
            for i in 0..<x.count where !equal(x[i], y[i], depth + 1) { return false }
            return true
        case .set:
            let others: [CELValue] = y.values
            return x.values.allSatisfy { v in others.contains { equal(v, $0, depth + 1) } }
        case .map(let keys):
            let others: [CELValue] = y.values
            return x.values.allSatisfy { v in
                others.contains { sameKeys(v, $0, keys) && equal(v, $0, depth + 1) }
            }
        }
    }

    /// Elements of a list of type map are one when their keys agree.
    static func sameKeys(_ a: CELValue, _ b: CELValue, _ keys: [String]) -> Bool {
        guard case .map(let x) = a, case .map(let y) = b else { return false }
        return keys.allSatisfy { key in
            guard let v = x[field: key], let w = y[field: key] else {
                return x[field: key] == nil && y[field: key] == nil
            }
            return equal(v, w)
        }
    }

    /// -1, 0 or 1; nil when either is no number or not a number.
    static func compareNumbers(_ a: CELValue, _ b: CELValue) -> Int? {
        switch (a, b) {
        case (.int(let x), .int(let y)): return sign(x, y)
        case (.uint(let x), .uint(let y)): return sign(x, y)
        case (.double(let x), .double(let y)): return x.isNaN || y.isNaN ? nil : sign(x, y)
        case (.int(let x), .uint(let y)): return x < 0 ? -1 : sign(UInt64(x), y)
        case (.uint(let x), .int(let y)): return y < 0 ? 1 : sign(x, UInt64(y))
        case (.int(let x), .double(let y)):
            if y.isNaN { return nil }
            return y < -0x1p63 ? 1 : y >= 0x1p63 ? -1 : sign(Double(x), y)
        case (.uint(let x), .double(let y)):
            if y.isNaN { return nil }
            return y < 0 ? 1 : y >= 0x1p64 ? -1 : sign(Double(x), y)
        case (.double, .int), (.double, .uint): return compareNumbers(b, a).map { -$0 }
        default: return nil
        }
    }

    private static func sign<T: Comparable>(_ a: T, _ b: T) -> Int { a < b ? -1 : a == b ? 0 : 1 }

    /// The order of `<` and of sorting; throws when the two have none.
    static func compare(_ a: CELValue, _ b: CELValue) throws(CELError) -> Int {
        switch (a, b) {
        case (.int(let x), .int(let y)): return sign(x, y)
        case (.string(let x), .string(let y)): return sameBytes(x, y) ? 0 : lessBytes(x, y) ? -1 : 1
        case (.bool(let x), .bool(let y)): return sign(x ? 1 : 0, y ? 1 : 0)
        case (.bytes(let x), .bytes(let y)): return x == y ? 0 : x.lexicographicallyPrecedes(y) ? -1 : 1
        case (.timestamp(let x), .timestamp(let y)): return sign(x, y)
        case (.duration(let x), .duration(let y)): return sign(x, y)
        default:
            if let order = compareNumbers(a, b) { return order }
            if case .double = a, CELValue.isNumber(b) { return 2 }
            if case .double = b, CELValue.isNumber(a) { return 2 }
            throw .noSuchOverload
        }
    }

    static func isNumber(_ v: CELValue) -> Bool {
        switch v {
        case .int, .uint, .double: true
        default: false
        }
    }

    static func lessBytes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}
