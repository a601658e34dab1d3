// JSON that we wrote ourselves, read where it lies: the bytes and a sparse index of its long values, no tree.

/// Compact JSON (no white space between tokens, no duplicate members), checked once. `root` reads like a parsed tree; an
/// object below it costs nothing until a member is asked for, and every part keeps the document alive.
///
/// The index has the end of each value of `longBytes` or more, so that looking for a member skips its big neighbours:
/// some 20 entries for a Pod of 3.5 KB, against 500 nodes and 13 KB of tree.
package final class JSONDocument: Sendable {
    static let longBytes: Int = 96
    /// Levels of arrays and objects.
    static let depthMax: Int = 1000

    package let bytes: [UInt8]
    /// Where long values begin and end, by their beginning.
    let skips: [JSONSkip]

    /// nil when the bytes are not compact JSON.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count < UInt32.max else { return nil }
        var checker: JSONChecker = JSONChecker()
        guard bytes.withUnsafeBufferPointer({ checker.run($0) }) else { return nil }
        self.bytes = bytes
        skips = checker.ordered()
    }

    package var root: JSON { value(at: 0) }

    /// Runs `body` with a reader of the bytes.
    func read<R>(_ body: (JSONReader) -> R) -> R {
        bytes.withUnsafeBufferPointer { text in
            skips.withUnsafeBufferPointer { body(JSONReader(text: text, skips: $0)) }
        }
    }

    func value(at start: Int) -> JSON { read { value(at: start, $0) } }

    private func value(at start: Int, _ reader: JSONReader) -> JSON {
        switch reader.text[start] {
        case UInt8(ascii: "{"):
            if reader.text[start + 1] == UInt8(ascii: "}") { return .object(JSONObject()) }
            return .object(JSONObject(in: self, at: UInt32(start)))
        case UInt8(ascii: "["):
            var elements: [JSON] = []
            reader.forEachElement(of: start) { elements.append(value(at: $0, reader)) }
            return .array(elements)
        default: return reader.scalar(at: start)
        }
    }

    /// The member of the object at `start`; nil when absent.
    func member(_ key: String, of start: Int) -> JSON? {
        read { reader in reader.member(key, of: start).map { value(at: $0, reader) } }
    }

    func pairs(of start: Int) -> [(key: String, value: JSON)] {
        read { reader in
            var pairs: [(key: String, value: JSON)] = []
            reader.forEachMember(of: start) { key, at in
                pairs.append((reader.string(at: key), value(at: at, reader)))
            }
            return pairs
        }
    }

    /// Where the value at a path of member names lies in the bytes; nil when absent.
    package func range(at path: [String]) -> Range<Int>? { read { $0.range(at: path) } }

    /// The same in bytes that nobody has checked: what it says of text that is not compact JSON means nothing.
    package static func range(at path: [String], in bytes: [UInt8]) -> Range<Int>? {
        bytes.withUnsafeBufferPointer { text in
            JSONReader(text: text, skips: UnsafeBufferPointer(start: nil, count: 0)).range(at: path)
        }
    }
}

struct JSONSkip: Sendable {
    var start: UInt32
    /// After the last byte.
    var end: UInt32
}

/// Finds its way through compact JSON. Never reads outside of the text, whatever lies in it.
struct JSONReader {
    let text: UnsafeBufferPointer<UInt8>
    let skips: UnsafeBufferPointer<JSONSkip>

    func range(at path: [String]) -> Range<Int>? {
        guard !text.isEmpty else { return nil }
        var start: Int = 0
        for key in path {
            guard start < text.count, text[start] == UInt8(ascii: "{"), let next = member(key, of: start) else {
                return nil
            }
            start = next
        }
        let end: Int = self.end(of: start)
        return start < end ? start..<end : nil
    }

