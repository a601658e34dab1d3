// What a webhook configuration must look like: pkg/apis/admissionregistration/validation, with its words.

import KubeCEL
import KubeModel
import KubeServer
import KubeWire

enum WebhookConfigurationRules {
    static let strategy: RuledStrategy = RuledStrategy(keepsGeneration: true) { object, out in
        check(object, &out)
    }
    private static let timeoutRange: ClosedRange<Int> = 1...30
    private static let reviewVersions: [String] = ["v1", "v1beta1"]

    static func check(_ object: JSON, _ out: inout Faults) {
        var seen: Set<String> = []
        for (i, webhook) in object.webhooks.elements.enumerated() {
            let at: String = "webhooks[\(i)]"
            check(webhook, at: at, &out)
            reviewVersions(webhook.admissionReviewVersions, at: at + ".admissionReviewVersions", &out)
            let name: String = webhook.name.text
            if !name.isEmpty, !seen.insert(name).inserted { out.duplicate(at + ".name", webhook.name) }
        }
    }

    private static func check(_ w: JSON, at: String, _ out: inout Faults) {
        fullyQualified(w.name, at: at + ".name", &out)
        for (j, rule) in w.rules.elements.enumerated() { AdmissionRuleRules.check(rule, at: "\(at).rules[\(j)]", &out) }
        out.oneOf(at + ".failurePolicy", w.failurePolicy, ["Fail", "Ignore"], isRequired: false)
        out.oneOf(at + ".matchPolicy", w.matchPolicy, ["Equivalent", "Exact"], isRequired: false)
        if !w.sideEffects.exists {
            out.required(at + ".sideEffects", "must specify one of None, NoneOnDryRun")
        } else {
            out.oneOf(at + ".sideEffects", w.sideEffects, ["None", "NoneOnDryRun"])
        }
        if let seconds = w.timeoutSeconds.asInt, !timeoutRange.contains(seconds) {
            out.invalid(
                at + ".timeoutSeconds", w.timeoutSeconds, "the timeout value must be between 1 and 30 seconds")
        }
        LabelRules.selector(w.namespaceSelector, at: at + ".namespaceSelector", &out)
        LabelRules.selector(w.objectSelector, at: at + ".objectSelector", &out)
        out.oneOf(at + ".reinvocationPolicy", w.reinvocationPolicy, ["IfNeeded", "Never"], isRequired: false)
        client(w.clientConfig, at: at + ".clientConfig", &out)
        MatchConditionRules.check(
            w.matchConditions, at: at + ".matchConditions", AdmissionExpressions.environment, &out)
    }

    private static func fullyQualified(_ name: JSON, at: String, _ out: inout Faults) {
        if name.text.isEmpty { return out.required(at) }
        let faults: [String] = NameRules.dns1123Subdomain(name.text)
        if !faults.isEmpty { return out.invalid(at, name, faults.joined(separator: ",")) }
        if name.text.split(separator: ".", omittingEmptySubsequences: false).count < 3 {
            out.invalid(at, name, "should be a domain with at least three segments separated by dots")
        }
    }

    private static func reviewVersions(_ versions: JSON, at: String, _ out: inout Faults) {
        guard !versions.elements.isEmpty else { return out.required(at, "must specify one of v1, v1beta1") }
        var seen: Set<String> = []
        for (i, version) in versions.strings.enumerated() {
            if !seen.insert(version).inserted {
                out.invalid("\(at)[\(i)]", .string(version), "duplicate version")
                continue
            }
            out.name("\(at)[\(i)]", version, NameRules.dns1035Label)
        }
        if seen.isDisjoint(with: reviewVersions) {
            out.invalid(at, versions, "must include at least one of v1, v1beta1")
        }
    }

    /// A WebhookClientConfig, of CustomResourceDefinitions too.
    static func client(_ c: JSON, at: String, _ out: inout Faults) {
        guard c.url.exists != c.service.exists else {
            return out.required(at, "exactly one of url or service is required")
        }
        if c.url.exists { url(c.url, at: at + ".url", &out) } else { service(c.service, at: at + ".service", &out) }
    }

    private static func url(_ url: JSON, at: String, _ out: inout Faults) {
        let form: String = "; desired format: https://host[/path]"
        let scheme: String = url.text.firstRange(of: "://").map { String(url.text[..<$0.lowerBound]) } ?? ""
        if scheme != "https" {
            out.invalid(at, .string(scheme), "'https' is the only allowed URL scheme" + form)
        }
        guard let parsed = OutboundURL(url.text) else {
            return out.invalid(at, "", "host must be specified" + form)
        }
        if parsed.hasUserInfo { out.invalid(at, url, "user information is not permitted in the URL") }
        if !parsed.fragment.isEmpty {
            out.invalid(at, .string(parsed.fragment), "fragments are not permitted in the URL")
        }
        if !parsed.query.isEmpty {
            out.invalid(at, .string(parsed.query), "query parameters are not permitted in the URL")
        }
    }

