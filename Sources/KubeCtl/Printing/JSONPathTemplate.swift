// kubectl's JSONPath templates: text with `{…}` expressions, `range` and `end`; the paths are KubeModel's.
// https://kubernetes.io/docs/reference/kubectl/jsonpath/

package import KubeModel
package import KubeWire

package struct JSONPathTemplate: Sendable {
    indirect enum Node: Sendable {
        case text(String)
        case path(JSONPath)
        case range(JSONPath, [Node])
    }

    private let nodes: [Node]
    private let source: String

    package init(_ template: String) throws(UsageError) {
        source = template
        var parser: TemplateParser = TemplateParser(template)
        nodes = try parser.sequence(inRange: false)
    }

    /// The text of the template; several values of one path are separated by a blank, absent fields are empty.
    package func text(of object: JSON) throws(UsageError) -> String {
        var out: String = ""
        try write(nodes, current: object, into: &out)
        return out
    }

    /// The values of a template's first path.
    package func values(in object: JSON) -> [JSON] {
        for case .path(let path) in nodes { return path.values(in: object) }
        return []
    }

    private func write(_ nodes: [Node], current: JSON, into out: inout String) throws(UsageError) {
        for node in nodes {
            switch node {
            case .text(let text): out += text
            case .path(let path):
                out += try values(path, current).map { JSONPath.shown($0) }.joined(separator: " ")
            case .range(let path, let body):
                for item in try values(path, current) { try write(body, current: item, into: &out) }
            }
        }
    }

    private func values(_ path: JSONPath, _ current: JSON) throws(UsageError) -> [JSON] {
        var outside: JSONPath.OutOfBounds?
        let values: [JSON] = path.values(in: current, outOfBounds: &outside)
        guard let outside else { return values }
        throw UsageError(
            "error executing jsonpath \(GoQuote.text(source)): Error executing template: array index out of bounds: index "
                + "\(outside.index), length \(outside.length). Printing more information for debugging the template:\n"
                + "\ttemplate was:\n\t\t\(source)\n\tobject given to jsonpath engine was:\n\t\t\(GoPrint.text(current))\n\n")
    }
}

extension JSONPath {
    /// Strings bare, everything else as JSON, as kubectl prints.
    package static func shown(_ value: JSON) -> String {
        if case .string(let s) = value { return s }
        return value.isNull ? "" : value.description
    }

    /// A bare path as `--sort-by`, `custom-columns` and `wait` take it.
    package static func parse(_ text: String) throws(UsageError) -> JSONPath {
        guard let path = JSONPath(relaxed: text) else {
            throw UsageError("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'")
        }
        return path
    }
}

/// JSON as Go's encoder writes it: members in order, and no character that HTML knows.
enum GoText {
    static func json(_ value: JSON) -> String {
        value.sorted.description.replacing("<", with: "\\u003c").replacing(">", with: "\\u003e").replacing("&", with: "\\u0026")
    }
}

/// Go's %q.
enum GoQuote {
    static func text(_ s: String) -> String {
        "\"" + s.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n").replacing("\t", with: "\\t") + "\""
    }
}

/// Go's %#v of decoded JSON.
enum GoPrint {
    static func text(_ value: JSON) -> String {
        switch value {
        case .null: "interface {}(nil)"
        case .string(let s): GoQuote.text(s)
        case .array(let a): "[]interface {}{" + a.map { text($0) }.joined(separator: ", ") + "}"
        case .object(let o):
            "map[string]interface {}{"
                + o.pairs.sorted { $0.key < $1.key }.map { "\(GoQuote.text($0.key)):\(text($0.value))" }.joined(separator: ", ") + "}"
        default: value.description
        }
    }
}

private struct TemplateParser {
    private let source: String
    private let text: [Character]
    private var at: Int = 0

    init(_ template: String) {
        source = template
        text = Array(template)
    }

    private func failure(_ why: String) -> UsageError { UsageError("error parsing jsonpath \(source), \(why)") }

    mutating func sequence(inRange: Bool) throws(UsageError) -> [JSONPathTemplate.Node] {
        var nodes: [JSONPathTemplate.Node] = []
        while at < text.count {
            let start: Int = at
            while at < text.count, text[at] != "{" { at += 1 }
            if at > start { nodes.append(.text(String(text[start..<at]))) }
            if at == text.count { break }
            at += 1
            let words: [String] = try words()
            if words.first == "end" {
                guard inRange else { throw failure("not in range, nothing to end") }
                return nodes
            }
            if words.first == "range" {
                let path: JSONPath = try path(words.count > 1 ? words[1] : "")
                nodes.append(.range(path, try sequence(inRange: true)))
                continue
            }
            for word in words { nodes.append(try node(word)) }
        }
        if inRange { throw failure("unexpected end of range: missing {end}") }
        return nodes
    }

    private func node(_ word: String) throws(UsageError) -> JSONPathTemplate.Node {
        guard let quote = word.first, quote == "\"" || quote == "'" else { return .path(try path(word)) }
        let inner: String = String(word.dropFirst().dropLast())
        return .text(
            inner.replacing("\\n", with: "\n").replacing("\\t", with: "\t").replacing("\\r", with: "\r")
                .replacing("\\\(quote)", with: "\(quote)").replacing("\\\\", with: "\\"))
    }

    private func path(_ word: String) throws(UsageError) -> JSONPath {
        guard let path = JSONPath(relaxed: word) else { throw failure("unrecognized character in action: \(word)") }
        return path
    }

    /// What stands between braces, taken apart at blanks outside of quotes and brackets; ends behind the brace.
    private mutating func words() throws(UsageError) -> [String] {
        var words: [String] = []
        var word: String = ""
        var depth: Int = 0
        var quote: Character?
        while at < text.count {
            let c: Character = text[at]
            at += 1
            if let open = quote {
                word.append(c)
                if c == "\\", at < text.count {
                    word.append(text[at])
                    at += 1
                } else if c == open {
                    quote = nil
                }
                continue
            }
            if depth == 0, c == " " || c == "}" {
                if !word.isEmpty { words.append(word) }
                word = ""
                if c == "}" { return words }
                continue
            }
            if c == "\"" || c == "'" { quote = c }
            if c == "[" || c == "(" { depth += 1 }
            if c == "]" || c == ")" { depth -= 1 }
            word.append(c)
        }
        throw failure(quote != nil ? "unterminated quoted string" : depth > 0 ? "unterminated array" : "unclosed action")
    }
}
