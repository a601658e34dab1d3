// One rule of a Role or ClusterRole: what it allows and what it covers.

import KubeModel
package import KubeServer
package import KubeWire

/// rbac.authorization.k8s.io/v1 PolicyRule.
package struct PolicyRule: Sendable, Hashable {
    package var verbs: [String]
    package var apiGroups: [String]
    package var resources: [String]
    package var resourceNames: [String]
    package var paths: [String]

    package init(
        verbs: [String], apiGroups: [String] = [], resources: [String] = [], resourceNames: [String] = [],
        paths: [String] = []
    ) {
        self.verbs = verbs
        self.apiGroups = apiGroups
        self.resources = resources
        self.resourceNames = resourceNames
        self.paths = paths
    }

    package init(_ json: JSON) {
        self.init(
            verbs: json.verbs.strings, apiGroups: json.apiGroups.strings, resources: json.resources.strings,
            resourceNames: json.resourceNames.strings, paths: json.nonResourceURLs.strings)
    }

    package var json: JSON {
        var o: JSON = .object(JSONObject())
        if !apiGroups.isEmpty { o.apiGroups = JSON(apiGroups) }
        if !resources.isEmpty { o.resources = JSON(resources) }
        if !resourceNames.isEmpty { o.resourceNames = JSON(resourceNames) }
        if !paths.isEmpty { o.nonResourceURLs = JSON(paths) }
        o.verbs = JSON(verbs)
        return o
    }

    private static func has(_ list: [String], _ value: String) -> Bool { list.contains("*") || list.contains(value) }

    package func allows(_ a: RequestAttributes) -> Bool {
        guard Self.has(verbs, a.verb) else { return false }
        if !a.isResourceRequest { return paths.contains { Self.matches(path: a.path, $0) } }
        return Self.has(apiGroups, a.group) && matches(resource: a.resource, a.subresource)
            && (resourceNames.isEmpty || resourceNames.contains(a.name))
    }

    /// `pods/log` is matched by itself, `*` and `*/log`; `pods` by itself and `*`.
    private func matches(resource: String, _ subresource: String) -> Bool {
        if subresource.isEmpty { return Self.has(resources, resource) }
        return resources.contains { $0 == "*" || $0 == "\(resource)/\(subresource)" || $0 == "*/\(subresource)" }
    }

    private static func matches(path: String, _ pattern: String) -> Bool {
        pattern == "*" || pattern == path || (pattern.hasSuffix("*") && path.hasPrefix(pattern.dropLast()))
    }

    /// The rule cut into pieces with one verb, group, resource and name (or one path) each.
    package var pieces: [PolicyRule] {
        var out: [PolicyRule] = []
        for verb in verbs {
            for path in paths { out.append(PolicyRule(verbs: [verb], paths: [path])) }
            for group in apiGroups {
                for resource in resources {
                    if resourceNames.isEmpty {
                        out.append(PolicyRule(verbs: [verb], apiGroups: [group], resources: [resource]))
                    }
                    for name in resourceNames {
                        out.append(
                            PolicyRule(
                                verbs: [verb], apiGroups: [group], resources: [resource], resourceNames: [name]))
                    }
                }
            }
        }
        return out
    }

    /// Whether this rule allows all that a piece allows.
    package func covers(_ piece: PolicyRule) -> Bool {
        guard let verb = piece.verbs.first, Self.has(verbs, verb) else { return false }
        if let path = piece.paths.first {
            return paths.contains { own in
                own == path || own == "*" || (own.hasSuffix("*") && path.hasPrefix(own.dropLast()))
            }
        }
        guard let group = piece.apiGroups.first, Self.has(apiGroups, group), let resource = piece.resources.first
        else { return false }
        let parts: [Substring] = resource.split(separator: "/", maxSplits: 1)
        let isCovered: Bool =
            parts.count == 2
            ? matches(resource: String(parts[0]), String(parts[1])) : Self.has(resources, resource)
        return isCovered
            && (resourceNames.isEmpty || (piece.resourceNames.first.map { resourceNames.contains($0) } ?? false))
    }

    /// The pieces of `wanted` that no rule of `held` covers: k8s.io/component-helpers/auth/rbac/validation.Covers.
    package static func missing(_ wanted: [PolicyRule], from held: [PolicyRule]) -> [PolicyRule] {
        wanted.flatMap { $0.pieces }.filter { piece in !held.contains { $0.covers(piece) } }
    }

    /// `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}`
    package var words: String {
        func list(_ values: [String]) -> String { "[" + values.map { "\"\($0)\"" }.joined(separator: " ") + "]" }
        var parts: [String] = []
        if !paths.isEmpty { parts.append("NonResourceURLs:" + list(paths)) }
        if !apiGroups.isEmpty { parts.append("APIGroups:" + list(apiGroups)) }
        if !resources.isEmpty { parts.append("Resources:" + list(resources)) }
        if !resourceNames.isEmpty { parts.append("ResourceNames:" + list(resourceNames)) }
        parts.append("Verbs:" + list(verbs))
        return "{" + parts.joined(separator: ", ") + "}"
    }
}
