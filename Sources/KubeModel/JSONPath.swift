// The JSONPath dialect of kubectl and CustomResourceDefinitions: k8s.io/client-go/util/jsonpath, without templates.

package import KubeWire

/// Steps from a root: `.spec.ports[0].name`, `['a.b']`, `[*]`, `..name`, `[?(@.type=="Ready")].status`, `[1:3]`, `[0,2]`.
package struct JSONPath: Sendable, Equatable {
    package enum Step: Sendable, Equatable {
        case member(String)
        case all
        case descendants
        case slice(from: Int?, to: Int?, step: Int)
        case union([JSONPath])
        indirect case filter(left: Operand, op: String, right: Operand)
    }
    package enum Operand: Sendable, Equatable {
        case literal(JSON)
        case path(JSONPath)
    }

    package var steps: [Step]
    package init(steps: [Step]) { self.steps = steps }

    /// With or without the leading `.`, `$` or braces; `nil` when malformed.
    package init?(relaxed text: String) {
        var t: Substring = text[...]
        if t.hasPrefix("{"), t.hasSuffix("}") { t = t.dropFirst().dropLast() }
        if t.hasPrefix("$") || t.hasPrefix("@") { t = t.dropFirst() }
        if let c = t.first, c != ".", c != "[" { t = "." + t }
        var parser: JSONPathParser = JSONPathParser(chars: Array(t))
        guard let steps = parser.steps() else { return nil }
        self.steps = steps
    }

    package func values(in root: JSON) -> [JSON] {
        var ignored: OutOfBounds?
        return values(in: root, outOfBounds: &ignored)
    }

    /// An index that its array does not have.
    package struct OutOfBounds: Sendable, Equatable {
        package var index: Int
        package var length: Int
    }

    /// As `values`, telling the first index that an array did not have.
    package func values(in root: JSON, outOfBounds: inout OutOfBounds?) -> [JSON] {
        var here: [JSON] = [root]
        for step in steps {
            var next: [JSON] = []
            for value in here { next += JSONPath.apply(step, to: value, &outOfBounds) }
            here = next
        }
        return here
    }

    private static func apply(_ step: Step, to v: JSON, _ outOfBounds: inout OutOfBounds?) -> [JSON] {
        switch step {
        case .member(let name):
            guard case .object(let o) = v, let found = o[name] else { return [] }
            return [found]
        case .all:
            if case .object(let o) = v { return o.pairs.map { $0.value } }
            return v.elements
        case .descendants: return descendants(v)
        case .slice(let from, let to, let step):
            let a: [JSON] = v.elements
            func place(_ i: Int) -> Int { i < 0 ? i + a.count : i }
            if step == 0 {
                let i: Int = place(from ?? 0)
                if a.indices.contains(i) { return [a[i]] }
                if v.asArray != nil, outOfBounds == nil { outOfBounds = OutOfBounds(index: from ?? 0, length: a.count) }
                return []
            }
            let start: Int = max(0, place(from ?? 0))
            let end: Int = min(a.count, to.map { place($0) } ?? a.count)
            return start < end ? stride(from: start, to: end, by: max(1, step)).map { a[$0] } : []
        case .union(let paths): return paths.flatMap { $0.values(in: v) }
        case .filter(let left, let op, let right):
            let candidates: [JSON] = v.asArray ?? v.fields.pairs.map { $0.value }
            return candidates.filter { holds($0, left, op, right) }
        }
    }

    private static func descendants(_ v: JSON) -> [JSON] {
        var out: [JSON] = [v]
        switch v {
        case .object(let o): for pair in o.pairs { out += descendants(pair.value) }
        case .array(let a): for e in a { out += descendants(e) }
        default: break
        }
        return out
    }

    private static func holds(_ v: JSON, _ left: Operand, _ op: String, _ right: Operand) -> Bool {
        func value(_ o: Operand) -> JSON? {
            switch o {
            case .literal(let l): l
            case .path(let p): p.values(in: v).first
            }
        }
        guard let l = value(left) else { return false }
        if op == "exists" { return true }
        guard let r = value(right) else { return false }
        if op == "==" { return l == r || l.description == r.description }
        if op == "!=" { return l != r }
        if let a = l.asDouble, let b = r.asDouble { return compare(op, a, b) }
        guard let a = l.asString, let b = r.asString else { return false }
        return compare(op, a, b)
    }

    private static func compare<T: Comparable>(_ op: String, _ a: T, _ b: T) -> Bool {
        switch op {
        case "<": a < b
        case "<=": a <= b
        case ">": a > b
        case ">=": a >= b
        default: false
        }
    }
}

