// Tar archives in memory: ustar, with pax and GNU long names when reading, pax when writing.

package struct TarError: Error, Sendable, Equatable, CustomStringConvertible {
    package var message: String
    package var description: String { message }
}

package struct TarEntry: Sendable, Equatable {
    package enum Kind: Sendable, Equatable { case file, folder, symbolicLink, hardLink, other }
    /// As stored: relative, `/` between parts; folders end with `/`.
    package var path: String
    package var kind: Kind
    /// Permission bits.
    package var mode: Int
    package var uid: Int = 0
    package var gid: Int = 0
    /// Seconds since 1970.
    package var modified: Int64 = 0
    /// Of links.
    package var target: String = ""
    package var content: [UInt8] = []

    package init(path: String, kind: Kind = .file, mode: Int = 0o644, content: [UInt8] = [], target: String = "") {
        self.path = path
        self.kind = kind
        self.mode = mode
        self.content = content
        self.target = target
    }
}

package enum Tar {
    static let block: Int = 512

    package static func write(_ entries: [TarEntry]) -> [UInt8] {
        var writer: TarWriter = TarWriter()
        var out: [UInt8] = []
        for entry in entries {
            out += writer.header(of: entry, size: entry.content.count)
            out += entry.content
            out += TarWriter.padding(after: entry.content.count)
        }
        return out + TarWriter.end
    }

    package static func read(_ bytes: [UInt8]) throws(TarError) -> [TarEntry] {
        var reader: TarReader = TarReader()
        var out: [TarEntry] = []
        for event in try reader.feed(bytes) + reader.finish() {
            switch event {
            case .entry(let e, _): out.append(e)
            case .content(let chunk): out[out.count - 1].content += chunk
            case .end: break
            }
        }
        return out
    }
}

/// Headers for a stream of entries: header, content, `padding(after:)`, and `end` last.
package struct TarWriter: Sendable {
    package init() {}
    package static let end: [UInt8] = Array(repeating: 0, count: 2 * Tar.block)
    package static func padding(after size: Int) -> [UInt8] {
        Array(repeating: 0, count: (Tar.block - size % Tar.block) % Tar.block)
    }

    package mutating func header(of e: TarEntry, size: Int) -> [UInt8] {
        var out: [UInt8] = []
        var records: String = ""
        if e.path.utf8.count > 100 { records += TarWriter.pax("path", e.path) }
        if e.target.utf8.count > 100 { records += TarWriter.pax("linkpath", e.target) }
        if !records.isEmpty {
            var extra: TarEntry = TarEntry(path: "PaxHeaders.0/entry")
            extra.content = Array(records.utf8)
            out += TarWriter.block(extra, size: extra.content.count, type: UInt8(ascii: "x"))
            out += extra.content + TarWriter.padding(after: extra.content.count)
        }
        let type: UInt8 =
            switch e.kind {
            case .folder: UInt8(ascii: "5")
            case .symbolicLink: UInt8(ascii: "2")
            case .hardLink: UInt8(ascii: "1")
            default: UInt8(ascii: "0")
            }
        return out + TarWriter.block(e, size: size, type: type)
    }

    private static func pax(_ key: String, _ value: String) -> String {
        let body: String = " \(key)=\(value)\n"
        var length: Int = body.utf8.count + 1
        while "\(length)".utf8.count + body.utf8.count != length {
            length = "\(length)".utf8.count + body.utf8.count
        }
        return "\(length)" + body
    }

    private static func block(_ e: TarEntry, size: Int, type: UInt8) -> [UInt8] {
        var b: [UInt8] = Array(repeating: 0, count: Tar.block)
        func text(_ at: Int, _ width: Int, _ s: String) {
            for (i, c) in s.utf8.prefix(width).enumerated() { b[at + i] = c }
        }
        func octal(_ at: Int, _ width: Int, _ n: Int64) {
            let digits: String = String(max(n, 0), radix: 8)
            text(at, width - 1, String(repeating: "0", count: max(0, width - 1 - digits.utf8.count)) + digits)
        }
        text(0, 100, e.path)
        octal(100, 8, Int64(e.mode & 0o7777))
        octal(108, 8, Int64(e.uid))
        octal(116, 8, Int64(e.gid))
        octal(124, 12, Int64(size))
        octal(136, 12, e.modified)
        text(148, 8, "        ")
        b[156] = type
        text(157, 100, e.target)
        text(257, 6, "ustar\0")
        text(263, 2, "00")
        let sum: Int = b.reduce(0) { $0 + Int($1) }
        octal(148, 7, Int64(sum))
        b[154] = 0
        b[155] = 32
        return b
    }
}

