// The members of a JSON object in their written order.

/// Look-up is a linear scan: API objects have few members a level, and short keys compare inline. Members lie in an array,
/// or in the bytes of a `JSONDocument` until the object is changed. Equality and hash ignore the order.
package struct JSONObject: Sendable {
    private enum Body: Sendable {
        case pairs([(key: String, value: JSON)])
        /// The object that begins at a place of the document. Not empty.
        case text(JSONDocument, UInt32)
    }
    private var body: Body

    package init() { body = .pairs([]) }
    /// Later duplicates win.
    package init(_ pairs: [(String, JSON)]) {
        var all: [(key: String, value: JSON)] = []
        all.reserveCapacity(pairs.count)
        for (key, value) in pairs {
            if let i = all.firstIndex(where: { $0.key == key }) { all[i].value = value } else { all.append((key, value)) }
        }
        body = .pairs(all)
    }
    /// The caller vouches that no key occurs twice.
    package init(unique pairs: [(key: String, value: JSON)]) { body = .pairs(pairs) }
    init(in document: JSONDocument, at start: UInt32) { body = .text(document, start) }

    /// All members; made at each call when they lie in a document, so keep it for a loop.
    package private(set) var pairs: [(key: String, value: JSON)] {
        get {
            switch body {
            case .pairs(let pairs): pairs
            case .text(let document, let start): document.pairs(of: Int(start))
            }
        }
        _modify {
            var all: [(key: String, value: JSON)] = pairs
            body = .pairs([])
            defer { body = .pairs(all) }
            yield &all
        }
    }

    /// The document that the members lie in, when this is all of it.
    package var wholeDocument: JSONDocument? { if case .text(let document, 0) = body { document } else { nil } }

    package var count: Int { pairs.count }
    package var isEmpty: Bool {
        switch body {
        case .pairs(let pairs): pairs.isEmpty
        case .text: false
        }
    }
    package var keys: [String] { pairs.map { $0.key } }

    package func index(of key: String) -> Int? { pairs.firstIndex { $0.key == key } }

    /// `nil` when absent; `.null` when the member is an explicit null. Setting `nil` removes the member.
    package subscript(_ key: String) -> JSON? {
        get {
            switch body {
            case .pairs(let pairs):
                for i in pairs.indices where pairs[i].key == key { return pairs[i].value }
                return nil
            case .text(let document, let start): return document.member(key, of: Int(start))
            }
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
        if case .text(let one, let i) = a.body, case .text(let other, let k) = b.body, one === other, i == k {
            return true
        }
        let left: [(key: String, value: JSON)] = a.pairs
        let right: [(key: String, value: JSON)] = b.pairs
        guard left.count == right.count else { return false }
        for i in left.indices {
            let (key, value): (String, JSON) = left[i]
            if right[i].key == key {
                if right[i].value != value { return false }
            } else {
                guard let found = right.first(where: { $0.key == key }), found.value == value else { return false }
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
