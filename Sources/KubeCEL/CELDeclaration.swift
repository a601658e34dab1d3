// What is known of a variable beforehand: its type, the fields of objects, and how large it can be.

package import KubeWire

/// Made of an OpenAPI v3 schema or of a type. Frozen after `init`; two variables of one schema should share one declaration,
/// or their types differ.
package final class CELDeclaration: Sendable {
    package enum ListType: Sendable, Equatable {
        case atomic, set
        case map(keys: [String])
    }
    struct Field: Sendable {
        /// The name in JSON, not escaped.
        var key: String
        var declaration: CELDeclaration
        var isRequired: Bool
    }

    /// Messages call an object so.
    let name: String
    private let plain: CELType?
    /// By escaped name.
    let fields: [String: Field]
    /// JSON name to escaped name.
    let names: [String: String]
    /// Of lists: the elements; of maps: the values.
    let element: CELDeclaration?
    let isObject: Bool
    let isDate: Bool
    let listType: ListType
    /// Elements, members, code points or bytes at most; nil when no bound is known.
    let elementsMax: UInt64?
    /// The fewest bytes that a value takes in JSON.
    package let bytesMin: UInt64

    /// A whole request at most, which bounds what has no bound of its own.
    static let requestBytesMax: UInt64 = 3 * 1024 * 1024

    private init(
        name: String, type: CELType?, fields: [String: Field] = [:], element: CELDeclaration? = nil,
        isObject: Bool = false, isDate: Bool = false, listType: ListType = .atomic, elementsMax: UInt64? = nil,
        bytesMin: UInt64 = 1
    ) {
        self.name = name
        plain = type
        self.fields = fields
        names = Dictionary(fields.map { ($0.value.key, $0.key) }, uniquingKeysWith: { first, _ in first })
        self.element = element
        self.isObject = isObject
        self.isDate = isDate
        self.listType = listType
        self.elementsMax = elementsMax
        self.bytesMin = bytesMin
    }

    package var type: CELType { plain ?? .object(self) }

    /// A type without further knowledge.
    package static func of(_ type: CELType) -> CELDeclaration {
        if case .object(let d) = type { return d }
        var element: CELDeclaration?
        switch type {
        case .list(let e): element = of(e)
        case .map(_, let v): element = of(v)
        default: break
        }
        return CELDeclaration(name: "\(type)", type: type, element: element)
    }

    package static let dyn: CELDeclaration = of(.dyn)

    /// An object with these fields, all optional.
    package static func object(_ name: String, _ fields: [(name: String, declaration: CELDeclaration)])
        -> CELDeclaration
    {
        var all: [String: Field] = [:]
        for (name, declaration) in fields {
            all[CELNames.escaped(name) ?? name] = Field(key: name, declaration: declaration, isRequired: false)
        }
        return CELDeclaration(name: name, type: nil, fields: all, isObject: true)
    }

    package static func list(_ element: CELDeclaration) -> CELDeclaration {
        CELDeclaration(name: "list", type: .list(element.type), element: element)
    }
    package static func map(_ value: CELDeclaration) -> CELDeclaration {
        CELDeclaration(name: "map", type: .map(.string, value.type), element: value)
    }
    /// The same object with a field added or replaced.
    package func with(_ field: String, _ declaration: CELDeclaration) -> CELDeclaration {
        var all: [String: Field] = fields
        all[CELNames.escaped(field) ?? field] = Field(key: field, declaration: declaration, isRequired: false)
        return CELDeclaration(name: name, type: nil, fields: all, isObject: true, bytesMin: bytesMin)
    }

    /// Of a structural schema. Nil: the value can't be accessed (a type that expressions do not know).
    /// With `isResourceRoot`, apiVersion, kind and metadata are there whether declared or not.
    package static func schema(_ json: JSON, isResourceRoot: Bool = false, name: String = "object") -> CELDeclaration? {
        if json["x-kubernetes-int-or-string"].isTrue {
            return CELDeclaration(name: "dyn", type: .dyn, elementsMax: textMax(json), bytesMin: 1)
        }
        let isWhole: Bool = isResourceRoot || json["x-kubernetes-embedded-resource"].isTrue
        switch json.type.text {
        case "array":
            guard json["items"].asObject != nil, let items = schema(json["items"], name: name + ".@idx") else {
                return nil
            }
            let bound: UInt64 =
                json.maxItems.asInt64.map { UInt64(max($0, 0)) } ?? (requestBytesMax - 2) / (items.bytesMin + 1)
            let kind: ListType =
                switch json["x-kubernetes-list-type"].text {
                case "set": .set
                case "map": .map(keys: json["x-kubernetes-list-map-keys"].strings)
                default: .atomic
                }
            return CELDeclaration(
                name: "list", type: .list(items.type), element: items, listType: kind, elementsMax: bound, bytesMin: 2)
        case "object": return object(json, isWhole: isWhole, name: name)
        case "string": return text(json)
        case "boolean": return CELDeclaration(name: "bool", type: .bool, elementsMax: 1, bytesMin: 4)
        case "number": return CELDeclaration(name: "double", type: .double, elementsMax: 1, bytesMin: 1)
        case "integer": return CELDeclaration(name: "int", type: .int, elementsMax: 1, bytesMin: 1)
        default:
            // Data without a schema is out of reach, preserved or not, as upstream has it.
            return isWhole ? object(json, isWhole: true, name: name) : nil
        }
    }

    private static func text(_ json: JSON) -> CELDeclaration {
        let bound: UInt64? = json.maxLength.asInt64.map { UInt64(max($0, 0)) }
        switch json.format.text {
        case "byte":
            return CELDeclaration(name: "bytes", type: .bytes, elementsMax: bound ?? textMax(json), bytesMin: 2)
        case "duration":
            return CELDeclaration(name: "duration", type: .duration, elementsMax: textMax(json), bytesMin: 4)
        case "date", "date-time":
            return CELDeclaration(
                name: "timestamp", type: .timestamp, isDate: json.format == "date", elementsMax: textMax(json),
                bytesMin: json.format == "date" ? 12 : 21)
        default:
            return CELDeclaration(name: "string", type: .string, elementsMax: bound ?? textMax(json), bytesMin: 2)
        }
    }

    private static func textMax(_ json: JSON) -> UInt64 {
        switch json.format.text {
        case "duration": return 32
        case "date": return 12
        case "date-time": return 30
        default:
            if let n = json.maxLength.asInt64 { return UInt64(max(n, 0)) }
            let values: [JSON] = json["enum"].elements
            if !values.isEmpty { return values.map { UInt64($0.text.utf8.count) }.max() ?? 0 }
            return requestBytesMax - 2
        }
    }

    private static func object(_ json: JSON, isWhole: Bool, name: String) -> CELDeclaration? {
        if json.additionalProperties.asObject != nil {
            guard let value = schema(json.additionalProperties, name: name + ".@elem") else { return nil }
            let bound: UInt64 =
                json.maxProperties.asInt64.map { UInt64(max($0, 0)) } ?? (requestBytesMax - 2) / (value.bytesMin + 6)
            return CELDeclaration(
                name: "map", type: .map(.string, value.type), element: value, elementsMax: bound, bytesMin: 2)
        }
        var fields: [String: Field] = [:]
        let required: Set<String> = Set(json.required.strings)
        var bytes: UInt64 = 2
        for (key, property) in json.properties.fields {
            if isWhole, key == "metadata" || key == "kind" || key == "apiVersion" { continue }
            guard let escaped = CELNames.escaped(key), let d = schema(property, name: name + "." + key) else {
                continue
            }
            let isRequired: Bool = required.contains(key)
            if isRequired, !property["default"].exists { bytes += UInt64(key.utf8.count) + d.bytesMin + 4 }
            fields[escaped] = Field(key: key, declaration: d, isRequired: isRequired)
        }
        if isWhole {
            let text: CELDeclaration = CELDeclaration(name: "string", type: .string, elementsMax: 253, bytesMin: 2)
            let free: CELDeclaration = CELDeclaration(
                name: "string", type: .string, elementsMax: requestBytesMax - 2, bytesMin: 2)
            let metadata: CELDeclaration = object(name + ".metadata", [("name", text), ("generateName", text)])
            fields["kind"] = Field(key: "kind", declaration: free, isRequired: true)
            fields["apiVersion"] = Field(key: "apiVersion", declaration: free, isRequired: true)
            fields["metadata"] = Field(key: "metadata", declaration: metadata, isRequired: true)
        }
        return CELDeclaration(name: name, type: nil, fields: fields, isObject: true, bytesMin: bytes)
    }
}

extension CELDeclaration: Hashable {
    package static func == (a: CELDeclaration, b: CELDeclaration) -> Bool { a === b }
    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Field names of the API as identifiers of CEL.
package enum CELNames {
    static let reserved: Set<String> = [
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
        "let", "loop", "package", "namespace", "return", "var", "void", "while",
    ]

    /// `namespace` → `__namespace__`, `foo-bar` → `foo__dash__bar`; nil when the name can't be written at all.
    package static func escaped(_ name: String) -> String? {
        if reserved.contains(name) { return "__\(name)__" }
        let bytes: [UInt8] = Array(name.utf8)
        guard let first = bytes.first, !(48...57).contains(first) else { return nil }
        var out: String = ""
        var i: Int = 0
        while i < bytes.count {
            switch bytes[i] {
            case 95 where i + 1 < bytes.count && bytes[i + 1] == 95:
                out += "__underscores__"
                i += 1
            case 46: out += "__dot__"
            case 45: out += "__dash__"
            case 47: out += "__slash__"
            case 48...57, 65...90, 97...122, 95: out.unicodeScalars.append(Unicode.Scalar(bytes[i]))
            default: return nil
            }
            i += 1
        }
        return out
    }
}
