// How much an expression can cost, from the sizes that its variables may have: cel-go's estimate, upper bound only.

struct CostEstimator {
    private let environment: CELEnvironment
    private var locals: [(name: String, size: Size)] = []

    /// What is known of a value's size.
    private struct Size {
        var most: UInt64
        /// Where the sizes of its parts are known from.
        var declaration: CELDeclaration?
        static let one: Size = Size(most: 1)
        static let unknown: Size = Size(most: .max)
    }

    static func cost(of e: Expression, _ environment: CELEnvironment) -> UInt64 {
        var estimator: CostEstimator = CostEstimator(environment: environment)
        return estimator.visit(e).cost
    }

    private init(environment: CELEnvironment) { self.environment = environment }

    private static func plus(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (r, o): (UInt64, Bool) = a.addingReportingOverflow(b)
        return o ? .max : r
    }
    private static func times(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (r, o): (UInt64, Bool) = a.multipliedReportingOverflow(by: b)
        return o ? .max : r
    }

    private func of(_ declaration: CELDeclaration?, _ type: CELType) -> Size {
        guard let declaration else { return CostEstimator.isSized(type) ? .unknown : .one }
        let most: UInt64? = declaration.elementsMax
        return Size(most: most ?? (CostEstimator.isSized(type) ? .max : 1), declaration: declaration)
    }

    private static func isSized(_ t: CELType) -> Bool {
        switch t {
        case .string, .bytes, .list, .map, .dyn: true
        default: false
        }
    }

    private mutating func visit(_ e: Expression) -> (cost: UInt64, size: Size) {
        if let name = e.qualifiedName { return (1, of(environment.declaration(name), e.type)) }
        switch e.kind {
        case .literal(let v): return (0, Size(most: v.size))
        case .identifier(let name):
            if let local = locals.last(where: { $0.name == name }) { return (1, local.size) }
            return (1, of(environment.declaration(name), e.type))
        case .select(let operand, let field, let isTest, _):
            let (cost, size) = visit(operand)
            if isTest { return (cost, .one) }
            let d: CELDeclaration? =
                size.declaration?.isObject == true
                ? size.declaration?.fields[field]?.declaration : size.declaration?.element
            return (CostEstimator.plus(cost, 1), of(d, e.type))
        case .list(let elements):
            let cost: UInt64 = elements.reduce(10) { CostEstimator.plus($0, visit($1.value).cost) }
            return (cost, Size(most: UInt64(elements.count)))
        case .map(let entries):
            let cost: UInt64 = entries.reduce(30) {
                CostEstimator.plus($0, CostEstimator.plus(visit($1.key).cost, visit($1.value).cost))
            }
            return (cost, Size(most: UInt64(entries.count)))
        case .structure(_, let fields):
            return (
                fields.reduce(40) { CostEstimator.plus($0, visit($1.value).cost) }, Size(most: UInt64(fields.count))
            )
        case .call(let name, let target, let arguments):
            return call(e, name, (target.map { [$0] } ?? []) + arguments)
        case .comprehension(let c): return comprehension(e, c)
        }
    }

    private mutating func call(_ e: Expression, _ name: String, _ arguments: [Expression]) -> (cost: UInt64, size: Size)
    {
        var costs: [UInt64] = []
        var sizes: [Size] = []
        for a in arguments {
            let (c, s) = visit(a)
            costs.append(c)
            sizes.append(s)
        }
        let sum: UInt64 = costs.reduce(0) { CostEstimator.plus($0, $1) }
        switch name {
        case "_&&_", "_||_": return (sum, .one)
        case "_?_:_":
            let most: UInt64 = max(sizes[1].most, sizes[2].most)
            return (
                CostEstimator.plus(costs[0], max(costs[1], costs[2])),
                Size(most: most, declaration: sizes[1].declaration ?? sizes[2].declaration)
            )
        case "_[_]", "_[?_]":
            return (CostEstimator.plus(sum, 1), of(sizes[0].declaration?.element, e.type))
        default: break
        }
        let rules: [UInt64] = e.overloads.map { estimate($0.cost, sizes, arguments) }
        return (CostEstimator.plus(sum, rules.max() ?? 1), resultSize(e, name, sizes))
    }

