// A JSON tree → CBOR, as Kubernetes writes it: strings as byte strings, the shortest numbers, sorted maps.

package struct CBORWriter: Sendable {
    package var bytes: [UInt8] = []
    package init() {}

    package mutating func write(_ json: JSON) {
        switch json {
        case .null: bytes.append(0xF6)
        case .bool(let b): bytes.append(b ? 0xF5 : 0xF4)
        case .int(let n): write(int: n)
        case .double(let d): write(double: d)
        case .string(let s): write(string: s)
        case .array(let a):
            head(4, UInt64(a.count))
            for e in a { write(e) }
        case .object(let o): write(map: o.pairs) { writer, pair in writer.write(pair.value) }
        }
    }

    package mutating func write(int n: Int64) {
        if n >= 0 { head(0, UInt64(n)) } else { head(1, UInt64(bitPattern: ~n)) }
    }

    package mutating func write(string: String) {
        head(2, UInt64(string.utf8.count))
        bytes += string.utf8
    }

    package mutating func write(arrayOf count: Int) { head(4, UInt64(count)) }

    /// Raw bytes whose JSON form is their base64 text.
    package mutating func write(base64 data: [UInt8]) {
        head(6, CBOR.base64Tag)
        head(2, UInt64(data.count))
        bytes += data
    }

    /// Pairs sorted by their encoded keys: shorter keys first, since the head carries the length.
    package mutating func write<V>(
        map pairs: [(key: String, value: V)], _ body: (inout CBORWriter, (key: String, value: V)) -> Void
    ) {
        head(5, UInt64(pairs.count))
        let sorted: [(key: String, value: V)] = pairs.sorted { a, b in
            let (x, y): (Int, Int) = (a.key.utf8.count, b.key.utf8.count)
            return x != y ? x < y : a.key.utf8.lexicographicallyPrecedes(b.key.utf8)
        }
        for pair in sorted {
            write(string: pair.key)
            body(&self, pair)
        }
    }

    /// The shortest of half, single and double precision that keeps the value.
    private mutating func write(double d: Double) {
        let single: Float = Float(d)
        guard Double(single) == d else {
            bytes.append(0xFB)
            append(d.bitPattern, 8)
            return
        }
        if let half = CBORHalf.bits(of: single) {
            bytes.append(0xF9)
            append(UInt64(half), 2)
        } else {
            bytes.append(0xFA)
            append(UInt64(single.bitPattern), 4)
        }
    }

    private mutating func head(_ major: UInt8, _ n: UInt64) {
        let top: UInt8 = major << 5
        switch n {
        case 0..<24: bytes.append(top | UInt8(n))
        case 24...0xFF:
            bytes.append(top | 24)
            append(n, 1)
        case 0x100...0xFFFF:
            bytes.append(top | 25)
            append(n, 2)
        case 0x1_0000...0xFFFF_FFFF:
            bytes.append(top | 26)
            append(n, 4)
        default:
            bytes.append(top | 27)
            append(n, 8)
        }
    }

    private mutating func append(_ n: UInt64, _ count: Int) {
        for i in stride(from: (count - 1) * 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: n >> UInt64(i)))
        }
    }
}

/// IEEE 754 half precision, done by hand: Float16 is not there on every machine.
enum CBORHalf {
    static func value(of bits: UInt16) -> Double {
        let sign: Double = bits & 0x8000 == 0 ? 1 : -1
        let exponent: Int = Int(bits >> 10 & 0x1F)
        let fraction: Double = Double(bits & 0x3FF)
        switch exponent {
        case 0: return sign * fraction * 0x1p-24
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
        }
    }

    /// nil when the value needs more.
    static func bits(of f: Float) -> UInt16? {
        let sign: UInt16 = f.sign == .minus ? 0x8000 : 0
        if f == 0 { return sign }
        guard f.isFinite else { return nil }
        let d: Double = Double(f.magnitude)
        let exponent: Int = Int(d.exponent)
        let candidate: UInt16
        if exponent < -14 {
            let scaled: Double = d * 0x1p24
            guard scaled == scaled.rounded(), scaled < 1024 else { return nil }
            candidate = UInt16(scaled)
        } else {
            guard exponent <= 15 else { return nil }
            let scaled: Double = (d.significand - 1) * 1024
            guard scaled == scaled.rounded() else { return nil }
            candidate = UInt16(exponent + 15) << 10 | UInt16(scaled)
        }
        return sign | candidate
    }
}
