// Sets of fields in the form of metav1.FieldsV1: the tree is its own JSON.

package import KubeWire

/// A node is a JSON object whose members are path elements: `f:name`, `k:{"name":"c"}`, `v:"x"`, `i:0`. A node is in the
/// set when it is empty or has the member `.`. Operations answer `nil` for the empty set.
package enum FieldSet {
    package typealias Node = JSONObject

    /// In the set itself, without children.
    static let leaf: Node = JSONObject()

    static func isMember(_ n: Node) -> Bool { n.isEmpty || n.pairs[0].key == "." || n["."] != nil }

    /// From children (any order) and membership; `nil` when there is neither.
    static func node(_ children: [(key: String, value: JSON)], isMember: Bool) -> Node? {
        if children.isEmpty { return isMember ? leaf : nil }
        var sorted: [(key: String, value: JSON)] = children
        for i in sorted.indices.dropFirst() where !precedes(sorted[i - 1].key, sorted[i].key) {
            sorted.sort { precedes($0.key, $1.key) }
            break
        }
        if isMember { sorted.insert((".", .object(JSONObject())), at: 0) }
        return JSONObject(unique: sorted)
    }

    /// Fields, then keys, values and indices.
    private static func precedes(_ a: String, _ b: String) -> Bool {
        let (x, y): (Int, Int) = (rank(a), rank(b))
        return x == y ? a < b : x < y
    }

    private static func rank(_ s: String) -> Int {
        switch s.utf8.first {
        case UInt8(ascii: "."): 0
        case UInt8(ascii: "f"): 1
        case UInt8(ascii: "k"): 2
        case UInt8(ascii: "v"): 3
        default: 4
        }
    }

    private static func children(_ n: Node) -> [(key: String, value: JSON)] { n.pairs.filter { $0.key != "." } }

    package static func union(_ a: Node?, _ b: Node?) -> Node? {
        guard let a else { return b }
        guard let b else { return a }
        var out: [(key: String, value: JSON)] = children(a)
        for (key, value) in b where key != "." {
            if let i = out.firstIndex(where: { $0.key == key }) {
                if let merged = union(out[i].value.fields, value.fields) { out[i].value = .object(merged) }
            } else {
                out.append((key, value))
            }
        }
        return node(out, isMember: isMember(a) || isMember(b))
    }

    package static func difference(_ a: Node?, _ b: Node?) -> Node? {
        guard let a, let b else { return a }
        var out: [(key: String, value: JSON)] = []
        for (key, value) in a where key != "." {
            guard let other = b[key] else {
                out.append((key, value))
                continue
            }
            if let rest = difference(value.fields, other.fields) { out.append((key, .object(rest))) }
        }
        return node(out, isMember: isMember(a) && !isMember(b))
    }

    package static func intersection(_ a: Node?, _ b: Node?) -> Node? {
        guard let a, let b else { return nil }
        var out: [(key: String, value: JSON)] = []
        for (key, value) in a where key != "." {
            if let other = b[key], let both = intersection(value.fields, other.fields) {
                out.append((key, .object(both)))
            }
        }
        return node(out, isMember: isMember(a) && isMember(b))
    }

    /// The texts of all paths in the set: `.spec.containers[name="c"].image`.
    package static func paths(_ n: Node?, prefix: String = "") -> [String] {
        guard let n else { return [] }
        var out: [String] = []
        if !prefix.isEmpty, isMember(n) { out.append(prefix) }
        for (key, value) in n where key != "." { out += paths(value.fields, prefix: prefix + text(key)) }
        return out
    }

    private static func text(_ element: String) -> String {
        let rest: Substring = element.dropFirst(2)
        switch element.utf8.first {
        case UInt8(ascii: "f"): return "." + rest
        case UInt8(ascii: "k"):
            let keys: JSONObject = ((try? JSON.parse(String(rest))) ?? .null).fields
            return "[" + keys.map { "\($0.key)=\($0.value)" }.joined(separator: ",") + "]"
        case UInt8(ascii: "v"): return "[=\(rest)]"
        default: return "[\(rest)]"
        }
    }

    /// A set of single paths of field names.
    package static func of(_ paths: [[String]]) -> Node? {
        var out: Node?
        for path in paths {
            var n: Node = leaf
            for name in path.reversed() { n = JSONObject(unique: [("f:" + name, .object(n))]) }
            out = union(out, n)
        }
        // The root itself is never a member.
        return out
    }

    /// Without anything at or below the paths.
    package static func removing(_ paths: [[String]], from n: Node?) -> Node? {
        var out: Node? = n
        for path in paths { out = out.flatMap { removing(path[...], from: $0) } }
        return out
    }

    private static func removing(_ path: ArraySlice<String>, from n: Node) -> Node? {
        guard let name = path.first else { return nil }
        guard let child = n["f:" + name] else { return n }
        var out: Node = n
        if let rest = removing(path.dropFirst(), from: child.fields) {
            out["f:" + name] = .object(rest)
        } else {
            out.remove("f:" + name)
        }
        return out.isEmpty ? nil : out
    }
}
