// RE2's syntax → a program of a small machine. What needs backtracking (backreferences, look-around) is refused.

import Synchronization

/// One step of the machine; `to` are indices of steps.
enum RegexStep {
    case scalars(RegexClass)
    case split(Int, Int)
    case jump(Int)
    case save(Int)
    case lineStart, lineEnd, textStart, textEnd, wordEdge, noWordEdge
    case match
}

/// A set of code points in sorted ranges.
struct RegexClass {
    var ranges: [ClosedRange<UInt32>]
    var isNegated: Bool = false

    static let any: RegexClass = RegexClass(ranges: [0...0x10FFFF])
    static let notNewline: RegexClass = RegexClass(ranges: [10...10], isNegated: true)

    func contains(_ c: UInt32) -> Bool {
        for r in ranges where r.contains(c) { return !isNegated }
        return isNegated
    }

    /// ASCII letters of either case.
    mutating func foldCase() {
        for r in ranges {
            for (from, to, delta) in [(UInt32(65), UInt32(90), Int64(32)), (97, 122, -32)] {
                let low: UInt32 = max(r.lowerBound, from)
                let high: UInt32 = min(r.upperBound, to)
                if low <= high { ranges.append(UInt32(Int64(low) + delta)...UInt32(Int64(high) + delta)) }
            }
        }
    }

    var inverted: [ClosedRange<UInt32>] {
        var out: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for r in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if r.lowerBound > next { out.append(next...(r.lowerBound - 1)) }
            next = max(next, r.upperBound + 1)
        }
        if next <= 0x10FFFF { out.append(next...0x10FFFF) }
        return out
    }
}

indirect enum RegexTree {
    case empty
    case scalars(RegexClass)
    case assertion(RegexStep)
    case sequence([RegexTree])
    case choice([RegexTree])
    case repeated(RegexTree, Int, Int?, isGreedy: Bool)
    case group(RegexTree)
}

struct RegexParser {
    private var rest: [Unicode.Scalar]
    private var at: Int = 0
    private var depth: Int = 0
    private var ignoresCase: Bool = false
    private var isMultiline: Bool = false
    private var dotTakesAll: Bool = false
    private var isLazy: Bool = false
    private static let depthMax: Int = 200
    /// As in RE2.
    static let repeatMax: Int = 1000

    private init(_ pattern: String) { rest = Array(pattern.unicodeScalars) }

    static func parse(_ pattern: String) throws(CELError) -> RegexTree {
        var parser: RegexParser = RegexParser(pattern)
        let tree: RegexTree = try parser.choice()
        if parser.at < parser.rest.count { throw parser.failure("unexpected )", pattern) }
        return tree
    }

    private func failure(_ why: String, _ what: String) -> CELError {
        .runtime("error parsing regexp: \(why): `\(what)`")
    }
    private var here: Unicode.Scalar? { at < rest.count ? rest[at] : nil }
    private mutating func take(_ c: Unicode.Scalar) -> Bool {
        guard here == c else { return false }
        at += 1
        return true
    }

    private mutating func choice() throws(CELError) -> RegexTree {
        depth += 1
        defer { depth -= 1 }
        guard depth <= RegexParser.depthMax else { throw failure("expression nests too deeply", "(") }
        let flags: (Bool, Bool, Bool, Bool) = (ignoresCase, isMultiline, dotTakesAll, isLazy)
        defer { (ignoresCase, isMultiline, dotTakesAll, isLazy) = flags }
        var parts: [RegexTree] = [try sequence()]
        while take("|") { parts.append(try sequence()) }
        return parts.count == 1 ? parts[0] : .choice(parts)
    }

