// What an expression computes with. JSON is looked into only as far as an expression asks.

package import KubeWire

package enum CELValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case timestamp(CELTime)
    /// Nanoseconds.
    case duration(Int64)
    case list(CELList)
    case map(CELMap)
    case type(CELType)
    indirect case optional(CELValue?)
    /// A value of a library: a quantity, a URL, an authorizer.
    case opaque(any CELOpaque)
    /// An object whose fields are computed when they are asked for (`variables`).
    case lazy(any CELLazyFields)
}

/// A value whose insides only its library knows.
package protocol CELOpaque: Sendable {
    var type: CELType { get }
    func isEqual(_ other: any CELOpaque) -> Bool
    /// What conversion to JSON gives; nil when there is none.
    var json: JSON? { get }
}

extension CELOpaque {
    package var json: JSON? { nil }
}

/// Fields that cost something: the variables of a policy. Each is computed at most once by its implementation.
package protocol CELLazyFields: AnyObject, Sendable {
    /// Nil: no such field. Cost is taken from `frame`'s budget.
    func field(_ name: String, _ budget: inout CELBudget) throws(CELError) -> CELValue?
}

extension CELValue {
    package static func string(_ text: Substring) -> CELValue { .string(String(text)) }

    /// A JSON value of unknown schema: integers are int, other numbers double, objects map(string, dyn).
    package init(_ json: JSON) {
        switch json {
        case .null: self = .null
        case .bool(let b): self = .bool(b)
        case .int(let i): self = .int(i)
        case .double(let d): self = .double(d)
        case .string(let s): self = .string(s)
        case .array(let a): self = .list(CELList(json: a, nil))
        case .object(let o): self = .map(CELMap(json: o, nil))
        }
    }

    /// A JSON value as its schema types it: number as double, `date-time` as timestamp, `byte` as bytes, …
    package init(_ json: JSON, _ declaration: CELDeclaration?) {
        guard let declaration else {
            self.init(json)
            return
        }
        switch (declaration.type, json) {
        case (.double, .int(let i)): self = .double(Double(i))
        case (.int, .double(let d)): self = Int64(exactly: d).map { .int($0) } ?? .double(d)
        case (.timestamp, .string(let s)):
            let time: CELTime? = declaration.isDate ? CELTime(date: s) : CELTime(rfc3339: s)
            self = time.map { .timestamp($0) } ?? .string(s)
        case (.duration, .string(let s)): self = CELTimes.duration(s).map { .duration($0) } ?? .string(s)
        case (.bytes, .string(let s)):
            self = CELBytes.fromBase64(s).map { .bytes($0) } ?? .string(s)
        case (_, .array(let a)): self = .list(CELList(json: a, declaration))
        case (_, .object(let o)): self = .map(CELMap(json: o, declaration))
        default: self.init(json)
        }
    }

    package var asBool: Bool? { if case .bool(let b) = self { b } else { nil } }
    package var asString: String? { if case .string(let s) = self { s } else { nil } }
    package var isNull: Bool { if case .null = self { true } else { false } }

    /// The type as `type(x)` knows it.
    package var type: CELType {
        switch self {
        case .null: .null
        case .bool: .bool
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        case .timestamp: .timestamp
        case .duration: .duration
        case .list: .list(.dyn)
        case .map, .lazy: .map(.dyn, .dyn)
        case .type: .type(.dyn)
        case .optional: .optional(.dyn)
        case .opaque(let o): o.type
        }
    }

    /// `size()`: code points, bytes, elements, members; 1 of scalars, as costs count them.
    var size: UInt64 {
        switch self {
        case .string(let s): UInt64(s.utf8.count < 16 ? s.unicodeScalars.count : CELValue.scalars(s))
        case .bytes(let b): UInt64(b.count)
        case .list(let l): UInt64(l.count)
        case .map(let m): UInt64(m.count)
        default: 1
        }
    }

    /// Code points of a text: bytes that don't continue one.
    static func scalars(_ text: String) -> Int {
        var text: String = text
        return text.withUTF8 { buffer in buffer.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }
    }

