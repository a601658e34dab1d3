// Tree → JSON bytes, compact as Go writes them or indented for people.

extension JSON {
    /// Compact UTF-8, members in tree order, without escaping of `<`, `>`, `&`.
    package func encoded() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(1024)
        write(into: &out)
        return out
    }

    /// Four blanks a level, as `kubectl -o json` prints.
    package func indented(by width: Int = 4) -> String {
        var out: [UInt8] = []
        writeIndented(into: &out, width: width, level: 0)
        return String(decoding: out, as: UTF8.self)
    }

    package func write(into out: inout [UInt8]) {
        switch self {
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for i in elements.indices {
                if i > 0 { out.append(UInt8(ascii: ",")) }
                elements[i].write(into: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let object):
            out.append(UInt8(ascii: "{"))
            var first: Bool = true
            for (key, value) in object.pairs {
                if !first { out.append(UInt8(ascii: ",")) }
                first = false
                JSON.write(string: key, into: &out)
                out.append(UInt8(ascii: ":"))
                value.write(into: &out)
            }
            out.append(UInt8(ascii: "}"))
        default: writeScalar(into: &out)
        }
    }

    private func writeScalar(into out: inout [UInt8]) {
        switch self {
        case .bool(let b): out.append(contentsOf: (b ? "true" : "false").utf8)
        case .int(let i): JSON.write(integer: i, into: &out)
        case .double(let d): JSON.write(double: d, into: &out)
        case .string(let s): JSON.write(string: s, into: &out)
        default: out.append(contentsOf: "null".utf8)
        }
    }

    private func writeIndented(into out: inout [UInt8], width: Int, level: Int) {
        func newLine(_ level: Int) {
            out.append(10)
            for _ in 0..<(width * level) { out.append(32) }
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            out.append(UInt8(ascii: "["))
            for i in elements.indices {
                if i > 0 { out.append(UInt8(ascii: ",")) }
                newLine(level + 1)
                elements[i].writeIndented(into: &out, width: width, level: level + 1)
            }
            newLine(level)
            out.append(UInt8(ascii: "]"))
        case .object(let object) where !object.isEmpty:
            out.append(UInt8(ascii: "{"))
            var first: Bool = true
            for (key, value) in object.pairs {
                if !first { out.append(UInt8(ascii: ",")) }
                first = false
                newLine(level + 1)
                JSON.write(string: key, into: &out)
                out.append(UInt8(ascii: ":"))
                out.append(32)
                value.writeIndented(into: &out, width: width, level: level + 1)
            }
            newLine(level)
            out.append(UInt8(ascii: "}"))
        default: write(into: &out)
        }
    }

    private static func write(integer: Int64, into out: inout [UInt8]) {
        if integer >= 0, integer < 10 {
            out.append(UInt8(48 + integer))
        } else {
            out.append(contentsOf: String(integer).utf8)
        }
    }

    /// Whole doubles are written without a fraction, as Go does.
    private static func write(double: Double, into out: inout [UInt8]) {
        if let whole = Int64(exactly: double), abs(double) < 1e15 {
            out.append(contentsOf: String(whole).utf8)
        } else {
            out.append(contentsOf: "\(double)".utf8)
        }
    }

    package static func write(string: String, into out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        var copy: String = string
        copy.withUTF8 { bytes in
            var start: Int = 0
            for i in bytes.indices {
                let c: UInt8 = bytes[i]
                guard c < 32 || c == UInt8(ascii: "\"") || c == UInt8(ascii: "\\") else { continue }
                out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<i]))
                escape(c, into: &out)
                start = i + 1
            }
            out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func escape(_ c: UInt8, into out: inout [UInt8]) {
        out.append(UInt8(ascii: "\\"))
        switch c {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(c)
        case 10: out.append(UInt8(ascii: "n"))
        case 13: out.append(UInt8(ascii: "r"))
        case 9: out.append(UInt8(ascii: "t"))
        default:
            let hex: [UInt8] = Array("0123456789abcdef".utf8)
            out.append(contentsOf: "u00".utf8)
            out.append(hex[Int(c >> 4)])
            out.append(hex[Int(c & 15)])
        }
    }
}
