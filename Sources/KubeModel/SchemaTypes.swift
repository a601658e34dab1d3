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

/// A class, so that the hot loops pass a pointer. Frozen once the schema is made: only the table loader writes.
package final class Field: @unchecked Sendable {
    package internal(set) var name: String
    package internal(set) var type: ValueType
    /// Protobuf field number; 0 = none.
    package internal(set) var number: Int = 0
    package internal(set) var wire: Wire = .msg
    /// A map whose values are messages of repeated items.
    package internal(set) var valueIsItems: Bool = false
    /// Written in JSON even when empty.
    package internal(set) var isAlwaysWritten: Bool = false
    /// Presence is tracked (a Go pointer).
    package internal(set) var isPointer: Bool = false
    package internal(set) var omitsZeroStruct: Bool = false
    package internal(set) var isRequired: Bool = false
    /// kind and apiVersion: never in a protobuf body.
    package internal(set) var isTypeMeta: Bool = false
    /// The members of the type lie in the parent's JSON object; in protobuf it is a nested message.
    package internal(set) var isInline: Bool = false
    package internal(set) var defaultValue: JSON = .null
    /// Name of the enumeration, for Go's type names and OpenAPI.
    package internal(set) var enumName: String = ""
    package internal(set) var list: ListKind = .atomic
    package internal(set) var keys: [String] = []
    /// Overrides the atomicity of a map's or struct's type.
    package internal(set) var mapIsAtomic: Bool?
    /// Strategic merge patch: the list merges; unlisted members of the object go.
    package internal(set) var patchMerges: Bool = false
    package internal(set) var patchRetainsKeys: Bool = false
    package internal(set) var patchReplaces: Bool = false
    package internal(set) var patchMergeKey: String = ""
    package internal(set) var gate: String = ""
    /// Declared value rules such as `minimum=1`.
    package internal(set) var rules: [String] = []
    /// A union's discriminator.
    package internal(set) var isDiscriminator: Bool = false

    /// Nothing is written for it when it is not set; computed once.
    var isOmittedWhenAbsent: Bool = false

    package init(name: String, type: ValueType) {
        self.name = name
        self.type = type
    }
}

/// A class for the same reason as `Field`; frozen once the schema is made.
package final class ObjectType: @unchecked Sendable {
    /// Types whose JSON is not the object of their fields.
    package enum Custom: Sendable { case schemaOrArray, schemaOrBool, schemaOrStringArray, envelope }

    /// `apps/v1.Deployment`
    package let name: String
    /// As declared, with inlined structs as one field.
    package internal(set) var fields: [Field]
    /// The members of the JSON object in upstream's order, inlined structs flattened.
    package internal(set) var members: [Field] = [] {
        didSet { names = members.map { $0.name } }
    }
    /// The members' names side by side, for look-up.
    private var names: [String] = []
    /// Types whose members are inlined here, at any depth.
    package internal(set) var inlined: [Int] = []
    /// The fields by ascending protobuf number; `member` is the place in `members`, -1 for an inlined struct.
    var protobufOrder: [(field: Int, member: Int)] = []
    /// Has kind and apiVersion.
    package internal(set) var isKind: Bool = false
    /// Applied as a whole.
    package internal(set) var isAtomic: Bool = false
    package internal(set) var hasProtobuf: Bool = true
    /// Members without a field are kept (custom resources).
    package internal(set) var preservesUnknown: Bool = false
    package internal(set) var custom: Custom?
    package internal(set) var unions: JSON = .null
    /// What Go writes for the zero value.
    package internal(set) var zero: JSON = .null

    package init(name: String, fields: [Field]) {
        self.name = name
        self.fields = fields
    }

    /// `Deployment`
    package var shortName: String { name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]) } ?? name }
    /// `apps/v1`: the key of the schema's packages.
    package var package: String { name.lastIndex(of: ".").map { String(name[..<$0]) } ?? "" }
    /// Go's name, for messages: `v1.Deployment`.
    package var goName: String { name.lastIndex(of: "/").map { String(name[name.index(after: $0)...]) } ?? name }

    /// The position of a member, looked for from `hint` on: members mostly come in order.
    @inline(__always)
    package func position(of key: String, from hint: Int = 0) -> Int? {
        let count: Int = names.count
        var i: Int = hint
        for _ in 0..<count {
            if i >= count { i = 0 }
            if names[i] == key { return i }
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