    /// As JSON; nil when the value has none (types, functions' opaque values).
    package var json: JSON? {
        switch self {
        case .null: return .null
        case .bool(let b): return .bool(b)
        case .int(let i): return .int(i)
        case .uint(let u): return Int64(exactly: u).map { .int($0) } ?? .double(Double(u))
        case .double(let d): return .double(d)
        case .string(let s): return .string(s)
        case .bytes(let b): return .string(CELBytes.toBase64(b))
        case .timestamp(let t): return .string(t.rfc3339)
        case .duration(let n): return .string(CELTimes.text(n))
        case .list(let l):
            var out: [JSON] = []
            for i in 0..<l.count {
                guard let j = l[i].json else { return JSON?.none }
                out.append(j)
            }
            return .array(out)
        case .map(let m):
            var out: JSONObject = JSONObject()
            for key in m.keys {
                guard let j = m[key]?.json else { return JSON?.none }
                out[key.text] = .some(j)
            }
            return .object(out)
        case .optional(let v): return v == nil ? .null : v?.json
        case .opaque(let o): return o.json
        case .type, .lazy: return JSON?.none
        }
    }
}

/// A list of computed values, or of JSON whose elements are typed by a declaration.
package struct CELList: Sendable {
    private enum Body: Sendable {
        case values([CELValue])
        case json([JSON], CELDeclaration?)
    }
    private var body: Body

    package init(_ values: [CELValue]) { body = .values(values) }
    /// `declaration` is the list's.
    package init(json: [JSON], _ declaration: CELDeclaration?) { body = .json(json, declaration) }

    package var count: Int {
        switch body {
        case .values(let v): v.count
        case .json(let j, _): j.count
        }
    }
    package subscript(_ i: Int) -> CELValue {
        switch body {
        case .values(let v): v[i]
        case .json(let j, let d): CELValue(j[i], d?.element)
        }
    }
    package var values: [CELValue] {
        switch body {
        case .values(let v): v
        case .json(let j, let d): j.map { CELValue($0, d?.element) }
        }
    }
    var declaration: CELDeclaration? { if case .json(_, let d) = body { d } else { nil } }
}

/// A key of a map. Numbers of equal value are equal keys.
package enum CELKey: Sendable, Hashable {
    case bool(Bool)
    case int(Int64)
    /// Above Int64.max.
    case uint(UInt64)
    case string(String)

    package init?(_ value: CELValue) {
        switch value {
        case .bool(let b): self = .bool(b)
        case .int(let i): self = .int(i)
        case .uint(let u): self = Int64(exactly: u).map { .int($0) } ?? .uint(u)
        case .double(let d):
            if let i = Int64(exactly: d) {
                self = .int(i)
            } else if let u = UInt64(exactly: d) {
                self = .uint(u)
            } else {
                return nil
            }
        case .string(let s): self = .string(s)
        default: return nil
        }
    }

    package var value: CELValue {
        switch self {
        case .bool(let b): .bool(b)
        case .int(let i): .int(i)
        case .uint(let u): .uint(u)
        case .string(let s): .string(s)
        }
    }
    var text: String {
        switch self {
        case .bool(let b): "\(b)"
        case .int(let i): "\(i)"
        case .uint(let u): "\(u)"
        case .string(let s): s
        }
    }
}

/// A map of computed values, or a JSON object: with a declaration of an object its fields go by their escaped names.
package struct CELMap: Sendable {
    private enum Body: Sendable {
        case values([CELKey], [CELKey: CELValue])
        case json(JSONObject, CELDeclaration?)
    }
    private var body: Body

    /// Later duplicates win; the order of keys is that of their first occurrence.
    package init(_ pairs: [(CELKey, CELValue)]) {
        var keys: [CELKey] = []
        var map: [CELKey: CELValue] = [:]
        for (k, v) in pairs where map.updateValue(v, forKey: k) == nil { keys.append(k) }
        body = .values(keys, map)
    }
    package init(json: JSONObject, _ declaration: CELDeclaration?) { body = .json(json, declaration) }

    package var count: Int {
        switch body {
        case .values(let k, _): k.count
        case .json(let o, _): o.count
        }
    }
    package var keys: [CELKey] {
        switch body {
        case .values(let k, _): return k
        case .json(let o, let d):
            guard let d, d.isObject else { return o.keys.map { .string($0) } }
            return o.keys.map { .string(d.names[$0] ?? $0) }
        }
    }
    package subscript(_ key: CELKey) -> CELValue? {
        switch body {
        case .values(_, let m): return m[key]
        case .json:
            guard case .string(let s) = key else { return nil }
            return self[field: s]
        }
    }
    /// By a name as expressions write it.
    subscript(field name: String) -> CELValue? {
        switch body {
        case .values(_, let m): return m[.string(name)]
        case .json(let o, let d):
            guard let d, d.isObject else { return o[name].map { CELValue($0, d?.element) } }
            guard let field = d.fields[name] else {
                return o[name].map { CELValue($0) }
            }
            return o[field.key].map { CELValue($0, field.declaration) }
        }
    }
    var declaration: CELDeclaration? { if case .json(_, let d) = body { d } else { nil } }
}
