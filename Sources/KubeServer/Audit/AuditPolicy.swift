// Which requests are written down, and how much of them: audit.k8s.io/v1 Policy.

import KubeModel
package import KubeWire

package enum AuditLevel: String, Sendable, Comparable {
    case none = "None"
    case metadata = "Metadata"
    case request = "Request"
    case requestResponse = "RequestResponse"

    private var rank: Int {
        switch self {
        case .none: 0
        case .metadata: 1
        case .request: 2
        case .requestResponse: 3
        }
    }
    package static func < (a: AuditLevel, b: AuditLevel) -> Bool { a.rank < b.rank }
}

package enum AuditStage: String, Sendable {
    case requestReceived = "RequestReceived"
    case responseStarted = "ResponseStarted"
    case responseComplete = "ResponseComplete"
    case panic = "Panic"
}

package struct AuditPolicyError: Error, CustomStringConvertible {
    package var description: String
}

/// What a policy says about one request.
struct AuditDecision: Sendable, Equatable {
    var level: AuditLevel = .none
    var omitsStages: Set<AuditStage> = []
    var omitsManagedFields: Bool = false
}

package struct AuditPolicy: Sendable {
    struct Rule: Sendable {
        var level: AuditLevel
        var users: Set<String>
        var groups: Set<String>
        var verbs: Set<String>
        var resources: [Resources]
        var namespaces: Set<String>
        var paths: [String]
        var omitsStages: Set<AuditStage>
        var omitsManagedFields: Bool?
    }
    struct Resources: Sendable {
        var group: String
        /// `pods`, `pods/log`, `pods/*`, `*/status`, `*`; empty: all of the group.
        var resources: [String]
        var names: Set<String>
    }

    private var rules: [Rule] = []
    private var omitsStages: Set<AuditStage> = []
    private var omitsManagedFields: Bool = false

    /// A policy file's content, YAML or JSON.
    package init(text: String) throws(AuditPolicyError) {
        let document: JSON
        do throws(YAMLError) {
            document = try YAML.parse(text).first ?? .null
        } catch {
            throw AuditPolicyError(description: "failed decoding: \(error.message)")
        }
        try self.init(document)
    }

    package init(_ policy: JSON) throws(AuditPolicyError) {
        guard policy.kind.text == "Policy", policy.apiVersion.text == "audit.k8s.io/v1" else {
            throw AuditPolicyError(
                description: "no kind \"\(policy.kind.text)\" is registered for version \"\(policy.apiVersion.text)\"")
        }
        omitsStages = try AuditPolicy.stages(policy.omitStages, "omitStages")
        omitsManagedFields = policy.omitManagedFields.isTrue
        guard !policy.rules.elements.isEmpty else {
            throw AuditPolicyError(description: "loaded illegal policy with 0 rules")
        }
        for (i, rule) in policy.rules.elements.enumerated() { rules.append(try AuditPolicy.rule(rule, i)) }
    }

    private static func rule(_ json: JSON, _ index: Int) throws(AuditPolicyError) -> Rule {
        guard let level = AuditLevel(rawValue: json.level.text) else {
            throw AuditPolicyError(
                description: "rules[\(index)].level: Unsupported value: \(json.level): supported values: "
                    + "\"Metadata\", \"None\", \"Request\", \"RequestResponse\"")
        }
        if json.nonResourceURLs.exists, json.resources.exists || json.namespaces.exists {
            throw AuditPolicyError(
                description: "rules[\(index)].nonResourceURLs: Invalid value: \(json.nonResourceURLs): rules cannot "
                    + "apply to both regular resources and non-resource URLs")
        }
        return Rule(
            level: level, users: Set(json.users.strings), groups: Set(json.userGroups.strings),
            verbs: Set(json.verbs.strings),
            resources: json.resources.elements.map {
                Resources(
                    group: $0.group.text, resources: $0.resources.strings, names: Set($0.resourceNames.strings))
            },
            namespaces: Set(json.namespaces.strings), paths: json.nonResourceURLs.strings,
            omitsStages: try stages(json.omitStages, "rules[\(index)].omitStages"),
            omitsManagedFields: json.omitManagedFields.asBool)
    }

    private static func stages(_ json: JSON, _ field: String) throws(AuditPolicyError) -> Set<AuditStage> {
        var out: Set<AuditStage> = []
        for name in json.strings {
            guard let stage = AuditStage(rawValue: name) else {
                throw AuditPolicyError(
                    description: "\(field): Invalid value: \"\(name)\": allowed stages are "
                        + "RequestReceived,ResponseStarted,ResponseComplete,Panic")
            }
            out.insert(stage)
        }
        return out
    }

    /// The first rule that matches decides; none: nothing is written.
    func decide(_ a: RequestAttributes) -> AuditDecision {
        for rule in rules where rule.matches(a) {
            return AuditDecision(
                level: rule.level, omitsStages: omitsStages.union(rule.omitsStages),
                omitsManagedFields: rule.omitsManagedFields ?? omitsManagedFields)
        }
        return AuditDecision()
    }
}

extension AuditPolicy.Rule {
    func matches(_ a: RequestAttributes) -> Bool {
        if !users.isEmpty, !users.contains(a.user.name) { return false }
        if !groups.isEmpty, !a.user.groups.contains(where: { groups.contains($0) }) { return false }
        if !verbs.isEmpty, !verbs.contains(a.verb) { return false }
        if !namespaces.isEmpty || !resources.isEmpty { return matchesResource(a) }
        if !paths.isEmpty { return matchesPath(a) }
        return true
    }

    private func matchesPath(_ a: RequestAttributes) -> Bool {
        guard !a.isResourceRequest else { return false }
        return paths.contains { $0 == "*" || $0 == a.path || ($0.hasSuffix("*") && a.path.hasPrefix($0.dropLast())) }
    }

    private func matchesResource(_ a: RequestAttributes) -> Bool {
        guard a.isResourceRequest else { return false }
        if !namespaces.isEmpty, !namespaces.contains(a.namespace) { return false }
        if resources.isEmpty { return true }
        let combined: String = a.subresource.isEmpty ? a.resource : a.resource + "/" + a.subresource
        return resources.contains { r in
            guard r.group == a.group else { return false }
            if r.resources.isEmpty { return true }
            guard r.names.isEmpty || r.names.contains(a.name) else { return false }
            return r.resources.contains { name in
                if name == combined || name == "*" { return true }
                guard !a.subresource.isEmpty else { return false }
                return name == "*/" + a.subresource || name == a.resource + "/*"
            }
        }
    }
}