private struct JSONPathParser {
    let chars: [Character]
    var at: Int = 0

    mutating func steps() -> [JSONPath.Step]? {
        var out: [JSONPath.Step] = []
        while at < chars.count {
            if chars[at] == "." {
                at += 1
                if at < chars.count, chars[at] == "." {
                    out.append(.descendants)
                    at += 1
                    if at < chars.count, chars[at] == "[" { continue }
                }
                let name: String = self.name()
                if name.isEmpty {
                    if at == chars.count, out.isEmpty { return [] }
                    if at < chars.count, chars[at] == "[" { continue }
                    return nil
                }
                out.append(name == "*" ? .all : .member(name))
            } else if chars[at] == "[" {
                guard let end = closing(at), let step = bracket(Array(chars[(at + 1)..<end])) else { return nil }
                out.append(step)
                at = end + 1
            } else {
                return nil
            }
        }
        return out
    }

    private mutating func name() -> String {
        var s: String = ""
        while at < chars.count, chars[at] != ".", chars[at] != "[" {
            if chars[at] == "\\", at + 1 < chars.count { at += 1 }
            s.append(chars[at])
            at += 1
        }
        return s
    }

    /// The bracket that ends the one at `start`, outside of quotes.
    private func closing(_ start: Int) -> Int? {
        var depth: Int = 0
        var quote: Character?
        for i in start..<chars.count {
            if let q = quote {
                if chars[i] == q { quote = nil }
                continue
            }
            switch chars[i] {
            case "'", "\"": quote = chars[i]
            case "[": depth += 1
            case "]":
                depth -= 1
                if depth == 0 { return i }
            default: break
            }
        }
        return nil
    }

    private func bracket(_ inner: [Character]) -> JSONPath.Step? {
        let text: String = trimmed(String(inner))
        if text == "*" { return .all }
        if text.hasPrefix("?(") && text.hasSuffix(")") { return filter(String(text.dropFirst(2).dropLast())) }
        if let q = text.first, q == "'" || q == "\"", text.count > 1, text.last == q,
            !text.dropFirst().dropLast().contains(q)
        {
            return .member(String(text.dropFirst().dropLast()))
        }
        if text.contains(",") {
            let parts: [Substring] = text.split(separator: ",")
            let paths: [JSONPath] = parts.compactMap { part in
                bracket(Array(trimmed(String(part)))).map { JSONPath(steps: [$0]) }
            }
            return paths.count == parts.count ? .union(paths) : nil
        }
        if text.contains(":") {
            let parts: [Substring] = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 3, parts.allSatisfy({ $0.isEmpty || Int($0) != nil }) else { return nil }
            return .slice(from: Int(parts[0]), to: Int(parts[1]), step: parts.count > 2 ? Int(parts[2]) ?? 1 : 1)
        }
        return Int(text).map { .slice(from: $0, to: nil, step: 0) }
    }

    private func filter(_ text: String) -> JSONPath.Step? {
        for op in ["==", "!=", "<=", ">=", "<", ">"] {
            guard let r = range(of: op, in: text) else { continue }
            guard let left = operand(String(text[..<r.lowerBound])), let right = operand(String(text[r.upperBound...]))
            else { return nil }
            return .filter(left: left, op: op, right: right)
        }
        return operand(text).map { .filter(left: $0, op: "exists", right: .literal(.null)) }
    }

    private func range(of op: String, in text: String) -> Range<String.Index>? {
        var quote: Character?
        var i: String.Index = text.startIndex
        while i < text.endIndex {
            if let q = quote {
                if text[i] == q { quote = nil }
            } else if text[i] == "'" || text[i] == "\"" {
                quote = text[i]
            } else if text[i...].hasPrefix(op) {
                return i..<text.index(i, offsetBy: op.count)
            }
            i = text.index(after: i)
        }
        return nil
    }

    private func operand(_ raw: String) -> JSONPath.Operand? {
        let text: String = trimmed(raw)
        if text.hasPrefix("@") { return JSONPath(relaxed: text).map { .path($0) } }
        if let q = text.first, q == "'" || q == "\"", text.last == q, text.count > 1 {
            return .literal(.string(String(text.dropFirst().dropLast())))
        }
        if let value = try? JSON.parse(text) { return .literal(value) }
        return text.isEmpty ? nil : .literal(.string(text))
    }

    private func trimmed(_ s: String) -> String {
        var t: Substring = s[...]
        while let c = t.first, c.isWhitespace { t = t.dropFirst() }
        while let c = t.last, c.isWhitespace { t = t.dropLast() }
        return String(t)
    }
}
