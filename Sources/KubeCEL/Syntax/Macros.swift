// The macros: calls that the parser turns into comprehensions, presence tests and bindings.

enum Macros {
    /// `has(a.b)`; nil when `name` is no macro of this many arguments.
    static func global(_ name: String, _ arguments: [Expression], at offset: Int) throws(CELFaults) -> Expression? {
        guard name == "has", arguments.count == 1 else { return nil }
        guard case .select(let e, let field, false, false) = arguments[0].kind else {
            throw CELFaults(arguments[0].offset, "invalid argument to has() macro")
        }
        return Expression(.select(e, field, isTest: true, isOptional: false), at: offset)
    }

    private static let operations: [String: Comprehension.Operation] = [
        "all": .all, "exists": .exists, "exists_one": .existsOne, "existsOne": .existsOne, "map": .map,
        "filter": .filter, "transformList": .transformList, "transformMap": .transformMap,
        "transformMapEntry": .transformMapEntry, "optMap": .optMap, "optFlatMap": .optFlatMap, "sortBy": .sortBy,
    ]

    /// `range.all(x, predicate)` and its like, and `cel.bind(x, value, body)`.
    static func member(
        _ name: String, _ target: Expression, _ arguments: [Expression], at offset: Int
    ) throws(CELFaults) -> Expression? {
        if name == "bind", target.dotted == "cel", arguments.count == 3 {
            let variable: String = try variable(
                arguments[0], "cel.bind() variable names must be simple identifiers")
            return made(
                Comprehension(operation: .bind, range: arguments[1], names: [variable], body: arguments[2]), offset)
        }
        guard let operation = operations[name] else { return nil }
        let count: Int = arguments.count
        switch operation {
        case .all, .exists, .existsOne:
            guard count == 2 || count == 3 else { return nil }
            return made(
                Comprehension(
                    operation: operation, range: target, names: try variables(arguments, count - 1),
                    body: arguments[count - 1]), offset)
        case .filter, .optMap, .optFlatMap, .sortBy:
            guard count == 2 else { return nil }
            return made(
                Comprehension(
                    operation: operation, range: target, names: try variables(arguments, 1), body: arguments[1]),
                offset)
        case .map:
            guard count == 2 || count == 3 else { return nil }
            return made(
                Comprehension(
                    operation: .map, range: target, names: try variables(arguments, 1),
                    condition: count == 3 ? arguments[1] : nil, body: arguments[count - 1]), offset)
        case .transformList, .transformMap, .transformMapEntry:
            guard count == 3 || count == 4 else { return nil }
            return made(
                Comprehension(
                    operation: operation, range: target, names: try variables(arguments, 2),
                    condition: count == 4 ? arguments[2] : nil, body: arguments[count - 1]), offset)
        case .bind: return nil
        }
    }

    private static func made(_ c: Comprehension, _ offset: Int) -> Expression {
        Expression(.comprehension(c), at: offset)
    }

    private static func variables(_ arguments: [Expression], _ count: Int) throws(CELFaults) -> [String] {
        var names: [String] = []
        for e in arguments.prefix(count) { names.append(try variable(e, "argument must be a simple name")) }
        if names.count == 2, names[0] == names[1] {
            throw CELFaults(arguments[1].offset, "duplicate variable name: \(names[1])")
        }
        return names
    }

    private static func variable(_ e: Expression, _ complaint: String) throws(CELFaults) -> String {
        guard case .identifier(let name) = e.kind else { throw CELFaults(e.offset, complaint) }
        return name
    }
}
