// The types of CEL, as the checker and error messages know them.

/// `variable` stands for a type parameter while expressions are checked.
package indirect enum CELType: Sendable, Hashable {
    case dyn
    /// The type of a faulty expression: fits everywhere, so that one fault is told once.
    case error
    case null, bool, int, uint, double, string, bytes, timestamp, duration
    case list(CELType)
    case map(CELType, CELType)
    case optional(CELType)
    case type(CELType)
    /// A type of a library: `kubernetes.Quantity`.
    case opaque(String)
    /// An object with known fields.
    case object(CELDeclaration)
    case variable(Int)
}

extension CELType: CustomStringConvertible {
    /// As messages show it: `map(string, list(int))`.
    package var description: String {
        switch self {
        case .dyn: "dyn"
        case .error: "!error!"
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .timestamp: "timestamp"
        case .duration: "duration"
        case .list(let e): "list(\(e))"
        case .map(let k, let v): "map(\(k), \(v))"
        case .optional(let t): "optional_type(\(t))"
        case .type(let t): t == .dyn ? "type" : "type(\(t))"
        case .opaque(let name): name
        case .object(let d): d.name
        case .variable(let n): "_var\(n)"
        }
    }

    /// The name that `type(x)` and conversions to text show: `google.protobuf.Timestamp`, `list`.
    var runtimeName: String {
        switch self {
        case .null: "null_type"
        case .timestamp: "google.protobuf.Timestamp"
        case .duration: "google.protobuf.Duration"
        case .list: "list"
        case .map, .object: "map"
        case .optional: "optional_type"
        case .type: "type"
        default: description
        }
    }

    var isDynamic: Bool {
        switch self {
        case .dyn, .error: true
        default: false
        }
    }

    static let named: [String: CELType] = [
        "bool": .bool, "int": .int, "uint": .uint, "double": .double, "string": .string, "bytes": .bytes,
        "list": .list(.dyn), "map": .map(.dyn, .dyn), "null_type": .null, "type": .type(.dyn), "dyn": .dyn,
        "google.protobuf.Timestamp": .timestamp, "google.protobuf.Duration": .duration,
        "optional_type": .optional(.dyn),
    ]
}

/// The little language in which the libraries write their signatures: `list(A).indexOf(A) int`.
struct SignatureReader {
    private var rest: Substring

    init(_ text: String) { rest = text[...] }

    private mutating func skip(_ c: Character) -> Bool {
        while rest.first == " " { rest = rest.dropFirst() }
        guard rest.first == c else { return false }
        rest = rest.dropFirst()
        return true
    }

    private mutating func word() -> String {
        while rest.first == " " { rest = rest.dropFirst() }
        let w: Substring = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "@" || $0 == "." }
        rest = rest.dropFirst(w.count)
        return String(w)
    }

    mutating func type() -> CELType {
        let name: String = word()
        var arguments: [CELType] = []
        if !name.hasSuffix("."), skip("(") {
            repeat { arguments.append(type()) } while skip(",")
            precondition(skip(")"), "a signature lacks )")
        }
        switch name {
        case "list": return .list(arguments.first ?? .dyn)
        case "map": return .map(arguments[0], arguments[1])
        case "optional": return .optional(arguments.first ?? .dyn)
        case "type": return .type(arguments.first ?? .dyn)
        case "timestamp": return .timestamp
        case "duration": return .duration
        case "null": return .null
        case "A": return .variable(0)
        case "B": return .variable(1)
        case "C": return .variable(2)
        default: return CELType.named[name] ?? .opaque(name)
        }
    }

    /// `(int, string) bool`; the receiver of a member stands before the bracket: `string.(int) string`.
    mutating func signature() -> (isMember: Bool, parameters: [CELType], result: CELType) {
        var parameters: [CELType] = []
        var isMember: Bool = false
        if !skip("(") {
            let whole: Substring = rest
            // The receiver's name may have dots itself; the last one before the bracket separates.
            var head: CELType = type()
            if case .opaque(let name) = head, name.hasSuffix(".") {
                head = SignatureReader.named(String(name.dropLast()))
            }
            if skip(".") || whole.contains(".(") { isMember = true }
            parameters.append(head)
            precondition(skip("("), "a signature lacks (: \(whole)")
        }
        if !skip(")") {
            repeat { parameters.append(type()) } while skip(",")
            precondition(skip(")"), "a signature lacks )")
        }
        return (isMember, parameters, type())
    }

    private static func named(_ name: String) -> CELType {
        var reader: SignatureReader = SignatureReader(name)
        return reader.type()
    }
}