    private mutating func sequence() throws(CELError) -> RegexTree {
        var parts: [RegexTree] = []
        while let c = here, c != "|", c != ")" {
            if let tree = try atom() { parts.append(try repeats(tree)) }
        }
        return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func repeats(_ tree: RegexTree) throws(CELError) -> RegexTree {
        var tree: RegexTree = tree
        var count: Int = 0
        while let (low, high) = try bounds() {
            count += 1
            if count > 1 { throw failure("invalid nested repetition operator", String(rest[at - 1])) }
            let isGreedy: Bool = take("?") == isLazy
            tree = .repeated(tree, low, high, isGreedy: isGreedy)
        }
        return tree
    }

    private mutating func bounds() throws(CELError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard here == "{" else { return nil }
        let start: Int = at
        at += 1
        let low: Int? = digits()
        var high: Int? = low
        if take(",") { high = here == "}" ? nil : digits() ?? -1 }
        guard let low, take("}"), high ?? 0 >= 0 else {
            at = start
            return nil
        }
        guard low <= RegexParser.repeatMax, (high ?? low) <= RegexParser.repeatMax, high.map({ low <= $0 }) ?? true
        else {
            throw failure("invalid repeat count", CELStrings.string(rest[start..<at]))
        }
        return (low, high)
    }

    private mutating func digits() -> Int? {
        var n: Int?
        while let c = here, ("0"..."9").contains(c) {
            n = min((n ?? 0) * 10 + Int(c.value) - 48, 1_000_000)
            at += 1
        }
        return n
    }

    private func scalars(_ c: RegexClass) -> RegexTree {
        guard ignoresCase else { return .scalars(c) }
        var c: RegexClass = c
        c.foldCase()
        return .scalars(c)
    }

    /// Nil: a change of flags, which matches nothing by itself.
    private mutating func atom() throws(CELError) -> RegexTree? {
        guard let c = here else { return .empty }
        at += 1
        switch c {
        case ".": return .scalars(dotTakesAll ? .any : .notNewline)
        case "^": return .assertion(isMultiline ? .lineStart : .textStart)
        case "$": return .assertion(isMultiline ? .lineEnd : .textEnd)
        case "[": return scalars(try bracket())
        case "(": return try group()
        case "\\": return try escape()
        case "*", "+", "?": throw failure("missing argument to repetition operator", String(c))
        case "{":
            at -= 1
            if try bounds() != nil { throw failure("missing argument to repetition operator", "{") }
            at += 1
            return scalars(RegexClass(ranges: [123...123]))
        default: return scalars(RegexClass(ranges: [c.value...c.value]))
        }
    }

    private mutating func group() throws(CELError) -> RegexTree? {
        if take("?") {
            let flags: (Bool, Bool, Bool, Bool) = (ignoresCase, isMultiline, dotTakesAll, isLazy)
            if take("P") || here == "<" {
                guard take("<") else { throw failure("invalid named capture", "(?P") }
                if here == "=" || here == "!" { throw failure("invalid or unsupported Perl syntax", "(?<") }
                while let c = here, c != ">" {
                    guard c.properties.isAlphabetic || c == "_" || ("0"..."9").contains(c) else { break }
                    at += 1
                }
                guard take(">") else { throw failure("invalid named capture", "(?P<") }
                return try closed(captures: true)
            }
            var value: Bool = true
            while let c = here {
                at += 1
                switch c {
                case "i": ignoresCase = value
                case "m": isMultiline = value
                case "s": dotTakesAll = value
                case "U": isLazy = value
                case "-": value = false
                case ")": return nil
                case ":":
                    let inner: RegexTree = try closed(captures: false)
                    (ignoresCase, isMultiline, dotTakesAll, isLazy) = flags
                    return inner
                default: throw failure("invalid or unsupported Perl syntax", "(?\(c)")
                }
            }
            throw failure("missing closing )", "(?")
        }
        return try closed(captures: true)
    }

    private mutating func closed(captures: Bool) throws(CELError) -> RegexTree {
        let tree: RegexTree = try choice()
        guard take(")") else { throw failure("missing closing )", CELStrings.string(rest)) }
        return captures ? .group(tree) : tree
    }

    private static let digit: RegexClass = RegexClass(ranges: [48...57])
    private static let word: RegexClass = RegexClass(ranges: [48...57, 65...90, 95...95, 97...122])
    private static let space: RegexClass = RegexClass(ranges: [9...10, 12...13, 32...32])

    /// `\d`, `\pL` and other classes; nil when `c` begins none.
    private mutating func classEscape(_ c: Unicode.Scalar) throws(CELError) -> RegexClass? {
        switch c {
        case "d": return RegexParser.digit
        case "w": return RegexParser.word
        case "s": return RegexParser.space
        case "D": return RegexClass(ranges: RegexParser.digit.inverted)
        case "W": return RegexClass(ranges: RegexParser.word.inverted)
        case "S": return RegexClass(ranges: RegexParser.space.inverted)
        case "p", "P":
            var isNegated: Bool = c == "P"
            var name: String = ""
            if take("{") {
                if take("^") { isNegated.toggle() }
                while let n = here, n != "}" {
                    name.unicodeScalars.append(n)
                    at += 1
                }
                guard take("}") else { throw failure("invalid character class range", "\\p{\(name)") }
            } else if let n = here {
                name = String(n)
                at += 1
            }
            guard let found = RegexCategories.ranges(name) else {
                throw failure("invalid character class range", "\\p{\(name)}")
            }
            return RegexClass(ranges: isNegated ? RegexClass(ranges: found).inverted : found)
        default: return nil
        }
    }

    private mutating func escape() throws(CELError) -> RegexTree {
        guard let c = here else { throw failure("trailing backslash at end of expression", "") }
        at += 1
        if let set = try classEscape(c) { return scalars(set) }
        switch c {
        case "A": return .assertion(.textStart)
        case "z": return .assertion(.textEnd)
        case "b": return .assertion(.wordEdge)
        case "B": return .assertion(.noWordEdge)
        case "Q":
            var parts: [RegexTree] = []
            while let l = here {
                if l == "\\", at + 1 < rest.count, rest[at + 1] == "E" {
                    at += 2
                    break
                }
                parts.append(scalars(RegexClass(ranges: [l.value...l.value])))
                at += 1
            }
            return .sequence(parts)
        default:
            let v: UInt32 = try literal(c)
            return scalars(RegexClass(ranges: [v...v]))
        }
    }

    /// The code point of an escape such as `\n`, `\x41`, `\.`.
    private mutating func literal(_ c: Unicode.Scalar) throws(CELError) -> UInt32 {
        switch c {
        case "a": return 7
        case "f": return 12
        case "n": return 10
        case "r": return 13
        case "t": return 9
        case "v": return 11
        case "x":
            var text: String = ""
            if take("{") {
                while let d = here, d != "}" {
                    text.unicodeScalars.append(d)
                    at += 1
                }
                at += 1
            } else {
                text = CELStrings.string(rest[at..<min(at + 2, rest.count)])
                at = min(at + 2, rest.count)
            }
            guard let v = UInt32(text, radix: 16), v <= 0x10FFFF, !text.hasPrefix("+") else {
                throw failure("invalid escape sequence", "\\x")
            }
            return v
        case "0":
            var v: UInt32 = 0
            var count: Int = 0
            while count < 2, let d = here, ("0"..."7").contains(d) {
                v = v * 8 + d.value - 48
                at += 1
                count += 1
            }
            return v
        default:
            let isPunctuation: Bool = c.value < 128 && !c.properties.isAlphabetic && !("0"..."9").contains(c)
            guard isPunctuation else { throw failure("invalid escape sequence", "\\\(c)") }
            return c.value
        }
    }

    private mutating func bracket() throws(CELError) -> RegexClass {
        let start: Int = at - 1
        let isNegated: Bool = take("^")
        var set: RegexClass = RegexClass(ranges: [])
        var isFirst: Bool = true
        while let c = here, c != "]" || isFirst {
            isFirst = false
            at += 1
            if c == "[", here == ":" {
                if let named = posix() {
                    set.ranges += named
                    continue
                }
            }
            var low: UInt32 = c.value
            if c == "\\" {
                guard let e = here else { break }
                at += 1
                if let more = try classEscape(e) {
                    set.ranges += more.ranges
                    continue
                }
                low = try literal(e)
            }
            var high: UInt32 = low
            if here == "-", at + 1 < rest.count, rest[at + 1] != "]" {
                at += 2
                high = rest[at - 1].value
                if rest[at - 1] == "\\", let e = here {
                    at += 1
                    high = try literal(e)
                }
            }
            guard low <= high else {
                throw failure("invalid character class range", CELStrings.string(rest[start..<at]))
            }
            set.ranges.append(low...high)
        }
        guard take("]") else { throw failure("missing closing ]", CELStrings.string(rest[start...])) }
        if ignoresCase { set.foldCase() }
        if isNegated { set.ranges = set.inverted }
        return set
    }

    private static let posixClasses: [String: [ClosedRange<UInt32>]] = [
        "alnum": [48...57, 65...90, 97...122], "alpha": [65...90, 97...122], "ascii": [0...127],
        "blank": [9...9, 32...32],
        "cntrl": [0...31, 127...127], "digit": [48...57], "graph": [33...126], "lower": [97...122], "print": [32...126],
        "punct": [33...47, 58...64, 91...96, 123...126], "space": [9...13, 32...32], "upper": [65...90],
        "word": [48...57, 65...90, 95...95, 97...122], "xdigit": [48...57, 65...70, 97...102],
    ]

    /// `[:alpha:]` after its first bracket.
    private mutating func posix() -> [ClosedRange<UInt32>]? {
        let start: Int = at
        at += 1
        let isNegated: Bool = take("^")
        var name: String = ""
        while let c = here, c != ":", c != "]" {
            name.unicodeScalars.append(c)
            at += 1
        }
        guard take(":"), take("]"), let ranges = RegexParser.posixClasses[name] else {
            at = start
            return nil
        }
        return isNegated ? RegexClass(ranges: ranges).inverted : ranges
    }
}

/// Unicode's general categories as ranges, computed when a pattern first asks.
enum RegexCategories {
    private static let groups: [String: [Unicode.GeneralCategory]] = [
        "Lu": [.uppercaseLetter], "Ll": [.lowercaseLetter], "Lt": [.titlecaseLetter], "Lm": [.modifierLetter],
        "Lo": [.otherLetter], "Nd": [.decimalNumber], "Nl": [.letterNumber], "No": [.otherNumber],
        "L": [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter],
        "N": [.decimalNumber, .letterNumber, .otherNumber],
        "M": [.nonspacingMark, .spacingMark, .enclosingMark], "Mn": [.nonspacingMark], "Mc": [.spacingMark],
        "P": [
            .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation,
        ],
        "S": [.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol],
        "Z": [.spaceSeparator, .lineSeparator, .paragraphSeparator], "Zs": [.spaceSeparator],
        "C": [.control, .format, .surrogate, .privateUse, .unassigned], "Cc": [.control], "Cf": [.format],
    ]

    private static let known: Mutex<[String: [ClosedRange<UInt32>]]> = Mutex([:])

    static func ranges(_ name: String) -> [ClosedRange<UInt32>]? {
        guard let wanted = groups[name] else { return nil }
        if let found = known.withLock({ $0[name] }) { return found }
        let found: [ClosedRange<UInt32>] = computed(wanted)
        known.withLock { $0[name] = found }
        return found
    }

    private static func computed(_ wanted: [Unicode.GeneralCategory]) -> [ClosedRange<UInt32>] {
        var out: [ClosedRange<UInt32>] = []
        var start: UInt32?
        for v in UInt32(0)...0x2FFFF {
            let isIn: Bool = Unicode.Scalar(v).map { wanted.contains($0.properties.generalCategory) } ?? false
            if isIn {
                start = start ?? v
            } else if let s = start {
                out.append(s...(v - 1))
                start = nil
            }
        }
        if let s = start { out.append(s...0x2FFFF) }
        return out
    }
}
