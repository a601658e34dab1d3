// One pass over bytes: are they compact JSON, and where are their long values?

/// The grammar of RFC 8259 without white space between tokens. Says yes or no; the parser knows the words for faults.
struct JSONChecker {
    private var stack: [(start: Int, isObject: Bool)] = []
    /// By their ends: a value is noted when it is complete.
    private var found: [JSONSkip] = []
    private var at: Int = 0

    /// By their beginnings.
    func ordered() -> [JSONSkip] { found.sorted { $0.start < $1.start } }

    mutating func run(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard value(text) else { return false }
        while let top = stack.last {
            guard at < text.count else { return false }
            let c: UInt8 = text[at]
            if c == UInt8(ascii: ",") {
                at += 1
                guard top.isObject ? member(text) : value(text) else { return false }
            } else if c == (top.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                at += 1
                close()
            } else {
                return false
            }
        }
        return at == text.count
    }

    private mutating func close() {
        let start: Int = stack.removeLast().start
        note(from: start)
    }

    private mutating func note(from start: Int) {
        if at - start >= JSONDocument.longBytes { found.append(JSONSkip(start: UInt32(start), end: UInt32(at))) }
    }

    /// A whole scalar, or the beginning of a container up to and with its first member.
    private mutating func value(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        // Containers whose first element is a container: a loop, so that depth costs no stack.
        while true {
            guard at < text.count else { return false }
            switch text[at] {
            case UInt8(ascii: "\""): return string(text)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                let isObject: Bool = text[at] == UInt8(ascii: "{")
                guard stack.count < JSONDocument.depthMax else { return false }
                stack.append((at, isObject))
                at += 1
                guard at < text.count else { return false }
                if text[at] == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    at += 1
                    close()
                    return true
                }
                if isObject {
                    guard key(text) else { return false }
                }
            case UInt8(ascii: "t"): return literal("true", text)
            case UInt8(ascii: "f"): return literal("false", text)
            case UInt8(ascii: "n"): return literal("null", text)
            default: return number(text)
            }
        }
    }

    private mutating func member(_ text: UnsafeBufferPointer<UInt8>) -> Bool { key(text) && value(text) }

    private mutating func key(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard at < text.count, text[at] == UInt8(ascii: "\""), string(text), at < text.count,
            text[at] == UInt8(ascii: ":")
        else { return false }
        at += 1
        return true
    }

    private mutating func string(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let start: Int = at
        at += 1
        while at < text.count {
            let c: UInt8 = text[at]
            if c == UInt8(ascii: "\"") {
                at += 1
                note(from: start)
                return true
            }
            if c < 32 { return false }
            at += 1
            if c == UInt8(ascii: "\\") {
                guard escape(text) else { return false }
            }
        }
        return false
    }

    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard at < text.count else { return false }
        let c: UInt8 = text[at]
        at += 1
        switch c {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        case UInt8(ascii: "u"):
            guard at + 4 <= text.count else { return false }
            for i in at..<(at + 4) {
                switch text[i] {
                case 48...57, 65...70, 97...102: break
                default: return false
                }
            }
            at += 4
            return true
        default: return false
        }
    }

    private mutating func literal(_ word: StaticString, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard at + word.utf8CodeUnitCount <= text.count else { return false }
        for i in 0..<word.utf8CodeUnitCount where text[at + i] != word.utf8Start[i] { return false }
        at += word.utf8CodeUnitCount
        return true
    }

    private mutating func number(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var parser: JSONParser = JSONParser(bytes: text, limits: JSONLimits())
        parser.at = at
        guard text[at] == UInt8(ascii: "-") || (text[at] >= 48 && text[at] <= 57), (try? parser.number()) != nil else {
            return false
        }
        at = parser.at
        return true
    }
}
