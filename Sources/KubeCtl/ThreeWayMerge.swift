// What `apply` changes: the difference between the file as it was last applied, the file now, and the live object.

import KubeAPI
import KubeModel
import KubeWire

enum ThreeWayMerge {
    /// A merge patch for the server: strategic (lists merged by key) for built-in kinds, RFC 7386 for custom ones.
    /// Fields that only the live object has are left alone; fields that left the file are deleted.
    static func patch(original: JSON, modified: JSON, live: JSON, type: String?) -> JSON {
        diff(original: original, modified: modified, live: live, type: type)
    }

    private static func diff(original: JSON, modified: JSON, live: JSON, type: String?) -> JSON {
        var out: JSONObject = JSONObject()
        for (key, wanted) in modified.fields where wanted.exists {
            let now: JSON = live[key]
            let field: Field? = type.flatMap { BuiltIn.schema.type($0)?.member(key) }
            switch (wanted, now) {
            case (.object, .object):
                let inner: JSON = diff(original: original[key], modified: wanted, live: now, type: field?.elementType)
                if !inner.fields.isEmpty { out[key] = inner }
            case (.array(let items), .array(let liveItems)):
                guard let field, field.patchMerges else {
                    if wanted != now { out[key] = wanted }
                    continue
                }
                let change: (items: [JSON], deletions: [JSON]) = list(
                    original: original[key].elements, modified: items, live: liveItems, field: field)
                if field.patchMergeKey.isEmpty {
                    if !change.items.isEmpty { out[key] = .array(change.items) }
                    if !change.deletions.isEmpty { out["$deleteFromPrimitiveList/\(key)"] = .array(change.deletions) }
                } else if !change.items.isEmpty || !change.deletions.isEmpty {
                    out[key] = .array(change.items + change.deletions)
                }
            default:
                if wanted != now { out[key] = wanted }
            }
        }
        for (key, _) in original.fields where modified.fields[key] == nil && live.fields[key] != nil {
            out[key] = .some(.null)
        }
        return .object(out)
    }

    /// Changed and new elements, and deletions (`$patch: delete` by key, or bare values of a primitive list).
    private static func list(
        original: [JSON], modified: [JSON], live: [JSON], field: Field
    ) -> (items: [JSON], deletions: [JSON]) {
        let key: String = field.patchMergeKey
        if key.isEmpty {
            return (
                modified.filter { !live.contains($0) },
                original.filter { !modified.contains($0) && live.contains($0) }
            )
        }
        var items: [JSON] = []
        for wanted in modified {
            guard let now = live.first(where: { $0[key] == wanted[key] }) else {
                items.append(wanted)
                continue
            }
            let before: JSON = original.first { $0[key] == wanted[key] } ?? .null
            var change: JSON = diff(original: before, modified: wanted, live: now, type: field.elementType)
            if change.fields.isEmpty { continue }
            change[key] = wanted[key]
            items.append(change)
        }
        let gone: [JSON] = original.filter { old in
            !modified.contains { $0[key] == old[key] } && live.contains { $0[key] == old[key] }
        }
        return (items, gone.map { .object(JSONObject([("$patch", "delete"), (key, $0[key])])) })
    }
}

extension Field {
    /// Name of the object type that the field, its elements or its values have.
    fileprivate var elementType: String? {
        func name(_ type: ValueType) -> String? {
            switch type {
            case .object(let position): BuiltIn.schema.types[position].name
            case .list(let inner), .map(let inner): name(inner)
            default: nil
            }
        }
        return name(type)
    }
}