    private func estimate(_ rule: CELCost, _ sizes: [Size], _ arguments: [Expression]) -> UInt64 {
        func size(_ i: Int) -> UInt64 { i < sizes.count ? sizes[i].most : 1 }
        switch rule {
        case .constant(let n): return n
        case .traverse(let f): return CELCost.scaled(size(0), f)
        case .result(let f):
            let element: UInt64 = sizes[0].declaration?.element?.elementsMax ?? .max
            let joined: UInt64 = CostEstimator.plus(
                CostEstimator.times(size(0), element), CostEstimator.times(sizes.count > 1 ? size(1) : 0, size(0)))
            return CELCost.scaled(joined, f / 2)
        case .regex:
            return CostEstimator.times(
                CELCost.scaled(CostEstimator.plus(size(0), 1), 0.1), CELCost.scaled(size(1), 0.25))
        case .contains: return CostEstimator.times(CELCost.scaled(size(0), 0.1), CELCost.scaled(size(1), 0.1))
        case .elements:
            guard case .list(let element)? = arguments.first?.type else { return CELCost.scaled(size(0), 0.1) }
            var each: UInt64 = 1
            if element == .string || element == .bytes {
                each = CostEstimator.plus(1, CELCost.scaled(sizes[0].declaration?.element?.elementsMax ?? .max, 0.1))
            }
            return CostEstimator.times(size(0), each)
        case .comparison: return max(1, CELCost.scaled(min(size(0), size(1)), 0.1))
        case .addition: return CELCost.scaled(CostEstimator.plus(size(0), size(1)), 0.1)
        case .membership: return size(1)
        case .product(let f): return CostEstimator.plus(1, CELCost.scaled(CostEstimator.times(size(0), size(1)), f))
        case .network(let isPrefix, let parses):
            return 4 + (isPrefix ? 3 : 0) + (parses ? CELCost.scaled(size(1), 0.1) : 0)
        }
    }

    private func resultSize(_ e: Expression, _ name: String, _ sizes: [Size]) -> Size {
        guard CostEstimator.isSized(e.type) else { return .one }
        switch name {
        case "_+_":
            return Size(most: CostEstimator.plus(sizes[0].most, sizes[1].most), declaration: sizes[0].declaration)
        case "lowerAscii", "upperAscii", "substring", "trim", "reverse", "find", "dyn", "sort", "slice", "distinct",
            "orValue":
            return sizes.first ?? .unknown
        case "findAll", "split": return Size(most: sizes[0].most, declaration: nil)
        case "charAt": return Size(most: 1)
        case "string" where !CostEstimator.isSized(e.overloads.first?.parameters.first ?? .dyn): return Size(most: 40)
        case "string", "bytes": return sizes.first ?? .unknown
        case "join":
            let element: UInt64 = sizes[0].declaration?.element?.elementsMax ?? .max
            return Size(
                most: CostEstimator.plus(
                    CostEstimator.times(sizes[0].most, element),
                    CostEstimator.times(sizes.count > 1 ? sizes[1].most : 0, sizes[0].most)))
        case "replace":
            return Size(
                most: CostEstimator.plus(
                    sizes[0].most, CostEstimator.times(CostEstimator.plus(sizes[0].most, 1), sizes[2].most)))
        default: return .unknown
        }
    }

    private mutating func comprehension(_ e: Expression, _ c: Comprehension) -> (cost: UInt64, size: Size) {
        let (rangeCost, range) = visit(c.range)
        let depth: Int = locals.count
        defer { locals.removeSubrange(depth...) }
        if c.operation == .bind || c.operation == .optMap || c.operation == .optFlatMap {
            locals.append((c.names[0], range))
            let (cost, size) = c.body.map { visit($0) } ?? (0, .one)
            return (CostEstimator.plus(rangeCost, cost), size)
        }
        var element: CELType = .dyn
        var isMap: Bool = false
        switch c.range.type {
        case .list(let t): element = t
        case .map(_, let t):
            element = t
            isMap = true
        default: break
        }
        let item: Size = of(range.declaration?.element, element)
        // Keys of maps have no bound of their own but the request's.
        let key: Size = isMap ? Size(most: CELDeclaration.requestBytesMax - 2) : .one
        if c.names.count == 2 {
            locals.append((c.names[0], key))
            locals.append((c.names[1], item))
        } else {
            locals.append((c.names[0], isMap ? key : item))
        }
        let condition: UInt64 = c.condition.map { visit($0).cost } ?? 0
        let (body, bodySize) = c.body.map { visit($0) } ?? (0, .one)
        let each: UInt64
        var fixed: UInt64 = 1
        var result: Size = .one
        switch c.operation {
        case .all: each = 3
        case .exists: each = 4
        case .existsOne: (each, fixed) = (2, 2)
        case .filter: (each, fixed, result) = (13, 11, range)
        case .map, .transformList:
            (each, fixed, result) = (12, 11, Size(most: range.most, declaration: nil))
            if let d = bodySize.declaration { result.declaration = .of(.list(d.type)) }
        case .transformMap, .transformMapEntry: (each, fixed, result) = (32, 31, Size(most: range.most))
        default: (each, fixed, result) = (12, 11, range)
        }
        let step: UInt64 = CostEstimator.plus(each, CostEstimator.plus(condition, body))
        return (CostEstimator.plus(CostEstimator.plus(rangeCost, fixed), CostEstimator.times(range.most, step)), result)
    }
}
