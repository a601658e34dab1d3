// Tokens → tree, by recursive descent with bounded depth.

struct Parser {
    /// Code points of an expression at most, as in cel-go.
    static let textMax: Int = 100_000

    private let tokens: [Token]
    private var at: Int = 0
    private var depth: Int = 0
    /// Inside of `quantified` macros names may not be chosen freely; counts nothing else.
    private static let unexpectedEnd: String =
        "'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER"

    private init(_ tokens: [Token]) { self.tokens = tokens }

    static func parse(_ text: String) throws(CELFaults) -> Expression {
        guard text.utf8.count <= textMax * 4, text.unicodeScalars.count <= textMax else {
            throw CELFaults(
                0, "expression code point size exceeds limit: size: \(text.unicodeScalars.count), limit \(textMax)")
        }
        var parser: Parser = Parser(try Lexer.tokens(text))
        let e: Expression = try parser.expression()
        if parser.here.kind != .end {
            throw CELFaults(
                parser.here.offset,
                "Syntax error: mismatched input '\(parser.shown)' expecting <EOF>")
        }
        return e
    }

    private var here: Token { tokens[at] }
    private var shown: String {
        switch here.kind {
        case .string: "\"" + here.text + "\""
        default: here.text
        }
    }
    private func isSign(_ s: String) -> Bool { here.kind == .sign && here.text == s }
    private mutating func take(_ s: String) -> Bool {
        guard isSign(s) else { return false }
        at += 1
        return true
    }
    private mutating func expect(_ s: String) throws(CELFaults) {
        if take(s) { return }
        throw CELFaults(here.offset, "Syntax error: mismatched input '\(shown)' expecting '\(s)'")
    }

    private func made(_ kind: Expression.Kind, _ offset: Int) throws(CELFaults) -> Expression {
        let e: Expression = Expression(kind, at: offset)
        guard e.depth <= Expression.depthMax else {
            throw CELFaults(0, "expression recursion limit exceeded: \(Expression.depthMax)")
        }
        return e
    }

    // MARK: operators, weakest first

