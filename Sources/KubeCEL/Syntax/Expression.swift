// The tree of an expression; the checker writes types into it.

final class Expression {
    indirect enum Kind {
        case literal(CELValue)
        case identifier(String)
        /// `a.b`, `a.?b`; with `isTest` the macro `has(a.b)`.
        case select(Expression, String, isTest: Bool, isOptional: Bool)
        /// Operators have cel-go's names: `_+_`, `_[_]`, `@in`, `_?_:_`. `&&` and `||` take any number of arguments.
        case call(String, target: Expression?, [Expression])
        case list([(value: Expression, isOptional: Bool)])
        case map([(key: Expression, value: Expression, isOptional: Bool)])
        case structure(String, [(field: String, value: Expression, isOptional: Bool, offset: Int)])
        case comprehension(Comprehension)
    }

    /// Levels below and including this one at most: deeper trees are refused, so that walks can recurse.
    static let depthMax: Int = 250

    /// Byte offset where messages point.
    let offset: Int
    var kind: Kind
    let depth: Int
    // What the checker finds:
    var type: CELType = .dyn
    var overloads: [CELOverload] = []
    /// A name with dots that is a variable or type (`net.IP`), found as a whole.
    var qualifiedName: String?

    init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
        depth = 1 + (Expression.children(kind).map { $0.depth }.max() ?? 0)
    }

    static func children(_ kind: Kind) -> [Expression] {
        switch kind {
        case .literal, .identifier: []
        case .select(let e, _, _, _): [e]
        case .call(_, let target, let arguments): (target.map { [$0] } ?? []) + arguments
        case .list(let elements): elements.map { $0.value }
        case .map(let entries): entries.flatMap { [$0.key, $0.value] }
        case .structure(_, let fields): fields.map { $0.value }
        case .comprehension(let c): [c.range] + (c.condition.map { [$0] } ?? []) + (c.body.map { [$0] } ?? [])
        }
    }

    /// `a.b.c` as text; nil when this is something else.
    var dotted: String? {
        switch kind {
        case .identifier(let name): return name
        case .select(let e, let field, false, false): return e.dotted.map { $0 + "." + field }
        default: return nil
        }
    }
}

/// A macro that goes over a list or map, or binds a name.
struct Comprehension {
    enum Operation {
        case all, exists, existsOne, map, filter
        case transformList, transformMap, transformMapEntry
        /// `cel.bind(x, range, body)`
        case bind
        /// `optional.optMap(x, body)`: none stays none.
        case optMap, optFlatMap
        /// `list.sortBy(x, key)`
        case sortBy
    }
    var operation: Operation
    var range: Expression
    /// One name, or two: index or key, and value.
    var names: [String]
    var condition: Expression?
    var body: Expression?
}
