// JSON tree → YAML text as go-yaml v2 emits it: what `kubectl -o yaml` prints.

extension YAML {
    /// Keys sorted, two blanks a level, lists not indented under their key, long texts folded after column 80; ends
    /// with a line break.
    package static func write(_ value: JSON) -> String {
        var writer: YAMLWriter = YAMLWriter()
        writer.document(value)
        return String(decoding: writer.out, as: UTF8.self)
    }
}

struct YAMLWriter {
    private static let widthBest: Int = 80
    private(set) var out: [UInt8] = []
    /// Characters since the last line break.
    private var column: Int = 0

    mutating func document(_ value: JSON) {
        node(value, indent: -1, isValue: false)
        newLine()
    }

    private mutating func put(_ c: UInt8) {
        out.append(c)
        if c & 0xC0 != 0x80 { column += 1 }
    }
    private mutating func put(_ s: String) { for c in s.utf8 { put(c) } }
    private mutating func newLine() {
        out.append(10)
        column = 0
    }
    private mutating func startLine(_ indent: Int) {
        newLine()
        for _ in 0..<max(indent, 0) { put(32) }
    }

    /// `indent`: of the collection around; `isValue`: after `key:` (a collection starts on its own line).
    private mutating func node(_ value: JSON, indent: Int, isValue: Bool) {
        switch value {
        case .object(let o) where !o.isEmpty:
            let inner: Int = indent < 0 ? 0 : indent + 2
            mapping(o, indent: inner, startsOnNewLine: isValue)
        case .array(let a) where !a.isEmpty:
            let inner: Int = indent < 0 ? 0 : isValue ? indent : indent + 2
            sequence(a, indent: inner, startsOnNewLine: isValue)
        default:
            if isValue { put(32) }
            scalar(value, indent: indent < 0 ? 2 : indent + 2, isKey: false)
        }
    }

    private mutating func mapping(_ o: JSONObject, indent: Int, startsOnNewLine: Bool) {
        let pairs: [(key: String, value: JSON)] = o.pairs.sorted { YAMLKeyOrder.precedes($0.key, $1.key) }
        for (i, pair) in pairs.enumerated() {
            if i > 0 || startsOnNewLine { startLine(indent) }
            if pair.key.utf8.count > 128 || pair.key.utf8.contains(10) {
                put("? ")
                scalar(.string(pair.key), indent: indent + 2, isKey: false)
                startLine(indent)
            } else {
                scalar(.string(pair.key), indent: indent, isKey: true)
            }
            put(58)
            node(pair.value, indent: indent, isValue: true)
        }
    }

    private mutating func sequence(_ a: [JSON], indent: Int, startsOnNewLine: Bool) {
        for (i, element) in a.enumerated() {
            if i > 0 || startsOnNewLine { startLine(indent) }
            put("- ")
            node(element, indent: indent, isValue: false)
        }
    }

    // MARK: scalars

    private mutating func scalar(_ value: JSON, indent: Int, isKey: Bool) {
        switch value {
        case .string(let s): string(s, indent: indent, isKey: isKey)
        case .object: put("{}")
        case .array: put("[]")
        case .double(let d): put(YAMLWriter.text(d))
        default: put(value.description)
        }
    }

    /// Go's `%g` with the shortest digits.
    private static func text(_ d: Double) -> String {
        if let whole = Int64(exactly: d), d.magnitude < 1e21 { return "\(whole)" }
        return "\(d)"
    }

    private mutating func string(_ s: String, indent: Int, isKey: Bool) {
        let facts: YAMLTextFacts = YAMLTextFacts(Array(s.utf8))
        if s.utf8.contains(10) {
            if facts.blockAllowed, !isKey {
                literal(Array(s.utf8), indent: indent)
            } else {
                doubleQuoted(s, indent: indent, folds: !isKey)
            }
        } else if YAMLScalar.needsQuotes(s) {
            doubleQuoted(s, indent: indent, folds: !isKey)
        } else if facts.plainAllowed {
            folded(Array(s.utf8), indent: indent, folds: !isKey, isQuoted: false)
        } else if facts.singleQuotedAllowed {
            put(39)
            folded(Array(s.utf8), indent: indent, folds: !isKey, isQuoted: true)
            put(39)
        } else {
            doubleQuoted(s, indent: indent, folds: !isKey)
        }
    }

    /// Plain and single-quoted text: a blank past the best width becomes a line break.
    private mutating func folded(_ b: [UInt8], indent: Int, folds: Bool, isQuoted: Bool) {
        var wasSpace: Bool = false
        for i in b.indices {
            let c: UInt8 = b[i]
            if c == 32 {
                let isInside: Bool = !isQuoted || (i > 0 && i < b.count - 1)
                let nextIsSpace: Bool = i + 1 < b.count && b[i + 1] == 32
                if folds, !wasSpace, column > YAMLWriter.widthBest, isInside, !nextIsSpace {
                    startLine(indent)
                } else {
                    put(c)
                }
                wasSpace = true
            } else {
                put(c)
                if isQuoted, c == 39 { put(c) }
                wasSpace = false
            }
        }
    }

    private mutating func literal(_ b: [UInt8], indent: Int) {
        put(UInt8(ascii: "|"))
        if b[0] == 32 || b[0] == 10 { put(UInt8(ascii: "2")) }
        if b[b.count - 1] != 10 {
            put(UInt8(ascii: "-"))
        } else if b.count == 1 || b[b.count - 2] == 10 {
            put(UInt8(ascii: "+"))
        }
        newLine()
        var startsLine: Bool = true
        for c in b.last == 10 ? b.dropLast() : b[...] {
            if c == 10 {
                newLine()
                startsLine = true
            } else {
                if startsLine { for _ in 0..<indent { put(32) } }
                startsLine = false
                put(c)
            }
        }
    }