    /// Where the member's value begins.
    func member(_ key: String, of start: Int) -> Int? {
        var name: String = key
        return name.withUTF8 { wanted in
            var at: Int = start + 1
            while at < text.count, text[at] == UInt8(ascii: "\"") {
                let close: Int = endOfString(at)
                let value: Int = close + 1
                guard value < text.count else { return nil }
                if isKey(from: at + 1, to: close - 1, wanted, key) { return value }
                at = end(of: value)
                guard at < text.count, text[at] == UInt8(ascii: ",") else { return nil }
                at += 1
            }
            return nil
        }
    }

    private func isKey(from start: Int, to end: Int, _ wanted: UnsafeBufferPointer<UInt8>, _ key: String) -> Bool {
        guard start <= end else { return false }
        if end - start == wanted.count {
            var i: Int = 0
            while i < wanted.count, text[start + i] == wanted[i] { i += 1 }
            if i == wanted.count { return !hasEscape(start, end) }
        }
        return hasEscape(start, end) && string(at: start - 1) == key
    }

    private func hasEscape(_ start: Int, _ end: Int) -> Bool {
        var i: Int = start
        while i < end {
            if text[i] == UInt8(ascii: "\\") { return true }
            i += 1
        }
        return false
    }

    /// Calls with the places of each member's key and value.
    func forEachMember(of start: Int, _ body: (_ key: Int, _ value: Int) -> Void) {
        var at: Int = start + 1
        while at < text.count, text[at] == UInt8(ascii: "\"") {
            let value: Int = endOfString(at) + 1
            guard value < text.count else { return }
            body(at, value)
            at = end(of: value)
            guard at < text.count, text[at] == UInt8(ascii: ",") else { return }
            at += 1
        }
    }

    func forEachElement(of start: Int, _ body: (Int) -> Void) {
        var at: Int = start + 1
        guard at < text.count, text[at] != UInt8(ascii: "]") else { return }
        while at < text.count {
            body(at)
            at = end(of: at)
            guard at < text.count, text[at] == UInt8(ascii: ",") else { return }
            at += 1
        }
    }

    /// After the closing quote of the string that opens at `start`.
    private func endOfString(_ start: Int) -> Int {
        var at: Int = start + 1
        while at < text.count {
            let c: UInt8 = text[at]
            if c == UInt8(ascii: "\"") { return at + 1 }
            if at - start == JSONDocument.longBytes, let end = skip(from: start) { return end }
            at += c == UInt8(ascii: "\\") ? 2 : 1
        }
        return text.count
    }

    private func skip(from start: Int) -> Int? {
        var low: Int = 0
        var high: Int = skips.count
        while low < high {
            let middle: Int = (low + high) / 2
            if Int(skips[middle].start) < start { low = middle + 1 } else { high = middle }
        }
        return low < skips.count && Int(skips[low].start) == start ? Int(skips[low].end) : nil
    }

    /// After the value that begins at `start`.
    func end(of start: Int) -> Int {
        switch text[start] {
        case UInt8(ascii: "\""): return endOfString(start)
        case UInt8(ascii: "{"), UInt8(ascii: "["): return skip(from: start) ?? endOfContainer(start)
        default:
            var at: Int = start
            while at < text.count {
                switch text[at] {
                case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"): return at
                default: at += 1
                }
            }
            return at
        }
    }

    private func endOfContainer(_ start: Int) -> Int {
        var depth: Int = 0
        var at: Int = start
        while at < text.count {
            switch text[at] {
            case UInt8(ascii: "\""):
                at = endOfString(at)
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return at + 1 }
            default: break
            }
            at += 1
        }
        return text.count
    }

    func string(at start: Int) -> String {
        let end: Int = endOfString(start) - 1
        guard start + 1 <= end else { return "" }
        if !hasEscape(start + 1, end) {
            return String(decoding: UnsafeBufferPointer(rebasing: text[(start + 1)..<end]), as: UTF8.self)
        }
        return scalar(at: start).text
    }

    /// A string, number, boolean or null.
    func scalar(at start: Int) -> JSON {
        var parser: JSONParser = JSONParser(bytes: text, limits: JSONLimits())
        parser.at = start
        return (try? parser.value()) ?? .null
    }
}
