// Optional values: `optional.of(x)`, `.hasValue()`, `.value()`, and the like. `or`, `orValue` and `optMap` are nodes.

enum CELOptionals {
    static func add(to l: inout CELLibrary) {
        let unused: CELCall = { (_, _) throws(CELError) in throw .noSuchOverload }
        l.add("optional.of", "(A) optional(A)") { (a, _) throws(CELError) in .optional(a[0]) }
        l.add("optional.none", "() optional(A)") { (_, _) throws(CELError) in .optional(nil) }
        l.add("optional.ofNonZeroValue", "(A) optional(A)") { (a, _) throws(CELError) in
            .optional(isZero(a[0]) ? nil : a[0])
        }
        l.add("hasValue", "optional(A).() bool") { (a, _) throws(CELError) in
            guard case .optional(let inner) = a[0] else { throw .noSuchOverload }
            return .bool(inner != nil)
        }
        l.add("value", "optional(A).() A") { (a, _) throws(CELError) in
            guard case .optional(let inner) = a[0] else { throw .noSuchOverload }
            guard let inner else { throw .runtime("optional.none() dereference") }
            return inner
        }
        l.add("or", "optional(A).(optional(A)) optional(A)", unused)
        l.add("orValue", "optional(A).(A) A", unused)
        l.add("optional.unwrap", "(list(optional(A))) list(A)") { (a, _) throws(CELError) in try unwrap(a[0]) }
        l.add("unwrapOpt", "list(optional(A)).() list(A)") { (a, _) throws(CELError) in try unwrap(a[0]) }
    }

    private static func unwrap(_ v: CELValue) throws(CELError) -> CELValue {
        var out: [CELValue] = []
        for x in try CELLists.values(v) {
            guard case .optional(let inner) = x else { throw .noSuchOverload }
            if let inner { out.append(inner) }
        }
        return .list(CELList(out))
    }

    private static func isZero(_ v: CELValue) -> Bool {
        switch v {
        case .null: true
        case .bool(let b): !b
        case .int(let i): i == 0
        case .uint(let u): u == 0
        case .double(let d): d == 0
        case .string(let s): s.isEmpty
        case .bytes(let b): b.isEmpty
        case .duration(let n): n == 0
        case .list(let l): l.count == 0
        case .map(let m): m.count == 0
        case .optional(let o): o == nil
        default: false
        }
    }
}
