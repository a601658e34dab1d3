// Conversions between types, `type`, `dyn` and `size`; bytes in base64.

import KubeModel
import KubeWire

enum CELBytes {
    static func toBase64(_ bytes: [UInt8]) -> String { Base64.encode(bytes) }
    static func fromBase64(_ text: String) -> [UInt8]? { Base64.decode(text) }
}

enum CELConversions {
    static func add(to l: inout CELLibrary) {
        l.add("dyn", "(A) dyn") { (a, _) throws(CELError) in a[0] }
        l.add("type", "(A) type(A)") { (a, _) throws(CELError) in .type(a[0].type) }
        for t in ["string", "bytes", "list(A)", "map(A, B)"] {
            l.add("size", "(\(t)) int") { (a, _) throws(CELError) in .int(Int64(a[0].size)) }
            l.add("size", "\(t).() int") { (a, _) throws(CELError) in .int(Int64(a[0].size)) }
        }
        for t in ["bool", "string"] { l.add("bool", "(\(t)) bool") { (a, _) throws(CELError) in try bool(a[0]) } }
        for t in ["int", "uint", "double", "string", "timestamp"] {
            l.add("int", "(\(t)) int") { (a, _) throws(CELError) in try int(a[0]) }
        }
        for t in ["int", "uint", "double", "string"] {
            l.add("uint", "(\(t)) uint") { (a, _) throws(CELError) in try uint(a[0]) }
            l.add("double", "(\(t)) double") { (a, _) throws(CELError) in try double(a[0]) }
        }
        for t in ["string", "bool", "int", "uint", "double", "timestamp", "duration"] {
            l.add("string", "(\(t)) string") { (a, _) throws(CELError) in .string(try string(a[0])) }
        }
        l.add("string", "(bytes) string", cost: .traverse(0.1)) { (a, _) throws(CELError) in .string(try string(a[0])) }
        for t in ["net.IP", "net.CIDR"] {
            l.add("string", "(\(t)) string") { (a, _) throws(CELError) in .string(try string(a[0])) }
        }
        l.add("bytes", "(bytes) bytes") { (a, _) throws(CELError) in a[0] }
        l.add("bytes", "(string) bytes", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            guard case .string(let s) = a[0] else { throw .noSuchOverload }
            return .bytes(Array(s.utf8))
        }
        l.add("base64.encode", "(bytes) string", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            guard case .bytes(let b) = a[0] else { throw .noSuchOverload }
            return .string(CELBytes.toBase64(b))
        }
        l.add("base64.decode", "(string) bytes", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            guard case .string(let s) = a[0] else { throw .noSuchOverload }
            guard let b = CELBytes.fromBase64(s) else { throw .runtime("illegal base64 data") }
            return .bytes(b)
        }
    }

    private static func bool(_ v: CELValue) throws(CELError) -> CELValue {
        switch v {
        case .bool: return v
        case .string(let s):
            switch s {
            case "1", "t", "T", "TRUE", "true", "True": return .bool(true)
            case "0", "f", "F", "FALSE", "false", "False": return .bool(false)
            default: throw .runtime("type conversion error from 'string' to 'bool'")
            }
        default: throw .noSuchOverload
        }
    }

    private static func failure(_ v: CELValue, _ to: String) -> CELError {
        .runtime("type conversion error from '\(v.type.runtimeName)' to '\(to)'")
    }

    private static func int(_ v: CELValue) throws(CELError) -> CELValue {
        switch v {
        case .int: return v
        case .uint(let u):
            guard let i = Int64(exactly: u) else { throw .integerOverflow }
            return .int(i)
        case .double(let d):
            guard d > -0x1p63, d < 0x1p63 else { throw .integerOverflow }
            return .int(Int64(d))
        case .string(let s):
            guard let i = Int64(s) else { throw failure(v, "int") }
            return .int(i)
        case .timestamp(let t): return .int(t.seconds)
        default: throw .noSuchOverload
        }
    }

    private static func uint(_ v: CELValue) throws(CELError) -> CELValue {
        switch v {
        case .uint: return v
        case .int(let i):
            guard let u = UInt64(exactly: i) else { throw .unsignedOverflow }
            return .uint(u)
        case .double(let d):
            guard d > -1, d < 0x1p64 else { throw .unsignedOverflow }
            return .uint(UInt64(d))
        case .string(let s):
            guard !s.hasPrefix("+"), let u = UInt64(s) else { throw failure(v, "uint") }
            return .uint(u)
        default: throw .noSuchOverload
        }
    }

    private static func double(_ v: CELValue) throws(CELError) -> CELValue {
        switch v {
        case .double: return v
        case .int(let i): return .double(Double(i))
        case .uint(let u): return .double(Double(u))
        case .string(let s):
            guard let d = Double(s) else { throw failure(v, "double") }
            return .double(d)
        default: throw .noSuchOverload
        }
    }

    static func string(_ v: CELValue) throws(CELError) -> String {
        switch v {
        case .string(let s): return s
        case .bool(let b): return b ? "true" : "false"
        case .int(let i): return String(i)
        case .uint(let u): return String(u)
        case .double(let d): return number(d)
        case .timestamp(let t): return t.rfc3339
        case .duration(let n): return CELTimes.text(n)
        case .bytes(let b):
            guard let s = String(validating: b, as: UTF8.self) else {
                throw .runtime("invalid UTF-8 in bytes, cannot convert to string")
            }
            return s
        case .opaque(let o):
            if let s = o.json?.asString { return s }
            throw .noSuchOverload
        default: throw .noSuchOverload
        }
    }

    /// Go's shortest form: `%g`, without a fraction where there is none.
    static func number(_ d: Double) -> String {
        if d.isNaN { return "NaN" }
        if d.isInfinite { return d < 0 ? "-Inf" : "+Inf" }
        if let i = Int64(exactly: d), abs(d) < 1e21 { return d == 0 && d.sign == .minus ? "-0" : String(i) }
        var text: String = "\(d)"
        if text.hasSuffix(".0") { text.removeLast(2) }
        guard let e = text.firstIndex(of: "e") else { return text }
        // Swift writes 1e-07 as 1e-07 and 1e+22 as 1e+22, as Go does.
        var mantissa: Substring = text[..<e]
        if mantissa.hasSuffix(".0") { mantissa = mantissa.dropLast(2) }
        return String(mantissa) + String(text[e...])
    }

    /// For messages: keys and indices.
    static func shown(_ v: CELValue) -> String { (try? string(v)) ?? v.type.runtimeName }
}
