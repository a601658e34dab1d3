// schema.json → Schema.

package import KubeWire

extension Schema {
    /// From the parsed tables `schema.json` and `defaults.json`; a malformed table is our mistake.
    package convenience init(table: JSON, defaults: JSON) {
        let named: JSONObject = table.types.fields
        var positions: [String: Int] = [:]
        positions.reserveCapacity(named.count)
        for (i, pair) in named.pairs.enumerated() { positions[pair.key] = i }
        var types: [ObjectType] = []
        types.reserveCapacity(named.count)
        for (name, record) in named { types.append(Schema.objectType(name, record, positions)) }
        var packages: [String: TypePackage] = [:]
        for (name, p) in table.packages.fields {
            packages[name] = TypePackage(
                group: p.group.text, version: p.version.text, stability: p.stability.text, openAPI: p.openapi.text,
                proto: p.proto.text)
        }
        var enums: [String: Enumeration] = [:]
        for (name, e) in table.enums.fields {
            enums[name] = Enumeration(values: e.values.strings, isOpen: e.open.exists)
        }
        self.init(types: types, packages: packages, enums: enums, defaults: defaults)
    }

    private static func objectType(_ name: String, _ record: JSON, _ positions: [String: Int]) -> ObjectType {
        let type: ObjectType = ObjectType(name: name, fields: [])
        for (key, value) in record.fields {
            switch key {
            case "f": type.fields = value.elements.map { field($0, positions) }
            case "kind": type.isKind = true
            case "map": type.isAtomic = value.text == "atomic"
            case "nopb": type.hasProtobuf = false
            case "unions": type.unions = value
            case "custom":
                type.custom =
                    switch type.shortName {
                    case "JSONSchemaPropsOrArray": .schemaOrArray
                    case "JSONSchemaPropsOrBool": .schemaOrBool
                    case "JSONSchemaPropsOrStringArray": .schemaOrStringArray
                    default: .envelope
                    }
            default: break
            }
        }
        return type
    }

    private static func field(_ record: JSON, _ positions: [String: Int]) -> Field {
        let f: Field = Field(name: "", type: .any)
        for (key, value) in record.fields.pairs {
            switch key {
            case "n": f.name = value.text
            case "t": f.type = valueType(value.text[...], positions)
            case "p": f.number = value.asInt ?? 0
            case "w": f.wire = Wire(rawValue: value.text) ?? .msg
            case "vw": f.valueIsItems = value.text == "items"
            case "req": f.isRequired = true
            case "f":
                for c in value.text.utf8 {
                    if c == UInt8(ascii: "e") { f.isAlwaysWritten = true }
                    if c == UInt8(ascii: "p") { f.isPointer = true }
                    if c == UInt8(ascii: "z") { f.omitsZeroStruct = true }
                }
            case "tm": f.isTypeMeta = true
            case "inline": f.isInline = true
            case "default": f.defaultValue = value
            case "enum": f.enumName = value.text
            case "list": f.list = ListKind(rawValue: value.text) ?? .atomic
            case "keys": f.keys = value.strings
            case "map": f.mapIsAtomic = value.text == "atomic"
            case "ps":
                let words: [Substring] = value.text.split(separator: ",")
                f.patchMerges = words.contains("merge")
                f.patchRetainsKeys = words.contains("retainKeys")
                f.patchReplaces = words.contains("replace")
            case "pk": f.patchMergeKey = value.text
            case "gate": f.gate = value.asString ?? value.strings.joined(separator: ",")
            case "v": f.rules = value.strings
            case "disc": f.isDiscriminator = true
            default: break
            }
        }
        return f
    }

    private static func valueType(_ t: Substring, _ positions: [String: Int]) -> ValueType {
        if t.hasPrefix("[]") { return .list(valueType(t.dropFirst(2), positions)) }
        if t.hasPrefix("{}") { return .map(valueType(t.dropFirst(2), positions)) }
        if t.hasPrefix("@") {
            guard let i = positions[String(t.dropFirst())] else { preconditionFailure("schema table: no type \(t)") }
            return .object(i)
        }
        switch t {
        case "string": return .string
        case "int32": return .int32
        case "int64": return .int64
        case "bool": return .bool
        case "double": return .double
        case "bytes": return .bytes
        case "Quantity": return .quantity
        case "IntOrString": return .intOrString
        case "Time": return .time
        case "MicroTime": return .microTime
        case "Duration": return .duration
        case "RawExtension": return .raw
        case "FieldsV1": return .fieldsV1
        case "JSON": return .json
        case "any": return .any
        default: preconditionFailure("schema table: unknown type \(t)")
        }
    }
}