    private static func service(_ s: JSON, at: String, _ out: inout Faults) {
        if s.name.text.isEmpty { out.required(at + ".name", "service name is required") }
        if s.namespace.text.isEmpty { out.required(at + ".namespace", "service namespace is required") }
        let port: Int = s["port"].asInt ?? 443
        if !(1...65535).contains(port) {
            out.invalid(at + ".port", JSON(port), "port is not valid: must be between 1 and 65535, inclusive")
        }
        let path: String = s["path"].text
        if path.isEmpty || path == "/" { return }
        if path == "//" { return out.invalid(at + ".path", s["path"], "segment[0] may not be empty") }
        guard path.hasPrefix("/") else { return out.invalid(at + ".path", s["path"], "must start with a '/'") }
        var rest: Substring = path.dropFirst()
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        for (i, step) in rest.split(separator: "/", omittingEmptySubsequences: false).enumerated() {
            if step.isEmpty {
                out.invalid(at + ".path", s["path"], "segment[\(i)] may not be empty")
                continue
            }
            for why in NameRules.dns1123Subdomain(String(step)) {
                out.invalid(at + ".path", s["path"], "segment[\(i)]: \(why)")
            }
        }
    }
}

/// RuleWithOperations and NamedRuleWithOperations: of webhooks and of admission policies.
enum AdmissionRuleRules {
    static func check(_ rule: JSON, at: String, _ out: inout Faults) {
        let operations: JSON = rule.operations
        if operations.elements.isEmpty { out.required(at + ".operations") }
        if operations.elements.count > 1, operations.strings.contains("*") {
            out.invalid(at + ".operations", operations, "if '*' is present, must not specify other operations")
        }
        for (i, operation) in operations.elements.enumerated() {
            out.oneOf("\(at).operations[\(i)]", operation, ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"])
        }
        list(rule.apiGroups, at: at + ".apiGroups", "API groups", allowsEmpty: true, &out)
        list(rule.apiVersions, at: at + ".apiVersions", "API versions", allowsEmpty: false, &out)
        resources(rule.resources, at: at + ".resources", &out)
        out.oneOf(at + ".scope", rule.scope, ["*", "Cluster", "Namespaced"], isRequired: false)
    }

    private static func list(
        _ values: JSON, at: String, _ noun: String, allowsEmpty: Bool, _ out: inout Faults
    ) {
        if values.elements.isEmpty { out.required(at) }
        if values.elements.count > 1, values.strings.contains("*") {
            out.invalid(at, values, "if '*' is present, must not specify other \(noun)")
        }
        if allowsEmpty { return }
        for (i, value) in values.strings.enumerated() where value.isEmpty { out.required("\(at)[\(i)]") }
    }

    private static func resources(_ list: JSON, at: String, _ out: inout Faults) {
        if list.elements.isEmpty { out.required(at) }
        var open: Set<Substring> = []
        var everywhere: Set<Substring> = []
        var (hasBoth, hasAny, hasPlain): (Bool, Bool, Bool) = (false, false, false)
        for (i, text) in list.strings.enumerated() {
            let here: String = "\(at)[\(i)]"
            if text.isEmpty {
                out.required(here)
                continue
            }
            if text == "*/*" { hasBoth = true }
            if text == "*" { hasAny = true }
            let parts: [Substring] = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                hasPlain = text != "*"
                continue
            }
            if open.contains(parts[0]) {
                out.invalid(here, .string(text), "if '\(parts[0])/*' is present, must not specify \(text)")
            }
            if everywhere.contains(parts[1]) {
                out.invalid(here, .string(text), "if '*/\(parts[1])' is present, must not specify \(text)")
            }
            if parts[1] == "*" { open.insert(parts[0]) }
            if parts[0] == "*" { everywhere.insert(parts[1]) }
        }
        if list.elements.count > 1, hasBoth {
            out.invalid(at, list, "if '*/*' is present, must not specify other resources")
        }
        if hasAny, hasPlain {
            out.invalid(at, list, "if '*' is present, must not specify other resources without subresources")
        }
    }
}

/// matchConditions of webhooks and of admission policies.
enum MatchConditionRules {
    static let countMax: Int = 64

    static func check(
        _ conditions: JSON, at: String, _ environment: CELEnvironment = AdmissionExpressions.environment,
        _ out: inout Faults
    ) {
        if conditions.elements.count > countMax {
            out.append([.tooMany(at, conditions.elements.count, max: countMax)])
        }
        var seen: Set<String> = []
        for (i, condition) in conditions.elements.enumerated() {
            let here: String = "\(at)[\(i)]"
            let name: String = condition.name.text
            if name.isEmpty {
                out.required(here + ".name")
            } else {
                out.name(here + ".name", name, NameRules.qualifiedName)
                if !seen.insert(name).inserted { out.duplicate(here + ".name", condition.name) }
            }
            if condition.expression.text.allSatisfy({ $0.isWhitespace }) {
                out.required(here + ".expression")
            } else if let why = AdmissionExpressions.fault(of: condition.expression.text, environment) {
                out.invalid(here + ".expression", condition.expression, why)
            }
        }
    }
}
