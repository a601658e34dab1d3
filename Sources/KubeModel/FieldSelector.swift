// Which objects are meant by their fields: `metadata.name=web,status.phase!=Running`.

/// Terms that must all hold, after k8s.io/apimachinery/pkg/fields. Which fields exist is the resource's matter.
package struct FieldSelector: Sendable, Hashable, CustomStringConvertible {
    package struct Term: Sendable, Hashable {
        package var field: String
        package var isEqual: Bool
        package var value: String
        package init(field: String, isEqual: Bool, value: String) {
            self.field = field
            self.isEqual = isEqual
            self.value = value
        }
    }

    package var terms: [Term]
    package static let everything: FieldSelector = FieldSelector(terms: [])
    package init(terms: [Term]) { self.terms = terms }
    package var isEverything: Bool { terms.isEmpty }

    /// Throws BadRequest in upstream's words. `\\`, `\,` and `\=` stand for themselves in values.
    package init(parsing text: String) throws(StatusError) {
        var parts: [String] = []
        var part: String = ""
        var isEscaped: Bool = false
        for c in text {
            if isEscaped {
                part += "\\" + String(c)
                isEscaped = false
            } else if c == "\\" {
                isEscaped = true
            } else if c == "," {
                parts.append(part)
                part = ""
            } else {
                part.append(c)
            }
        }
        if isEscaped { part += "\\" }
        parts.append(part)
        var terms: [Term] = []
        for p in parts where !p.isEmpty {
            guard let term = try FieldSelector.term(p) else {
                throw .badRequest("invalid selector: '\(text)'; can't understand '\(p)'")
            }
            terms.append(term)
        }
        self.terms = terms
    }

    private static func term(_ p: String) throws(StatusError) -> Term? {
        let chars: [Character] = Array(p)
        var i: Int = 0
        while i < chars.count {
            if chars[i] == "\\" {
                i += 2
                continue
            }
            let next: Character? = i + 1 < chars.count ? chars[i + 1] : nil
            let width: Int
            if chars[i] == "!", next == "=" {
                width = 2
            } else if chars[i] == "=" {
                width = next == "=" ? 2 : 1
            } else {
                i += 1
                continue
            }
            let value: String = try unescaped(String(chars[(i + width)...]))
            return Term(field: String(chars[..<i]), isEqual: chars[i] != "!", value: value)
        }
        return nil
    }

    private static func unescaped(_ s: String) throws(StatusError) -> String {
        var out: String = ""
        var isEscaped: Bool = false
        for c in s {
            if isEscaped {
                guard c == "\\" || c == "," || c == "=" else {
                    throw .badRequest("invalid field selector: invalid escape sequence: \\\(c)")
                }
                out.append(c)
                isEscaped = false
            } else if c == "\\" {
                isEscaped = true
            } else if c == "=" || c == "," {
                throw .badRequest("invalid field selector: unescaped character in value: \(c)")
            } else {
                out.append(c)
            }
        }
        if isEscaped { throw .badRequest("invalid field selector: invalid escape sequence: \\") }
        return out
    }

    /// Whether the fields that `value` answers (empty when absent) satisfy every term.
    package func matches(_ value: (String) -> String) -> Bool {
        terms.allSatisfy { (value($0.field) == $0.value) == $0.isEqual }
    }

    /// The value demanded of a field, if any: `metadata.name=x` turns a list into a get.
    package func requiredValue(of field: String) -> String? {
        terms.first { $0.field == field && $0.isEqual }?.value
    }

    package var description: String {
        terms.map { t in
            var value: String = ""
            for c in t.value {
                if c == "\\" || c == "," || c == "=" { value.append("\\") }
                value.append(c)
            }
            return t.field + (t.isEqual ? "=" : "!=") + value
        }.joined(separator: ",")
    }
}