    private mutating func doubleQuoted(_ s: String, indent: Int, folds: Bool) {
        put(34)
        var wasSpace: Bool = false
        let scalars: [Unicode.Scalar] = Array(s.unicodeScalars)
        for (i, u) in scalars.enumerated() {
            if u == " " {
                if folds, !wasSpace, column > YAMLWriter.widthBest, i > 0, i < scalars.count - 1 {
                    startLine(indent)
                    if scalars[i + 1] == " " { put(92) }
                } else {
                    put(32)
                }
                wasSpace = true
            } else {
                if !YAMLTextFacts.isPrintable(u) || u == "\"" || u == "\\" || u == "\n" || u == "\u{FEFF}" {
                    escape(u)
                } else {
                    put(String(Character(u)))
                }
                wasSpace = false
            }
        }
        put(34)
    }

    private static let escapes: [UInt32: UInt8] = [
        0: 48, 7: 97, 8: 98, 9: 116, 10: 110, 11: 118, 12: 102, 13: 114, 0x1B: 101, 0x22: 34, 0x5C: 92, 0x85: 78,
        0xA0: 95, 0x2028: 76, 0x2029: 80,
    ]

    private mutating func escape(_ u: Unicode.Scalar) {
        put(92)
        if let c = YAMLWriter.escapes[u.value] { return put(c) }
        let digits: String = String(u.value, radix: 16, uppercase: true)
        let (mark, width): (String, Int) = u.value <= 0xFF ? ("x", 2) : u.value <= 0xFFFF ? ("u", 4) : ("U", 8)
        put(mark + String(repeating: "0", count: width - digits.utf8.count) + digits)
    }
}

/// libyaml's analysis of a text: which styles can hold it.
struct YAMLTextFacts {
    private(set) var plainAllowed: Bool = true
    private(set) var singleQuotedAllowed: Bool = true
    private(set) var blockAllowed: Bool = true

    init(_ b: [UInt8]) {
        guard let first = b.first, let last = b.last else {
            plainAllowed = false
            return
        }
        var indicators: Bool = b.starts(with: "---".utf8) || b.starts(with: "...".utf8)
        var spaceBreak: Bool = false
        var breakSpace: Bool = false
        var lineBreaks: Bool = false
        for i in b.indices {
            let c: UInt8 = b[i]
            let isFollowedByBlank: Bool = i + 1 == b.count || b[i + 1] == 32 || b[i + 1] == 9 || b[i + 1] == 10
            let isPrecededByBlank: Bool = i == 0 || b[i - 1] == 32 || b[i - 1] == 9 || b[i - 1] == 10
            if i == 0 {
                switch c {
                case 35, 44, 91, 93, 123, 125, 38, 42, 33, 124, 62, 39, 34, 37, 64, 96: indicators = true
                case 63, 58, 45: indicators = indicators || isFollowedByBlank
                default: break
                }
            } else if (c == 58 && isFollowedByBlank) || (c == 35 && isPrecededByBlank) {
                indicators = true
            }
            if c == 10 { lineBreaks = true }
            if c == 32, i + 1 < b.count, b[i + 1] == 10 { spaceBreak = true }
            if c == 10, i + 1 < b.count, b[i + 1] == 32 { breakSpace = true }
        }
        let special: Bool = String(decoding: b, as: UTF8.self).unicodeScalars.contains {
            !YAMLTextFacts.isPrintable($0) || $0 == "\u{FEFF}"
        }
        if first == 32 || first == 10 || last == 32 || last == 10 { plainAllowed = false }
        if last == 32 { blockAllowed = false }
        if breakSpace {
            plainAllowed = false
            singleQuotedAllowed = false
        }
        if spaceBreak || special {
            plainAllowed = false
            singleQuotedAllowed = false
            blockAllowed = false
        }
        if lineBreaks || indicators { plainAllowed = false }
    }

    /// Unicode's line and paragraph separators count as breaks for readers, so they are escaped too.
    static func isPrintable(_ u: Unicode.Scalar) -> Bool {
        switch u.value {
        case 0x0A, 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }
}

/// go-yaml's order of keys: letters after other characters, runs of digits by their value.
enum YAMLKeyOrder {
    static func precedes(_ a: String, _ b: String) -> Bool {
        let x: [Unicode.Scalar] = Array(a.unicodeScalars)
        let y: [Unicode.Scalar] = Array(b.unicodeScalars)
        for i in 0..<min(x.count, y.count) where x[i] != y[i] {
            let (xl, yl): (Bool, Bool) = (x[i].properties.isAlphabetic, y[i].properties.isAlphabetic)
            if xl && yl { return x[i] < y[i] }
            if xl || yl { return yl }
            var (xn, yn): (Int64, Int64) = (0, 0)
            if x[i] == "0" || y[i] == "0" {
                var j: Int = i - 1
                while j >= 0, isDigit(x[j]) {
                    if x[j] != "0" {
                        (xn, yn) = (1, 1)
                        break
                    }
                    j -= 1
                }
            }
            let xi: Int = run(x, from: i, &xn)
            let yi: Int = run(y, from: i, &yn)
            if xn != yn { return xn < yn }
            if xi != yi { return xi < yi }
            return x[i] < y[i]
        }
        return x.count < y.count
    }

    private static func isDigit(_ u: Unicode.Scalar) -> Bool { (48...57).contains(u.value) }

    private static func run(_ s: [Unicode.Scalar], from start: Int, _ n: inout Int64) -> Int {
        var i: Int = start
        while i < s.count, isDigit(s[i]) {
            n = n &* 10 &+ Int64(s[i].value - 48)
            i += 1
        }
        return i
    }
}