/// Reads a stream piece by piece, so that large files never lie in memory as a whole.
package struct TarReader: Sendable {
    package enum Event: Sendable {
        /// The content of `size` bytes follows in pieces.
        case entry(TarEntry, size: Int)
        case content([UInt8])
        case end
    }

    /// Long names and pax headers are kept in memory up to this size.
    private static let metaBytesMax: Int = 1 << 20

    private var held: [UInt8] = []
    /// Bytes of content still to come, then of padding.
    private var remaining: Int = 0
    private var padding: Int = 0
    private var isEnded: Bool = false
    private var longPath: String = ""
    private var longTarget: String = ""

    package init() {}

    package mutating func feed(_ bytes: [UInt8]) throws(TarError) -> [Event] {
        var out: [Event] = []
        held += bytes
        var at: Int = 0
        defer { held.removeFirst(at) }
        while at < held.count, !isEnded {
            if remaining > 0 {
                let n: Int = min(remaining, held.count - at)
                out.append(.content(Array(held[at..<(at + n)])))
                remaining -= n
                at += n
            } else if padding > 0 {
                let n: Int = min(padding, held.count - at)
                padding -= n
                at += n
            } else {
                guard held.count - at >= Tar.block else { break }
                let used: Int = try header(at: at, &out)
                if used == 0 { break }
                at += used
            }
        }
        if isEnded { at = held.count }
        return out
    }

    /// Throws when the stream stopped within an entry.
    package mutating func finish() throws(TarError) -> [Event] {
        if remaining > 0 || (!isEnded && !held.isEmpty) { throw TarError(message: "unexpected EOF") }
        return isEnded ? [] : [.end]
    }

    /// Bytes used; 0 = more are needed.
    private mutating func header(at start: Int, _ out: inout [Event]) throws(TarError) -> Int {
        let b: [UInt8] = Array(held[start..<(start + Tar.block)])
        if b.allSatisfy({ $0 == 0 }) {
            isEnded = true
            out.append(.end)
            return Tar.block
        }
        var sum: Int = 0
        for i in 0..<Tar.block { sum += (148..<156).contains(i) ? 32 : Int(b[i]) }
        guard sum == TarReader.number(b, 148, 8) else { throw TarError(message: "archive/tar: invalid tar header") }
        let size: Int = TarReader.number(b, 124, 12)
        guard size >= 0, size < 1 << 48 else { throw TarError(message: "archive/tar: invalid tar header") }
        let type: UInt8 = b[156]
        if [UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K")].contains(type) {
            let whole: Int = Tar.block + size + TarWriter.padding(after: size).count
            if size > TarReader.metaBytesMax { throw TarError(message: "archive/tar: header field too long") }
            guard held.count - start >= whole else { return 0 }
            let content: [UInt8] = Array(held[(start + Tar.block)..<(start + Tar.block + size)])
            switch type {
            case UInt8(ascii: "L"): longPath = TarReader.text(content, 0, content.count)
            case UInt8(ascii: "K"): longTarget = TarReader.text(content, 0, content.count)
            case UInt8(ascii: "x"): pax(content)
            default: break
            }
            return whole
        }
        out.append(.entry(entry(b, type), size: size))
        (longPath, longTarget) = ("", "")
        remaining = size
        padding = TarWriter.padding(after: size).count
        return Tar.block
    }

    private func entry(_ b: [UInt8], _ type: UInt8) -> TarEntry {
        var path: String = TarReader.text(b, 0, 100)
        let isUstar: Bool = b[257..<262].elementsEqual("ustar".utf8)
        let prefix: String = isUstar && b[262] == 0 ? TarReader.text(b, 345, 155) : ""
        if !prefix.isEmpty { path = prefix + "/" + path }
        let kind: TarEntry.Kind =
            switch type {
            case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): .file
            case UInt8(ascii: "1"): .hardLink
            case UInt8(ascii: "2"): .symbolicLink
            case UInt8(ascii: "5"): .folder
            default: .other
            }
        var e: TarEntry = TarEntry(path: longPath.isEmpty ? path : longPath, kind: kind)
        e.mode = TarReader.number(b, 100, 8) & 0o7777
        e.uid = TarReader.number(b, 108, 8)
        e.gid = TarReader.number(b, 116, 8)
        e.modified = Int64(TarReader.number(b, 136, 12))
        e.target = longTarget.isEmpty ? TarReader.text(b, 157, 100) : longTarget
        return e
    }

    private mutating func pax(_ content: [UInt8]) {
        var at: Int = 0
        while at < content.count {
            guard let space = content[at...].firstIndex(of: 32),
                let length = Int(String(decoding: content[at..<space], as: UTF8.self)), length > 0,
                at + length <= content.count, let equals = content[space...].firstIndex(of: 61), equals < at + length
            else { return }
            let key: String = String(decoding: content[(space + 1)..<equals], as: UTF8.self)
            let value: String = String(decoding: content[(equals + 1)..<(at + length - 1)], as: UTF8.self)
            if key == "path" { longPath = value }
            if key == "linkpath" { longTarget = value }
            at += length
        }
    }

    private static func text(_ b: [UInt8], _ at: Int, _ width: Int) -> String {
        String(decoding: b[at..<(at + width)].prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Octal, or GNU's base 256.
    private static func number(_ b: [UInt8], _ at: Int, _ width: Int) -> Int {
        if b[at] & 0x80 != 0 {
            var n: Int = Int(b[at] & 0x7f)
            for i in (at + 1)..<(at + width) { n = n << 8 | Int(b[i]) }
            return n
        }
        let digits: String = String(
            decoding: b[at..<(at + width)].drop { $0 == 32 || $0 == 0 }.prefix { $0 != 0 && $0 != 32 }, as: UTF8.self)
        return digits.isEmpty ? 0 : Int(digits, radix: 8) ?? -1
    }
}
