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
    var when: DefaultCondition
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
                    how: record.how.text, when: DefaultCondition(rawValue: record.when.text) ?? .none))
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
            for rule in own { DefaultStep.run(rule, on: &json, i, types) }
        }
        guard case .object(let o) = json else { return }
        let type: ObjectType = types[i]
        var hint: Int = 0
        var touched: [(Int, Int)] = []
        var pairs: [(key: String, value: JSON)] = o.pairs
        for p in pairs.indices {
            guard let m = type.position(of: pairs[p].key, from: hint) else { continue }
            hint = m + 1
            if let inner = DefaultRules.objectType(type.members[m].type), reaches[inner] { touched.append((p, m)) }
        }
        if touched.isEmpty { return }
        json = .null
        for (p, m) in touched {
            let f: Field = type.members[m]
            if let inner = DefaultRules.objectType(f.type) { descend(&pairs[p].value, f, inner, types) }
        }
        json = .object(JSONObject(unique: pairs))
    }

    private static func objectType(_ t: ValueType) -> Int? {
        switch t {
        case .object(let i): i
        case .list(let e), .map(let e): objectType(e)
        default: nil
        }
    }

    private func descend(_ v: inout JSON, _ f: Field, _ inner: Int, _ types: [ObjectType]) {
        switch v {
        case .object(let members):
            guard case .map = f.type else { return apply(to: &v, inner, types) }
            var pairs: [(key: String, value: JSON)] = members.pairs
            v = .null
            for k in pairs.indices { apply(to: &pairs[k].value, inner, types) }
            v = .object(JSONObject(unique: pairs))
        case .array(var elements):
            v = .null
            for k in elements.indices { apply(to: &elements[k], inner, types) }
            v = .array(elements)
        default: return
        }
    }
}

/// One rule on one object.
struct DefaultStep {
    let types: [ObjectType]
    let rule: DefaultRule
    /// The object as it was before this rule, for computations; null for plain values, so that nothing is copied.
    let root: JSON

    static func run(_ rule: DefaultRule, on json: inout JSON, _ i: Int, _ types: [ObjectType]) {
        if rule.how.isEmpty {
            if isSettled(json, rule.path[...], types[i], types) { return }
            guard rule.when == .none || DefaultConditions.holds(rule.when, json) else { return }
            DefaultStep(types: types, rule: rule, root: .null).descend(&json, i, rule.path[...])
        } else if !DefaultComputations.handlesWhole(rule, &json) {
            DefaultStep(types: types, rule: rule, root: json).descend(&json, i, rule.path[...])
        }
    }

    /// Whether a value that no rule replaces is there already: the usual case on updates.
    private static func isSettled(
        _ json: JSON, _ path: ArraySlice<String>, _ type: ObjectType, _ types: [ObjectType]
    ) -> Bool {
        guard case .object(let o) = json, let name = path.first, let v = o[name] else { return false }
        if path.count == 1 {
            switch v {
            case .null: return false
            case .string(let s): return !s.isEmpty || type.member(name)?.isPointer ?? false
            case .int(let n): return n != 0 || type.member(name)?.isPointer ?? false
            case .array(let a): return !a.isEmpty
            default: return true
            }
        }
        guard case .object = v, case .object(let inner) = type.member(name)?.type else { return false }
        return isSettled(v, path.dropFirst(), types[inner], types)
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
        case .zeroOrAbsent, .exactCount:
            if old.exists, old != 0 { return nil }
        case .loadBalancerEntryWithIP:
            if owner.ip.text.isEmpty || old.exists { return nil }
        case .empty, .emptyWithoutEgress, .emptyWithEgress:
            if !old.elements.isEmpty { return nil }
        default:
            if old.exists, f.isPointer || old != "" { return nil }
        }
        let isZero: Bool = rule.value == "" || rule.value == 0 || rule.value == false
        return isZero && !f.isPointer && !f.isAlwaysWritten && f.type != .intOrString ? JSON?.none : rule.value
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
