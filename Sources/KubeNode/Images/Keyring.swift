// Registry credentials from pull secrets: `.dockerconfigjson` and the older `.dockercfg`.

import KubeWire

struct Keyring: Sendable {
    private var entries: [(host: String, path: String, auth: CRIAuthConfig)] = []

    init(secrets: [JSON]) {
        for secret in secrets {
            if let text = Self.decoded(secret.data[".dockerconfigjson"]), let config = try? JSON.parse(text) {
                add(config.auths)
            } else if let text = Self.decoded(secret.data[".dockercfg"]), let config = try? JSON.parse(text) {
                add(config)
            }
        }
    }

    private static func decoded(_ value: JSON) -> [UInt8]? { value.asString.flatMap { Base64.decode($0) } }

    private mutating func add(_ auths: JSON) {
        for (key, entry) in auths.fields {
            var auth: CRIAuthConfig = CRIAuthConfig()
            auth.username = entry.username.text
            auth.password = entry.password.text
            auth.identityToken = entry.identitytoken.text
            auth.registryToken = entry.registrytoken.text
            if auth.username.isEmpty, let pair = Self.decoded(entry.auth) {
                let text: String = String(decoding: pair, as: UTF8.self)
                if let colon = text.firstIndex(of: ":") {
                    auth.username = String(text[..<colon])
                    auth.password = String(text[text.index(after: colon)...])
                }
            }
            var place: Substring = Substring(key)
            for scheme in ["https://", "http://"] where place.hasPrefix(scheme) {
                place = place.dropFirst(scheme.count)
            }
            for suffix in ["/v1/", "/v2/", "/v1", "/v2", "/"] where place.hasSuffix(suffix) {
                place = place.dropLast(suffix.count)
            }
            let slash: Substring.Index = place.firstIndex(of: "/") ?? place.endIndex
            var host: String = String(place[..<slash])
            if host == "index.docker.io" || host == "registry-1.docker.io" { host = "docker.io" }
            entries.append((host, String(place[slash...].drop { $0 == "/" }), auth))
        }
        // The longest path wins.
        entries.sort { $0.path.utf8.count > $1.path.utf8.count }
    }

    /// Credentials that fit, best first; `*` in a host stands for one label.
    func credentials(for image: ImageName) -> [CRIAuthConfig] {
        entries.filter { entry in
            Self.matches(entry.host, image.registry)
                && (entry.path.isEmpty || image.repository == entry.path
                    || image.repository.hasPrefix(entry.path + "/"))
        }.map { $0.auth }
    }

    private static func matches(_ pattern: String, _ host: String) -> Bool {
        if pattern == host { return true }
        let a: [Substring] = pattern.split(separator: ".")
        let b: [Substring] = host.split(separator: ".")
        guard a.count == b.count, pattern.contains("*") else { return false }
        return zip(a, b).allSatisfy { p, h in
            guard p.contains("*") else { return p == h }
            let parts: [Substring] = p.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
            return h.hasPrefix(parts[0]) && h.hasSuffix(parts[1]) && h.count >= parts[0].count + parts[1].count
        }
    }
}
