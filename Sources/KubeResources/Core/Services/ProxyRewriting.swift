// Links of a proxied page, led back through the proxy: k8s.io/apimachinery/pkg/util/proxy.Transport.

import KubeModel

/// Knows where the proxied server seems to be.
struct ProxiedLinks: Sendable, Equatable {
    /// `/api/v1/namespaces/x/services/y/proxy`
    var prefix: String
    /// `host:port` of the server behind the proxy, and of the API server as the client called it.
    var serverAuthority: String
    var requestAuthority: String

    /// Absolute paths of the same server get the prefix; other servers and relative links stay.
    func rewritten(_ url: String) -> String {
        var rest: Substring = url[...]
        if let colon = rest.firstIndex(of: ":"), Self.isScheme(rest[..<colon]) {
            guard ["http", "https"].contains(rest[..<colon].lowercased()) else { return url }
            rest = rest[rest.index(after: colon)...]
        }
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            let end: Substring.Index = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
            let authority: Substring = rest[..<end]
            guard authority.isEmpty || authority == serverAuthority || authority == requestAuthority else { return url }
            rest = rest[end...]
        }
        guard rest.hasPrefix("/") else { return url }
        let end: Substring.Index = rest.firstIndex { $0 == "?" || $0 == "#" } ?? rest.endIndex
        let (path, tail): (Substring, Substring) = (rest[..<end], rest[end...])
        if path.hasPrefix(prefix) { return String(path + tail) }
        return Self.joined(prefix, path) + tail
    }

    private static func isScheme(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, (first | 0x20) >= 97, (first | 0x20) <= 122 else { return false }
        return text.utf8.allSatisfy {
            ($0 | 0x20) >= 97 && ($0 | 0x20) <= 122 || $0 >= 48 && $0 <= 57 || $0 == 43 || $0 == 45 || $0 == 46
        }
    }

    /// Go's path.Join, with the slash at the end kept.
    static func joined(_ prefix: String, _ path: Substring) -> String {
        var parts: [Substring] = []
        for part in (prefix + "/" + path).split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/") + (path.hasSuffix("/") && !parts.isEmpty ? "/" : "")
    }
}

/// Rewrites the links in HTML as it streams by: bytes in, bytes out; a tag is held back until it is whole.
struct HTMLRewriter {
    /// A tag longer than this passes as it is.
    static let tagBytesMax: Int = 64 << 10
    private static let attributes: [String: Set<String>] = [
        "a": ["href"], "applet": ["codebase"], "area": ["href"], "audio": ["src"], "base": ["href"],
        "blockquote": ["cite"], "body": ["background"], "button": ["formaction"], "command": ["icon"],
        "del": ["cite"], "embed": ["src"], "form": ["action"], "frame": ["longdesc", "src"], "head": ["profile"],
        "html": ["manifest"], "iframe": ["longdesc", "src"], "img": ["longdesc", "src", "usemap"],
        "input": ["formaction", "src", "usemap"], "ins": ["cite"], "link": ["href"],
        "object": ["classid", "codebase", "data", "usemap"], "q": ["cite"], "script": ["src"], "source": ["src"],
        "video": ["poster", "src"],
    ]
    /// Elements whose insides are no tags.
    private static let rawElements: Set<String> = ["script", "style", "textarea", "title", "xmp", "noembed", "noframes"]

    let links: ProxiedLinks
    private var held: [UInt8] = []
    /// Set inside a raw element: only its end tag counts.
    private var raw: String = ""

    init(_ links: ProxiedLinks) { self.links = links }

    mutating func feed(_ bytes: [UInt8]) -> [UInt8] {
        held += bytes
        var out: [UInt8] = []
        var at: Int = 0
        while let open = held[at...].firstIndex(of: UInt8(ascii: "<")) {
            out += held[at..<open]
            at = open
            guard let end = tagEnd(from: open) else {
                if held.count - open > Self.tagBytesMax {
                    out += held[open...]
                    at = held.count
                }
                held = Array(held[at...])
                return out
            }
            out += tag(Array(held[open..<end]))
            at = end
        }
        out += held[at...]
        held = []
        return out
    }

