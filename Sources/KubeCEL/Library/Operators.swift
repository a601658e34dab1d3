// The types of the operators, and arithmetic with its overflow errors.

enum CELOperators {
    static func add(to l: inout CELLibrary) {
        let unused: CELCall = { (_, _) throws(CELError) in throw .noSuchOverload }
        for name in ["_==_", "_!=_"] { l.add(name, "(A, A) bool", cost: .comparison, unused) }
        let ordered: [String] = ["bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"]
        let crossed: [(String, String)] = [
            ("int", "double"), ("double", "int"), ("int", "uint"), ("uint", "int"), ("double", "uint"),
            ("uint", "double"),
        ]
        for name in ["_<_", "_<=_", "_>_", "_>=_"] {
            for t in ordered { l.add(name, "(\(t), \(t)) bool", cost: .comparison, unused) }
            for (a, b) in crossed { l.add(name, "(\(a), \(b)) bool", cost: .comparison, unused) }
        }
        l.add("!_", "(bool) bool", unused)
        l.add("_?_:_", "(bool, A, A) A", cost: .constant(0), unused)
        l.add("_[_]", "(list(A), int) A", unused)
        l.add("_[_]", "(map(A, B), A) B", unused)
        l.add("_[_]", "(optional(list(A)), int) optional(A)", unused)
        l.add("_[_]", "(optional(map(A, B)), A) optional(B)", unused)
        l.add("_[?_]", "(list(A), int) optional(A)", unused)
        l.add("_[?_]", "(map(A, B), A) optional(B)", unused)
        l.add("_[?_]", "(optional(list(A)), int) optional(A)", unused)
        l.add("_[?_]", "(optional(map(A, B)), A) optional(B)", unused)
        addArithmetic(to: &l)
        addMembership(to: &l)
    }

    private static func addMembership(to l: inout CELLibrary) {
        l.add("@in", "(A, list(A)) bool", cost: .membership) { (a, _) throws(CELError) in
            guard case .list(let list) = a[1] else { throw .noSuchOverload }
            for i in 0..<list.count where CELValue.equal(a[0], list[i]) { return .bool(true) }
            return .bool(false)
        }
        l.add("@in", "(A, map(A, B)) bool") { (a, frame) throws(CELError) in
            switch a[1] {
            case .map(let map):
                guard let key = CELKey(a[0]) else { return .bool(false) }
                return .bool(map[key] != nil)
            case .lazy:
                guard case .string(let name) = a[0] else { return .bool(false) }
                return .bool(try FieldAccess.member(a[1], name, &frame) != nil)
            default: throw .noSuchOverload
            }
        }
    }

    private static func addArithmetic(to l: inout CELLibrary) {
        for t in ["int", "uint", "double"] {
            l.add("_+_", "(\(t), \(t)) \(t)") { (a, _) throws(CELError) in try plus(a[0], a[1]) }
            l.add("_-_", "(\(t), \(t)) \(t)") { (a, _) throws(CELError) in try minus(a[0], a[1]) }
            l.add("_*_", "(\(t), \(t)) \(t)") { (a, _) throws(CELError) in try times(a[0], a[1]) }
            l.add("_/_", "(\(t), \(t)) \(t)") { (a, _) throws(CELError) in try over(a[0], a[1]) }
            if t != "double" {
                l.add("_%_", "(\(t), \(t)) \(t)") { (a, _) throws(CELError) in try remainder(a[0], a[1]) }
            }
        }
        l.add("-_", "(int) int") { (a, _) throws(CELError) in try minus(.int(0), a[0]) }
        l.add("-_", "(double) double") { (a, _) throws(CELError) in
            guard case .double(let d) = a[0] else { throw .noSuchOverload }
            return .double(-d)
        }
        l.add("-_", "(duration) duration") { (a, _) throws(CELError) in try minus(.duration(0), a[0]) }
        let joins: [(String, String, String)] = [
            ("string", "string", "string"), ("bytes", "bytes", "bytes"), ("list(A)", "list(A)", "list(A)"),
            ("duration", "duration", "duration"), ("timestamp", "duration", "timestamp"),
            ("duration", "timestamp", "timestamp"),
        ]
        for (x, y, z) in joins {
            let isText: Bool = x == "string" || x == "bytes"
            l.add("_+_", "(\(x), \(y)) \(z)", cost: isText ? .addition : .constant(1)) { (a, frame) throws(CELError) in
                try join(a[0], a[1], &frame)
            }
        }
        for (x, y, z) in [
            ("duration", "duration", "duration"), ("timestamp", "timestamp", "duration"),
            ("timestamp", "duration", "timestamp"),
        ] {
            l.add("_-_", "(\(x), \(y)) \(z)") { (a, _) throws(CELError) in try minus(a[0], a[1]) }
        }
    }

