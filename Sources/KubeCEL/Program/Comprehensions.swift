// Nodes that go over lists and maps, and those that bind names.

enum Ranges {
    struct Item {
        var first: CELValue
        var second: CELValue
    }

    /// The elements as the macro's variables see them: one name is an element or a key, two are index or key and value.
    static func items(_ range: CELValue, names: Int) throws(CELError) -> [Item] {
        switch range {
        case .list(let list):
            let values: [CELValue] = list.values
            if names == 1 { return values.map { Item(first: $0, second: .null) } }
            return values.enumerated().map { Item(first: .int(Int64($0)), second: $1) }
        case .map(let map):
            return map.keys.map { Item(first: $0.value, second: names == 1 ? .null : map[$0] ?? .null) }
        default: throw .noSuchOverload
        }
    }
}

extension CELFrame {
    mutating func set(_ names: [Int], _ item: Ranges.Item) {
        slots[names[0]] = item.first
        if names.count > 1 { slots[names[1]] = item.second }
    }
}

/// all, exists, exists_one. Errors of single elements are forgotten when another element decides (not for exists_one).
final class QuantifierNode: CELNode, @unchecked Sendable {
    private let operation: Comprehension.Operation
    private let range: CELNode
    private let names: [Int]
    private let body: CELNode
    init(_ operation: Comprehension.Operation, _ range: CELNode, _ names: [Int], _ body: CELNode) {
        self.operation = operation
        self.range = range
        self.names = names
        self.body = body
    }

    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let items: [Ranges.Item] = try Ranges.items(try range.value(&frame), names: names.count)
        var failure: CELError?
        var count: Int = 0
        let isOne: Bool = operation == .existsOne
        for item in items {
            frame.set(names, item)
            try frame.charge(operation == .all ? 3 : isOne ? 0 : 4)
            do throws(CELError) {
                guard case .bool(let b) = try body.value(&frame) else { throw .noSuchOverload }
                switch operation {
                case .all: if !b { return .bool(false) }
                case .exists: if b { return .bool(true) }
                default:
                    try frame.charge(b ? 2 : 1)
                    if b { count += 1 }
                }
            } catch {
                if error.kind != .runtime || isOne { throw error }
                failure = failure ?? error
            }
        }
        try frame.charge(isOne ? 2 : 1)
        if let failure { throw failure }
        return .bool(isOne ? count == 1 : operation == .all)
    }
}

final class FilterNode: CELNode, @unchecked Sendable {
    private let range: CELNode
    private let names: [Int]
    private let body: CELNode
    init(_ range: CELNode, _ names: [Int], _ body: CELNode) {
        self.range = range
        self.names = names
        self.body = body
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let items: [Ranges.Item] = try Ranges.items(try range.value(&frame), names: names.count)
        try frame.charge(10)
        var out: [CELValue] = []
        for item in items {
            frame.set(names, item)
            guard case .bool(let b) = try body.value(&frame) else { throw .noSuchOverload }
            try frame.charge(b ? 13 : 1)
            if b { out.append(item.first) }
        }
        try frame.charge(1)
        try frame.take(elements: out.count)
        return .list(CELList(out))
    }
}

final class TransformListNode: CELNode, @unchecked Sendable {
    private let range: CELNode
    private let names: [Int]
    private let condition: CELNode?
    private let body: CELNode
    init(_ range: CELNode, _ names: [Int], _ condition: CELNode?, _ body: CELNode) {
        self.range = range
        self.names = names
        self.condition = condition
        self.body = body
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let items: [Ranges.Item] = try Ranges.items(try range.value(&frame), names: names.count)
        try frame.charge(10)
        var out: [CELValue] = []
        for item in items {
            frame.set(names, item)
            if let condition {
                guard case .bool(let b) = try condition.value(&frame) else { throw .noSuchOverload }
                if !b {
                    try frame.charge(1)
                    continue
                }
            }
            out.append(try body.value(&frame))
            try frame.charge(12)
        }
        try frame.charge(1)
        try frame.take(elements: out.count)
        return .list(CELList(out))
    }
}

