// The types of an API by name: the table that drives decoding, defaults, patches, apply, protobuf and OpenAPI.

package import KubeWire

/// Immutable after loading. `BuiltIn.schema` (KubeAPI) holds the built-in kinds; a CustomResourceDefinition makes another.
package final class Schema: Sendable {
    package let types: [ObjectType]
    package let packages: [String: TypePackage]
    package let enums: [String: Enumeration]
    private let positions: [String: Int]
    /// Kinds by group/version/kind.
    private let kinds: [GroupVersionKind: Int]
    let defaults: DefaultRules

    package init(
        types: [ObjectType], packages: [String: TypePackage] = [:], enums: [String: Enumeration] = [:],
        defaults: JSON = .null
    ) {
        var types: [ObjectType] = types
        for i in types.indices { Schema.flatten(i, in: &types) }
        var done: [Bool] = Array(repeating: false, count: types.count)
        for i in types.indices { Schema.computeZero(i, in: &types, done: &done) }
        var positions: [String: Int] = [:]
        var kinds: [GroupVersionKind: Int] = [:]
        positions.reserveCapacity(types.count)
        for (i, t) in types.enumerated() {
            positions[t.name] = i
            if t.isKind, let p = packages[t.package] {
                kinds[GroupVersionKind(group: p.group, version: p.version, kind: t.shortName)] = i
            }
        }
        for t in types { for f in t.members { f.isOmittedWhenAbsent = Schema.absent(f, types) == nil } }
        self.types = types
        self.packages = packages
        self.enums = enums
        self.positions = positions
        self.kinds = kinds
        self.defaults = DefaultRules(table: defaults, types: types, positions: positions)
    }

    package func position(of type: String) -> Int? { positions[type] }
    package func contains(type: String) -> Bool { positions[type] != nil }
    package func type(_ name: String) -> ObjectType? { positions[name].map { types[$0] } }
    /// The name of the type of a kind, `core/v1.Pod`; metav1 kinds are found under any group and version.
    package func typeName(_ kind: GroupVersionKind) -> String? {
        let meta: GroupVersionKind = GroupVersionKind(group: "", version: "v1", kind: kind.kind)
        if let i = kinds[kind] { return types[i].name }
        guard let i = kinds[meta], types[i].package == "meta/v1" else {
            return positions["meta/v1." + kind.kind].map { types[$0].name }
        }
        return types[i].name
    }

    private static func flatten(_ i: Int, in types: inout [ObjectType]) {
        guard types[i].members.isEmpty else { return }
        var members: [Field] = []
        var inlined: [Int] = []
        for f in types[i].fields {
            guard f.isInline, case .object(let inner) = f.type else {
                members.append(f)
                continue
            }
            flatten(inner, in: &types)
            inlined.append(inner)
            inlined += types[inner].inlined
            members += types[inner].members
        }
        types[i].members = members
        types[i].protobufOrder = order(types[i].fields, members)
        types[i].inlined = inlined
    }

    private static func order(_ fields: [Field], _ members: [Field]) -> [(field: Int, member: Int)] {
        fields.indices.filter { fields[$0].number > 0 && !fields[$0].isTypeMeta }
            .sorted { fields[$0].number < fields[$1].number }
            .map { k in
                (k, fields[k].isInline ? -1 : members.firstIndex { $0.name == fields[k].name } ?? -1)
            }
    }

    /// Value structs nest without cycles, as in Go.
    private static func computeZero(_ i: Int, in types: inout [ObjectType], done: inout [Bool]) {
        guard !done[i] else { return }
        done[i] = true
        var pairs: [(key: String, value: JSON)] = []
        for f in types[i].members {
            if case .object(let inner) = f.type, !f.isPointer { computeZero(inner, in: &types, done: &done) }
            if let zero = absent(f, types) { pairs.append((f.name, zero)) }
        }
        types[i].zero = .object(JSONObject(unique: pairs))
    }

    /// What is written for a field that is not set; `nil` = the member is left out.
    static func absent(_ f: Field, _ types: [ObjectType]) -> JSON? {
        if f.isPointer { return f.isAlwaysWritten ? .null : JSON?.none }
        switch f.type {
        case .string: return f.isAlwaysWritten ? "" : JSON?.none
        case .int32, .int64, .double: return f.isAlwaysWritten ? 0 : JSON?.none
        case .bool: return f.isAlwaysWritten ? false : JSON?.none
        case .bytes, .list, .map, .any, .fieldsV1: return f.isAlwaysWritten ? .null : JSON?.none
        case .quantity: return "0"
        case .intOrString: return 0
        case .duration: return "0s"
        case .time, .microTime: return f.omitsZeroStruct ? JSON?.none : .null
        case .raw, .json: return .null
        case .object(let i):
            if f.omitsZeroStruct { return nil }
            return types[i].custom == nil ? types[i].zero : .null
        }
    }
}
