// Image references: registry, repository, tag and digest as the distribution project parses them.

/// `nginx` → docker.io/library/nginx:latest
struct ImageName: Sendable, Equatable {
    var registry: String
    var repository: String
    var tag: String
    var digest: String

    /// nil when the text is no image reference.
    init?(_ text: String) {
        var rest: Substring = Substring(text)
        digest = ""
        if let at = rest.lastIndex(of: "@") {
            digest = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
            guard digest.split(separator: ":").count == 2 else { return nil }
        }
        tag = ""
        let slash: Substring.Index = rest.lastIndex(of: "/") ?? rest.startIndex
        if let colon = rest[slash...].lastIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
            guard Self.isTag(tag) else { return nil }
        }
        let parts: [Substring] = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first else { return nil }
        if parts.count > 1, first.contains(".") || first.contains(":") || first == "localhost" {
            registry = String(first)
            repository = parts.dropFirst().joined(separator: "/")
        } else {
            registry = "docker.io"
            repository = parts.count == 1 ? "library/\(rest)" : String(rest)
        }
        guard repository.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({ Self.isComponent($0) })
        else { return nil }
        if tag.isEmpty, digest.isEmpty { tag = "latest" }
    }

    private static func isTag(_ t: String) -> Bool {
        guard let first = t.utf8.first, first != 45, first != 46, t.utf8.count <= 128 else { return false }
        return t.utf8.allSatisfy { isWord($0) || $0 == 45 || $0 == 46 }
    }
    private static func isWord(_ c: UInt8) -> Bool {
        (c >= 48 && c <= 57) || (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c == 95
    }
    private static func isComponent(_ s: Substring) -> Bool {
        guard let first = s.utf8.first, let last = s.utf8.last else { return false }
        func isPlain(_ c: UInt8) -> Bool { (c >= 48 && c <= 57) || (c >= 97 && c <= 122) }
        return isPlain(first) && isPlain(last)
            && s.utf8.allSatisfy { isPlain($0) || $0 == 45 || $0 == 46 || $0 == 95 }
    }

    /// The policy of a container that states none.
    static func defaultPullPolicy(_ image: String) -> String {
        guard let name = ImageName(image) else { return "IfNotPresent" }
        return name.tag == "latest" && name.digest.isEmpty ? "Always" : "IfNotPresent"
    }
}
