// Nodes that compute values: names, fields, literals, conditions. Each charges what cel-go's cost tracker does.

/// Frozen after `init`; one tree is evaluated by many requests at once.
class CELNode: @unchecked Sendable {
    init() {}
    func value(_ frame: inout CELFrame) throws(CELError) -> CELValue { preconditionFailure("an abstract node") }
}

final class ConstantNode: CELNode, @unchecked Sendable {
    let constant: CELValue
    private let cost: UInt64
    init(_ constant: CELValue, cost: UInt64 = 0) {
        self.constant = constant
        self.cost = cost
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        if cost > 0 { try frame.charge(cost) }
        return constant
    }
}

final class SlotNode: CELNode, @unchecked Sendable {
    private let slot: Int
    init(_ slot: Int) { self.slot = slot }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        try frame.charge(1)
        return frame.slots[slot]
    }
}

enum FieldAccess {
    /// Nil: the object has no such member.
    static func member(_ of: CELValue, _ name: String, _ frame: inout CELFrame) throws(CELError) -> CELValue? {
        switch of {
        case .map(let map): return map[field: name]
        case .lazy(let fields):
            return try frame.withBudget { (budget) throws(CELError) -> CELValue? in try fields.field(name, &budget) }
        default: throw .noSuchOverload
        }
    }
}

final class FieldNode: CELNode, @unchecked Sendable {
    private let operand: CELNode
    private let name: String
    init(_ operand: CELNode, _ name: String) {
        self.operand = operand
        self.name = name
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let of: CELValue = try operand.value(&frame)
        try frame.charge(1)
        if case .optional(let inner) = of {
            guard let inner, let found = try FieldAccess.member(inner, name, &frame) else { return .optional(nil) }
            return .optional(found)
        }
        guard let found = try FieldAccess.member(of, name, &frame) else { throw .noSuchKey(name) }
        return found
    }
}

final class OptionalFieldNode: CELNode, @unchecked Sendable {
    private let operand: CELNode
    private let name: String
    init(_ operand: CELNode, _ name: String) {
        self.operand = operand
        self.name = name
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        var of: CELValue = try operand.value(&frame)
        try frame.charge(1)
        if case .optional(let inner) = of {
            guard let inner else { return .optional(nil) }
            of = inner
        }
        return .optional(try FieldAccess.member(of, name, &frame))
    }
}

/// `has(a.b)`: costs nothing but what `a` costs.
final class HasNode: CELNode, @unchecked Sendable {
    private let operand: CELNode
    private let name: String
    init(_ operand: CELNode, _ name: String) {
        self.operand = operand
        self.name = name
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        var of: CELValue = try operand.value(&frame)
        if case .optional(let inner) = of {
            guard let inner else { return .bool(false) }
            of = inner
        }
        return .bool(try FieldAccess.member(of, name, &frame) != nil)
    }
}

final class IndexNode: CELNode, @unchecked Sendable {
    private let operand: CELNode
    private let index: CELNode
    private let isOptional: Bool
    init(_ operand: CELNode, _ index: CELNode, isOptional: Bool) {
        self.operand = operand
        self.index = index
        self.isOptional = isOptional
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        var of: CELValue = try operand.value(&frame)
        let key: CELValue = try index.value(&frame)
        try frame.charge(1)
        var wraps: Bool = isOptional
        if case .optional(let inner) = of {
            guard let inner else { return .optional(nil) }
            of = inner
            wraps = true
        }
        if wraps { return .optional(try found(of, key, &frame)) }
        if let value = try found(of, key, &frame) { return value }
        if case .list = of { throw .runtime("index out of bounds: \(CELConversions.shown(key))") }
        throw .noSuchKey(CELConversions.shown(key))
    }

