// Reading where the bytes lie is the same as reading the parsed tree.

import KubeBase
import KubeWire
import Testing

/// SplitMix64: the same numbers for the same seed on every machine.
struct Chance: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

@Suite struct JSONDocumentTests {
    private static let words: [String] = [
        "", "a", "name", "k:{\"name\":\"web\"}", "back\\slash", "new\nline", "bell\u{7}", "grüße", "🙂",
        String(repeating: "x", count: 95), String(repeating: "long ", count: 60), "quote\"", "/", "}", "]", ",",
    ]

    private func text(_ chance: inout Chance) -> String {
        let word: String = Self.words.randomElement(using: &chance)!
        return Bool.random(using: &chance) ? word : word + String(Int.random(in: 0...99, using: &chance))
    }

    private func value(_ depth: Int, _ chance: inout Chance) -> JSON {
        switch Int.random(in: 0...(depth > 0 ? 9 : 5), using: &chance) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &chance))
        case 2: return .int(Int64.random(in: -1000...Int64.max, using: &chance))
        case 3: return .double(Double(Int.random(in: -99...99, using: &chance)) + 0.125)
        case 4, 5: return .string(text(&chance))
        case 6, 7:
            return .array((0..<Int.random(in: 0...4, using: &chance)).map { _ in value(depth - 1, &chance) })
        default:
            var o: JSONObject = JSONObject()
            for _ in 0..<Int.random(in: 0...7, using: &chance) { o[text(&chance)] = value(depth - 1, &chance) }
            return .object(o)
        }
    }

    private func expectSame(_ lazy: JSON, _ tree: JSON, _ seed: UInt64) {
        #expect(lazy == tree && tree == lazy, "seed \(seed)")
        #expect(lazy.encoded() == tree.encoded(), "seed \(seed)")
        #expect(lazy.hashValue == tree.hashValue, "seed \(seed)")
        guard case .object(let o) = tree else { return }
        #expect(lazy.fields.keys == o.keys, "seed \(seed)")
        for (key, value) in o { #expect(lazy.fields[key] == value, "seed \(seed) \(key)") }
        #expect(lazy.fields["no such member"] == nil)
    }

    @Test(arguments: 0..<300) func readsLikeTheTree(_ seed: UInt64) throws {
        var chance: Chance = Chance(seed: seed)
        let tree: JSON = value(5, &chance)
        let bytes: [UInt8] = tree.encoded()
        let document: JSONDocument = try #require(JSONDocument(bytes), "seed \(seed)")
        expectSame(document.root, try JSON.parse(bytes), seed)
        // Changing one member leaves the others as they were.
        guard case .object(let members) = tree, let key = members.keys.randomElement(using: &chance) else { return }
        var changed: JSON = document.root
        var expected: JSON = tree
        changed[key] = "changed"
        expected[key] = "changed"
        changed["added"]["below"] = 1
        expected["added"]["below"] = 1
        expectSame(changed, expected, seed)
        expectSame(document.root, tree, seed)
        let range: Range<Int> = try #require(document.range(at: [key]))
        #expect(Array(bytes[range]) == members[key]?.encoded(), "seed \(seed)")
        #expect(JSONDocument.range(at: [key], in: bytes) == range, "seed \(seed)")
    }

    /// Cut, doubled and swapped bytes: only what the parser takes is taken, and nothing reads outside.
    @Test(arguments: 0..<400) func refusesWhatIsNotJSON(_ seed: UInt64) throws {
        var chance: Chance = Chance(seed: seed)
        var bytes: [UInt8] = value(4, &chance).encoded()
        for _ in 0..<Int.random(in: 1...3, using: &chance) where !bytes.isEmpty {
            let at: Int = Int.random(in: bytes.indices, using: &chance)
            switch Int.random(in: 0...2, using: &chance) {
            case 0: bytes.removeSubrange(at...)
            case 1: bytes.insert(bytes[at], at: at)
            default: bytes[at] = Array("{}[]\",:\\0e-. \u{1}".utf8).randomElement(using: &chance)!
            }
        }
        _ = JSONDocument.range(at: ["a", "name"], in: bytes)
        guard let document = JSONDocument(bytes) else { return }
        let tree: JSON? = try? JSON.parseReportingDuplicates(bytes, limits: JSONLimits(collectsDuplicates: true)).value
        #expect(tree != nil, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
        _ = document.root.encoded()
    }

    @Test func limits() {
        #expect(JSONDocument(Array("{ \"a\": 1 }".utf8)) == nil)
        #expect(JSONDocument([]) == nil)
        let deep: Int = 1000
        let nested: String = String(repeating: "[", count: deep) + String(repeating: "]", count: deep)
        #expect(JSONDocument(Array(nested.utf8)) != nil)
        #expect(JSONDocument(Array(("[" + nested + "]").utf8)) == nil)
    }
}
