// Text → tokens, at once.

struct Lexer {
    private let text: [UInt8]
    private var at: Int = 0
    private(set) var tokens: [Token] = []

    private init(_ text: String) { self.text = Array(text.utf8) }

    static func tokens(_ text: String) throws(CELFaults) -> [Token] {
        var lexer: Lexer = Lexer(text)
        while try lexer.next() {}
        return lexer.tokens
    }

    private func peek(_ ahead: Int = 0) -> UInt8 { at + ahead < text.count ? text[at + ahead] : 0 }

    private static func isLetter(_ c: UInt8) -> Bool { (65...90).contains(c) || (97...122).contains(c) || c == 95 }
    private static func isDigit(_ c: UInt8) -> Bool { (48...57).contains(c) }
    private static func isHex(_ c: UInt8) -> Bool { isDigit(c) || (65...70).contains(c) || (97...102).contains(c) }

    private func slice(_ from: Int) -> String { String(decoding: text[from..<at], as: UTF8.self) }

    private mutating func next() throws(CELFaults) -> Bool {
        while at < text.count {
            let c: UInt8 = text[at]
            if c == 32 || (9...13).contains(c) {
                at += 1
            } else if c == 47, peek(1) == 47 {
                while at < text.count, text[at] != 10 { at += 1 }
            } else {
                break
            }
        }
        let start: Int = at
        guard at < text.count else {
            tokens.append(Token(kind: .end, text: "<EOF>", offset: at))
            return false
        }
        let c: UInt8 = text[at]
        if try literal() { return true }
        if Lexer.isLetter(c) {
            while at < text.count, Lexer.isLetter(text[at]) || Lexer.isDigit(text[at]) { at += 1 }
            let word: String = slice(start)
            let isSign: Bool = word == "in" || word == "true" || word == "false" || word == "null"
            tokens.append(Token(kind: isSign ? .sign : .identifier, text: word, offset: start))
        } else if Lexer.isDigit(c) || (c == 46 && Lexer.isDigit(peek(1))) {
            number()
        } else if c == 96 {
            try quoted()
        } else {
            try sign()
        }
        return true
    }

    /// Strings and bytes with their prefixes; false when none begins here.
    private mutating func literal() throws(CELFaults) -> Bool {
        var ahead: Int = 0
        var isRaw: Bool = false
        var isBytes: Bool = false
        while ahead < 2 {
            switch peek(ahead) {
            case 114 where !isRaw, 82 where !isRaw: isRaw = true
            case 98 where !isBytes, 66 where !isBytes: isBytes = true
            case 34, 39:
                try string(prefix: ahead, isRaw: isRaw, isBytes: isBytes)
                return true
            default: return false
            }
            ahead += 1
        }
        guard peek(ahead) == 34 || peek(ahead) == 39 else { return false }
        try string(prefix: ahead, isRaw: isRaw, isBytes: isBytes)
        return true
    }

    private mutating func string(prefix: Int, isRaw: Bool, isBytes: Bool) throws(CELFaults) {
        let start: Int = at
        at += prefix
        let quote: UInt8 = text[at]
        let isTriple: Bool = peek(1) == quote && peek(2) == quote
        at += isTriple ? 3 : 1
        let from: Int = at
        while true {
            guard at < text.count, isTriple || (text[at] != 10 && text[at] != 13) else {
                at = start
                let shown: String = String(decoding: text[start...].prefix(from - start + 1), as: UTF8.self)
                throw CELFaults(start, "Syntax error: token recognition error at: '\(shown)'")
            }
            if text[at] == quote, !isTriple || (peek(1) == quote && peek(2) == quote) { break }
            at += text[at] == 92 && !isRaw ? 2 : 1
        }
        let body: [UInt8] = Array(text[from..<min(at, text.count)])
        at += isTriple ? 3 : 1
        var token: Token = Token(kind: isBytes ? .bytes : .string, text: "", offset: start)
        guard let value = isRaw ? body : StringLiteral.unescaped(body, isBytes: isBytes) else {
            throw CELFaults(start, "Syntax error: token recognition error at: '\(slice(start))'")
        }
        if isBytes { token.bytes = value } else { token.text = String(decoding: value, as: UTF8.self) }
        tokens.append(token)
    }

    private mutating func number() {
        let start: Int = at
        if text[at] == 48, peek(1) == 120 || peek(1) == 88, Lexer.isHex(peek(2)) {
            at += 2
            while Lexer.isHex(peek()) { at += 1 }
        } else {
            while Lexer.isDigit(peek()) { at += 1 }
            var isDouble: Bool = false
            if peek() == 46, Lexer.isDigit(peek(1)) {
                isDouble = true
                at += 1
                while Lexer.isDigit(peek()) { at += 1 }
            }
            if peek() == 101 || peek() == 69 {
                let signed: Int = peek(1) == 43 || peek(1) == 45 ? 2 : 1
                if Lexer.isDigit(peek(signed)) {
                    isDouble = true
                    at += signed
                    while Lexer.isDigit(peek()) { at += 1 }
                }
            }
            if isDouble {
                tokens.append(Token(kind: .double, text: slice(start), offset: start))
                return
            }
        }
        let digits: String = slice(start)
        if peek() == 117 || peek() == 85 {
            at += 1
            tokens.append(Token(kind: .uint, text: digits, offset: start))
        } else {
            tokens.append(Token(kind: .int, text: digits, offset: start))
        }
    }

    /// A field name between backticks.
    private mutating func quoted() throws(CELFaults) {
        let start: Int = at
        at += 1
        while at < text.count, text[at] != 96, text[at] != 10 { at += 1 }
        guard peek() == 96, at > start + 1 else {
            throw CELFaults(start, "Syntax error: token recognition error at: '`'")
        }
        let name: String = String(decoding: text[(start + 1)..<at], as: UTF8.self)
        at += 1
        tokens.append(Token(kind: .identifier, text: name, offset: start))
    }

    private static let pairs: Set<String> = ["==", "!=", "<=", ">=", "&&", "||"]
    private static let singles: Set<String> = [
        "+", "-", "*", "/", "%", "<", ">", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}",
    ]

    private mutating func sign() throws(CELFaults) {
        let start: Int = at
        let two: String = String(decoding: text[at..<min(at + 2, text.count)], as: UTF8.self)
        if Lexer.pairs.contains(two) {
            at += 2
        } else if Lexer.singles.contains(String(two.prefix(1))) {
            at += 1
        } else {
            let scalar: String = String(String(decoding: text[at...].prefix(4), as: UTF8.self).unicodeScalars.prefix(1))
            throw CELFaults(start, "Syntax error: token recognition error at: '\(scalar)'")
        }
        tokens.append(Token(kind: .sign, text: slice(start), offset: start))
    }
}

/// What stops a compilation: one or more faults with their places.
struct CELFaults: Error {
    var faults: [CELFault]
    init(_ offset: Int, _ message: String) { faults = [CELFault(offset: offset, message: message)] }
}