    private func found(_ of: CELValue, _ key: CELValue, _ frame: inout CELFrame) throws(CELError) -> CELValue? {
        switch of {
        case .list(let list):
            guard case .int(let i)? = CELKey(key) else { throw .noSuchOverload }
            return i >= 0 && i < list.count ? list[Int(i)] : nil
        case .map(let map):
            guard let k = CELKey(key) else { throw .noSuchKey(CELConversions.shown(key)) }
            return map[k]
        case .lazy:
            guard case .string(let name) = key else { throw .noSuchOverload }
            return try FieldAccess.member(of, name, &frame)
        default: throw .noSuchOverload
        }
    }
}

/// `&&` (absorbing false) and `||` (absorbing true): an operand that decides wins over the others' errors, on both sides.
final class LogicNode: CELNode, @unchecked Sendable {
    private let parts: [CELNode]
    private let absorbing: Bool
    init(_ parts: [CELNode], absorbing: Bool) {
        self.parts = parts
        self.absorbing = absorbing
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        var failure: CELError?
        for part in parts {
            do throws(CELError) {
                guard case .bool(let b) = try part.value(&frame) else { throw .noSuchOverload }
                if b == absorbing { return .bool(absorbing) }
            } catch {
                if error.kind != .runtime { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return .bool(!absorbing)
    }
}

final class NotNode: CELNode, @unchecked Sendable {
    private let operand: CELNode
    init(_ operand: CELNode) { self.operand = operand }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        guard case .bool(let b) = try operand.value(&frame) else { throw .noSuchOverload }
        try frame.charge(1)
        return .bool(!b)
    }
}

final class ConditionalNode: CELNode, @unchecked Sendable {
    private let condition: CELNode
    private let yes: CELNode
    private let no: CELNode
    init(_ condition: CELNode, _ yes: CELNode, _ no: CELNode) {
        self.condition = condition
        self.yes = yes
        self.no = no
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        guard case .bool(let b) = try condition.value(&frame) else { throw .noSuchOverload }
        return try (b ? yes : no).value(&frame)
    }
}

final class EqualNode: CELNode, @unchecked Sendable {
    private let left: CELNode
    private let right: CELNode
    private let isNegated: Bool
    init(_ left: CELNode, _ right: CELNode, isNegated: Bool) {
        self.left = left
        self.right = right
        self.isNegated = isNegated
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let a: CELValue = try left.value(&frame)
        let b: CELValue = try right.value(&frame)
        try frame.charge(CELCost.scaled(min(a.size, b.size), 0.1))
        return .bool(CELValue.equal(a, b) != isNegated)
    }
}

final class CompareNode: CELNode, @unchecked Sendable {
    enum Operation { case less, lessOrEqual, greater, greaterOrEqual }
    private let left: CELNode
    private let right: CELNode
    private let operation: Operation
    init(_ left: CELNode, _ right: CELNode, _ operation: Operation) {
        self.left = left
        self.right = right
        self.operation = operation
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let a: CELValue = try left.value(&frame)
        let b: CELValue = try right.value(&frame)
        try frame.charge(CELCost.scaled(min(a.size, b.size), 0.1))
        let order: Int = try CELValue.compare(a, b)
        switch operation {
        case .less: return .bool(order == -1)
        case .lessOrEqual: return .bool(order == -1 || order == 0)
        case .greater: return .bool(order == 1)
        case .greaterOrEqual: return .bool(order == 1 || order == 0)
        }
    }
}

/// A call with the overloads that the checker left; at run time the first that takes the arguments.
final class CallNode: CELNode, @unchecked Sendable {
    private let name: String
    private let arguments: [CELNode]
    private let overloads: [CELOverload]

    init(_ name: String, _ arguments: [CELNode], _ overloads: [CELOverload]) {
        self.name = name
        self.arguments = arguments
        self.overloads = overloads
    }

    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        var values: [CELValue] = []
        values.reserveCapacity(arguments.count)
        for a in arguments { values.append(try a.value(&frame)) }
        guard let overload = overloads.first(where: { $0.accepts(values) }) else {
            let types: String = values.map { $0.type.runtimeName }.joined(separator: ", ")
            throw .runtime("no such overload: \(name)(\(types))")
        }
        let result: CELValue = try overload.call(values, &frame)
        try frame.charge(overload.cost, values, result)
        return result
    }

    /// The value with its cost when all arguments are constants and nothing fails.
    func folded() -> CELNode? {
        guard !arguments.isEmpty, arguments.allSatisfy({ $0 is ConstantNode }), overloads.allSatisfy({ $0.isPure })
        else {
            return nil
        }
        var frame: CELFrame = CELFrame(slots: [], limit: CELBudget.callMax)
        guard let result = try? value(&frame) else { return nil }
        return ConstantNode(result, cost: frame.cost)
    }
}

final class MatchNode: CELNode, @unchecked Sendable {
    private let operand: CELNode
    private let regex: CELRegex
    private let patternCost: UInt64
    init(_ operand: CELNode, _ pattern: String, _ regex: CELRegex) {
        self.operand = operand
        self.regex = regex
        patternCost = CELCost.scaled(CELValue.string(pattern).size, 0.25)
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let of: CELValue = try operand.value(&frame)
        guard case .string(let text) = of else { throw .noSuchOverload }
        try frame.charge(CELCost.scaled(1 + of.size, 0.1) * patternCost)
        return .bool(try regex.isMatch(text, &frame.regexWork))
    }
}

final class ListNode: CELNode, @unchecked Sendable {
    private let elements: [(CELNode, isOptional: Bool)]
    init(_ elements: [(CELNode, Bool)]) { self.elements = elements.map { ($0.0, $0.1) } }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        var out: [CELValue] = []
        out.reserveCapacity(elements.count)
        for (node, isOptional) in elements {
            let v: CELValue = try node.value(&frame)
            if isOptional {
                guard case .optional(let inner) = v else { throw .noSuchOverload }
                if let inner { out.append(inner) }
            } else {
                out.append(v)
            }
        }
        try frame.charge(10)
        try frame.take(elements: out.count)
        return .list(CELList(out))
    }
}

