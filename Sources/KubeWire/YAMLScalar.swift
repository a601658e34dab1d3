// What an unquoted YAML scalar means, by go-yaml v2's rules (YAML 1.1).

enum YAMLScalar {
    private static let words: [String: JSON] = {
        var w: [String: JSON] = [:]
        for s in ["", "~", "null", "Null", "NULL"] { w[s] = .null }
        for s in ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"] { w[s] = true }
        for s in ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"] { w[s] = false }
        return w
    }()
    private static let infinities: Set<String> = [
        ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN",
    ]

    static func resolve(_ text: String, tag: String, isPlain: Bool) throws(YAMLError) -> JSON {
        switch tag {
        case "", "!": break
        case "tag:yaml.org,2002:str": return .string(text)
        case "tag:yaml.org,2002:binary":
            guard let bytes = Base64.decode(text.filter { !$0.isWhitespace }) else {
                throw YAMLDocument.fault("!!binary value contains invalid base64 data")
            }
            return .string(String(decoding: bytes, as: UTF8.self))
        case "tag:yaml.org,2002:float":
            if case .int(let i) = implicit(text) { return .double(Double(i)) }
        default: break
        }
        guard isPlain && tag != "!" || tag.hasPrefix("tag:yaml.org") else { return .string(text) }
        if infinities.contains(text) {
            throw YAMLError(message: "error converting YAML to JSON: json: unsupported value: \(text)")
        }
        return implicit(text)
    }

    /// Whether the text would not come back as a string if it stood without quotes.
    static func needsQuotes(_ text: String) -> Bool {
        if infinities.contains(text) || isTimestamp(text) || isBase60(text) || text == "<<" { return true }
        if case .string = implicit(text) { return false }
        return true
    }

    private static func implicit(_ text: String) -> JSON {
        if text.utf8.count <= 5, let word = words[text] { return word }
        guard let c = text.utf8.first, (48...57).contains(c) || c == 43 || c == 45 || c == 46 else {
            return .string(text)
        }
        let plain: String = text.utf8.contains(95) ? text.filter { $0 != "_" } : text
        if let i = integer(plain) { return .int(i) }
        if isFloat(plain), let d = Double(plain.hasPrefix("+") ? String(plain.dropFirst()) : plain), d.isFinite {
            return .double(d)
        }
        return .string(text)
    }

    /// strconv.ParseInt with base 0: `0x1f`, `0b11`, `0o17`, `017`.
    private static func integer(_ s: String) -> Int64? {
        var digits: Substring = s[...]
        var sign: String = ""
        if let c = digits.first, c == "-" || c == "+" {
            sign = c == "-" ? "-" : ""
            digits = digits.dropFirst()
        }
        guard let first = digits.utf8.first, (48...57).contains(first) else { return nil }
        var radix: Int = 10
        if first == 48, digits.utf8.count > 1 {
            switch digits.dropFirst().first {
            case "x", "X": (radix, digits) = (16, digits.dropFirst(2))
            case "b", "B": (radix, digits) = (2, digits.dropFirst(2))
            case "o", "O": (radix, digits) = (8, digits.dropFirst(2))
            default: (radix, digits) = (8, digits.dropFirst())
            }
            guard let d = digits.first, d != "+", d != "-" else { return nil }
        }
        return Int64(sign + digits, radix: radix)
    }

    /// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
    private static func isFloat(_ s: String) -> Bool {
        let b: [UInt8] = Array(s.utf8)
        var i: Int = 0
        func digits() -> Int {
            let start: Int = i
            while i < b.count, (48...57).contains(b[i]) { i += 1 }
            return i - start
        }
        if i < b.count, b[i] == 43 || b[i] == 45 { i += 1 }
        let whole: Int = digits()
        var fraction: Int = 0
        if i < b.count, b[i] == 46 {
            i += 1
            fraction = digits()
        }
        if whole == 0, fraction == 0 { return false }
        if i < b.count, b[i] == 101 || b[i] == 69 {
            i += 1
            if i < b.count, b[i] == 43 || b[i] == 45 { i += 1 }
            if digits() == 0 { return false }
        }
        return i == b.count
    }

    /// YAML 1.1's `1:30:00`, which older readers take for a number.
    private static func isBase60(_ s: String) -> Bool {
        let b: [UInt8] = Array(s.utf8)
        guard let c = b.first, c == 43 || c == 45 || (48...57).contains(c), b.contains(58) else { return false }
        var rest: Substring = s[...]
        if c == 43 || c == 45 { rest = rest.dropFirst() }
        let parts: [Substring] = rest.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count > 1, let head = parts.first, !head.isEmpty, head.utf8.allSatisfy({ isDigit($0) || $0 == 95 }),
            isDigit(head.utf8.first ?? 0)
        else { return false }
        for (i, part) in parts.dropFirst().enumerated() {
            var p: Substring = part
            if i == parts.count - 2, let dot = p.firstIndex(of: ".") {
                guard p[p.index(after: dot)...].utf8.allSatisfy({ isDigit($0) || $0 == 95 }) else { return false }
                p = p[..<dot]
            }
            guard let n = Int(p), (0..<60).contains(n), p.utf8.count <= 2, p.utf8.allSatisfy({ isDigit($0) }) else { return false }
        }
        return true
    }

    private static func isDigit(_ c: UInt8) -> Bool { (48...57).contains(c) }

    /// `2006-01-02`, `2006-1-2T15:4:5.9Z`, `2006-1-2 15:4:5`.
    private static func isTimestamp(_ s: String) -> Bool {
        let b: [UInt8] = Array(s.utf8)
        var i: Int = 0
        func digits(_ range: ClosedRange<Int>) -> Bool {
            let start: Int = i
            while i < b.count, isDigit(b[i]), i - start < range.upperBound { i += 1 }
            return range.contains(i - start)
        }
        func mark(_ c: UInt8) -> Bool {
            guard i < b.count, b[i] == c else { return false }
            i += 1
            return true
        }
        guard digits(4...4), mark(45), digits(1...2), mark(45), digits(1...2) else { return false }
        if i == b.count { return b.count == 10 }
        guard mark(84) || mark(116) || mark(32) else { return false }
        guard digits(1...2), mark(58), digits(1...2), mark(58), digits(1...2) else { return false }
        if mark(46), !digits(1...9) { return false }
        if i == b.count || mark(90) { return i == b.count }
        guard mark(43) || mark(45) else { return false }
        return digits(1...2) && (i == b.count || (mark(58) && digits(1...2) && i == b.count))
    }
}
