// The math library of cel-go.

import Glibc

enum CELMaths {
    static func add(to l: inout CELLibrary) {
        addExtremes(to: &l)
        addRounding(to: &l)
        addBits(to: &l)
    }

    private static func addExtremes(to l: inout CELLibrary) {
        for (name, sign) in [("math.greatest", 1), ("math.least", -1)] {
            let most: CELCall = { (a, _) throws(CELError) in
                var all: [CELValue] = a
                if a.count == 1, case .list(let list) = a[0] {
                    all = list.values
                    if all.isEmpty { throw .runtime("\(name)(list) argument must not be empty") }
                }
                var best: CELValue = all[0]
                for v in all {
                    guard CELValue.isNumber(v) else { throw .noSuchOverload }
                    if try CELValue.compare(v, best) == sign { best = v }
                }
                return best
            }
            for t in ["int", "uint", "double"] {
                l.add(name, "(\(t)) \(t)", most)
                l.add(name, "(list(\(t))) \(t)", cost: .elements, most)
                for u in ["int", "uint", "double"] { l.add(name, "(\(t), \(u)) \(t == u ? t : "dyn")", most) }
            }
            for count in 3...8 {
                let dyns: String = Array(repeating: "dyn", count: count).joined(separator: ", ")
                l.add(name, "(\(dyns)) dyn", most)
            }
        }
    }

    private static func addRounding(to l: inout CELLibrary) {
        let rounding: [(String, @Sendable (Double) -> Double)] = [
            ("math.ceil", { $0.rounded(.up) }), ("math.floor", { $0.rounded(.down) }),
            ("math.round", { $0.rounded(.toNearestOrAwayFromZero) }), ("math.trunc", { $0.rounded(.towardZero) }),
        ]
        for (name, f) in rounding {
            l.add(name, "(double) double") { (a, _) throws(CELError) in
                guard case .double(let d) = a[0] else { throw .noSuchOverload }
                return .double(f(d))
            }
        }
        for t in ["int", "uint", "double"] {
            l.add("math.sqrt", "(\(t)) double") { (a, _) throws(CELError) in .double(number(a[0]).squareRoot()) }
            l.add("math.abs", "(\(t)) \(t)") { (a, _) throws(CELError) in
                switch a[0] {
                case .int(let i):
                    if i == .min { throw .integerOverflow }
                    return .int(abs(i))
                case .double(let d): return .double(abs(d))
                default: return a[0]
                }
            }
            l.add("math.sign", "(\(t)) \(t)") { (a, _) throws(CELError) in
                switch a[0] {
                case .int(let i): .int(i.signum())
                case .uint(let u): .uint(u > 0 ? 1 : 0)
                case .double(let d): .double(d.isNaN || d == 0 ? d : d < 0 ? -1 : 1)
                default: throw .noSuchOverload
                }
            }
        }
        let tests: [(String, @Sendable (Double) -> Bool)] = [
            ("math.isInf", { $0.isInfinite }), ("math.isNaN", { $0.isNaN }), ("math.isFinite", { $0.isFinite }),
        ]
        for (name, f) in tests {
            l.add(name, "(double) bool") { (a, _) throws(CELError) in
                guard case .double(let d) = a[0] else { throw .noSuchOverload }
                return .bool(f(d))
            }
        }
    }

    private static func number(_ v: CELValue) -> Double {
        switch v {
        case .int(let i): Double(i)
        case .uint(let u): Double(u)
        case .double(let d): d
        default: .nan
        }
    }

    private static func addBits(to l: inout CELLibrary) {
        let pairs: [(String, @Sendable (UInt64, UInt64) -> UInt64)] = [
            ("math.bitAnd", { $0 & $1 }), ("math.bitOr", { $0 | $1 }), ("math.bitXor", { $0 ^ $1 }),
        ]
        for (name, f) in pairs {
            l.add(name, "(int, int) int") { (a, _) throws(CELError) in
                guard case (.int(let x), .int(let y)) = (a[0], a[1]) else { throw .noSuchOverload }
                return .int(Int64(bitPattern: f(UInt64(bitPattern: x), UInt64(bitPattern: y))))
            }
            l.add(name, "(uint, uint) uint") { (a, _) throws(CELError) in
                guard case (.uint(let x), .uint(let y)) = (a[0], a[1]) else { throw .noSuchOverload }
                return .uint(f(x, y))
            }
        }
        for (name, left) in [("math.bitShiftLeft", true), ("math.bitShiftRight", false)] {
            for t in ["int", "uint"] {
                l.add(name, "(\(t), int) \(t)") { (a, _) throws(CELError) in
                    let n: Int = try CELStrings.int(a[1])
                    if n < 0 { throw .runtime("\(name)() negative offset: \(n)") }
                    switch a[0] {
                    case .int(let i):
                        let u: UInt64 = UInt64(bitPattern: i)
                        return .int(n > 63 ? 0 : Int64(bitPattern: left ? u << UInt64(n) : u >> UInt64(n)))
                    case .uint(let u): return .uint(n > 63 ? 0 : left ? u << UInt64(n) : u >> UInt64(n))
                    default: throw .noSuchOverload
                    }
                }
            }
        }
        l.add("math.bitNot", "(int) int") { (a, _) throws(CELError) in
            guard case .int(let i) = a[0] else { throw .noSuchOverload }
            return .int(~i)
        }
        l.add("math.bitNot", "(uint) uint") { (a, _) throws(CELError) in
            guard case .uint(let u) = a[0] else { throw .noSuchOverload }
            return .uint(~u)
        }
    }
}