final class MapNode: CELNode, @unchecked Sendable {
    private let entries: [(key: CELNode, value: CELNode, isOptional: Bool)]
    init(_ entries: [(CELNode, CELNode, Bool)]) { self.entries = entries.map { ($0.0, $0.1, $0.2) } }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        var pairs: [(CELKey, CELValue)] = []
        for entry in entries {
            let k: CELValue = try entry.key.value(&frame)
            let v: CELValue = try entry.value.value(&frame)
            guard let key = CELKey(k) else { throw .runtime("unsupported key type: \(k.type.runtimeName)") }
            if pairs.contains(where: { $0.0 == key }) { throw .runtime("Failed with repeated key") }
            if entry.isOptional {
                guard case .optional(let inner) = v else { throw .noSuchOverload }
                if let inner { pairs.append((key, inner)) }
            } else {
                pairs.append((key, v))
            }
        }
        try frame.charge(30)
        try frame.take(elements: pairs.count * 3)
        return .map(CELMap(pairs))
    }
}

/// `Object{…}` and `JSONPatch{…}`: a map with its fields in order.
final class StructureNode: CELNode, @unchecked Sendable {
    private let name: String
    private let fields: [(name: String, value: CELNode, isOptional: Bool)]
    init(_ name: String, _ fields: [(String, CELNode, Bool)]) {
        self.name = name
        self.fields = fields.map { ($0.0, $0.1, $0.2) }
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        var pairs: [(CELKey, CELValue)] = []
        for field in fields {
            let v: CELValue = try field.value.value(&frame)
            if field.isOptional {
                guard case .optional(let inner) = v else { throw .noSuchOverload }
                if let inner { pairs.append((.string(field.name), inner)) }
            } else {
                pairs.append((.string(field.name), v))
            }
        }
        try frame.charge(40)
        return .map(CELMap(pairs))
    }
}
