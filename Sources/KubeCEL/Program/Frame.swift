// What one evaluation has: variables, cost so far, limits.

/// What is left of an object's budget, and what one call may take. Units of cel-go's cost.
package struct CELBudget: Sendable {
    /// One call at most: upstream's PerCallLimit.
    package static let callMax: UInt64 = 1_000_000
    /// All calls for one object: upstream's RuntimeCELCostBudget.
    package static let objectMax: UInt64 = 10_000_000
    /// All match conditions of one webhook or policy: upstream's RuntimeCELCostBudgetMatchConditions.
    package static let matchConditionsMax: UInt64 = 2_500_000

    package var remaining: UInt64
    package let perCall: UInt64

    package init(_ remaining: UInt64 = objectMax, perCall: UInt64 = callMax) {
        self.remaining = remaining
        self.perCall = perCall
    }
}

struct CELFrame {
    var slots: [CELValue]
    private(set) var cost: UInt64 = 0
    private let limit: UInt64
    /// Bytes that computed lists and texts took so far, roughly.
    private var memory: Int = 0
    /// Of one evaluation at most. Upstream's costs allow lists to grow for free by concatenation; memory does not.
    private static let memoryMax: Int = 64 * 1024 * 1024

    /// Threads that all regular expressions of this evaluation may still follow.
    var regexWork: Int = CELRegex.workMax

    init(slots: [CELValue], limit: UInt64) {
        self.slots = slots
        self.limit = limit
    }

    mutating func charge(_ n: UInt64) throws(CELError) {
        let (sum, overflow): (UInt64, Bool) = cost.addingReportingOverflow(n)
        cost = overflow ? .max : sum
        if cost > limit { throw .costExceeded }
    }

    /// Before memory is taken.
    mutating func take(bytes: Int) throws(CELError) {
        memory += bytes
        if memory > CELFrame.memoryMax { throw .memoryExceeded }
    }
    mutating func take(elements: Int) throws(CELError) { try take(bytes: elements * 32) }

    /// What is left of the limit, as a budget for what a lazy field costs.
    mutating func withBudget<T>(_ body: (inout CELBudget) throws(CELError) -> T) throws(CELError) -> T {
        var budget: CELBudget = CELBudget(limit - cost)
        let before: UInt64 = budget.remaining
        let result: T = try body(&budget)
        try charge(before - budget.remaining)
        return result
    }

    mutating func charge(_ rule: CELCost, _ a: [CELValue], _ result: CELValue) throws(CELError) {
        try charge(rule.actual(a, result))
    }
}

extension CELCost {
    static func scaled(_ size: UInt64, _ factor: Double) -> UInt64 {
        let x: Double = (Double(size) * factor).rounded(.up)
        return x >= 0x1p64 ? .max : UInt64(x)
    }

    func actual(_ a: [CELValue], _ result: CELValue) -> UInt64 {
        switch self {
        case .constant(let n): return n
        case .traverse(let f): return CELCost.scaled(a[0].size, f)
        case .result(let f): return CELCost.scaled(result.size, f)
        case .regex:
            let text: UInt64 = CELCost.scaled(1 + a[0].size, 0.1)
            return text.multipliedReportingOverflow(by: CELCost.scaled(a[1].size, 0.25)).partialValue
        case .contains: return CELCost.scaled(a[0].size, 0.1) * CELCost.scaled(a[1].size, 0.1)
        case .elements:
            guard case .list(let list) = a[0] else { return CELCost.scaled(a[0].size, 0.1) }
            var sum: UInt64 = UInt64(list.count)
            for i in 0..<list.count {
                switch list[i] {
                case .string, .bytes: sum += CELCost.scaled(list[i].size, 0.1)
                default: break
                }
            }
            return sum
        case .comparison: return CELCost.scaled(min(a[0].size, a[1].size), 0.1)
        case .addition:
            if case .list = a[0] { return 1 }
            return CELValue.isNumber(a[0]) ? 1 : CELCost.scaled(a[0].size + a[1].size, 0.1)
        case .membership: return a[1].size
        case .product(let f): return CELCost.scaled(a[0].size * a[1].size, f) + 1
        case .network(let isPrefix, let parses):
            let size: UInt64 = 16
            return CELCost.scaled(2 * size, 0.1) + (isPrefix ? CELCost.scaled(size, 0.1) + 1 : 0)
                + (parses ? CELCost.scaled(a[1].size, 0.1) : 0)
        }
    }
}
