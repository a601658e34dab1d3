// Unknown and duplicate fields in the order in which a decoder meets them.

import KubeWire

/// What a strict decode complains of: Go's decoder walks the document, so its faults come in the document's order, each
/// once, and a field that nobody knows is not also a duplicate.
struct DecodingFaults {
    private var places: [String: Int] = [:]

    /// `unknown` and `duplicates` are paths (`spec.containers[0].foo`).
    static func texts(_ object: JSON, unknown: [String], duplicates: [String]) -> [String] {
        let strange: Set<String> = Set(unknown)
        var seen: Set<String> = []
        var all: [(path: String, text: String)] = unknown.map { ($0, "unknown field \"\($0)\"") }
        for path in duplicates where !strange.contains(path) && !isBelow(path, strange) {
            all.append((path, "duplicate field \"\(path)\""))
        }
        all = all.filter { seen.insert($0.text).inserted }
        guard all.count > 1 else { return all.map { $0.text } }
        var order: DecodingFaults = DecodingFaults()
        order.walk(object, "")
        return all.enumerated().sorted { a, b in
            let (x, y): (Int, Int) = (order.place(a.element.path), order.place(b.element.path))
            return x == y ? a.offset < b.offset : x < y
        }.map { $0.element.text }
    }

    private func place(_ path: String) -> Int { places[path] ?? Int.max }

    private static func isBelow(_ path: String, _ parents: Set<String>) -> Bool {
        for (i, c) in zip(path.indices, path) where c == "." || c == "[" {
            if parents.contains(String(path[..<i])) { return true }
        }
        return false
    }

    private mutating func walk(_ value: JSON, _ path: String) {
        switch value {
        case .object(let o):
            for (key, member) in o {
                let here: String = path.isEmpty ? key : path + "." + key
                places[here] = places.count
                walk(member, here)
            }
        case .array(let elements):
            for (i, e) in elements.enumerated() { walk(e, "\(path)[\(i)]") }
        default: break
        }
    }
}
