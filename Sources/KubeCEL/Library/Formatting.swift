// `"%s has %d".format([a, b])` of the strings library.

enum CELFormatting {
    static func add(to l: inout CELLibrary) {
        l.add("format", "string.(list(dyn)) string", cost: .traverse(0.1)) { (a, frame) throws(CELError) in
            guard case .list(let values) = a[1] else { throw .noSuchOverload }
            return .string(try format(try CELStrings.text(a[0]), values, &frame))
        }
    }

    private static func format(_ text: String, _ values: CELList, _ frame: inout CELFrame) throws(CELError) -> String {
        var out: String = ""
        var next: Int = 0
        var rest: Substring.UnicodeScalarView = text[...].unicodeScalars
        while let c = rest.popFirst() {
            guard c == "%" else {
                out.unicodeScalars.append(c)
                continue
            }
            if rest.first == "%" {
                rest.removeFirst()
                out += "%"
                continue
            }
            var precision: Int?
            if rest.first == "." {
                rest.removeFirst()
                var n: Int = 0
                while let d = rest.first, ("0"..."9").contains(d) {
                    n = min(n * 10 + Int(d.value) - 48, 1000)
                    rest.removeFirst()
                }
                precision = n
            }
            guard let clause = rest.popFirst() else {
                throw .runtime("unexpected end of string")
            }
            guard next < values.count else { throw .runtime("index \(next) out of range") }
            let value: CELValue = values[next]
            next += 1
            let piece: String
            switch clause {
            case "s": piece = try shown(value, 0)
            case "d": piece = try integer(value)
            case "f": piece = try fixed(value, precision ?? 6)
            case "e": piece = try scientific(value, precision ?? 6)
            case "b":
                switch value {
                case .bool(let b): piece = b ? "1" : "0"
                case .int(let i): piece = String(i, radix: 2)
                case .uint(let u): piece = String(u, radix: 2)
                default:
                    throw wrong(
                        "only integers and bools can be formatted as binary, was given \(value.type.runtimeName)")
                }
            case "x", "X": piece = try hex(value, isUpper: clause == "X")
            case "o":
                switch value {
                case .int(let i): piece = String(i, radix: 8)
                case .uint(let u): piece = String(u, radix: 8)
                default: throw wrong("octal clause can only be used on integers, was given \(value.type.runtimeName)")
                }
            default:
                throw .runtime("could not parse formatting clause: unrecognized formatting clause \"\(clause)\"")
            }
            try frame.take(bytes: piece.utf8.count)
            out += piece
        }
        return out
    }

    private static func wrong(_ why: String) -> CELError { .runtime("error during formatting: " + why) }

    private static func integer(_ v: CELValue) throws(CELError) -> String {
        switch v {
        case .int(let i): return String(i)
        case .uint(let u): return String(u)
        case .double(let d) where !d.isFinite: return d.isNaN ? "NaN" : d < 0 ? "-Infinity" : "Infinity"
        default: throw wrong("decimal clause can only be used on integers, was given \(v.type.runtimeName)")
        }
    }

    private static func double(_ v: CELValue, _ clause: String) throws(CELError) -> Double {
        switch v {
        case .double(let d): return d
        case .int(let i): return Double(i)
        case .uint(let u): return Double(u)
        default: throw wrong("\(clause) clause can only be used on doubles, was given \(v.type.runtimeName)")
        }
    }

    private static func fixed(_ v: CELValue, _ digits: Int) throws(CELError) -> String {
        let d: Double = try double(v, "fixed-point")
        if !d.isFinite { return d.isNaN ? "NaN" : d < 0 ? "-Infinity" : "Infinity" }
        return CELNumberText.fixed(d, digits)
    }

    private static func scientific(_ v: CELValue, _ digits: Int) throws(CELError) -> String {
        let d: Double = try double(v, "scientific")
        if !d.isFinite { return d.isNaN ? "NaN" : d < 0 ? "-Infinity" : "Infinity" }
        return CELNumberText.scientific(d, digits)
    }

    private static func hex(_ v: CELValue, isUpper: Bool) throws(CELError) -> String {
        func bytes(_ b: some Sequence<UInt8>) -> String {
            b.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: isUpper) }.joined()
        }
        switch v {
        case .int(let i): return String(i, radix: 16, uppercase: isUpper)
        case .uint(let u): return String(u, radix: 16, uppercase: isUpper)
        case .string(let s): return bytes(s.utf8)
        case .bytes(let b): return bytes(b)
        default:
            throw wrong(
                "only integers, byte buffers, and strings can be formatted as hex, was given \(v.type.runtimeName)")
        }
    }

    /// `%s` of any value.
    static func shown(_ v: CELValue, _ depth: Int) throws(CELError) -> String {
        guard depth < 64 else { throw wrong("value nested too deep") }
        switch v {
        case .null: return "null"
        case .type(let t): return t.runtimeName
        case .list(let list):
            var parts: [String] = []
            for i in 0..<list.count { parts.append(try shown(list[i], depth + 1)) }
            return "[" + parts.joined(separator: ", ") + "]"
        case .map(let map):
            var parts: [(String, String)] = []
            for key in map.keys { parts.append((key.text, try shown(map[key] ?? .null, depth + 1))) }
            return "{" + parts.sorted { $0.0 < $1.0 }.map { $0.0 + ": " + $0.1 }.joined(separator: ", ") + "}"
        case .double(let d) where !d.isFinite: return d.isNaN ? "NaN" : d < 0 ? "-Infinity" : "Infinity"
        case .optional, .lazy:
            throw wrong(
                "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given \(v.type.runtimeName)"
            )
        case .bytes(let b): return String(decoding: b, as: UTF8.self)
        default: return try CELConversions.string(v)
        }
    }
}
