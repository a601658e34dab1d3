// The lists libraries: the API server's (isSorted, sum, min, max, indexOf) and cel-go's (slice, flatten, sort, …).

enum CELLists {
    static func add(to l: inout CELLibrary) {
        let ordered: [String] = ["int", "uint", "double", "bool", "string", "bytes", "timestamp", "duration"]
        for t in ordered {
            l.add("isSorted", "list(\(t)).() bool", cost: .elements) { (a, _) throws(CELError) in
                let v: [CELValue] = try values(a[0])
                for i in v.indices.dropFirst() where try CELValue.compare(v[i - 1], v[i]) > 0 { return .bool(false) }
                return .bool(true)
            }
            l.add("min", "list(\(t)).() \(t)", cost: .elements) { (a, _) throws(CELError) in
                try extreme(try values(a[0]), -1, "min")
            }
            l.add("max", "list(\(t)).() \(t)", cost: .elements) { (a, _) throws(CELError) in
                try extreme(try values(a[0]), 1, "max")
            }
            l.add("sort", "list(\(t)).() list(\(t))", cost: .elements) { (a, frame) throws(CELError) in
                let v: [CELValue] = try values(a[0])
                try frame.take(elements: v.count)
                return .list(CELList(try sorted(v.map { ($0, $0) })))
            }
        }
        for (t, zero) in [
            ("int", CELValue.int(0)), ("uint", .uint(0)), ("double", .double(0)), ("duration", .duration(0)),
        ] {
            let plus: [CELOverload] = l.functions["_+_"]?.filter { $0.result == CELType.named[t] ?? .duration } ?? []
            let add: CELOverload? = plus.first { $0.parameters == [$0.result, $0.result] }
            l.add("sum", "list(\(t)).() \(t)", cost: .elements) { (a, frame) throws(CELError) in
                var total: CELValue = zero
                guard let add else { throw .noSuchOverload }
                for v in try values(a[0]) {
                    guard CELOverload.accepts(add.result, v) else { throw .noSuchOverload }
                    total = try add.call([total, v], &frame)
                }
                return total
            }
        }
        l.add("indexOf", "list(A).(A) int", cost: .elements) { (a, _) throws(CELError) in
            .int(Int64(try values(a[0]).firstIndex { CELValue.equal($0, a[1]) } ?? -1))
        }
        l.add("lastIndexOf", "list(A).(A) int", cost: .elements) { (a, _) throws(CELError) in
            .int(Int64(try values(a[0]).lastIndex { CELValue.equal($0, a[1]) } ?? -1))
        }
        addShapes(to: &l)
    }

    static func values(_ v: CELValue) throws(CELError) -> [CELValue] {
        guard case .list(let list) = v else { throw .noSuchOverload }
        return list.values
    }

    private static func extreme(_ v: [CELValue], _ sign: Int, _ name: String) throws(CELError) -> CELValue {
        guard var best = v.first else { throw .runtime("\(name) called on empty list") }
        for x in v.dropFirst() where try CELValue.compare(x, best) == sign { best = x }
        return best
    }

    private static func addShapes(to l: inout CELLibrary) {
        l.add("slice", "list(A).(int, int) list(A)", cost: .elements) { (a, frame) throws(CELError) in
            let v: [CELValue] = try values(a[0])
            let from: Int = try CELStrings.int(a[1])
            let to: Int = try CELStrings.int(a[2])
            guard from >= 0, to >= 0 else {
                throw .runtime("cannot slice(\(from), \(to)), negative indexes not supported")
            }
            guard from <= to else {
                throw .runtime("cannot slice(\(from), \(to)), start index must be less than or equal to end index")
            }
            guard to <= v.count else { throw .runtime("cannot slice(\(from), \(to)), list is length \(v.count)") }
            try frame.take(elements: to - from)
            return .list(CELList(Array(v[from..<to])))
        }
        let flatten: CELCall = { (a, frame) throws(CELError) in
            let depth: Int = a.count > 1 ? try CELStrings.int(a[1]) : 1
            if depth < 0 { throw .runtime("level must be non-negative") }
            var out: [CELValue] = []
            try flat(try values(a[0]), min(depth, Expression.depthMax), &out, &frame)
            return .list(CELList(out))
        }
        l.add("flatten", "list(list(A)).() list(A)", cost: .elements, flatten)
        l.add("flatten", "list(dyn).(int) list(dyn)", cost: .elements, flatten)
        l.add("distinct", "list(A).() list(A)", cost: .elements) { (a, frame) throws(CELError) in
            var out: [CELValue] = []
            for v in try values(a[0]) {
                try frame.charge(UInt64(out.count))
                if !out.contains(where: { CELValue.equal($0, v) }) { out.append(v) }
            }
            try frame.take(elements: out.count)
            return .list(CELList(out))
        }
        l.add("reverse", "list(A).() list(A)", cost: .elements) { (a, frame) throws(CELError) in
            let v: [CELValue] = try values(a[0])
            try frame.take(elements: v.count)
            return .list(CELList(v.reversed()))
        }
        l.add("first", "list(A).() optional(A)") { (a, _) throws(CELError) in .optional(try values(a[0]).first) }
        l.add("last", "list(A).() optional(A)") { (a, _) throws(CELError) in .optional(try values(a[0]).last) }
        l.add("lists.range", "(int) list(int)", cost: .constant(1)) { (a, frame) throws(CELError) in
            let n: Int = try CELStrings.int(a[0])
            guard n > 0 else { return .list(CELList([])) }
            try frame.charge(UInt64(n))
            try frame.take(elements: n)
            return .list(CELList((0..<n).map { .int(Int64($0)) }))
        }
    }

    private static func flat(
        _ v: [CELValue], _ depth: Int, _ out: inout [CELValue], _ frame: inout CELFrame
    ) throws(CELError) {
        for x in v {
            if case .list(let inner) = x, depth > 0 {
                try flat(inner.values, depth - 1, &out, &frame)
            } else {
                try frame.charge(1)
                try frame.take(elements: 1)
                out.append(x)
            }
        }
    }

    /// Values in the order of their keys; equal keys keep theirs.
    static func sorted(_ keyed: [(key: CELValue, value: CELValue)]) throws(CELError) -> [CELValue] {
        var failure: CELError?
        let order: [Int] = keyed.indices.sorted { i, j in
            do throws(CELError) {
                let c: Int = try CELValue.compare(keyed[i].key, keyed[j].key)
                return c == -1 || (c != 1 && i < j)
            } catch {
                failure = error
                return i < j
            }
        }
        if let failure { throw failure }
        return order.map { keyed[$0].value }
    }

    /// `+`: lists of type set unite, those of type map replace elements of the same keys, others append.
    static func joined(_ x: CELList, _ y: CELList) -> CELList {
        switch x.declaration?.listType ?? .atomic {
        case .atomic: return CELList(x.values + y.values)
        case .set:
            var out: [CELValue] = x.values
            for v in y.values where !out.contains(where: { CELValue.equal($0, v) }) { out.append(v) }
            return CELList(out)
        case .map(let keys):
            var out: [CELValue] = x.values
            for v in y.values {
                if let i = out.firstIndex(where: { CELValue.sameKeys($0, v, keys) }) {
                    out[i] = v
                } else {
                    out.append(v)
                }
            }
            return CELList(out)
        }
    }
}
