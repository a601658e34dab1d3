// The few parts of a URL that a call needs: RFC 3986 as configurations of webhooks and issuers use it.

/// `https://host:port/path?query`; nil for anything without an HTTP scheme and a host.
package struct OutboundURL: Sendable, Hashable, CustomStringConvertible {
    package var isTLS: Bool
    /// Without brackets.
    package var host: String
    /// nil: the scheme's own.
    package var givenPort: Int?
    /// Empty or with its slash; as it was written.
    package var path: String
    package var query: String
    package var fragment: String = ""
    package var hasUserInfo: Bool = false

    package init?(_ text: String) {
        guard let scheme = text.firstRange(of: "://") else { return nil }
        switch text[..<scheme.lowerBound].lowercased() {
        case "https": isTLS = true
        case "http": isTLS = false
        default: return nil
        }
        var rest: Substring = text[scheme.upperBound...]
        if let hash = rest.firstIndex(of: "#") {
            fragment = String(rest[rest.index(after: hash)...])
            rest = rest[..<hash]
        }
        query = ""
        if let mark = rest.firstIndex(of: "?") {
            query = String(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        path = ""
        if let slash = rest.firstIndex(of: "/") {
            path = String(rest[slash...])
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            hasUserInfo = true
            rest = rest[rest.index(after: at)...]
        }
        guard let (name, port) = OutboundURL.split(rest) else { return nil }
        (host, givenPort) = (name, port)
    }

    private static func split(_ authority: Substring) -> (host: String, port: Int?)? {
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            let host: String = String(authority[authority.index(after: authority.startIndex)..<close])
            let after: Substring = authority[authority.index(after: close)...]
            if after.isEmpty { return (host, nil) }
            guard after.hasPrefix(":"), let port = Int(after.dropFirst()) else { return nil }
            return (host, port)
        }
        let parts: [Substring] = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2 else { return nil }
        if parts.count == 1 { return (String(host), nil) }
        guard let port = Int(parts[1]), (0...65535).contains(port) else { return nil }
        return (String(host), port)
    }

    package var port: Int { givenPort ?? (isTLS ? 443 : 80) }
    /// `host`, `host:port` as it was written.
    package var authority: String {
        let shown: String = host.contains(":") ? "[\(host)]" : host
        return givenPort.map { "\(shown):\($0)" } ?? shown
    }
    package var description: String {
        "\(isTLS ? "https" : "http")://\(authority)\(path)" + (query.isEmpty ? "" : "?" + query)
    }
}
