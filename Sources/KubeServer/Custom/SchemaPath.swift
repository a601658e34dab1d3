// Paths such as `.spec.color` or `.spec['a.b']` through a schema: for selectable fields and the fieldPath of rules.

import KubeWire

enum SchemaPath {
    struct Fault: Error { var text: String }

    /// The steps and the schema at the end.
    static func find(
        _ path: String, _ root: SchemaNode, allowsArrays: Bool = true
    ) -> Result<(steps: [String], node: SchemaNode), Fault> {
        func fail(_ text: String) -> Result<(steps: [String], node: SchemaNode), Fault> { .failure(Fault(text: text)) }
        var node: SchemaNode = root
        var steps: [String] = []
        var tokens: ArraySlice<String> = self.tokens(path)[...]
        while let token = tokens.popFirst() {
            let name: String
            switch token {
            case "[":
                if !allowsArrays { return fail("array notation is not allowed") }
                guard let quoted = tokens.popFirst() else { return fail("unexpected end of JSON path") }
                guard quoted.utf8.count >= 2, quoted.hasPrefix("'"), quoted.hasSuffix("'") else {
                    return fail("expected single quoted string but got \(quoted)")
                }
                name = unescaped(String(quoted.dropFirst().dropLast()))
                guard let end = tokens.popFirst() else { return fail("unexpected end of JSON path") }
                if end != "]" { return fail("expected ] but got \(end)") }
            case ".":
                guard let next = tokens.popFirst() else { return fail("unexpected end of JSON path") }
                name = next
            default: return fail("expected [ or . but got: \(token)")
            }
            if !node.properties.isEmpty {
                guard let next = node.properties[name] else { return fail("does not refer to a valid field") }
                node = next
            } else if let next = node.additional {
                node = next
            } else {
                return fail("does not refer to a valid field")
            }
            steps.append(name)
        }
        return .success((steps, node))
    }

    /// Delimiters alone, quoted strings whole, and what is between them.
    private static func tokens(_ path: String) -> [String] {
        var out: [String] = []
        var current: String = ""
        var isQuoted: Bool = false
        var before: Character = " "
        for c in path {
            if isQuoted {
                current.append(c)
                if c == "'", before != "\\" {
                    out.append(current)
                    current = ""
                    isQuoted = false
                }
            } else if c == "." || c == "[" || c == "]" {
                if !current.isEmpty { out.append(current) }
                current = ""
                out.append(String(c))
            } else {
                if current.isEmpty, c == "'" { isQuoted = true }
                current.append(c)
            }
            before = c
        }
        if !current.isEmpty { out.append(current) }
        return out
    }

    private static func unescaped(_ text: String) -> String {
        var out: String = ""
        var isEscaped: Bool = false
        for c in text {
            if isEscaped {
                out.append(["n": "\n", "t": "\t", "r": "\r"][c] ?? c)
                isEscaped = false
            } else if c == "\\" {
                isEscaped = true
            } else {
                out.append(c)
            }
        }
        return out
    }
}
