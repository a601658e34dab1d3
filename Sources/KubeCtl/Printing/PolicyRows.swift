// RBAC rules as rows, the way `describe clusterrole` and `auth can-i --list` show them.

import KubeWire

enum PolicyRows {
    static let header: [String] = ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]

    /// A rule for one resource of one group, or for one URL.
    private struct Single {
        var verbs: [String]
        var group: [String]
        var resource: [String]
        var names: [String]
        var url: [String]

        /// rbacv1 sorts rules by their Go text.
        var order: String { "Verbs:\(list(verbs)),APIGroups:\(list(group)),Resources:\(list(resource)),ResourceNames:\(list(names)),NonResourceURLs:\(list(url)),}" }
        var mergesVerbs: Bool { !resource.isEmpty && names.isEmpty && url.isEmpty }
        func isAbout(_ o: Single) -> Bool { group == o.group && resource == o.resource }

        /// `deployments.apps/scale`
        var place: String {
            guard let resource = resource.first else { return "" }
            guard let group = group.first, !group.isEmpty else { return resource }
            let parts: [Substring] = resource.split(separator: "/", maxSplits: 1)
            return "\(parts[0]).\(group)" + (parts.count > 1 ? "/\(parts[1])" : "")
        }
    }

    private static func list(_ words: [String]) -> String { "[" + words.joined(separator: " ") + "]" }

    /// Every rule taken apart; verbs for the same resource put together.
    static func rows(_ rules: [JSON]) -> [[String]] {
        var singles: [Single] = []
        for rule in rules {
            let verbs: [String] = rule.verbs.strings
            for group in rule.apiGroups.strings {
                for resource in rule.resources.strings {
                    let names: [[String]] = rule.resourceNames.strings.isEmpty ? [[]] : rule.resourceNames.strings.map { [$0] }
                    singles += names.map { Single(verbs: verbs, group: [group], resource: [resource], names: $0, url: []) }
                }
            }
            singles += rule.nonResourceURLs.strings.map { Single(verbs: verbs, group: [], resource: [], names: [], url: [$0]) }
        }
        var merged: [Single] = []
        for single in singles {
            if single.mergesVerbs, let at = merged.firstIndex(where: { $0.mergesVerbs && $0.isAbout(single) }) {
                merged[at].verbs += single.verbs.filter { !merged[at].verbs.contains($0) }
            } else {
                merged.append(single)
            }
        }
        let keyed: [(String, Single)] = merged.map { ($0.order, $0) }
        return keyed.enumerated().sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }.map {
            let s: Single = $0.element.1
            return [s.place, list(s.url), list(s.names), list(s.verbs)]
        }
    }
}
