// The API server's format library: `format.dns1123Label().validate('x')` gives none or a list of complaints.

import KubeModel

struct CELFormat: CELOpaque {
    let name: String
    let check: @Sendable (String) -> [String]
    var type: CELType { .opaque("kubernetes.NamedFormat") }
    func isEqual(_ other: any CELOpaque) -> Bool { (other as? CELFormat)?.name == name }
}

enum CELFormats {
    private static let all: [(name: String, check: @Sendable (String) -> [String])] = [
        ("dns1123Label", { NameRules.dns1123Label($0) }),
        ("dns1123Subdomain", { NameRules.dns1123Subdomain($0) }),
        ("dns1035Label", { NameRules.dns1035Label($0) }),
        ("qualifiedName", { NameRules.qualifiedName($0) }),
        ("dns1123LabelPrefix", { NameRules.dns1123Label(prefix($0)) }),
        ("dns1123SubdomainPrefix", { NameRules.dns1123Subdomain(prefix($0)) }),
        ("dns1035LabelPrefix", { NameRules.dns1035Label(prefix($0)) }),
        ("labelValue", { NameRules.labelValue($0) }),
        ("uri", { CELURL($0) == nil ? ["invalid URI"] : [] }),
        (
            "uuid",
            { matches($0, "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$", "uuid") }
        ),
        ("byte", { CELBytes.fromBase64($0) == nil ? ["invalid base64"] : [] }),
        ("date", { CELTime(date: $0) == nil ? ["invalid date"] : [] }),
        ("datetime", { CELTime(rfc3339: $0) == nil ? ["invalid datetime"] : [] }),
    ]

    /// A generated name's prefix may end with a dash.
    private static func prefix(_ s: String) -> String { s.hasSuffix("-") ? String(s.dropLast()) + "a" : s }
    private static func matches(_ s: String, _ pattern: String, _ what: String) -> [String] {
        (try? CELRegex(pattern).isMatch(s)) == true ? [] : ["does not match the \(what) format"]
    }

    static func add(to l: inout CELLibrary) {
        let t: String = "kubernetes.NamedFormat"
        for (name, check) in all {
            l.add("format." + name, "() \(t)", isPure: false) { (_, _) throws(CELError) in
                .opaque(CELFormat(name: name, check: check))
            }
        }
        l.add("format.named", "(string) optional(\(t))") { (a, _) throws(CELError) in
            let name: String = try CELStrings.text(a[0])
            return .optional(all.first { $0.name == name }.map { .opaque(CELFormat(name: $0.name, check: $0.check)) })
        }
        l.add("validate", "\(t).(string) optional(list(string))", cost: .traverse(0.25)) { (a, _) throws(CELError) in
            guard case .opaque(let o) = a[0], let f = o as? CELFormat else { throw .noSuchOverload }
            let faults: [String] = f.check(try CELStrings.text(a[1]))
            return .optional(faults.isEmpty ? nil : .list(CELList(faults.map { .string($0) })))
        }
    }
}
