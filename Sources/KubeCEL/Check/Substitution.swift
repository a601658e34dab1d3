// What type parameters stand for while an expression is checked.

struct Substitution {
    private var bound: [CELType?] = []

    mutating func fresh() -> CELType {
        bound.append(nil)
        return .variable(bound.count - 1)
    }

    /// Replaces a signature's parameters by fresh ones.
    mutating func instantiate(_ overload: CELOverload) -> (parameters: [CELType], result: CELType) {
        var names: [Int: CELType] = [:]
        func walk(_ t: CELType, _ s: inout Substitution) -> CELType {
            switch t {
            case .variable(let n):
                if let known = names[n] { return known }
                let v: CELType = s.fresh()
                names[n] = v
                return v
            case .list(let e): return .list(walk(e, &s))
            case .map(let k, let v): return .map(walk(k, &s), walk(v, &s))
            case .optional(let e): return .optional(walk(e, &s))
            case .type(let e): return .type(walk(e, &s))
            default: return t
            }
        }
        let parameters: [CELType] = overload.parameters.map { walk($0, &self) }
        return (parameters, walk(overload.result, &self))
    }

    /// With known parameters put in; `final`: unknown ones become dyn.
    func resolved(_ t: CELType, final: Bool = false) -> CELType {
        switch t {
        case .variable(let n):
            guard n < bound.count, let b = bound[n] else { return final ? .dyn : t }
            return resolved(b, final: final)
        case .list(let e): return .list(resolved(e, final: final))
        case .map(let k, let v): return .map(resolved(k, final: final), resolved(v, final: final))
        case .optional(let e): return .optional(resolved(e, final: final))
        case .type(let e): return .type(resolved(e, final: final))
        default: return t
        }
    }

    private func occurs(_ n: Int, in t: CELType) -> Bool {
        switch resolved(t) {
        case .variable(let m): n == m
        case .list(let e), .optional(let e), .type(let e): occurs(n, in: e)
        case .map(let k, let v): occurs(n, in: k) || occurs(n, in: v)
        default: false
        }
    }

    /// Whether `given` may stand where `wanted` is; binds parameters. On failure what was bound before stays.
    mutating func assign(_ wanted: CELType, _ given: CELType) -> Bool {
        let before: [CELType?] = bound
        if fits(wanted, given) { return true }
        bound = before
        return false
    }

    mutating func assign(_ wanted: [CELType], _ given: [CELType]) -> Bool {
        let before: [CELType?] = bound
        for i in wanted.indices where !fits(wanted[i], given[i]) {
            bound = before
            return false
        }
        return true
    }

    private mutating func fits(_ wanted: CELType, _ given: CELType) -> Bool {
        let a: CELType = shallow(wanted)
        let b: CELType = shallow(given)
        switch (a, b) {
        case (.variable(let n), .variable(let m)):
            if n != m { bound[n] = b }
            return true
        case (.variable(let n), _):
            guard !occurs(n, in: b) else { return false }
            bound[n] = b
            return true
        case (_, .variable(let m)):
            guard !occurs(m, in: a) else { return false }
            bound[m] = a
            return true
        case (.dyn, _), (.error, _), (_, .dyn), (_, .error): return true
        case (.list(let x), .list(let y)), (.optional(let x), .optional(let y)): return fits(x, y)
        case (.type, .type): return true
        case (.map(let k, let v), .map(let l, let w)): return fits(k, l) && fits(v, w)
        case (.null, _): return Substitution.isNullable(b)
        case (_, .null): return Substitution.isNullable(a)
        default: return a == b
        }
    }

    private func shallow(_ t: CELType) -> CELType {
        var t: CELType = t
        while case .variable(let n) = t, n < bound.count, let b = bound[n] { t = b }
        return t
    }

    private static func isNullable(_ t: CELType) -> Bool {
        switch t {
        case .null, .object, .opaque, .timestamp, .duration, .optional: true
        default: false
        }
    }

    /// The common type of two elements; nil: there is none.
    mutating func join(_ a: CELType, _ b: CELType) -> CELType? {
        guard assign(a, b) else { return nil }
        return shallow(a).isDynamic ? a : shallow(b).isDynamic ? b : a
    }
}
