// Flow schemas and priority levels: what they must look like (pkg/apis/flowcontrol/validation).

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum FlowControl {
    static let entries: [Entry] = [
        Entry(API.flowSchemas, RuledStrategy(hasStatus: true, keepsGeneration: true, schema)),
        Entry(API.priorityLevelConfigurations, RuledStrategy(hasStatus: true, keepsGeneration: true, level)),
    ]

    // MARK: FlowSchema

    private static let verbs: [String] = [
        "get", "list", "create", "update", "patch", "delete", "deletecollection", "watch", "proxy",
    ]

    @Sendable private static func schema(_ o: JSON, _ out: inout Faults) {
        let spec: JSON = o.spec
        let name: String = o.metadata.name.text
        if let fixed = FairnessDefaults.mandatory(schema: name), !Faults.same(fixed, spec) {
            out.invalid("spec", spec, "spec of '\(name)' must equal the fixed value")
        }
        let precedence: Int64 = spec.matchingPrecedence.asInt64 ?? 0
        if precedence <= 0 || precedence > 10_000 {
            out.invalid(
                "spec.matchingPrecedence", spec.matchingPrecedence,
                "must be a positive value and less than or equal to 10000")
        } else if precedence == 1, name != "exempt" {
            out.invalid(
                "spec.matchingPrecedence", spec.matchingPrecedence,
                "only the schema named 'exempt' may have matchingPrecedence 1")
        }
        if spec.distinguisherMethod.exists {
            out.oneOf("spec.distinguisherMethod.type", spec.distinguisherMethod.type, ["ByNamespace", "ByUser"])
        }
        if spec.priorityLevelConfiguration.name.text.isEmpty {
            out.required("spec.priorityLevelConfiguration.name", "must reference a priority level")
        } else {
            out.name(
                "spec.priorityLevelConfiguration.name", spec.priorityLevelConfiguration.name.text,
                NameRules.dns1123Subdomain)
        }
        for (i, rule) in spec.rules.elements.enumerated() { self.rule(rule, "spec.rules[\(i)]", &out) }
    }

    private static func rule(_ rule: JSON, _ field: String, _ out: inout Faults) {
        if rule.subjects.elements.isEmpty {
            out.required("\(field).subjects", "subjects must contain at least one value")
        }
        for (i, subject) in rule.subjects.elements.enumerated() {
            self.subject(subject, "\(field).subjects[\(i)]", &out)
        }
        if rule.resourceRules.elements.isEmpty, rule.nonResourceRules.elements.isEmpty {
            out.required(field, "at least one of resourceRules and nonResourceRules has to be non-empty")
        }
        for (i, r) in rule.resourceRules.elements.enumerated() {
            let at: String = "\(field).resourceRules[\(i)]"
            words(r.verbs, "\(at).verbs", verbs, &out)
            words(r.apiGroups, "\(at).apiGroups", nil, &out)
            words(r.resources, "\(at).resources", nil, &out)
            if r.namespaces.elements.isEmpty {
                if !r.clusterScope.isTrue {
                    out.required(
                        "\(at).namespaces",
                        "resource rules that are not cluster scoped must supply at least one namespace")
                }
            } else if r.namespaces.elements.count > 1, r.namespaces.strings.contains("*") {
                out.invalid("\(at).namespaces", r.namespaces, "'*' is allowed only when alone")
            }
        }
        for (i, r) in rule.nonResourceRules.elements.enumerated() {
            let at: String = "\(field).nonResourceRules[\(i)]"
            words(r.verbs, "\(at).verbs", verbs, &out)
            words(r.nonResourceURLs, "\(at).nonResourceURLs", nil, &out)
            for (j, path) in r.nonResourceURLs.strings.enumerated() where path != "*" {
                if !path.hasPrefix("/") || path.contains("//") || path.dropLast().contains("*") || path.contains(" ")
                    || (path.hasSuffix("*") && !path.hasSuffix("/*"))
                {
                    out.invalid(
                        "\(at).nonResourceURLs[\(j)]", .string(path),
                        path.hasPrefix("/") ? "wildcard can only do suffix matching" : "must start with slash")
                }
            }
        }
    }

    private static func subject(_ s: JSON, _ field: String, _ out: inout Faults) {
        let members: [String: String] = ["User": "user", "Group": "group", "ServiceAccount": "serviceAccount"]
        guard let mine = members[s.kind.text] else {
            out.notSupported("\(field).kind", s.kind, ["Group", "ServiceAccount", "User"])
            return
        }
        for member in members.values.sorted() where member != mine && s[member].exists {
            out.forbidden("\(field).\(member)", "\(member) is forbidden when subject kind is not '\(member)'")
        }
        guard s[mine].exists else {
            out.required("\(field).\(mine)", "\(mine) is required when subject kind is '\(s.kind.text)'")
            return
        }
        if s[mine].name.text.isEmpty { out.required("\(field).\(mine).name") }
        if mine == "serviceAccount", s[mine].namespace.text.isEmpty {
            out.required("\(field).serviceAccount.namespace", "must specify namespace for service account")
        }
    }

    private static func words(_ list: JSON, _ field: String, _ known: [String]?, _ out: inout Faults) {
        if list.elements.isEmpty {
            out.required(field, "\(field.split(separator: ".").last ?? "") must contain at least one value")
        } else if list.elements.count > 1, list.strings.contains("*") {
            out.invalid(field, list, "if '*' is present, must not specify other values")
        } else if let known, list.strings != ["*"], list.strings.contains(where: { !known.contains($0) }) {
            out.notSupported(field, list, known.sorted())
        }
    }

    // MARK: PriorityLevelConfiguration

    @Sendable private static func level(_ o: JSON, _ out: inout Faults) {
        let spec: JSON = o.spec
        let name: String = o.metadata.name.text
        if let fixed = FairnessDefaults.mandatory(level: name) {
            // The numbers of `exempt` are the operator's.
            if name == "exempt" ? spec.type != "Exempt" : !Faults.same(fixed, spec) {
                out.invalid("spec", spec, "spec of '\(name)' must equal the fixed value")
            }
        }
        switch spec.type.text {
        case "Exempt":
            if spec.limited.exists { out.forbidden("spec.limited", "must be nil if the type is not Limited") }
            lendable(spec.exempt, "spec.exempt", &out)
            out.notNegative("spec.exempt.nominalConcurrencyShares", spec.exempt.nominalConcurrencyShares)
        case "Limited":
            if spec.exempt.exists { out.forbidden("spec.exempt", "must be nil if the type is Limited") }
            guard spec.limited.exists else {
                out.required("spec.limited", "must not be empty when type is Limited")
                return
            }
            limited(spec.limited, &out)
        default: out.notSupported("spec.type", spec.type, ["Exempt", "Limited"])
        }
    }

    private static func lendable(_ o: JSON, _ field: String, _ out: inout Faults) {
        if let n = o.lendablePercent.asInt64, n < 0 || n > 100 {
            out.invalid("\(field).lendablePercent", o.lendablePercent, "must be between 0 and 100, inclusive")
        }
    }

    private static func limited(_ o: JSON, _ out: inout Faults) {
        out.notNegative("spec.limited.nominalConcurrencyShares", o.nominalConcurrencyShares)
        lendable(o, "spec.limited", &out)
        if let n = o.borrowingLimitPercent.asInt64, n < 0 {
            out.invalid(
                "spec.limited.borrowingLimitPercent", o.borrowingLimitPercent,
                "if specified, must be a non-negative integer")
        }
        let at: String = "spec.limited.limitResponse"
        switch o.limitResponse.type.text {
        case "Reject":
            if o.limitResponse.queuing.exists {
                out.forbidden("\(at).queuing", "must be nil if limited.limitResponse.type is not Limited")
            }
        case "Queue": queuing(o.limitResponse.queuing, "\(at).queuing", &out)
        default: out.notSupported("\(at).type", o.limitResponse.type, ["Queue", "Reject"])
        }
    }

    private static func queuing(_ q: JSON, _ at: String, _ out: inout Faults) {
        guard q.exists else {
            out.required(at, "must not be empty if limited.limitResponse.type is Limited")
            return
        }
        if (q.queueLengthLimit.asInt64 ?? 0) <= 0 {
            out.invalid("\(at).queueLengthLimit", q.queueLengthLimit, "must be positive")
        }
        let queues: Int64 = q["queues"].asInt64 ?? 0
        let hand: Int64 = q.handSize.asInt64 ?? 0
        if queues <= 0 {
            out.invalid("\(at).queues", q["queues"], "must be positive")
        } else if queues > Int64(FairnessDefaults.queuesMax) {
            out.invalid("\(at).queues", q["queues"], "must not be greater than \(FairnessDefaults.queuesMax)")
        }
        if hand <= 0 {
            out.invalid("\(at).handSize", q.handSize, "must be positive")
        } else if hand > queues {
            out.invalid("\(at).handSize", q.handSize, "should not be greater than queues (\(queues))")
        }
    }
}
