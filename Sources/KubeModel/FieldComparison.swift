// What differs between two objects, which fields an object has, their merge and the removal of fields: the operations of
// structured-merge-diff on JSON trees.

import KubeWire

struct FieldDifference {
    var added: FieldSet.Node?
    var removed: FieldSet.Node?
    var modified: FieldSet.Node?
    var isEmpty: Bool { added == nil && removed == nil && modified == nil }
}

struct TypedTree {
    let shapes: MergeShapes

    private func isEmptyCollection(_ v: JSON?) -> Bool {
        switch v {
        case .none, .some(.null): true
        case .some(.object(let o)): o.isEmpty
        case .some(.array(let a)): a.isEmpty
        default: false
        }
    }

    private enum Form { case leaf, map, list }

    /// How the two values are walked together: as a leaf when atomic, empty on both sides or of different form.
    private func form(_ a: JSON?, _ b: JSON?, _ s: MergeShape) -> Form {
        if s.isAtomic { return .leaf }
        if case .scalar = s.kind { return .leaf }
        if isEmptyCollection(a), isEmptyCollection(b) { return .leaf }
        func own(_ v: JSON?) -> Form? {
            switch v {
            case .none, .some(.null): return nil
            case .some(.object): return .map
            case .some(.array):
                if case .list = s.kind { return .list }
                return .leaf
            default: return .leaf
            }
        }
        let (x, y): (Form?, Form?) = (own(a), own(b))
        guard let x else { return y ?? .leaf }
        guard let y else { return x }
        return x == y ? x : .leaf
    }

    // MARK: comparison

    /// `nil` = absent.
    func compare(_ a: JSON?, _ b: JSON?, _ s: MergeShape) -> FieldDifference {
        if let a, let b, a == b { return FieldDifference() }
        switch form(a, b, s) {
        case .leaf:
            if a == nil { return FieldDifference(added: FieldSet.leaf) }
            if b == nil { return FieldDifference(removed: FieldSet.leaf) }
            return FieldDifference(modified: FieldSet.leaf)
        case .map: return join(a, b, mapItems(a, b, s))
        case .list:
            guard let items = listItems(a, b, s) else {
                return FieldDifference(
                    added: a == nil ? FieldSet.leaf : nil, removed: b == nil ? FieldSet.leaf : nil,
                    modified: a != nil && b != nil ? FieldSet.leaf : nil)
            }
            return join(a, b, items)
        }
    }

    private typealias Item = (element: String, a: JSON?, b: JSON?, shape: MergeShape)

    private func join(_ a: JSON?, _ b: JSON?, _ items: [Item]) -> FieldDifference {
        var added: [(key: String, value: JSON)] = []
        var removed: [(key: String, value: JSON)] = []
        var modified: [(key: String, value: JSON)] = []
        for item in items {
            let d: FieldDifference = compare(item.a, item.b, item.shape)
            if let n = d.added { added.append((item.element, .object(n))) }
            if let n = d.removed { removed.append((item.element, .object(n))) }
            if let n = d.modified { modified.append((item.element, .object(n))) }
        }
        return FieldDifference(
            added: FieldSet.node(added, isMember: a == nil), removed: FieldSet.node(removed, isMember: b == nil),
            modified: FieldSet.node(modified, isMember: false))
    }

    private func mapItems(_ a: JSON?, _ b: JSON?, _ s: MergeShape) -> [Item] {
        let x: JSONObject = a?.asObject ?? JSONObject()
        let y: JSONObject = b?.asObject ?? JSONObject()
        var out: [Item] = []
        for (key, value) in x {
            let other: JSON? = y[key]
            if let other, other == value { continue }
            let shape: MergeShape = shapes.member(key, of: s).shape
            out.append(("f:" + key, value, other ?? TypedTree.implied(shape), shape))
        }
        for (key, value) in y where x[key] == nil {
            let shape: MergeShape = shapes.member(key, of: s).shape
            out.append(("f:" + key, TypedTree.implied(shape), value, shape))
        }
        return out
    }

    private static func implied(_ shape: MergeShape) -> JSON? {
        shape.isImplied ? .object(JSONObject()) : JSON?.none
    }

    /// `nil` when an item has no key or two items have the same.
    private func listItems(_ a: JSON?, _ b: JSON?, _ s: MergeShape) -> [Item]? {
        guard let x = keyed(a, s), let y = keyed(b, s) else { return nil }
        let element: MergeShape = shapes.element(of: s)
        var others: [String: JSON] = [:]
        for (key, value) in y { others[key] = value }
        var out: [Item] = []
        var seen: Set<String> = []
        for (key, value) in x {
            seen.insert(key)
            out.append((key, value, others[key], element))
        }
        for (key, value) in y where !seen.contains(key) { out.append((key, nil, value, element)) }
        return out
    }

