// JSON bytes → tree, in the words of Go's encoding/json where it fails.

/// Why a text is not JSON. Messages are those that users of Kubernetes know.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    package var message: String
    /// Byte offset of the fault.
    package var offset: Int
    package var description: String { message }
}

/// What a parser accepts.
package struct JSONLimits: Sendable {
    /// Levels of arrays and objects; upstream's limit for API bodies is the same.
    package var depthMax: Int = 10_000
    /// Duplicate members are reported here by path (`spec.replicas`); the last one wins, as in upstream.
    package var collectsDuplicates: Bool = false
    package init(depthMax: Int = 1000, collectsDuplicates: Bool = false) {
        self.depthMax = depthMax
        self.collectsDuplicates = collectsDuplicates
    }
}

extension JSON {
    /// One JSON value, with only white space around it.
    package static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSON {
        try parseReportingDuplicates(bytes, limits: limits).value
    }

    package static func parse(_ text: String) throws(JSONError) -> JSON { try parse(Array(text.utf8)) }

    package static func parseReportingDuplicates(
        _ bytes: [UInt8], limits: JSONLimits
    ) throws(JSONError) -> (value: JSON, duplicates: [String]) {
        let result: Result<(JSON, [String]), JSONError> = bytes.withUnsafeBufferPointer { buffer in
            var parser: JSONParser = JSONParser(bytes: buffer, limits: limits)
            do throws(JSONError) {
                let value: JSON = try parser.document()
                return .success((value, parser.duplicates))
            } catch {
                return .failure(error)
            }
        }
        let (value, duplicates): (JSON, [String]) = try result.get()
        return (value, duplicates)
    }
}

struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let limits: JSONLimits
    var at: Int = 0
    var depth: Int = 0
    var path: [String] = []
    var duplicates: [String] = []

    init(bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSON {
        skipSpace()
        let value: JSON = try self.value()
        skipSpace()
        if at < bytes.count { throw invalid("after top-level value") }
        return value
    }

    private func invalid(_ place: String) -> JSONError {
        guard at < bytes.count else { return JSONError(message: "unexpected end of JSON input", offset: at) }
        let c: UInt8 = bytes[at]
        let shown: String =
            switch c {
            case 10: "\\n"
            case 13: "\\r"
            case 9: "\\t"
            case 39: "\\'"
            case 0..<32: "\\x" + String(c >> 4, radix: 16) + String(c & 15, radix: 16)
            default: String(decoding: UnsafeBufferPointer(rebasing: bytes[at..<min(at + 4, bytes.count)]), as: UTF8.self)
                .first.map { String($0) } ?? "?"
            }
        return JSONError(message: "invalid character '\(shown)' \(place)", offset: at)
    }

    @inline(__always) private mutating func skipSpace() {
        while at < bytes.count {
            switch bytes[at] {
            case 32, 10, 13, 9: at += 1
            default: return
            }
        }
    }

    mutating func value() throws(JSONError) -> JSON {
        guard at < bytes.count else { throw invalid("") }
        switch bytes[at] {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw invalid("looking for beginning of value")
        }
    }

    private mutating func literal(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        for i in 0..<word.utf8CodeUnitCount {
            guard at < bytes.count, bytes[at] == word.utf8Start[i] else { throw invalid("in literal \(word)") }
            at += 1
        }
        return value
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        if depth > limits.depthMax { throw JSONError(message: "exceeded max depth", offset: at) }
    }

    private mutating func array() throws(JSONError) -> JSON {
        try enter()
        at += 1
        var out: [JSON] = []
        skipSpace()
        if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
            at += 1
            depth -= 1
            return .array(out)
        }
        while true {
            skipSpace()
            if limits.collectsDuplicates { path.append("[\(out.count)]") }
            out.append(try value())
            if limits.collectsDuplicates { path.removeLast() }
            skipSpace()
            guard at < bytes.count else { throw invalid("") }
            if bytes[at] == UInt8(ascii: ",") {
                at += 1
            } else if bytes[at] == UInt8(ascii: "]") {
                at += 1
                depth -= 1
                return .array(out)
            } else {
                throw invalid("after array element")
            }
        }
    }

    private mutating func object() throws(JSONError) -> JSON {
        try enter()
        at += 1
        var pairs: [(key: String, value: JSON)] = []
        var seen: Set<String> = []
        skipSpace()
        if at < bytes.count, bytes[at] == UInt8(ascii: "}") {
            at += 1
            depth -= 1
            return .object(JSONObject())
        }
        while true {
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else {
                throw invalid("looking for beginning of object key string")
            }
            let key: String = try string()
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw invalid("after object key") }
            at += 1
            skipSpace()
            if limits.collectsDuplicates { path.append(key) }
            let value: JSON = try self.value()
            add(key, value, to: &pairs, seen: &seen)
            if limits.collectsDuplicates { path.removeLast() }
            skipSpace()
            guard at < bytes.count else { throw invalid("") }
            if bytes[at] == UInt8(ascii: ",") {
                at += 1
            } else if bytes[at] == UInt8(ascii: "}") {
                at += 1
                depth -= 1
                return .object(JSONObject(unique: pairs))
            } else {
                throw invalid("after object key:value pair")
            }
        }
    }

    /// Small objects are scanned for duplicates, large ones (over 32 members) through a set.
    private mutating func add(
        _ key: String, _ value: JSON, to pairs: inout [(key: String, value: JSON)], seen: inout Set<String>
    ) {
        if pairs.count == 32 { seen = Set(pairs.map { $0.key }) }
        let isDuplicate: Bool = pairs.count < 32 ? pairs.contains { $0.key == key } : !seen.insert(key).inserted
        guard isDuplicate else {
            pairs.append((key, value))
            return
        }
        if limits.collectsDuplicates {
            var name: String = ""
            for part in path { name += part.hasPrefix("[") || name.isEmpty ? part : "." + part }
            duplicates.append(name)
        }
        if let i = pairs.firstIndex(where: { $0.key == key }) { pairs[i].value = value }
    }

    mutating func number() throws(JSONError) -> JSON {
        let start: Int = at
        var isInteger: Bool = true
        var magnitude: UInt64 = 0
        var overflow: Bool = false
        let negative: Bool = bytes[at] == UInt8(ascii: "-")
        if negative { at += 1 }
        guard at < bytes.count, isDigit(bytes[at]) else { throw invalid("in numeric literal") }
        let leadingZero: Bool = bytes[at] == UInt8(ascii: "0")
        let digitsStart: Int = at
        while at < bytes.count, isDigit(bytes[at]) {
            let (m, o1): (UInt64, Bool) = magnitude.multipliedReportingOverflow(by: 10)
            let (s, o2): (UInt64, Bool) = m.addingReportingOverflow(UInt64(bytes[at] - 48))
            magnitude = s
            overflow = overflow || o1 || o2
            at += 1
        }
        if leadingZero, at - digitsStart > 1 {
            at = digitsStart + 1
            throw invalid("after top-level value")
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            isInteger = false
            at += 1
            guard at < bytes.count, isDigit(bytes[at]) else { throw invalid("after decimal point in numeric literal") }
            while at < bytes.count, isDigit(bytes[at]) { at += 1 }
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: "e") || bytes[at] == UInt8(ascii: "E") {
            isInteger = false
            at += 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
            guard at < bytes.count, isDigit(bytes[at]) else { throw invalid("in exponent of numeric literal") }
            while at < bytes.count, isDigit(bytes[at]) { at += 1 }
        }
        if isInteger, !overflow {
            if magnitude <= UInt64(Int64.max) { return .int(negative ? -Int64(magnitude) : Int64(magnitude)) }
            if negative, magnitude == UInt64(Int64.max) + 1 { return .int(.min) }
        }
        let text: String = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self)
        guard let d = Double(text), d.isFinite else {
            throw JSONError(message: "json: cannot unmarshal number \(text) into Go value of type float64", offset: start)
        }
        return .double(d)
    }

    @inline(__always) private func isDigit(_ c: UInt8) -> Bool { c >= 48 && c <= 57 }

    private mutating func string() throws(JSONError) -> String {
        at += 1
        let start: Int = at
        while at < bytes.count {
            let c: UInt8 = bytes[at]
            if c == UInt8(ascii: "\"") {
                let s: String = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self)
                at += 1
                return s
            }
            if c == UInt8(ascii: "\\") { return try escapedString(from: start) }
            if c < 32 { throw invalid("in string literal") }
            at += 1
        }
        throw JSONError(message: "unexpected end of JSON input", offset: at)
    }

    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var out: [UInt8] = Array(bytes[start..<at])
        while at < bytes.count {
            let c: UInt8 = bytes[at]
            if c == UInt8(ascii: "\"") {
                at += 1
                return String(decoding: out, as: UTF8.self)
            }
            if c < 32 { throw invalid("in string literal") }
            at += 1
            guard c == UInt8(ascii: "\\") else {
                out.append(c)
                continue
            }
            guard at < bytes.count else { break }
            let e: UInt8 = bytes[at]
            at += 1
            switch e {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(e)
            case UInt8(ascii: "b"): out.append(8)
            case UInt8(ascii: "f"): out.append(12)
            case UInt8(ascii: "n"): out.append(10)
            case UInt8(ascii: "r"): out.append(13)
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "u"): try unicodeEscape(into: &out)
            default:
                at -= 1
                throw invalid("in string escape code")
            }
        }
        throw JSONError(message: "unexpected end of JSON input", offset: at)
    }

    /// A lone surrogate becomes U+FFFD, as in Go.
    private mutating func unicodeEscape(into out: inout [UInt8]) throws(JSONError) {
        var code: UInt32 = try hex4()
        if code >= 0xD800, code < 0xDC00, at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
            bytes[at + 1] == UInt8(ascii: "u")
        {
            let mark: Int = at
            at += 2
            let low: UInt32 = try hex4()
            if low >= 0xDC00, low < 0xE000 {
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            } else {
                at = mark
            }
        }
        let scalar: Unicode.Scalar = Unicode.Scalar(code) ?? "\u{FFFD}"
        out.append(contentsOf: Array(String(Character(scalar)).utf8))
    }

    private mutating func hex4() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard at < bytes.count, let digit = Character(Unicode.Scalar(bytes[at])).hexDigitValue else {
                throw invalid("in \\u hexadecimal character escape")
            }
            code = code << 4 | UInt32(digit)
            at += 1
        }
        return code
    }
}
