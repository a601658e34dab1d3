// Checked tree → nodes that compute: names become slots, calls their overloads, constants values.

struct ProgramBuilder {
    private let environment: CELEnvironment
    private var locals: [(name: String, slot: Int)] = []
    private(set) var inputs: [(name: String, slot: Int)] = []
    private(set) var slotCount: Int = 0

    init(_ environment: CELEnvironment) { self.environment = environment }

    private mutating func slot() -> Int {
        slotCount += 1
        return slotCount - 1
    }

    private mutating func variable(_ name: String) -> CELNode {
        if let local = locals.last(where: { $0.name == name }) { return SlotNode(local.slot) }
        if let known = inputs.first(where: { $0.name == name }) { return SlotNode(known.slot) }
        if environment.declaration(name) != nil {
            let s: Int = slot()
            inputs.append((name, s))
            return SlotNode(s)
        }
        return ConstantNode(.type(CELType.named[name] ?? environment.types[name] ?? .dyn))
    }

    mutating func node(_ e: Expression) -> CELNode {
        if let name = e.qualifiedName { return variable(name) }
        switch e.kind {
        case .literal(let value): return ConstantNode(value)
        case .identifier(let name): return variable(name)
        case .select(let operand, let field, let isTest, let isOptional):
            let inner: CELNode = node(operand)
            if isTest { return HasNode(inner, field) }
            return isOptional ? OptionalFieldNode(inner, field) : FieldNode(inner, field)
        case .call(let name, let target, let arguments):
            return call(name, (target.map { [$0] } ?? []) + arguments, e.overloads)
        case .list(let elements):
            return ListNode(elements.map { (node($0.value), $0.isOptional) })
        case .map(let entries):
            return MapNode(entries.map { (node($0.key), node($0.value), $0.isOptional) })
        case .structure(let name, let fields):
            return StructureNode(name, fields.map { ($0.field, node($0.value), $0.isOptional) })
        case .comprehension(let c): return comprehension(c)
        }
    }

    private mutating func call(_ name: String, _ arguments: [Expression], _ overloads: [CELOverload]) -> CELNode {
        let nodes: [CELNode] = arguments.map { node($0) }
        switch name {
        case "_&&_": return LogicNode(nodes, absorbing: false)
        case "_||_": return LogicNode(nodes, absorbing: true)
        case "_?_:_": return ConditionalNode(nodes[0], nodes[1], nodes[2])
        case "!_": return NotNode(nodes[0])
        case "_==_": return EqualNode(nodes[0], nodes[1], isNegated: false)
        case "_!=_": return EqualNode(nodes[0], nodes[1], isNegated: true)
        case "_<_": return CompareNode(nodes[0], nodes[1], .less)
        case "_<=_": return CompareNode(nodes[0], nodes[1], .lessOrEqual)
        case "_>_": return CompareNode(nodes[0], nodes[1], .greater)
        case "_>=_": return CompareNode(nodes[0], nodes[1], .greaterOrEqual)
        case "_[_]": return IndexNode(nodes[0], nodes[1], isOptional: false)
        case "_[?_]": return IndexNode(nodes[0], nodes[1], isOptional: true)
        case "or", "orValue": return OrNode(nodes[0], nodes[1], isValue: name == "orValue")
        case "matches":
            if let pattern = (nodes[1] as? ConstantNode)?.constant.asString, let regex = try? CELRegex(pattern) {
                return MatchNode(nodes[0], pattern, regex)
            }
        default: break
        }
        let made: CallNode = CallNode(name, nodes, overloads)
        return made.folded() ?? made
    }

    private mutating func comprehension(_ c: Comprehension) -> CELNode {
        let range: CELNode = node(c.range)
        let depth: Int = locals.count
        var slots: [Int] = []
        for name in c.names {
            let s: Int = slot()
            slots.append(s)
            locals.append((name, s))
        }
        defer { locals.removeSubrange(depth...) }
        let condition: CELNode? = c.condition.map { node($0) }
        let body: CELNode = c.body.map { node($0) } ?? ConstantNode(.null)
        switch c.operation {
        case .bind: return BindNode(range, slots[0], body)
        case .optMap, .optFlatMap: return OptionalMapNode(range, slots[0], body, isFlat: c.operation == .optFlatMap)
        case .all, .exists, .existsOne: return QuantifierNode(c.operation, range, slots, body)
        case .filter: return FilterNode(range, slots, body)
        case .map, .transformList: return TransformListNode(range, slots, condition, body)
        case .transformMap, .transformMapEntry:
            return TransformMapNode(range, slots, condition, body, isEntry: c.operation == .transformMapEntry)
        case .sortBy: return SortNode(range, slots, body)
        }
    }
}
