// The escapes of string and bytes literals.

enum StringLiteral {
    /// Nil when an escape is malformed. In bytes `\x` and octal escapes are bytes, in strings code points.
    static func unescaped(_ body: [UInt8], isBytes: Bool) -> [UInt8]? {
        guard body.contains(92) else { return body }
        var out: [UInt8] = []
        out.reserveCapacity(body.count)
        var i: Int = 0
        func number(_ from: Int, _ count: Int, radix: Int) -> UInt32? {
            guard from + count <= body.count else { return nil }
            let digits: String = String(decoding: body[from..<(from + count)], as: UTF8.self)
            guard !digits.hasPrefix("+"), !digits.hasPrefix("-") else { return nil }
            return UInt32(digits, radix: radix)
        }
        func append(_ code: UInt32, asByte: Bool) -> Bool {
            if asByte {
                guard code < 256 else { return false }
                out.append(UInt8(code))
                return true
            }
            guard let scalar = Unicode.Scalar(code) else { return false }
            out += Array(String(scalar).utf8)
            return true
        }
        while i < body.count {
            let c: UInt8 = body[i]
            guard c == 92 else {
                out.append(c)
                i += 1
                continue
            }
            guard i + 1 < body.count else { return nil }
            let e: UInt8 = body[i + 1]
            i += 2
            switch e {
            case 97: out.append(7)
            case 98: out.append(8)
            case 102: out.append(12)
            case 110: out.append(10)
            case 114: out.append(13)
            case 116: out.append(9)
            case 118: out.append(11)
            case 92, 39, 34, 96, 63: out.append(e)
            case 120, 88:
                guard let n = number(i, 2, radix: 16), append(n, asByte: isBytes) else { return nil }
                i += 2
            case 117, 85:
                let count: Int = e == 117 ? 4 : 8
                guard !isBytes, let n = number(i, count, radix: 16), append(n, asByte: false) else { return nil }
                i += count
            case 48...51:
                guard let n = number(i - 1, 3, radix: 8), append(n, asByte: isBytes) else { return nil }
                i += 2
            default: return nil
            }
        }
        return out
    }
}
