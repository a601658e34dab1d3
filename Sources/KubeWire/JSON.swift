// A JSON value as an ordered tree: the one form in which the program handles API objects.

/// Reads never fail: a member that is absent reads as `.null`. Writing `.null` through a subscript removes the member;
/// an explicit null (merge patches) is kept by the parser and can be set through `JSONObject`.
///
/// `pod.spec.containers.elements.first?.image.text` reads; `pod.spec.nodeName = "n1"` writes, creating parents.
@dynamicMemberLookup
package enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

extension JSON {
    package init(_ value: String) { self = .string(value) }
    package init(_ value: Bool) { self = .bool(value) }
    package init(_ value: Int) { self = .int(Int64(value)) }
    package init(_ value: Int64) { self = .int(value) }
    package init(_ value: Double) { self = .double(value) }
    package init(_ values: [JSON]) { self = .array(values) }
    package init(_ values: [String]) { self = .array(values.map { JSON.string($0) }) }
    /// Keys in sorted order, as Go writes maps.
    package init(_ map: [String: String]) {
        self = .object(JSONObject(map.sorted { $0.key < $1.key }.map { ($0.key, JSON.string($0.value)) }))
    }

    package var isNull: Bool { if case .null = self { true } else { false } }
    /// Present and not null.
    package var exists: Bool { !isNull }
    package var asString: String? { if case .string(let s) = self { s } else { nil } }
    /// The string, or `""` when this is not one.
    package var text: String { asString ?? "" }
    package var asBool: Bool? { if case .bool(let b) = self { b } else { nil } }
    package var isTrue: Bool { asBool ?? false }
    /// Integers, and doubles without a fraction.
    package var asInt64: Int64? {
        switch self {
        case .int(let i): i
        case .double(let d): Int64(exactly: d)
        default: nil
        }
    }
    package var asInt: Int? { asInt64.map { Int($0) } }
    package var asDouble: Double? {
        switch self {
        case .int(let i): Double(i)
        case .double(let d): d
        default: nil
        }
    }
    package var asArray: [JSON]? { if case .array(let a) = self { a } else { nil } }
    /// The elements, or `[]` when this is not an array.
    package var elements: [JSON] {
        get { asArray ?? [] }
        _modify {
            var a: [JSON] = asArray ?? []
            self = .null
            defer { self = .array(a) }
            yield &a
        }
    }
    package var asObject: JSONObject? { if case .object(let o) = self { o } else { nil } }
    /// The members, or none when this is not an object.
    package var fields: JSONObject {
        get { asObject ?? JSONObject() }
        _modify {
            var o: JSONObject = asObject ?? JSONObject()
            self = .null
            defer { self = .object(o) }
            yield &o
        }
    }
    /// A map of strings such as labels; members that are not strings are left out.
    package var stringMap: [String: String] {
        guard case .object(let o) = self else { return [:] }
        var map: [String: String] = [:]
        for (key, value) in o { if case .string(let s) = value { map[key] = s } }
        return map
    }
    /// A list of strings; other elements are left out.
    package var strings: [String] { elements.compactMap { $0.asString } }

    package subscript(_ key: String) -> JSON {
        get { if case .object(let o) = self { o[key] ?? .null } else { .null } }
        _modify {
            var o: JSONObject = asObject ?? JSONObject()
            self = .null
            var value: JSON = o[key] ?? .null
            if value.exists { o[key] = .null }
            defer {
                o[key] = value.isNull ? JSON?.none : value
                self = .object(o)
            }
            yield &value
        }
    }

    package subscript(dynamicMember key: String) -> JSON {
        get { self[key] }
        _modify { yield &self[key] }
    }

    /// `.null` when out of range.
    package subscript(_ index: Int) -> JSON {
        get {
            guard case .array(let a) = self, a.indices.contains(index) else { return .null }
            return a[index]
        }
        _modify { yield &elements[index] }
    }

    /// The value at a path of member names.
    package func at(_ path: [String]) -> JSON {
        var here: JSON = self
        for key in path { here = here[key] }
        return here
    }

    /// Go's name of the type, for messages: string, number, bool, array, object, null.
    package var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .int, .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

// Not ExpressibleByNilLiteral: `condition ? value : nil` as a `JSON?` would then mean `.some(.null)`.
extension JSON: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByFloatLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// Members in the order written.
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(JSONObject(elements)) }
}

extension JSON: CustomStringConvertible {
    package var description: String { String(decoding: encoded(), as: UTF8.self) }
}
