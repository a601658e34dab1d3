// The OpenAPI v3 schema of a custom kind as a Schema, so that apply merges its lists and maps by their declared keys.

package import KubeWire

extension Schema {
    /// The name of the root type that `custom` makes.
    package static let customRoot: String = "custom.Root"

    /// From `spec.versions[].schema.openAPIV3Schema`; `base` (the built-in schema) gives the types of metadata. Nodes
    /// without structure are taken as any JSON.
    package static func custom(_ openAPI: JSON, base: Schema) -> Schema {
        var build: CustomSchemaBuilder = CustomSchemaBuilder(base: base)
        build.root(openAPI)
        return Schema(types: build.types)
    }
}

private struct CustomSchemaBuilder {
    let base: Schema
    private(set) var types: [ObjectType] = []
    /// Positions in the base → positions here.
    private var copied: [Int: Int] = [:]

    init(base: Schema) { self.base = base }

    mutating func root(_ json: JSON) {
        let root: ObjectType = ObjectType(name: Schema.customRoot, fields: [])
        types.append(root)
        var fields: [Field] = ["kind", "apiVersion"].map { Field(name: $0, type: .string) }
        if let i = base.position(of: "meta/v1.ObjectMeta") {
            fields.append(Field(name: "metadata", type: .object(copy(i))))
        }
        let own: Set<String> = ["kind", "apiVersion", "metadata"]
        for (name, property) in json.properties.fields where !own.contains(name) {
            fields.append(field(name, property))
        }
        root.fields = fields
        root.preservesUnknown = json["x-kubernetes-preserve-unknown-fields"].isTrue || !json.properties.exists
    }

    private mutating func field(_ name: String, _ json: JSON) -> Field {
        let f: Field = Field(name: name, type: type(json))
        f.isPointer = true
        f.defaultValue = json["default"]
        f.list = ListKind(rawValue: json["x-kubernetes-list-type"].text) ?? .atomic
        f.keys = json["x-kubernetes-list-map-keys"].strings
        if json["x-kubernetes-map-type"] == "atomic" { f.mapIsAtomic = true }
        return f
    }

    private mutating func type(_ json: JSON) -> ValueType {
        if json["x-kubernetes-int-or-string"].isTrue { return .intOrString }
        switch json.type.text {
        case "string": return .string
        case "integer": return .int64
        case "number": return .double
        case "boolean": return .bool
        case "array": return .list(type(json.items))
        default: break
        }
        if json.additionalProperties.asObject != nil { return .map(type(json.additionalProperties)) }
        guard json.properties.exists, !json["x-kubernetes-embedded-resource"].isTrue else { return .raw }
        let t: ObjectType = ObjectType(name: "custom.Type\(types.count)", fields: [])
        types.append(t)
        let place: Int = types.count - 1
        t.preservesUnknown = json["x-kubernetes-preserve-unknown-fields"].isTrue
        t.fields = json.properties.fields.pairs.map { field($0.key, $0.value) }
        return .object(place)
    }

    private mutating func copy(_ i: Int) -> Int {
        if let known = copied[i] { return known }
        let source: ObjectType = base.types[i]
        let t: ObjectType = ObjectType(name: source.name, fields: [])
        types.append(t)
        let place: Int = types.count - 1
        copied[i] = place
        t.isAtomic = source.isAtomic
        t.custom = source.custom
        t.fields = source.members.map { m in
            let f: Field = Field(name: m.name, type: moved(m.type))
            f.isAlwaysWritten = m.isAlwaysWritten
            f.isPointer = m.isPointer
            f.omitsZeroStruct = m.omitsZeroStruct
            f.defaultValue = m.defaultValue
            f.list = m.list
            f.keys = m.keys
            f.mapIsAtomic = m.mapIsAtomic
            return f
        }
        return place
    }

    private mutating func moved(_ type: ValueType) -> ValueType {
        switch type {
        case .object(let i): .object(copy(i))
        case .list(let e): .list(moved(e))
        case .map(let e): .map(moved(e))
        default: type
        }
    }
}
