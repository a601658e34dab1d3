// Text of a JSONPath template → its nodes.

import KubeWire

struct JSONPathParser {
    private let text: [Character]
    private var at: Int = 0

    init(_ template: String) { text = Array(template) }

    mutating func template() throws(UsageError) -> [JSONPath.Node] {
        let nodes: [JSONPath.Node] = try sequence(inRange: false)
        return nodes
    }

    private mutating func sequence(inRange: Bool) throws(UsageError) -> [JSONPath.Node] {
        var nodes: [JSONPath.Node] = []
        var plain: String = ""
        while at < text.count {
            guard text[at] == "{" else {
                plain.append(text[at])
                at += 1
                continue
            }
            if !plain.isEmpty { nodes.append(.text(plain)) }
            plain = ""
            at += 1
            skipBlanks()
            if take(word: "range") {
                let steps: [JSONPath.Step] = try path(until: "}")
                try expect("}")
                nodes.append(.range(steps, try sequence(inRange: true)))
            } else if take(word: "end") {
                skipBlanks()
                try expect("}")
                if inRange { return nodes }
                throw UsageError("not in range, nothing to end")
            } else {
                nodes.append(contentsOf: try expressions())
            }
        }
        if inRange { throw UsageError("error parsing jsonpath \(String(text)), unexpected end of range: missing {end}") }
        if !plain.isEmpty { nodes.append(.text(plain)) }
        return nodes
    }

    /// What stands in one pair of braces: a quoted text, or one or more paths.
    private mutating func expressions() throws(UsageError) -> [JSONPath.Node] {
        var nodes: [JSONPath.Node] = []
        while true {
            skipBlanks()
            guard at < text.count else { throw unclosed() }
            if text[at] == "}" {
                at += 1
                return nodes
            }
            if text[at] == "\"" || text[at] == "'" {
                nodes.append(.text(try quoted()))
            } else {
                nodes.append(.path(try path(until: "}")))
            }
        }
    }

    private func unclosed() -> UsageError { UsageError("error parsing jsonpath \(String(text)), unclosed action") }

    private mutating func expect(_ c: Character) throws(UsageError) {
        guard at < text.count else { throw unclosed() }
        guard text[at] == c else {
            throw UsageError("error parsing jsonpath \(String(text)), unrecognized character in action: '\(text[at])'")
        }
        at += 1
    }

    private mutating func skipBlanks() { while at < text.count, text[at] == " " { at += 1 } }

    private mutating func take(word: String) -> Bool {
        let letters: [Character] = Array(word)
        guard at + letters.count <= text.count, Array(text[at..<(at + letters.count)]) == letters else { return false }
        let next: Int = at + letters.count
        if next < text.count, text[next] != " ", text[next] != "}" { return false }
        at = next
        skipBlanks()
        return true
    }

    private mutating func quoted() throws(UsageError) -> String {
        let quote: Character = text[at]
        at += 1
        var out: String = ""
        while at < text.count {
            let c: Character = text[at]
            at += 1
            if c == quote { return out }
            guard c == "\\", at < text.count else {
                out.append(c)
                continue
            }
            switch text[at] {
            case "n": out.append("\n")
            case "t": out.append("\t")
            case "r": out.append("\r")
            default: out.append(text[at])
            }
            at += 1
        }
        throw UsageError("error parsing jsonpath \(String(text)), unterminated quoted string")
    }