    private static func plus(_ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue {
        switch (a, b) {
        case (.int(let x), .int(let y)):
            let (r, o): (Int64, Bool) = x.addingReportingOverflow(y)
            if o { throw .integerOverflow }
            return .int(r)
        case (.uint(let x), .uint(let y)):
            let (r, o): (UInt64, Bool) = x.addingReportingOverflow(y)
            if o { throw .unsignedOverflow }
            return .uint(r)
        case (.double(let x), .double(let y)): return .double(x + y)
        default: throw .noSuchOverload
        }
    }

    private static func minus(_ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue {
        switch (a, b) {
        case (.int(let x), .int(let y)):
            let (r, o): (Int64, Bool) = x.subtractingReportingOverflow(y)
            if o { throw .integerOverflow }
            return .int(r)
        case (.uint(let x), .uint(let y)):
            let (r, o): (UInt64, Bool) = x.subtractingReportingOverflow(y)
            if o { throw .unsignedOverflow }
            return .uint(r)
        case (.double(let x), .double(let y)): return .double(x - y)
        case (.duration(let x), .duration(let y)):
            let (r, o): (Int64, Bool) = x.subtractingReportingOverflow(y)
            if o { throw .durationOverflow }
            return .duration(r)
        case (.timestamp(let x), .timestamp(let y)): return .duration(try x.since(y))
        case (.timestamp(let x), .duration(let y)):
            if y == .min { throw .durationOverflow }
            return .timestamp(try x.adding(nanoseconds: -y))
        default: throw .noSuchOverload
        }
    }

    private static func times(_ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue {
        switch (a, b) {
        case (.int(let x), .int(let y)):
            let (r, o): (Int64, Bool) = x.multipliedReportingOverflow(by: y)
            if o { throw .integerOverflow }
            return .int(r)
        case (.uint(let x), .uint(let y)):
            let (r, o): (UInt64, Bool) = x.multipliedReportingOverflow(by: y)
            if o { throw .unsignedOverflow }
            return .uint(r)
        case (.double(let x), .double(let y)): return .double(x * y)
        default: throw .noSuchOverload
        }
    }

    private static func over(_ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue {
        switch (a, b) {
        case (.int(let x), .int(let y)):
            if y == 0 { throw .runtime("division by zero") }
            let (r, o): (Int64, Bool) = x.dividedReportingOverflow(by: y)
            if o { throw .integerOverflow }
            return .int(r)
        case (.uint(let x), .uint(let y)):
            if y == 0 { throw .runtime("division by zero") }
            return .uint(x / y)
        case (.double(let x), .double(let y)): return .double(x / y)
        default: throw .noSuchOverload
        }
    }

    private static func remainder(_ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue {
        switch (a, b) {
        case (.int(let x), .int(let y)):
            if y == 0 { throw .runtime("modulus by zero") }
            let (r, o): (Int64, Bool) = x.remainderReportingOverflow(dividingBy: y)
            if o { throw .integerOverflow }
            return .int(r)
        case (.uint(let x), .uint(let y)):
            if y == 0 { throw .runtime("modulus by zero") }
            return .uint(x % y)
        default: throw .noSuchOverload
        }
    }

    private static func join(_ a: CELValue, _ b: CELValue, _ frame: inout CELFrame) throws(CELError) -> CELValue {
        switch (a, b) {
        case (.string(let x), .string(let y)):
            try frame.take(bytes: x.utf8.count + y.utf8.count)
            return .string(x + y)
        case (.bytes(let x), .bytes(let y)):
            try frame.take(bytes: x.count + y.count)
            return .bytes(x + y)
        case (.list(let x), .list(let y)):
            try frame.take(elements: x.count + y.count)
            return .list(CELLists.joined(x, y))
        case (.duration(let x), .duration(let y)):
            let (r, o): (Int64, Bool) = x.addingReportingOverflow(y)
            if o { throw .durationOverflow }
            return .duration(r)
        case (.timestamp(let t), .duration(let d)), (.duration(let d), .timestamp(let t)):
            return .timestamp(try t.adding(nanoseconds: d))
        default: throw .noSuchOverload
        }
    }
}
