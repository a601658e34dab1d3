// Kubernetes' strategic merge patch: a merge patch whose lists merge by key, with directives.

package import KubeWire

extension Patch {
    /// `$patch`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…` and `$retainKeys` as in
    /// k8s.io/apimachinery/pkg/util/strategicpatch. Throws BadRequest in upstream's words.
    package static func strategicMerge(
        _ patch: JSON, to object: JSON, schema: Schema, type: String
    ) throws(StatusError) -> JSON {
        guard let i = schema.position(of: type) else { throw .internalError("no type \(type) in the schema") }
        guard case .object(let changes) = patch else {
            throw .badRequest("json: cannot unmarshal \(patch.typeName) into Go value of type map[string]interface {}")
        }
        return .object(
            try StrategicMerge(types: schema.types).merge(changes, into: object.fields, .object(i)))
    }
}

private struct StrategicMerge {
    private static let directive: String = "$patch"
    private static let retainKeys: String = "$retainKeys"
    private static let deletePrefix: String = "$deleteFromPrimitiveList/"
    private static let orderPrefix: String = "$setElementOrder/"

    let types: [ObjectType]

    /// What the schema says of a member of a value of `type`.
    private func field(_ name: String, of type: ValueType?) -> Field? {
        switch type {
        case .object(let i): return types[i].member(name)
        case .map(let element): return Field(name: name, type: element)
        default: return nil
        }
    }

    private func element(_ f: Field?) -> ValueType? {
        if let f, case .list(let e) = f.type { return e }
        return nil
    }

    // MARK: objects

    func merge(_ patch: JSONObject, into original: JSONObject, _ type: ValueType?) throws(StatusError) -> JSONObject {
        var patch: JSONObject = patch
        if let d = patch.remove(StrategicMerge.directive) {
            switch d.text {
            case "replace": return cleaned(patch)
            case "delete": return JSONObject()
            case "merge": break
            default: throw .badRequest("unknown patch type found: \(d.text)")
            }
        }
        var out: JSONObject = original
        if let kept = patch.remove(StrategicMerge.retainKeys) {
            let names: Set<String> = Set(kept.strings)
            for key in patch.keys where !names.contains(key) && !key.hasPrefix("$") {
                throw .badRequest("$retainKeys list doesn't contain all the keys present in the patch: \(key)")
            }
            for key in out.keys where !names.contains(key) { out.remove(key) }
        }
        var orders: [(String, [JSON])] = []
        for (key, value) in patch {
            if key.hasPrefix(StrategicMerge.orderPrefix) {
                orders.append((String(key.dropFirst(StrategicMerge.orderPrefix.count)), value.elements))
            } else if key.hasPrefix(StrategicMerge.deletePrefix) {
                let name: String = String(key.dropFirst(StrategicMerge.deletePrefix.count))
                let gone: [JSON] = value.elements
                if let list = out[name] { out[name] = .array(list.elements.filter { !gone.contains($0) }) }
            } else {
                try merge(key, value, into: &out, field(key, of: type))
            }
        }
        for (name, order) in orders {
            guard let list = out[name]?.asArray else { continue }
            let f: Field? = field(name, of: type)
            out[name] = .array(ordered(list, by: order, server: original[name]?.elements ?? [], f?.patchMergeKey ?? ""))
        }
        return out
    }

    private func merge(
        _ key: String, _ value: JSON, into out: inout JSONObject, _ f: Field?
    ) throws(StatusError) {
        guard value.exists else {
            out.remove(key)
            return
        }
        switch (value, out[key]) {
        case (.object(let p), .some(.object(let o))):
            if let f, f.patchReplaces, p[StrategicMerge.directive] == nil {
                out[key] = .object(cleaned(p))
            } else {
                out[key] = .object(try merge(p, into: o, f?.type))
            }
        case (.object(let p), _): out[key] = .object(try merge(p, into: JSONObject(), f?.type))
        case (.array(let p), let old):
            if let f, f.patchMerges {
                out[key] = .array(try merge(p, into: old?.elements ?? [], f))
            } else {
                out[key] = .array(p.filter { $0[StrategicMerge.directive].isNull }.map { cleaned($0) })
            }
        default: out[key] = value
        }
    }

    // MARK: lists

    private func merge(_ patch: [JSON], into original: [JSON], _ f: Field) throws(StatusError) -> [JSON] {
        guard case .object = element(f) else {
            var merged: [JSON] = []
            for v in original + patch where !merged.contains(v) { merged.append(v) }
            return ordered(merged, by: patch, server: original, "")
        }
        let key: String = f.patchMergeKey
        if key.isEmpty { throw .badRequest("cannot merge lists without merge key for \(f.name)") }
        var kept: [JSON] = original
        var changes: [JSON] = []
        var replaces: Bool = false
        for p in patch {
            switch p[StrategicMerge.directive].text {
            case "": changes.append(p)
            case "delete":
                let id: JSON = p[key]
                guard id.exists else { throw .badRequest("delete patch type with no merge key defined") }
                kept.removeAll { $0[key] == id }
            case "replace": replaces = true
            case let other: throw .badRequest("unknown patch type found: \(other)")
            }
        }
        if replaces { return changes.map { cleaned($0) } }
        var merged: [JSON] = kept
        for p in changes {
            guard p[key].exists else {
                throw .badRequest("map: \(p) does not contain declared merge key: \(key)")
            }
            if let i = merged.firstIndex(where: { $0[key] == p[key] }) {
                merged[i] = .object(try merge(p.fields, into: merged[i].fields, element(f)))
            } else {
                merged.append(.object(try merge(p.fields, into: JSONObject(), element(f))))
            }
        }
        return ordered(merged, by: changes, server: kept, key)
    }

    private func same(_ a: JSON, _ b: JSON, _ key: String) -> Bool { key.isEmpty ? a == b : a[key] == b[key] }

    /// The items named by `order` in its order, among the others in the server's order.
    private func ordered(_ list: [JSON], by order: [JSON], server: [JSON], _ key: String) -> [JSON] {
        func place(_ v: JSON, _ in: [JSON]) -> Int { `in`.firstIndex { same($0, v, key) } ?? .max }
        let named: [JSON] = list.filter { v in order.contains { same($0, v, key) } }
            .sorted { place($0, order) < place($1, order) }
        let others: [JSON] = list.filter { v in !order.contains { same($0, v, key) } }
        var out: [JSON] = []
        var (i, j): (Int, Int) = (0, 0)
        while i < others.count || j < named.count {
            if i >= others.count {
                out.append(named[j])
                j += 1
            } else if j >= named.count {
                out.append(others[i])
                i += 1
            } else {
                let (l, r): (Int, Int) = (place(others[i], server), place(named[j], server))
                if l != .max, r != .max, l < r {
                    out.append(others[i])
                    i += 1
                } else {
                    out.append(named[j])
                    j += 1
                }
            }
        }
        return out
    }

    /// Without nulls and directives: what a new value contributes.
    private func cleaned(_ o: JSONObject) -> JSONObject {
        JSONObject(
            unique: o.pairs.filter { $0.value.exists && !isDirective($0.key) }.map { ($0.key, cleaned($0.value)) })
    }

    private func cleaned(_ v: JSON) -> JSON {
        switch v {
        case .object(let o): .object(cleaned(o))
        case .array(let a): .array(a.map { cleaned($0) })
        default: v
        }
    }

    private func isDirective(_ key: String) -> Bool {
        key == StrategicMerge.directive || key == StrategicMerge.retainKeys || key.hasPrefix(StrategicMerge.orderPrefix)
            || key.hasPrefix(StrategicMerge.deletePrefix)
    }
}
