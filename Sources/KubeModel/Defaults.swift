// Defaulting driven by defaults.json: which rules a type has, and the walk that applies them parent first.

package import KubeWire

extension Schema {
    /// Upstream's defaulting functions for the type, on a normalised object; keys stay in canonical order.
    package func applyDefaults(_ object: JSON, as type: String) -> JSON {
        guard let i = position(of: type) else { return object }
        var out: JSON = object
        defaults.apply(to: &out, i, types)
        return out
    }
}

/// One record of the table.
struct DefaultRule: Sendable {
    /// Member names from the type's object to the field.
    var path: [String]
    var value: JSON
    var how: String
    var when: String
}

struct DefaultRules: Sendable {
    /// By type position.
    private let rules: [Int: [DefaultRule]]
    /// Whether a type or anything below it has rules: other subtrees are not walked.
    private let reaches: [Bool]

    /// Off at this level, or an option of queries.
    private static let gatesOff: Set<String> = ["DRANodeAllocatableResources", "PodLogsQuerySplitStreams"]

    init(table: JSON, types: [ObjectType], positions: [String: Int]) {
        var own: [Int: [DefaultRule]] = [:]
        for record in table.defaults.elements where !DefaultRules.gatesOff.contains(record.gate.text) {
            guard let i = positions[record.type.text] else { continue }
            own[i, default: []].append(
                DefaultRule(
                    path: record.field.text.split(separator: ".").map { String($0) }, value: record.value,
                    how: record.how.text, when: record.when.text))
        }
        var all: [Int: [DefaultRule]] = own
        for (i, t) in types.enumerated() {
            for inner in t.inlined { if let more = own[inner] { all[i, default: []] += more } }
        }
        rules = all
        reaches = DefaultRules.reachable(types, all)
    }

    private static func reachable(_ types: [ObjectType], _ rules: [Int: [DefaultRule]]) -> [Bool] {
        func target(_ t: ValueType) -> Int? {
            switch t {
            case .object(let i): i
            case .list(let e), .map(let e): target(e)
            default: nil
            }
        }
        var users: [[Int]] = Array(repeating: [], count: types.count)
        for (i, t) in types.enumerated() {
            for f in t.members { if let j = target(f.type) { users[j].append(i) } }
        }
        var reached: [Bool] = Array(repeating: false, count: types.count)
        var queue: [Int] = Array(rules.keys)
        for i in queue { reached[i] = true }
        while let i = queue.popLast() {
            for u in users[i] where !reached[u] {
                reached[u] = true
                queue.append(u)
            }
        }
        return reached
    }

    func apply(to json: inout JSON, _ i: Int, _ types: [ObjectType]) {
        guard reaches[i], case .object = json else { return }
        if let own = rules[i] {
            for rule in own {
                let looks: Bool = !(rule.when.isEmpty && rule.how.isEmpty)
                DefaultStep(types: types, rule: rule, root: looks ? json : .null).run(on: &json, i)
            }
        }
        for f in types[i].members {
            guard let inner = DefaultRules.objectType(f.type), reaches[inner], json[f.name].exists else { continue }
            descend(&json.fields, f, inner, types)
        }
    }

    private static func objectType(_ t: ValueType) -> Int? {
        switch t {
        case .object(let i): i
        case .list(let e), .map(let e): objectType(e)
        default: nil
        }
    }

    private func descend(_ o: inout JSONObject, _ f: Field, _ inner: Int, _ types: [ObjectType]) {
        guard var v = o[f.name] else { return }
        switch v {
        case .object(let members):
            if case .map = f.type {
                var pairs: [(key: String, value: JSON)] = members.pairs
                for k in pairs.indices { apply(to: &pairs[k].value, inner, types) }
                v = .object(JSONObject(unique: pairs))
            } else {
                apply(to: &v, inner, types)
            }
        case .array(var elements):
            for k in elements.indices { apply(to: &elements[k], inner, types) }
            v = .array(elements)
        default: return
        }
        o[f.name] = v
    }
}

/// One rule on one object.
struct DefaultStep {
    let types: [ObjectType]
    let rule: DefaultRule
    /// The object as it was before this rule: conditions look at it.
    let root: JSON

    func run(on json: inout JSON, _ i: Int) {
        if rule.how.isEmpty {
            guard DefaultConditions.holds(rule.when, root) else { return }
        } else if DefaultComputations.handlesWhole(rule, &json) {
            return
        }
        descend(&json, i, rule.path[...])
    }

    private func descend(_ json: inout JSON, _ i: Int, _ path: ArraySlice<String>) {
        guard case .object(var o) = json, let name = path.first,
            let m = types[i].position(of: name)
        else { return }
        let f: Field = types[i].members[m]
        if path.count == 1 {
            if let v = newValue(o[name] ?? .null, f, json) {
                json = .null
                DefaultStep.set(name, v, &o, types[i])
                json = .object(o)
            }
            return
        }
        var child: JSON = o[name] ?? .null
        let wasNull: Bool = child.isNull
        switch (f.type, child) {
        case (.list(.object(let inner)), .array(var elements)):
            for k in elements.indices { descend(&elements[k], inner, path.dropFirst()) }
            child = .array(elements)
        case (.object(let inner), _):
            if wasNull { child = [:] }
            descend(&child, inner, path.dropFirst())
            if wasNull, child.fields.isEmpty { return }
        case (.map, _) where path.count == 2:
            child.fields[path[path.startIndex + 1]] = rule.value
        default: return
        }
        json = .null
        DefaultStep.set(name, child, &o, types[i])
        json = .object(o)
    }

    /// `nil` = leave the field alone.
    private func newValue(_ old: JSON, _ f: Field, _ owner: JSON) -> JSON? {
        if !rule.how.isEmpty { return DefaultComputations.value(rule, old, owner: owner, root: root) }
        switch rule.when {
        case "0 or absent", "allocationMode is ExactCount and count is 0 or absent":
            if old.exists, old != 0 { return nil }
        case "type is LoadBalancer and the entry has an ip":
            if owner.ip.text.isEmpty || old.exists { return nil }
        case "empty", "empty and no egress rules", "empty and egress rules present":
            if !old.elements.isEmpty { return nil }
        default:
            if old.exists, f.isPointer || old != "" { return nil }
        }
        let isZero: Bool = rule.value == "" || rule.value == 0 || rule.value == false
        return isZero && !f.isPointer && !f.isAlwaysWritten && f.type != .intOrString ? nil : rule.value
    }

    /// Puts a member at its canonical place.
    static func set(_ name: String, _ value: JSON, _ o: inout JSONObject, _ type: ObjectType) {
        if o[name] != nil {
            o[name] = value
            return
        }
        let place: Int = type.position(of: name) ?? .max
        var pairs: [(key: String, value: JSON)] = o.pairs
        let at: Int = pairs.firstIndex { (type.position(of: $0.key) ?? .max) > place } ?? pairs.count
        pairs.insert((name, value), at: at)
        o = JSONObject(unique: pairs)
    }
}