final class TransformMapNode: CELNode, @unchecked Sendable {
    private let range: CELNode
    private let names: [Int]
    private let condition: CELNode?
    private let body: CELNode
    /// The body gives whole entries.
    private let isEntry: Bool
    init(_ range: CELNode, _ names: [Int], _ condition: CELNode?, _ body: CELNode, isEntry: Bool) {
        self.range = range
        self.names = names
        self.condition = condition
        self.body = body
        self.isEntry = isEntry
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let items: [Ranges.Item] = try Ranges.items(try range.value(&frame), names: 2)
        try frame.charge(30)
        var pairs: [(CELKey, CELValue)] = []
        var seen: Set<CELKey> = []
        for item in items {
            frame.set(names, item)
            if let condition {
                guard case .bool(let b) = try condition.value(&frame) else { throw .noSuchOverload }
                if !b {
                    try frame.charge(1)
                    continue
                }
            }
            let v: CELValue = try body.value(&frame)
            try frame.charge(32)
            if isEntry {
                guard case .map(let map) = v else { throw .noSuchOverload }
                for key in map.keys {
                    guard seen.insert(key).inserted else {
                        throw .runtime("insert failed: key \(CELConversions.shown(key.value)) already exists")
                    }
                    pairs.append((key, map[key] ?? .null))
                }
            } else {
                guard let key = CELKey(item.first) else { throw .noSuchOverload }
                pairs.append((key, v))
            }
            try frame.take(elements: 3)
        }
        try frame.charge(1)
        return .map(CELMap(pairs))
    }
}

final class SortNode: CELNode, @unchecked Sendable {
    private let range: CELNode
    private let names: [Int]
    private let body: CELNode
    init(_ range: CELNode, _ names: [Int], _ body: CELNode) {
        self.range = range
        self.names = names
        self.body = body
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let items: [Ranges.Item] = try Ranges.items(try range.value(&frame), names: 1)
        var keyed: [(key: CELValue, value: CELValue)] = []
        for item in items {
            frame.set(names, item)
            keyed.append((try body.value(&frame), item.first))
            try frame.charge(12)
        }
        try frame.take(elements: keyed.count)
        return .list(CELList(try CELLists.sorted(keyed)))
    }
}

final class BindNode: CELNode, @unchecked Sendable {
    private let bound: CELNode
    private let slot: Int
    private let body: CELNode
    init(_ bound: CELNode, _ slot: Int, _ body: CELNode) {
        self.bound = bound
        self.slot = slot
        self.body = body
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        frame.slots[slot] = try bound.value(&frame)
        return try body.value(&frame)
    }
}

final class OptionalMapNode: CELNode, @unchecked Sendable {
    private let operand: CELNode
    private let slot: Int
    private let body: CELNode
    private let isFlat: Bool
    init(_ operand: CELNode, _ slot: Int, _ body: CELNode, isFlat: Bool) {
        self.operand = operand
        self.slot = slot
        self.body = body
        self.isFlat = isFlat
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        guard case .optional(let inner) = try operand.value(&frame) else { throw .noSuchOverload }
        guard let inner else { return .optional(nil) }
        frame.slots[slot] = inner
        let v: CELValue = try body.value(&frame)
        if !isFlat { return .optional(v) }
        guard case .optional = v else { throw .noSuchOverload }
        return v
    }
}

/// `a.or(b)`, `a.orValue(b)`: b is only computed when a is none.
final class OrNode: CELNode, @unchecked Sendable {
    private let left: CELNode
    private let right: CELNode
    private let isValue: Bool
    init(_ left: CELNode, _ right: CELNode, isValue: Bool) {
        self.left = left
        self.right = right
        self.isValue = isValue
    }
    override func value(_ frame: inout CELFrame) throws(CELError) -> CELValue {
        let first: CELValue = try left.value(&frame)
        guard case .optional(let inner) = first else { throw .noSuchOverload }
        if let inner { return isValue ? inner : first }
        return try right.value(&frame)
    }
}
