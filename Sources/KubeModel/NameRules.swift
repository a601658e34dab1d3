// Which names and label values are well formed, in the words of k8s.io/apimachinery/pkg/util/validation.

/// Each function answers the faults found; an empty list means the value is fine.
package enum NameRules {
    private static func isLowerAlphanumeric(_ c: UInt8) -> Bool { (97...122).contains(c) || (48...57).contains(c) }
    private static func isAlphanumeric(_ c: UInt8) -> Bool { isLowerAlphanumeric(c) || (65...90).contains(c) }

    private static func isLabel1123(_ s: some Collection<UInt8>) -> Bool {
        let b: [UInt8] = Array(s)
        guard let first = b.first, let last = b.last else { return false }
        return isLowerAlphanumeric(first) && isLowerAlphanumeric(last)
            && b.allSatisfy { isLowerAlphanumeric($0) || $0 == 45 }
    }

    private static func tooLong(_ length: Int, _ max: Int) -> [String] {
        length > max ? ["must be no more than \(max) bytes"] : []
    }

    /// RFC 1123 label, at most 63 bytes.
    package static func dns1123Label(_ s: String) -> [String] {
        var faults: [String] = tooLong(s.utf8.count, 63)
        if !isLabel1123(s.utf8) {
            faults.append(
                isSubdomainShaped(s)
                    ? "must not contain dots"
                    : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
                        + "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
                        + "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')")
        }
        return faults
    }

    private static func isSubdomainShaped(_ s: String) -> Bool {
        s.utf8.split(separator: 46, omittingEmptySubsequences: false).allSatisfy { isLabel1123($0) }
    }

    /// RFC 1123 subdomain, at most 253 bytes: the names of most objects.
    package static func dns1123Subdomain(_ s: String) -> [String] {
        var faults: [String] = tooLong(s.utf8.count, 253)
        if !isSubdomainShaped(s) {
            faults.append(
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
                    + "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
                    + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")
        }
        return faults
    }

    /// RFC 1035 label, at most 63 bytes: Services of old, namespaces of none.
    package static func dns1035Label(_ s: String) -> [String] {
        var faults: [String] = tooLong(s.utf8.count, 63)
        let startsWell: Bool = s.utf8.first.map { (97...122).contains($0) } ?? false
        if !startsWell || !isLabel1123(s.utf8) {
            faults.append(
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
                    + "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
                    + "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')")
        }
        return faults
    }

    private static func isQualifiedPart(_ s: some Collection<UInt8>) -> Bool {
        let b: [UInt8] = Array(s)
        guard let first = b.first, let last = b.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && b.allSatisfy { isAlphanumeric($0) || $0 == 45 || $0 == 95 || $0 == 46 }
    }

    private static let qualifiedWords: String =
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
        + "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

    /// A label or annotation key: an optional DNS prefix, `/`, and a name of at most 63 bytes.
    package static func qualifiedName(_ s: String) -> [String] {
        let parts: [Substring.UTF8View.SubSequence] = Substring(s).utf8.split(
            separator: 47, omittingEmptySubsequences: false)
        var faults: [String] = []
        let name: Substring.UTF8View.SubSequence
        switch parts.count {
        case 1: name = parts[0]
        case 2:
            name = parts[1]
            let prefix: String = String(Substring(parts[0]))
            if prefix.isEmpty {
                faults.append("prefix part must be non-empty")
            } else {
                faults += dns1123Subdomain(prefix).map { "prefix part " + $0 }
            }
        default:
            return [
                "a qualified name " + qualifiedWords
                    + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ]
        }
        if name.isEmpty {
            faults.append("name part must be non-empty")
        } else if name.count > 63 {
            faults.append("name part must be no more than 63 bytes")
        }
        if !isQualifiedPart(name) { faults.append("name part " + qualifiedWords) }
        return faults
    }

    /// At most 63 bytes, empty or shaped as the name part of a qualified name.
    package static func labelValue(_ s: String) -> [String] {
        var faults: [String] = tooLong(s.utf8.count, 63)
        if !s.isEmpty, !isQualifiedPart(s.utf8) {
            faults.append(
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
                    + "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex "
                    + "used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")
        }
        return faults
    }

    /// `example.com/controller`: a DNS subdomain, a slash, a path.
    package static func domainPrefixedPath(_ s: String) -> [String] {
        guard let slash = s.firstIndex(of: "/"), slash != s.startIndex, s.index(after: slash) != s.endIndex else {
            return ["must be a domain-prefixed path (such as \"acme.io/foo\")"]
        }
        var out: [String] = dns1123Subdomain(String(s[..<slash]))
        let path: Substring = s[s.index(after: slash)...]
        let allowed: Set<UInt8> = Set("/:@%!$&'()*+,;=-._~".utf8)
        let isFine: Bool = path.utf8.allSatisfy {
            allowed.contains($0) || (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
        }
        if !isFine {
            out.append(
                "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')")
        }
        return out
    }

    /// RBAC names and others that only must fit into a URL path.
    package static func pathSegment(_ s: String) -> [String] {
        if s == "." || s == ".." { return ["may not be '\(s)'"] }
        return ["/", "%"].filter { s.contains($0) }.map { "may not contain '\($0)'" }
    }

    /// Port names of containers: IANA_SVC_NAME, at most 15 bytes.
    package static func portName(_ s: String) -> [String] {
        let b: [UInt8] = Array(s.utf8)
        var faults: [String] = []
        if b.count > 15 { faults.append("must be no more than 15 characters") }
        if !b.allSatisfy({ isLowerAlphanumeric($0) || $0 == 45 }) {
            faults.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
        }
        if !b.contains(where: { (97...122).contains($0) }) { faults.append("must contain at least one letter (a-z)") }
        if s.contains("--") { faults.append("must not contain consecutive hyphens") }
        if b.first == 45 || b.last == 45 { faults.append("must not begin or end with a hyphen") }
        return faults
    }

    /// Environment variable names: printable ASCII without `=` (KEP-4369, on since v1.32).
    package static func environmentName(_ s: String) -> [String] {
        if s.isEmpty { return ["environment variable name must not be empty"] }
        return s.utf8.allSatisfy { $0 >= 32 && $0 < 127 && $0 != 61 }
            ? []
            : ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
    }

    /// Keys of ConfigMaps and Secrets.
    package static func configMapKey(_ s: String) -> [String] {
        var faults: [String] = tooLong(s.utf8.count, 253)
        if s.isEmpty || !s.utf8.allSatisfy({ isAlphanumeric($0) || $0 == 45 || $0 == 95 || $0 == 46 }) {
            faults.append(
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
                    + "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')")
        }
        if s == "." { faults.append("must not be '.'") }
        if s == ".." {
            faults.append("must not be '..'")
        } else if s.hasPrefix("..") {
            faults.append("must not start with '..'")
        }
        return faults
    }

    package static func portNumber(_ n: Int) -> [String] {
        (1...65535).contains(n) ? [] : ["must be between 1 and 65535, inclusive"]
    }
}
