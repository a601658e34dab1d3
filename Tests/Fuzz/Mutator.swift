// Seeded changes of an input: what a fuzzer without a compiler's help knows.

import KubeWire

/// SplitMix64.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
    mutating func below(_ n: Int) -> Int { n <= 1 ? 0 : Int(next() % UInt64(n)) }
}

struct Mutator {
    /// Bytes of an input; most are short, since those are many.
    static let bytesMax: Int = 64 << 10
    static let shortBytesMax: Int = 2 << 10
    /// What breaks parsers of numbers, lengths and text.
    static let words: [[UInt8]] =
        [
            "0", "-1", "1e999", "-0", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e-999",
            "0x10", "NaN", "Infinity", "null", "true", "\"\"", "{}", "[]", "\\u0000", "\\ud800", "\\udc00\\ud800",
            "../..", "%2e%2e%2f", "%00", "%", "%f", "//", "$patch", "$retainKeys", "$setElementOrder/containers",
            "$deleteFromPrimitiveList/finalizers", "metadata", "kind", "apiVersion", "&a", "*a", "<<", "!!binary", "---",
            "\u{feff}", "\u{202e}", "é", "😀", ",", "=", "!=", " in (", " notin (", "..", "[*]", "[?(@.", ")]",
            "1Ki", "1E", "1e3Ki", "100m", "0.0000000001", "\r\n", "\n\n", "\t", "\u{0}", "size(", "matches(", "==", "?",
        ].map { Array($0.utf8) } + [
            [0xff], [0xfe, 0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [0x7f],
            [0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            [0, 0, 0, 0], [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xbf], [0x9f], [0x5f], [0xfb],
        ]

    var random: Seeded
    private var limit: Int = Mutator.bytesMax

    init(random: Seeded) { self.random = random }

    mutating func changed(_ input: [UInt8], other: [UInt8]) -> [UInt8] {
        var b: [UInt8] = input
        // Small languages (numbers, selectors) break in small sentences.
        let short: Int = input.count < 256 ? 256 + input.count : Mutator.shortBytesMax
        limit = random.below(100) == 0 ? Mutator.bytesMax : max(short, input.count)
        for _ in 0...random.below(6) { change(&b, other) }
        if b.count > limit { b.removeLast(b.count - limit) }
        return b
    }

    private mutating func change(_ b: inout [UInt8], _ other: [UInt8]) {
        let at: Int = random.below(b.count + 1)
        switch random.below(12) {
        case 0 where at < b.count: b[at] ^= 1 << UInt8(random.below(8))
        case 1 where at < b.count: b[at] = UInt8(random.below(256))
        case 2 where at < b.count: b[at] = b[at] &+ (random.below(2) == 0 ? 1 : 255)
        case 3: b.insert(UInt8(random.below(256)), at: at)
        case 4: b.removeSubrange(at..<min(b.count, at + 1 + random.below(8)))
        case 5: b.removeSubrange(at..<min(b.count, at + random.below(b.count + 1)))
        case 6, 7: b.insert(contentsOf: Mutator.words[random.below(Mutator.words.count)], at: at)
        case 8:
            // A part of itself again, up to many times.
            let part: [UInt8] = Array(b[at..<min(b.count, at + 1 + random.below(32))])
            guard !part.isEmpty else { return }
            let times: Int = min(1 << random.below(13), limit / part.count)
            guard times > 0 else { return }
            b.insert(contentsOf: repeatElement(part, count: times).joined(), at: random.below(b.count + 1))
        case 9:
            guard !other.isEmpty else { return }
            let from: Int = random.below(other.count)
            b.insert(contentsOf: other[from..<min(other.count, from + 1 + random.below(256))], at: at)
        case 10:
            guard !other.isEmpty else { return }
            b = Array(b[..<at]) + other[random.below(other.count)...]
        default:
            // Two parts change places.
            let to: Int = random.below(b.count + 1)
            let (low, high): (Int, Int) = (min(at, to), max(at, to))
            let middle: Int = low + random.below(high - low + 1)
            b = Array(b[..<low]) + b[middle..<high] + b[low..<middle] + b[high...]
        }
    }
}

// MARK: trees

extension Mutator {
    /// A JSON text with its values changed, so that it still parses; nil when the input is none.
    mutating func changedTree(_ input: [UInt8], other: [UInt8]) -> [UInt8]? {
        guard input.count < 32 << 10, var tree = try? JSON.parse(input) else { return nil }
        let stranger: JSON = (try? JSON.parse(other)) ?? .null
        for _ in 0...random.below(4) { tree = changed(tree, stranger, depth: 0) }
        return tree.encoded()
    }

    private mutating func changed(_ value: JSON, _ stranger: JSON, depth: Int) -> JSON {
        if depth > 12 || random.below(6) == 0 { return replacement(value, stranger) }
        switch value {
        case .object(let o) where o.count > 0:
            var pairs: [(key: String, value: JSON)] = o.pairs
            let i: Int = random.below(pairs.count)
            switch random.below(10) {
            case 0: pairs.remove(at: i)
            case 1: pairs[i].key = Mutator.keys[random.below(Mutator.keys.count)]
            case 2: pairs.insert((Mutator.keys[random.below(Mutator.keys.count)], replacement(.null, stranger)), at: i)
            default: pairs[i].value = changed(pairs[i].value, stranger, depth: depth + 1)
            }
            var seen: Set<String> = []
            return .object(JSONObject(unique: pairs.filter { seen.insert($0.key).inserted }))
        case .array(let a) where !a.isEmpty:
            var a: [JSON] = a
            let i: Int = random.below(a.count)
            switch random.below(8) {
            case 0: a.remove(at: i)
            case 1: a.insert(a[random.below(a.count)], at: i)
            case 2: a.swapAt(i, random.below(a.count))
            default: a[i] = changed(a[i], stranger, depth: depth + 1)
            }
            return .array(a)
        default: return replacement(value, stranger)
        }
    }

    private mutating func replacement(_ value: JSON, _ stranger: JSON) -> JSON {
        switch random.below(14) {
        case 0: return .null
        case 1: return [:]
        case 2: return .array([])
        case 3: return .array([value])
        case 4: return ["name": value]
        case 5: return .int([0, -1, 1, .max, .min, 65_536, 4_294_967_296][random.below(7)])
        case 6: return .double([1e300, -0.0, 0.5, 1e-300, 9.3e18][random.below(5)])
        case 7: return .bool(random.below(2) == 0)
        case 8: return .string(Mutator.keys[random.below(Mutator.keys.count)])
        case 9: return .array([value, value])
        case 10: return stranger
        case 11:
            if case .string(let text) = value { return .string(String(decoding: changed(Array(text.utf8), other: []), as: UTF8.self)) }
            return .string("")
        default: return part(of: stranger)
        }
    }

    private mutating func part(of value: JSON) -> JSON {
        var here: JSON = value
        for _ in 0..<random.below(5) {
            if case .object(let o) = here, o.count > 0 {
                here = o.pairs[random.below(o.count)].value
            } else if case .array(let a) = here, !a.isEmpty {
                here = a[random.below(a.count)]
            }
        }
        return here
    }

    private static let keys: [String] = [
        "", "name", "kind", "apiVersion", "metadata", "spec", "status", "labels", "annotations", "finalizers", "managedFields",
        "fieldsV1", "f:spec", "k:{\"name\":\"c\"}", "k:{", "v:1", "i:0", "i:-1", ".", "$patch", "replace", "merge", "delete",
        "$retainKeys", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers", "containers", "ports",
        "containerPort", "env", "value", "op", "path", "from", "/spec/containers/0", "/spec/containers/-", "/", "~", "/a~1b~0",
        "/metadata/labels", "add", "remove", "move", "copy", "test", "1Gi", "-1", "50%", "2026-01-01T00:00:00Z", "é", "\u{0}",
        "creationTimestamp", "resourceVersion", "uid", "generation", "ownerReferences", "tolerations", "key", "time",
    ]
}
