// RFC 4648 base64, standard and URL-safe, as Go's encoding/base64 reads and writes it.

package enum Base64 {
    private static let standard: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlSafe: [UInt8] = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// With padding.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: encoded(Array(bytes), alphabet: standard, pads: true), as: UTF8.self)
    }

    /// URL-safe alphabet without padding, as in JWTs.
    package static func encodeURL(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: encoded(Array(bytes), alphabet: urlSafe, pads: false), as: UTF8.self)
    }

    private static func encoded(_ bytes: [UInt8], alphabet: [UInt8], pads: Bool) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        var i: Int = 0
        while i + 2 < bytes.count {
            let n: UInt32 = UInt32(bytes[i]) << 16 | UInt32(bytes[i + 1]) << 8 | UInt32(bytes[i + 2])
            out.append(alphabet[Int(n >> 18)])
            out.append(alphabet[Int(n >> 12 & 63)])
            out.append(alphabet[Int(n >> 6 & 63)])
            out.append(alphabet[Int(n & 63)])
            i += 3
        }
        let rest: Int = bytes.count - i
        guard rest > 0 else { return out }
        let n: UInt32 = UInt32(bytes[i]) << 16 | (rest == 2 ? UInt32(bytes[i + 1]) << 8 : 0)
        out.append(alphabet[Int(n >> 18)])
        out.append(alphabet[Int(n >> 12 & 63)])
        if rest == 2 { out.append(alphabet[Int(n >> 6 & 63)]) }
        if pads { out.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - rest)) }
        return out
    }

    /// Either alphabet, padded or not; line breaks are skipped. `nil` when the text is not base64.
    package static func decode(_ text: String) -> [UInt8]? { try? decodeReportingOffset(text).get() }

    /// The offset of the first bad byte, for Go's `illegal base64 data at input byte N`.
    package struct Illegal: Error { package var offset: Int }

    package static func decodeReportingOffset(_ text: String) -> Result<[UInt8], Illegal> {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count / 4 * 3 + 3)
        var group: UInt32 = 0
        var held: Int = 0
        var padding: Int = 0
        for (offset, c) in text.utf8.enumerated() {
            if c == 10 || c == 13 { continue }
            if c == UInt8(ascii: "=") {
                padding += 1
                if held < 2 || held + padding > 4 { return .failure(Illegal(offset: offset)) }
                continue
            }
            guard padding == 0, let v = value(c) else { return .failure(Illegal(offset: offset)) }
            group = group << 6 | v
            held += 1
            if held == 4 {
                out.append(UInt8(truncatingIfNeeded: group >> 16))
                out.append(UInt8(truncatingIfNeeded: group >> 8))
                out.append(UInt8(truncatingIfNeeded: group))
                group = 0
                held = 0
            }
        }
        if held == 1 || (padding > 0 && held + padding != 4) { return .failure(Illegal(offset: text.utf8.count)) }
        if held == 2 { out.append(UInt8(truncatingIfNeeded: group >> 4)) }
        if held == 3 {
            out.append(UInt8(truncatingIfNeeded: group >> 10))
            out.append(UInt8(truncatingIfNeeded: group >> 2))
        }
        return .success(out)
    }

    private static func value(_ c: UInt8) -> UInt32? {
        switch c {
        case 65...90: UInt32(c) - 65
        case 97...122: UInt32(c) - 71
        case 48...57: UInt32(c) + 4
        case 43, 45: 62
        case 47, 95: 63
        default: nil
        }
    }
}
