// kubectl's JSONPath templates: text with `{…}` expressions, `range` and `end`.
// https://kubernetes.io/docs/reference/kubectl/jsonpath/

package import KubeWire

/// A parsed template.
package struct JSONPath: Sendable {
    indirect enum Node: Sendable {
        case text(String)
        case path([Step])
        case range([Step], [Node])
    }

    enum Step: Sendable {
        case root
        case current
        case field(String)
        case wildcard
        case recursive
        case index([Int])
        case slice(from: Int?, to: Int?, step: Int)
        case fields([String])
        case filter(Operand, String, Operand?)
        case literal(JSON)
    }

    indirect enum Operand: Sendable {
        case path([Step])
        case value(JSON)
    }

    let nodes: [Node]
    let source: String

    package init(_ template: String) throws(UsageError) {
        source = template
        var parser: JSONPathParser = JSONPathParser(template)
        nodes = try parser.template()
    }

    /// A bare path as custom-columns and wait take them: `.spec.nodeName`, `{.spec.nodeName}`, `spec.nodeName`.
    package init(relaxed path: String) throws(UsageError) {
        var body: String = path
        if body.hasPrefix("{"), body.hasSuffix("}") { body = String(body.dropFirst().dropLast()) }
        if body.hasPrefix("$") { body = String(body.dropFirst()) }
        if !body.hasPrefix("."), !body.hasPrefix("[") { body = "." + body }
        try self.init("{" + body + "}")
    }

    /// The text of the template; lists print their elements separated by a blank.
    package func text(of object: JSON) throws(UsageError) -> String {
        var out: String = ""
        try write(nodes, root: object, current: object, into: &out)
        return out
    }

    /// The values of a template that is one path.
    package func values(in object: JSON) -> [JSON] {
        guard case .path(let steps)? = nodes.first else { return [] }
        return (try? Self.walk(steps, root: object, current: object, allowMissing: true)) ?? []
    }

    private func write(
        _ nodes: [Node], root: JSON, current: JSON, into out: inout String
    ) throws(UsageError) {
        for node in nodes {
            switch node {
            case .text(let s): out += s
            case .path(let steps):
                let values: [JSON]
                do { values = try Self.walk(steps, root: root, current: current, allowMissing: false) } catch {
                    throw UsageError("error executing jsonpath \"\(source)\": Error executing template: \(error)")
                }
                out += values.map { Self.shown($0) }.joined(separator: " ")
            case .range(let steps, let body):
                for item in try Self.walk(steps, root: root, current: current, allowMissing: true) {
                    try write(body, root: root, current: item, into: &out)
                }
            }
        }
    }

    /// Strings bare, everything else as JSON, as kubectl prints.
    package static func shown(_ value: JSON) -> String {
        if case .string(let s) = value { return s }
        return value.isNull ? "" : value.description
    }

    static func walk(
        _ steps: [Step], root: JSON, current: JSON, allowMissing: Bool
    ) throws(UsageError) -> [JSON] {
        var here: [JSON] = [current]
        for step in steps { here = try apply(step, to: here, root: root, allowMissing: allowMissing) }
        return here
    }

    private static func apply(
        _ step: Step, to here: [JSON], root: JSON, allowMissing: Bool
    ) throws(UsageError) -> [JSON] {
        var out: [JSON] = []
        switch step {
        case .root: return [root]
        case .current: return here
        case .literal(let value): return [value]
        case .field(let name):
            for value in here {
                if let found = value.asObject?[name] {
                    out.append(found)
                } else if !allowMissing {
                    throw UsageError("\(name) is not found")
                }
            }
        case .fields(let names):
            for value in here { for name in names { if let found = value.asObject?[name] { out.append(found) } } }
        case .wildcard:
            for value in here { out += value.asArray ?? value.fields.map { $0.value } }
        case .recursive:
            for value in here { descend(value, into: &out) }
        case .index(let wanted):
            for value in here {
                guard let array = value.asArray else {
                    if !allowMissing { throw UsageError("\(value.typeName) is not array or slice") }
                    continue
                }
                for i in wanted {
                    let at: Int = i < 0 ? array.count + i : i
                    if array.indices.contains(at) {
                        out.append(array[at])
                    } else if !allowMissing {
                        throw UsageError("array index out of bounds: index \(i), length \(array.count)")
                    }
                }
            }
        case .slice(let from, let to, let step):
            for value in here { out += slice(value.elements, from, to, step) }
        case .filter(let left, let op, let right):
            for value in here {
                for element in value.asArray ?? value.fields.map({ $0.value }) {
                    if try matches(element, left, op, right, root) { out.append(element) }
                }
            }
        }
        return out
    }

    private static func descend(_ value: JSON, into out: inout [JSON]) {
        out.append(value)
        for child in value.asArray ?? value.fields.map({ $0.value }) { descend(child, into: &out) }
    }

    private static func slice(_ array: [JSON], _ from: Int?, _ to: Int?, _ step: Int) -> [JSON] {
        func clamp(_ i: Int) -> Int { max(0, min(array.count, i < 0 ? array.count + i : i)) }
        let start: Int = clamp(from ?? 0)
        let end: Int = clamp(to ?? array.count)
        guard start < end, step > 0 else { return [] }
        return stride(from: start, to: end, by: step).map { array[$0] }
    }

    private static func matches(
        _ element: JSON, _ left: Operand, _ op: String, _ right: Operand?, _ root: JSON
    ) throws(UsageError) -> Bool {
        func values(_ operand: Operand) throws(UsageError) -> [JSON] {
            switch operand {
            case .path(let steps): try walk(steps, root: root, current: element, allowMissing: true)
            case .value(let v): [v]
            }
        }
        let l: [JSON] = try values(left)
        guard let right else { return !l.isEmpty }
        guard let a = l.first, let b = try values(right).first else { return false }
        switch op {
        case "==": return a == b
        case "!=": return a != b
        default:
            if let x = a.asDouble, let y = b.asDouble { return compare(x, y, op) }
            if let x = a.asString, let y = b.asString { return compare(x, y, op) }
            return false
        }
    }

    private static func compare<T: Comparable>(_ a: T, _ b: T, _ op: String) -> Bool {
        switch op {
        case "<": a < b
        case "<=": a <= b
        case ">": a > b
        default: a >= b
        }
    }
}
