// How a value merges: what structured-merge-diff reads from an OpenAPI schema.

import KubeWire

/// The type of a value as far as apply is concerned.
struct MergeShape {
    enum Kind {
        case scalar
        case structure(Int)
        case map(ValueType)
        case list(ValueType)
        /// Without a schema: maps merge, lists are atomic.
        case deduced
    }
    var kind: Kind
    var isAtomic: Bool = false
    var list: ListKind = .atomic
    var keys: [String] = []
    /// A struct of Go that is no pointer: an absent one equals an empty one.
    var isImplied: Bool = false

    static let deduced: MergeShape = MergeShape(kind: .deduced)
}

/// Answers shapes of members and elements.
struct MergeShapes {
    /// `nil`: everything is deduced.
    let types: [ObjectType]?

    func shape(of type: ValueType) -> MergeShape {
        guard let types else { return .deduced }
        switch type {
        case .object(let i):
            if types[i].custom != nil { return MergeShape(kind: .deduced, isAtomic: true) }
            return MergeShape(kind: .structure(i), isAtomic: types[i].isAtomic)
        case .map(let e): return MergeShape(kind: .map(e))
        case .list(let e): return MergeShape(kind: .list(e), isAtomic: true)
        case .raw, .json, .any, .fieldsV1: return .deduced
        default: return MergeShape(kind: .scalar)
        }
    }

    func shape(of f: Field) -> MergeShape {
        var s: MergeShape = shape(of: f.type)
        switch s.kind {
        case .list:
            s.list = f.list
            s.keys = f.keys
            s.isAtomic = f.list == .atomic
        case .map: if let atomic = f.mapIsAtomic { s.isAtomic = atomic }
        case .structure:
            if let atomic = f.mapIsAtomic { s.isAtomic = atomic }
            s.isImplied = !f.isPointer && !f.omitsZeroStruct
        default: break
        }
        return s
    }

    /// Of a member of an object; `isField` tells declared fields from keys of a map.
    func member(_ name: String, of shape: MergeShape) -> (shape: MergeShape, isField: Bool) {
        switch shape.kind {
        case .structure(let i):
            guard let f = types?[i].member(name) else { return (.deduced, false) }
            return (self.shape(of: f), true)
        case .map(let e): return (self.shape(of: e), false)
        default: return (.deduced, false)
        }
    }

    func element(of shape: MergeShape) -> MergeShape {
        if case .list(let e) = shape.kind { return self.shape(of: e) }
        return .deduced
    }

    /// `k:{"containerPort":80,"protocol":"TCP"}` or `v:"x"`; `nil` when a key is missing.
    func pathElement(_ item: JSON, of shape: MergeShape) -> String? {
        if shape.list == .set { return "v:" + item.description }
        guard case .object(let o) = item else { return nil }
        var pairs: [(key: String, value: JSON)] = []
        var isAbsent: Bool = true
        for key in shape.keys.sorted() {
            var value: JSON = o[key] ?? .null
            if value.exists {
                isAbsent = false
            } else if case .list(.object(let i)) = shape.kind, let f = types?[i].member(key) {
                value = f.defaultValue
            }
            if value.exists { pairs.append((key, value)) }
        }
        if isAbsent { return nil }
        return "k:" + JSON.object(JSONObject(unique: pairs)).description
    }
}
