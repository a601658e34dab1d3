// Where requests go: the rules of all Ingresses as one value.

package import KubeNet

/// One namespace's Service and one of its ports, as an Ingress names them.
package struct BackendKey: Sendable, Hashable, CustomStringConvertible {
    package var namespace: String
    package var service: String
    /// A number or a name.
    package var port: String
    package var description: String { "\(namespace)/\(service):\(port)" }
    package init(namespace: String, service: String, port: String) {
        self.namespace = namespace
        self.service = service
        self.port = port
    }
}

/// Answers which backend serves a host and a path, and which addresses a backend has.
package struct RoutingTable: Sendable, Equatable {
    package struct PathRule: Sendable, Equatable {
        /// Without a slash at its end, unless `isExact`; a prefix of everything is empty.
        package var path: String
        package var isExact: Bool
        /// nil: a backend of a kind that we don't serve.
        package var backend: BackendKey?
    }

    /// Rules by host in lower case, the empty one for all hosts; a wildcard's key begins with `*.`. Each list is in
    /// order of precedence.
    package var rules: [String: [PathRule]] = [:]
    package var defaultBackend: BackendKey?
    package var endpoints: [BackendKey: [Endpoint]] = [:]
    /// Backends that speak TLS: the Service's port says `appProtocol: https`.
    package var secure: Set<BackendKey> = []

    package init() {}

    package enum Verdict: Sendable, Equatable {
        case backend(BackendKey, [Endpoint])
        /// 503: a rule without anything behind it.
        case unavailable
        /// 404
        case noRule
    }

    /// `host` as a `Host` field has it; `path` percent-encoded. An exact host goes before a wildcard (of one label), that
    /// before the rules for all hosts; only the rules of the first that is known are looked at. Among paths the longest
    /// match decides, an exact one before a prefix. https://kubernetes.io/docs/concepts/services-networking/ingress/
    package func route(host: String, path: String) -> Verdict {
        let path: String = Self.decoded(path)
        let list: [PathRule] = candidates(Self.bareHost(host))
        if let rule = list.first(where: { $0.matches(path) }) {
            return rule.backend.map(verdict) ?? .unavailable
        }
        return defaultBackend.map(verdict) ?? .noRule
    }

    private func candidates(_ host: String) -> [PathRule] {
        if let exact = rules[host], !host.isEmpty { return exact }
        if let dot = host.firstIndex(of: "."), dot != host.startIndex, let wild = rules["*" + host[dot...]] {
            return wild
        }
        return rules[""] ?? []
    }

    private func verdict(_ key: BackendKey) -> Verdict {
        let known: [Endpoint] = endpoints[key] ?? []
        return known.isEmpty ? .unavailable : .backend(key, known)
    }

    /// Without port and final dot, in lower case.
    package static func bareHost(_ host: String) -> String {
        var bare: Substring = host[...]
        if bare.hasPrefix("[") {
            if let end = bare.firstIndex(of: "]") { bare = bare[...end] }
        } else if let colon = bare.lastIndex(of: ":") {
            bare = bare[..<colon]
        }
        if bare.hasSuffix(".") { bare = bare.dropLast() }
        return bare.lowercased()
    }

    /// Percent-encoded bytes become plain, but for the slash, which stays another thing than a separator.
    package static func decoded(_ path: String) -> String {
        guard path.utf8.contains(37) else { return path }
        var out: [UInt8] = []
        let bytes: [UInt8] = Array(path.utf8)
        var i: Int = 0
        while i < bytes.count {
            if bytes[i] == 37, i + 2 < bytes.count, let high = hex(bytes[i + 1]), let low = hex(bytes[i + 2]),
                high << 4 | low != 47
            {
                out.append(high << 4 | low)
                i += 3
            } else {
                out.append(bytes[i])
                i += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}

extension RoutingTable.PathRule {
    /// Prefixes match by whole elements: `/foo` takes `/foo` and `/foo/bar`, not `/foobar`.
    package func matches(_ request: String) -> Bool {
        if isExact { return request.utf8.elementsEqual(path.utf8) }
        let (mine, theirs) = (path.utf8, request.utf8)
        guard theirs.starts(with: mine) else { return false }
        return theirs.count == mine.count || theirs[theirs.index(theirs.startIndex, offsetBy: mine.count)] == 47
    }

    /// Whether this rule is looked at before the other.
    func precedes(_ other: Self) -> Bool {
        let (a, b) = (path.utf8.count, other.path.utf8.count)
        return a != b ? a > b : isExact && !other.isExact
    }
}