    private func keyed(_ list: JSON?, _ s: MergeShape) -> [(String, JSON)]? {
        var out: [(String, JSON)] = []
        var seen: Set<String> = []
        for item in list?.elements ?? [] {
            guard let key = shapes.pathElement(item, of: s), seen.insert(key).inserted else { return nil }
            out.append((key, item))
        }
        return out
    }

    // MARK: the fields of an object

    func fieldSet(_ v: JSON, _ s: MergeShape) -> FieldSet.Node? {
        switch form(nil, v, s) {
        case .leaf:
            if case .object(let o) = v, o.isEmpty, !s.isAtomic { return nil }
            if case .array(let a) = v, a.isEmpty, !s.isAtomic { return nil }
            return FieldSet.leaf
        case .map:
            var children: [(key: String, value: JSON)] = []
            for (key, value) in v.fields {
                let (shape, isField): (MergeShape, Bool) = shapes.member(key, of: s)
                var node: FieldSet.Node? = fieldSet(value, shape)
                let isEmptyMap: Bool = value.asObject?.isEmpty ?? false
                if value.isNull || isEmptyMap || !isField { node = FieldSet.union(node, FieldSet.leaf) }
                if let node { children.append(("f:" + key, .object(node))) }
            }
            return FieldSet.node(children, isMember: false)
        case .list:
            guard let items = keyed(v, s) else { return FieldSet.leaf }
            let element: MergeShape = shapes.element(of: s)
            let children: [(key: String, value: JSON)] = items.map { key, item in
                (key, .object(FieldSet.union(fieldSet(item, element), FieldSet.leaf) ?? FieldSet.leaf))
            }
            return FieldSet.node(children, isMember: false)
        }
    }

    // MARK: merge

    /// `b` over `a`; keyed lists keep `b`'s order, with `a`'s own items where they stood.
    func merge(_ a: JSON?, _ b: JSON?, _ s: MergeShape) -> JSON {
        guard let a else { return b ?? .null }
        guard let b else { return a }
        switch form(a, b, s) {
        case .leaf: return b
        case .map:
            var out: JSONObject = a.fields
            for (key, value) in b.fields { out[key] = merge(out[key], value, shapes.member(key, of: s).shape) }
            return .object(out)
        case .list:
            guard let x = keyed(a, s), let y = keyed(b, s) else { return b }
            return .array(mergeItems(x, y, shapes.element(of: s)))
        }
    }

    private func mergeItems(_ x: [(String, JSON)], _ y: [(String, JSON)], _ element: MergeShape) -> [JSON] {
        var left: [String: JSON] = [:]
        for (key, value) in x { left[key] = value }
        let right: Set<String> = Set(y.map { $0.0 })
        let shared: [String] = y.map { $0.0 }.filter { left[$0] != nil }
        var next: Int = 0
        var out: [JSON] = []
        var (i, j): (Int, Int) = (0, 0)
        while i < x.count || j < y.count {
            if i < x.count, j < y.count {
                if x[i].0 == y[j].0 {
                    out.append(merge(x[i].1, y[j].1, element))
                    if next < shared.count, shared[next] == y[j].0 { next += 1 }
                    i += 1
                    j += 1
                    continue
                }
                if right.contains(x[i].0), next < shared.count, shared[next] != x[i].0 {
                    i += 1
                    continue
                }
            }
            if i < x.count, !right.contains(x[i].0) {
                out.append(x[i].1)
                i += 1
                continue
            }
            if j < y.count {
                out.append(merge(left[y[j].0], y[j].1, element))
                if next < shared.count, shared[next] == y[j].0 { next += 1 }
                j += 1
            } else {
                i += 1
            }
        }
        return out
    }

    // MARK: removal

    /// `v` without what `last` names and `managed` does not.
    func prune(_ v: JSON, last: FieldSet.Node, managed: FieldSet.Node?, _ s: MergeShape) -> JSON {
        switch form(v, v, s) {
        case .leaf: return v
        case .map:
            var out: [(key: String, value: JSON)] = []
            for (key, value) in v.fields {
                let element: String = "f:" + key
                guard let was = last[element]?.asObject else {
                    out.append((key, value))
                    continue
                }
                let now: FieldSet.Node? = managed?[element]?.asObject
                let (shape, isField): (MergeShape, Bool) = shapes.member(key, of: s)
                if now == nil, FieldSet.isMember(was) || isField { continue }
                out.append((key, prune(value, last: was, managed: now, shape)))
            }
            return .object(JSONObject(unique: out))
        case .list:
            guard let items = keyed(v, s) else { return v }
            let element: MergeShape = shapes.element(of: s)
            return .array(
                items.compactMap { key, item in
                    guard let was = last[key]?.asObject else { return item }
                    let now: FieldSet.Node? = managed?[key]?.asObject
                    if now == nil, FieldSet.isMember(was) { return nil }
                    return prune(item, last: was, managed: now, element)
                })
        }
    }
}
