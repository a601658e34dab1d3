// The form of base 64 that tokens are written in.

/// Base 64 with `-` and `_` and without padding (RFC 4648 section 5).
package enum Base64URL {
    private static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count * 4 / 3 + 3)
        var i: Int = 0
        while i < bytes.count {
            let rest: Int = bytes.count - i
            let word: UInt32 =
                UInt32(bytes[i]) << 16 | (rest > 1 ? UInt32(bytes[i + 1]) << 8 : 0)
                | (rest > 2 ? UInt32(bytes[i + 2]) : 0)
            out.append(alphabet[Int(word >> 18 & 63)])
            out.append(alphabet[Int(word >> 12 & 63)])
            if rest > 1 { out.append(alphabet[Int(word >> 6 & 63)]) }
            if rest > 2 { out.append(alphabet[Int(word & 63)]) }
            i += 3
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// nil for a character outside the alphabet or an impossible length.
    package static func decode(_ text: Substring) -> [UInt8]? {
        var out: [UInt8] = []
        var word: UInt32 = 0
        var bits: Int = 0
        for c in text.utf8 {
            let value: UInt32
            switch c {
            case 65...90: value = UInt32(c - 65)
            case 97...122: value = UInt32(c - 71)
            case 48...57: value = UInt32(c + 4)
            case 45: value = 62
            case 95: value = 63
            default: return nil
            }
            word = word << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                out.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
            }
        }
        return bits == 6 ? nil : out
    }
}