    mutating func end() -> [UInt8] {
        defer { held = [] }
        return held
    }

    /// Behind the tag that begins at `start`; nil: more bytes are needed.
    private func tagEnd(from start: Int) -> Int? {
        let comment: [UInt8] = Array("<!--".utf8)
        let left: ArraySlice<UInt8> = held[start...]
        if left.count < 4, comment.starts(with: left) { return nil }
        if left.starts(with: comment) {
            var i: Int = start + 4
            while i + 2 < held.count {
                if held[i] == 45, held[i + 1] == 45, held[i + 2] == 62 { return i + 3 }
                i += 1
            }
            return nil
        }
        guard left.count > 1 else { return nil }
        let next: UInt8 = held[start + 1]
        let isTag: Bool = (next | 0x20) >= 97 && (next | 0x20) <= 122 || next == 47 || next == 33 || next == 63
        if !isTag { return start + 1 }
        var quote: UInt8 = 0
        for i in (start + 1)..<held.count {
            let c: UInt8 = held[i]
            if quote != 0 {
                if c == quote { quote = 0 }
            } else if c == 34 || c == 39, held[i - 1] == 61 {
                quote = c
            } else if c == 62 {
                return i + 1
            }
        }
        return nil
    }

    private mutating func tag(_ bytes: [UInt8]) -> [UInt8] {
        func isSpace(_ c: UInt8) -> Bool { c == 32 || c == 9 || c == 10 || c == 12 || c == 13 }
        var i: Int = 1
        let isEnd: Bool = bytes.count > 1 && bytes[1] == 47
        if isEnd { i = 2 }
        let start: Int = i
        while i < bytes.count, !isSpace(bytes[i]), bytes[i] != 62, bytes[i] != 47 { i += 1 }
        let name: String = String(decoding: bytes[start..<i], as: UTF8.self).lowercased()
        if !raw.isEmpty {
            if isEnd, name == raw { raw = "" }
            return bytes
        }
        if isEnd { return bytes }
        if Self.rawElements.contains(name), bytes.suffix(2) != [47, 62] { raw = name }
        guard let wanted = Self.attributes[name] else { return bytes }
        var out: [UInt8] = Array(bytes[..<i])
        while i < bytes.count {
            let begin: Int = i
            while i < bytes.count, isSpace(bytes[i]) || bytes[i] == 47 { i += 1 }
            let keyStart: Int = i
            while i < bytes.count, !isSpace(bytes[i]), bytes[i] != 61, bytes[i] != 62, bytes[i] != 47 { i += 1 }
            let key: String = String(decoding: bytes[keyStart..<i], as: UTF8.self).lowercased()
            while i < bytes.count, isSpace(bytes[i]) { i += 1 }
            guard i < bytes.count, bytes[i] == 61 else {
                if i < bytes.count, bytes[i] == 62 { i += 1 }
                out += bytes[begin..<max(i, begin + 1)]
                i = max(i, begin + 1)
                continue
            }
            i += 1
            while i < bytes.count, isSpace(bytes[i]) { i += 1 }
            out += bytes[begin..<i]
            let valueStart: Int
            if i < bytes.count, bytes[i] == 34 || bytes[i] == 39 {
                let quote: UInt8 = bytes[i]
                out.append(quote)
                i += 1
                valueStart = i
                while i < bytes.count, bytes[i] != quote { i += 1 }
            } else {
                valueStart = i
                while i < bytes.count, !isSpace(bytes[i]), bytes[i] != 62 { i += 1 }
            }
            let value: String = String(decoding: bytes[valueStart..<i], as: UTF8.self)
            out += wanted.contains(key) ? Array(links.rewritten(value).utf8) : Array(bytes[valueStart..<i])
        }
        return out
    }
}
