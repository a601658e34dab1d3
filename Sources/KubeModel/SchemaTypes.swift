// What the schema tables say of a type and of a field.

package import KubeWire

/// The shape of a value. `object` refers to `Schema.types` by position, so that types may refer to themselves.
package indirect enum ValueType: Sendable, Hashable {
    case string, int32, int64, bool, double
    /// Base64 in JSON.
    case bytes
    case quantity, intOrString
    /// RFC 3339 with whole seconds.
    case time
    /// RFC 3339 with six decimals.
    case microTime
    /// Go's text form, nanoseconds in protobuf.
    case duration
    /// Any JSON: runtime.RawExtension, metav1.FieldsV1, apiextensions JSON.
    case raw, fieldsV1, json
    /// JSON without a protobuf form.
    case any
    case object(Int)
    case list(ValueType)
    case map(ValueType)
}

/// How a list merges in server-side apply.
package enum ListKind: String, Sendable {
    case atomic, set, map
}

/// How a field lies in a protobuf message.
package enum Wire: String, Sendable {
    case string, bytes, varint, fixed64, msg, map
    /// The list is a message whose field 1 repeats.
    case items
}

package struct Field: Sendable {
    package var name: String
    package var type: ValueType
    /// Protobuf field number; 0 = none.
    package var number: Int = 0
    package var wire: Wire = .msg
    /// A map whose values are messages of repeated items.
    package var valueIsItems: Bool = false
    /// Written in JSON even when empty.
    package var isAlwaysWritten: Bool = false
    /// Presence is tracked (a Go pointer).
    package var isPointer: Bool = false
    package var omitsZeroStruct: Bool = false
    package var isRequired: Bool = false
    /// kind and apiVersion: never in a protobuf body.
    package var isTypeMeta: Bool = false
    /// The members of the type lie in the parent's JSON object; in protobuf it is a nested message.
    package var isInline: Bool = false
    package var defaultValue: JSON = .null
    /// Name of the enumeration, for Go's type names and OpenAPI.
    package var enumName: String = ""
    package var list: ListKind = .atomic
    package var keys: [String] = []
    /// Overrides the atomicity of a map's or struct's type.
    package var mapIsAtomic: Bool?
    /// Strategic merge patch: the list merges; unlisted members of the object go.
    package var patchMerges: Bool = false
    package var patchRetainsKeys: Bool = false
    package var patchReplaces: Bool = false
    package var patchMergeKey: String = ""
    package var gate: String = ""
    /// Declared value rules such as `minimum=1`.
    package var rules: [String] = []
    /// A union's discriminator.
    package var isDiscriminator: Bool = false

    package init(name: String, type: ValueType) {
        self.name = name
        self.type = type
    }
}

package struct ObjectType: Sendable {
    /// Types whose JSON is not the object of their fields.
    package enum Custom: Sendable { case schemaOrArray, schemaOrBool, schemaOrStringArray, envelope }

    /// `apps/v1.Deployment`
    package var name: String
    /// As declared, with inlined structs as one field.
    package var fields: [Field]
    /// The members of the JSON object in upstream's order, inlined structs flattened.
    package var members: [Field] = []
    /// Types whose members are inlined here, at any depth.
    package var inlined: [Int] = []
    /// The fields by ascending protobuf number; `member` is the place in `members`, -1 for an inlined struct.
    var protobufOrder: [(field: Int, member: Int)] = []
    /// Has kind and apiVersion.
    package var isKind: Bool = false
    /// Applied as a whole.
    package var isAtomic: Bool = false
    package var hasProtobuf: Bool = true
    /// Members without a field are kept (custom resources).
    package var preservesUnknown: Bool = false
    package var custom: Custom?
    package var unions: JSON = .null
    /// What Go writes for the zero value.
    package var zero: JSON = .null

    /// `Deployment`
    package var shortName: String { name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]) } ?? name }
    /// `apps/v1`: the key of the schema's packages.
    package var package: String { name.lastIndex(of: ".").map { String(name[..<$0]) } ?? "" }
    /// Go's name, for messages: `v1.Deployment`.
    package var goName: String { name.lastIndex(of: "/").map { String(name[name.index(after: $0)...]) } ?? name }

    /// The position of a member, looked for from `hint` on: members mostly come in order.
    @inline(__always)
    package func position(of key: String, from hint: Int = 0) -> Int? {
        let count: Int = members.count
        var i: Int = hint
        for _ in 0..<count {
            if i >= count { i = 0 }
            if members[i].name == key { return i }
            i += 1
        }
        return nil
    }

    package func member(_ name: String) -> Field? { position(of: name).map { members[$0] } }
}

/// A package of types: where it is served and how its types are called elsewhere.
package struct TypePackage: Sendable {
    package var group: String
    package var version: String
    package var stability: String
    /// Prefix of OpenAPI names: `io.k8s.api.apps.v1`.
    package var openAPI: String
    package var proto: String
}

package struct Enumeration: Sendable {
    package var values: [String]
    /// Other values are allowed.
    package var isOpen: Bool
}
