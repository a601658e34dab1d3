// Seeded changes of an input: what a fuzzer without a compiler's help knows.

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
        limit = random.below(50) == 0 ? Mutator.bytesMax : max(Mutator.shortBytesMax, input.count)
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