    /// Steps until a blank, `stop`, or an operator (in filters).
    private mutating func path(until stop: Character, inFilter: Bool = false) throws(UsageError) -> [JSONPath.Step] {
        var steps: [JSONPath.Step] = []
        while at < text.count {
            let c: Character = text[at]
            if c == stop || c == " " || (inFilter && "=!<>".contains(c)) { break }
            switch c {
            case "$":
                steps.append(.root)
                at += 1
            case "@":
                steps.append(.current)
                at += 1
            case ".":
                at += 1
                if at < text.count, text[at] == "." {
                    at += 1
                    steps.append(.recursive)
                }
                if at < text.count, text[at] == "*" {
                    at += 1
                    steps.append(.wildcard)
                } else {
                    let name: String = fieldName(inFilter: inFilter)
                    if !name.isEmpty { steps.append(.field(name)) }
                }
            case "[": steps.append(try bracket())
            case "*":
                at += 1
                steps.append(.wildcard)
            default:
                let name: String = fieldName(inFilter: inFilter)
                if name.isEmpty {
                    throw UsageError("error parsing jsonpath \(String(text)), unrecognized character in action: '\(c)'")
                }
                steps.append(.field(name))
            }
        }
        return steps
    }

    private mutating func fieldName(inFilter: Bool) -> String {
        var out: String = ""
        while at < text.count {
            let c: Character = text[at]
            if c == "\\", at + 1 < text.count {
                out.append(text[at + 1])
                at += 2
                continue
            }
            if ".[]{} ()".contains(c) || (inFilter && "=!<>".contains(c)) { break }
            out.append(c)
            at += 1
        }
        return out
    }

    private mutating func bracket() throws(UsageError) -> JSONPath.Step {
        at += 1
        skipBlanks()
        guard at < text.count else { throw unclosed() }
        if text[at] == "?" { return try filter() }
        if text[at] == "'" || text[at] == "\"" {
            var names: [String] = [try quoted()]
            skipBlanks()
            while at < text.count, text[at] == "," {
                at += 1
                skipBlanks()
                names.append(try quoted())
                skipBlanks()
            }
            try expect("]")
            return names.count == 1 ? .field(names[0]) : .fields(names)
        }
        var body: String = ""
        while at < text.count, text[at] != "]" {
            body.append(text[at])
            at += 1
        }
        try expect("]")
        body = body.filter { $0 != " " }
        if body == "*" { return .wildcard }
        if body.contains(":") {
            let parts: [Int?] = body.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
            return .slice(from: parts[0], to: parts.count > 1 ? parts[1] : nil, step: (parts.count > 2 ? parts[2] : nil) ?? 1)
        }
        let indices: [Int] = body.split(separator: ",").compactMap { Int($0) }
        guard !indices.isEmpty else {
            throw UsageError("error parsing jsonpath \(String(text)), invalid array index \(body)")
        }
        return .index(indices)
    }

    /// `?(@.type=="Ready")`
    private mutating func filter() throws(UsageError) -> JSONPath.Step {
        at += 1
        try expect("(")
        let left: JSONPath.Operand = try operand()
        skipBlanks()
        var op: String = ""
        while at < text.count, "=!<>".contains(text[at]) {
            op.append(text[at])
            at += 1
        }
        var right: JSONPath.Operand?
        if !op.isEmpty {
            guard ["==", "!=", "<", "<=", ">", ">="].contains(op) else {
                throw UsageError("error parsing jsonpath \(String(text)), unrecognized filter operator \(op)")
            }
            skipBlanks()
            right = try operand()
        }
        skipBlanks()
        try expect(")")
        try expect("]")
        return .filter(left, op, right)
    }

    private mutating func operand() throws(UsageError) -> JSONPath.Operand {
        skipBlanks()
        guard at < text.count else { throw unclosed() }
        if text[at] == "\"" || text[at] == "'" { return .value(.string(try quoted())) }
        if text[at] == "@" || text[at] == "." || text[at] == "$" {
            return .path(try path(until: ")", inFilter: true))
        }
        var word: String = ""
        while at < text.count, !" )=!<>".contains(text[at]) {
            word.append(text[at])
            at += 1
        }
        switch word {
        case "true": return .value(.bool(true))
        case "false": return .value(.bool(false))
        case "null": return .value(.null)
        default:
            if let i = Int64(word) { return .value(.int(i)) }
            if let d = Double(word) { return .value(.double(d)) }
            return .value(.string(word))
        }
    }
}
