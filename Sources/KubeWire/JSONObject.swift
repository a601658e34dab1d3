// The members of a JSON object in their written order.

/// Look-up is a linear scan: API objects have few members a level, and short keys compare inline.
/// Equality and hash ignore the order.
package struct JSONObject: Sendable {
    package private(set) var pairs: [(key: String, value: JSON)] = []

    package init() {}
    /// Later duplicates win.
    package init(_ pairs: [(String, JSON)]) {
        self.pairs.reserveCapacity(pairs.count)
        for (key, value) in pairs { self[key] = value }
    }
    /// The caller vouches that no key occurs twice.
    package init(unique pairs: [(key: String, value: JSON)]) { self.pairs = pairs }

    package var count: Int { pairs.count }
    package var isEmpty: Bool { pairs.isEmpty }
    package var keys: [String] { pairs.map { $0.key } }

    package func index(of key: String) -> Int? {
        for i in pairs.indices where pairs[i].key == key { return i }
        return nil
    }

    /// `nil` when absent; `.null` when the member is an explicit null. Setting `nil` removes the member.
    package subscript(_ key: String) -> JSON? {
        get {
            guard let i = index(of: key) else { return nil }
            return pairs[i].value
        }
        set {
            if let i = index(of: key) {
                if let newValue { pairs[i].value = newValue } else { pairs.remove(at: i) }
            } else if let newValue {
                pairs.append((key, newValue))
            }
        }
    }

    @discardableResult
    package mutating func remove(_ key: String) -> JSON? {
        guard let i = index(of: key) else { return nil }
        return pairs.remove(at: i).value
    }

    package mutating func sortKeys() { pairs.sort { $0.key < $1.key } }
}

extension JSONObject: Sequence {
    package func makeIterator() -> IndexingIterator<[(key: String, value: JSON)]> { pairs.makeIterator() }
}

extension JSONObject: Hashable {
    package static func == (a: JSONObject, b: JSONObject) -> Bool {
        guard a.count == b.count else { return false }
        for i in a.pairs.indices {
            let (key, value): (String, JSON) = a.pairs[i]
            if b.pairs[i].key == key {
                if b.pairs[i].value != value { return false }
            } else if b[key] != value {
                return false
            }
        }
        return true
    }

    package func hash(into hasher: inout Hasher) {
        var sum: Int = 0
        for (key, value) in pairs {
            var h: Hasher = Hasher()
            h.combine(key)
            h.combine(value)
            sum ^= h.finalize()
        }
        hasher.combine(sum)
    }
}