    private mutating func expression() throws(CELFaults) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Expression.depthMax else {
            throw CELFaults(0, "expression recursion limit exceeded: \(Expression.depthMax)")
        }
        let condition: Expression = try chain("||", "_||_")
        let offset: Int = here.offset
        guard take("?") else { return condition }
        let yes: Expression = try chain("||", "_||_")
        try expect(":")
        let no: Expression = try expression()
        return try made(.call("_?_:_", target: nil, [condition, yes, no]), offset)
    }

    /// `a || b || c` is one call with three arguments: long chains stay flat.
    private mutating func chain(_ sign: String, _ name: String) throws(CELFaults) -> Expression {
        var parts: [Expression] = [sign == "||" ? try chain("&&", "_&&_") : try binary(0)]
        let offset: Int = here.offset
        while take(sign) { parts.append(sign == "||" ? try chain("&&", "_&&_") : try binary(0)) }
        return parts.count == 1 ? parts[0] : try made(.call(name, target: nil, parts), offset)
    }

    private static let levels: [[String: String]] = [
        [
            "<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_", "==": "_==_", "!=": "_!=_", "in": "@in",
        ],
        ["+": "_+_", "-": "_-_"],
        ["*": "_*_", "/": "_/_", "%": "_%_"],
    ]

    private mutating func binary(_ level: Int) throws(CELFaults) -> Expression {
        guard level < Parser.levels.count else { return try unary() }
        var left: Expression = try binary(level + 1)
        while here.kind == .sign, let name = Parser.levels[level][here.text] {
            let offset: Int = here.offset
            at += 1
            left = try made(.call(name, target: nil, [left, try binary(level + 1)]), offset)
        }
        return left
    }

    private mutating func unary() throws(CELFaults) -> Expression {
        let offset: Int = here.offset
        for sign in ["!", "-"] where isSign(sign) {
            var count: Int = 0
            while isSign(sign) {
                if sign == "-", count % 2 == 0, tokens[at + 1].kind == .int || tokens[at + 1].kind == .double { break }
                at += 1
                count += 1
            }
            if sign == "-", isSign("-") {
                // A minus right before a number belongs to it: the smallest int has no positive.
                at += 1
                let negative: Expression = try member(try number(isNegative: true, offset))
                return negative
            }
            let inner: Expression = try member(try primary())
            return count % 2 == 0 ? inner : try made(.call(sign == "!" ? "!_" : "-_", target: nil, [inner]), offset)
        }
        return try member(try primary())
    }

    private mutating func number(isNegative: Bool, _ offset: Int) throws(CELFaults) -> Expression {
        let t: Token = here
        at += 1
        let isHex: Bool = t.text.hasPrefix("0x") || t.text.hasPrefix("0X")
        let digits: String = isHex ? String(t.text.dropFirst(2)) : t.text
        switch t.kind {
        case .int:
            guard let n = Int64((isNegative ? "-" : "") + digits, radix: isHex ? 16 : 10) else {
                throw CELFaults(offset, "invalid int literal")
            }
            return try made(.literal(.int(n)), offset)
        case .uint:
            guard let n = UInt64(digits, radix: isHex ? 16 : 10) else {
                throw CELFaults(offset, "invalid uint literal")
            }
            return try made(.literal(.uint(n)), offset)
        default:
            guard let d = Double(t.text), d.isFinite else { throw CELFaults(offset, "invalid double literal") }
            return try made(.literal(.double(isNegative ? -d : d)), offset)
        }
    }

    // MARK: members

    private mutating func member(_ start: Expression) throws(CELFaults) -> Expression {
        var e: Expression = start
        while true {
            let offset: Int = here.offset
            if take(".") {
                let isOptional: Bool = take("?")
                guard here.kind == .identifier || (here.kind == .sign && here.text == "in") else {
                    throw CELFaults(
                        here.offset, "Syntax error: no viable alternative at input '.\(here.kind == .end ? "" : shown)'"
                    )
                }
                let name: String = here.text
                at += 1
                let call: Int = here.offset
                if !isOptional, take("(") {
                    let arguments: [Expression] = try arguments(until: ")")
                    e = try Macros.member(name, e, arguments, at: call) ?? made(.call(name, target: e, arguments), call)
                } else {
                    e = try made(.select(e, name, isTest: false, isOptional: isOptional), offset)
                }
            } else if take("[") {
                let isOptional: Bool = take("?")
                let index: Expression = try expression()
                try expect("]")
                e = try made(.call(isOptional ? "_[?_]" : "_[_]", target: nil, [e, index]), offset)
            } else if isSign("{"), let name = e.dotted {
                e = try structure(name, offset)
            } else {
                return e
            }
            guard e.depth <= Expression.depthMax else {
                throw CELFaults(0, "expression recursion limit exceeded: \(Expression.depthMax)")
            }
        }
    }

    private mutating func arguments(until end: String) throws(CELFaults) -> [Expression] {
        var all: [Expression] = []
        if take(end) { return all }
        repeat { all.append(try expression()) } while take(",")
        try expect(end)
        return all
    }

    private mutating func structure(_ name: String, _ offset: Int) throws(CELFaults) -> Expression {
        try expect("{")
        var fields: [(field: String, value: Expression, isOptional: Bool, offset: Int)] = []
        while !isSign("}") {
            let isOptional: Bool = take("?")
            guard here.kind == .identifier else {
                throw CELFaults(here.offset, "Syntax error: mismatched input '\(shown)' expecting IDENTIFIER")
            }
            let field: Token = here
            at += 1
            try expect(":")
            fields.append((field.text, try expression(), isOptional, field.offset))
            if !take(",") { break }
        }
        try expect("}")
        return try made(.structure(name, fields), offset)
    }

    // MARK: primaries

    private mutating func primary() throws(CELFaults) -> Expression {
        let t: Token = here
        switch t.kind {
        case .int, .uint, .double: return try number(isNegative: false, t.offset)
        case .string:
            at += 1
            return try made(.literal(.string(t.text)), t.offset)
        case .bytes:
            at += 1
            return try made(.literal(.bytes(t.bytes)), t.offset)
        case .identifier: return try name()
        case .end: break
        case .sign:
            switch t.text {
            case "true", "false":
                at += 1
                return try made(.literal(.bool(t.text == "true")), t.offset)
            case "null":
                at += 1
                return try made(.literal(.null), t.offset)
            case "(":
                at += 1
                let e: Expression = try expression()
                try expect(")")
                return e
            case "[": return try list()
            case "{": return try map()
            case "." where tokens[at + 1].kind == .identifier:
                at += 1
                return try name()
            default: break
            }
        }
        throw CELFaults(
            t.offset,
            t.kind == .end
                ? "Syntax error: mismatched input '<EOF>' expecting {\(Parser.unexpectedEnd)}"
                : "Syntax error: extraneous input '\(shown)' expecting {\(Parser.unexpectedEnd)}")
    }

    private mutating func name() throws(CELFaults) -> Expression {
        let t: Token = here
        at += 1
        if CELNames.reserved.contains(t.text), t.text != "in" {
            throw CELFaults(t.offset, "reserved identifier: \(t.text)")
        }
        let call: Int = here.offset
        guard take("(") else { return try made(.identifier(t.text), t.offset) }
        let arguments: [Expression] = try arguments(until: ")")
        if let macro = try Macros.global(t.text, arguments, at: call) { return macro }
        return try made(.call(t.text, target: nil, arguments), call)
    }

    private mutating func list() throws(CELFaults) -> Expression {
        let offset: Int = here.offset
        try expect("[")
        var all: [(value: Expression, isOptional: Bool)] = []
        while !isSign("]") {
            let isOptional: Bool = take("?")
            all.append((try expression(), isOptional))
            if !take(",") { break }
        }
        try expect("]")
        return try made(.list(all), offset)
    }

    private mutating func map() throws(CELFaults) -> Expression {
        let offset: Int = here.offset
        try expect("{")
        var all: [(key: Expression, value: Expression, isOptional: Bool)] = []
        while !isSign("}") {
            let isOptional: Bool = take("?")
            let key: Expression = try expression()
            try expect(":")
            all.append((key, try expression(), isOptional))
            if !take(",") { break }
        }
        try expect("}")
        return try made(.map(all), offset)
    }
}
