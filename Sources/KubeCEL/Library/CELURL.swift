// The API server's url library: absolute URLs and absolute paths, as Go's url.ParseRequestURI takes them.

package struct CELURL: CELOpaque, Hashable {
    let scheme: String
    /// With the port.
    let host: String
    /// With escapes.
    let path: String
    let query: [String: [String]]
    let text: String

    package var type: CELType { .opaque("kubernetes.URL") }
    package func isEqual(_ other: any CELOpaque) -> Bool { (other as? CELURL)?.text == text }

    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else { return nil }
        self.text = text
        var rest: Substring = text[...]
        var q: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            q = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        query = CELURL.parsed(q)
        if rest.hasPrefix("/") {
            scheme = ""
            if rest.hasPrefix("//"), !rest.hasPrefix("///") {
                let after: Substring = rest.dropFirst(2)
                let slash: Substring.Index = after.firstIndex(of: "/") ?? after.endIndex
                host = String(after[..<slash])
                path = String(after[slash...])
            } else {
                host = ""
                path = String(rest)
            }
        } else {
            guard let colon = rest.firstIndex(of: ":"), colon != rest.startIndex,
                rest[..<colon].utf8.allSatisfy({ CELURL.isSchemeByte($0) }), rest.first?.isLetter == true
            else { return nil }
            scheme = rest[..<colon].lowercased()
            rest = rest[rest.index(after: colon)...]
            guard rest.hasPrefix("/") else { return nil }
            if rest.hasPrefix("//") {
                rest = rest.dropFirst(2)
                let slash: Substring.Index = rest.firstIndex(of: "/") ?? rest.endIndex
                var authority: Substring = rest[..<slash]
                if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
                host = String(authority)
                path = String(rest[slash...])
            } else {
                host = ""
                path = String(rest)
            }
        }
        guard CELURL.isHost(host), CELURL.unescaped(path, plusIsSpace: false) != nil else { return nil }
    }

    private static func isSchemeByte(_ c: UInt8) -> Bool {
        (48...57).contains(c) || (65...90).contains(c) || (97...122).contains(c) || c == 43 || c == 45 || c == 46
    }

    private static func isHost(_ host: String) -> Bool {
        var name: Substring = host[...]
        if name.hasPrefix("[") {
            guard let end = name.firstIndex(of: "]") else { return false }
            let after: Substring = name[name.index(after: end)...]
            return after.isEmpty || (after.hasPrefix(":") && after.dropFirst().allSatisfy { $0.isASCII && $0.isNumber })
        }
        if let colon = name.lastIndex(of: ":") {
            guard name[name.index(after: colon)...].allSatisfy({ $0.isASCII && $0.isNumber }) else { return false }
            name = name[..<colon]
        }
        return !name.contains { " \"<>\\^`{|}:".contains($0) }
    }

    static func unescaped(_ text: some StringProtocol, plusIsSpace: Bool) -> String? {
        var out: [UInt8] = []
        var bytes: Substring.UTF8View = Substring(text).utf8
        while let c = bytes.popFirst() {
            if c == 37 {
                guard let a = bytes.popFirst(), let b = bytes.popFirst(),
                    let n = UInt8(String(decoding: [a, b], as: UTF8.self), radix: 16), a != 43
                else { return nil }
                out.append(n)
            } else {
                out.append(c == 43 && plusIsSpace ? 32 : c)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func parsed(_ text: Substring) -> [String: [String]] {
        var out: [String: [String]] = [:]
        for part in text.split(separator: "&") {
            let pair: [Substring] = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = unescaped(pair[0], plusIsSpace: true),
                let value = pair.count > 1 ? unescaped(pair[1], plusIsSpace: true) : ""
            else { continue }
            out[key, default: []].append(value)
        }
        return out
    }

    var hostname: String {
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[..<end].dropFirst()) }
        return String(host.prefix { $0 != ":" })
    }
    var port: String {
        let rest: Substring =
            host.hasPrefix("[") ? host[(host.firstIndex(of: "]") ?? host.startIndex)...].dropFirst() : host[...]
        guard let colon = rest.firstIndex(of: ":") else { return "" }
        return String(rest[rest.index(after: colon)...])
    }

    private static func of(_ v: CELValue) throws(CELError) -> CELURL {
        guard case .opaque(let o) = v, let u = o as? CELURL else { throw .noSuchOverload }
        return u
    }

    static func add(to l: inout CELLibrary) {
        let t: String = "kubernetes.URL"
        l.add("url", "(string) \(t)", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            let s: String = try CELStrings.text(a[0])
            guard let u = CELURL(s) else {
                throw .runtime("URL parse error during conversion from string: parse \"\(s)\": invalid URI for request")
            }
            return .opaque(u)
        }
        l.add("isURL", "(string) bool", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            .bool(CELURL(try CELStrings.text(a[0])) != nil)
        }
        l.add("getScheme", "\(t).() string") { (a, _) throws(CELError) in .string(try of(a[0]).scheme) }
        l.add("getHost", "\(t).() string") { (a, _) throws(CELError) in .string(try of(a[0]).host) }
        l.add("getHostname", "\(t).() string") { (a, _) throws(CELError) in .string(try of(a[0]).hostname) }
        l.add("getPort", "\(t).() string") { (a, _) throws(CELError) in .string(try of(a[0]).port) }
        l.add("getEscapedPath", "\(t).() string") { (a, _) throws(CELError) in .string(try of(a[0]).path) }
        l.add("getQuery", "\(t).() map(string, list(string))") { (a, _) throws(CELError) in
            .map(
                CELMap(
                    try of(a[0]).query.sorted { $0.key < $1.key }.map { pair in
                        (CELKey.string(pair.key), CELValue.list(CELList(pair.value.map { .string($0) })))
                    }))
        }
    }
}
