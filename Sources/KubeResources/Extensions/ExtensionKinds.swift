// What extends the API: custom resource definitions (whose strategy is KubeServer's), API services, admission
// configurations.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum ExtensionKinds {
    private static let services: RuledStrategy = RuledStrategy(
        hasStatus: true, keepsGeneration: false, nameRule: .custom
    ) { o, out in
        let expected: String = "\(o.spec.version.text).\(o.spec.group.text)"
        let name: String = o.meta.name
        if name != expected, !(o.spec.group.text.isEmpty && name == "v1.") {
            out.invalid(
                "metadata.name", o.metadata.name, "must be `spec.version+\".\"+spec.group`")
        }
        if o.spec.version.text.isEmpty { out.required("spec.version") }
        let group: Int = o.spec.groupPriorityMinimum.asInt ?? 0
        if !(1...20000).contains(group) {
            out.invalid("spec.groupPriorityMinimum", JSON(group), "must be positive and less than 20000")
        }
        let version: Int = o.spec.versionPriority.asInt ?? 0
        if !(1...1000).contains(version) {
            out.invalid("spec.versionPriority", JSON(version), "must be positive and less than 1000")
        }
        if o.spec.service.exists {
            for f in ["name", "namespace"] where o.spec.service[f].text.isEmpty { out.required("spec.service.\(f)") }
            if o.spec.insecureSkipTLSVerify.isTrue, !o.spec.caBundle.text.isEmpty {
                out.invalid("spec.insecureSkipTLSVerify", true, "may not be true if caBundle is present")
            }
        } else if o.spec.insecureSkipTLSVerify.isTrue {
            out.invalid("spec.insecureSkipTLSVerify", true, "local APIServices may not specify insecureSkipTLSVerify")
        }
    }

    /// Mutating and validating webhook configurations.
    private static let webhooks: RuledStrategy = RuledStrategy(keepsGeneration: true) { o, out in
        var seen: Set<String> = []
        for (i, w) in o.webhooks.elements.enumerated() {
            let at: String = "webhooks[\(i)]"
            out.name(at + ".name", w.name.text, NameRules.dns1123Subdomain)
            if w.name.text.split(separator: ".").count < 3 {
                out.invalid(at + ".name", w.name, "should be a domain with at least three segments separated by dots")
            }
            if !seen.insert(w.name.text).inserted { out.duplicate(at + ".name", w.name) }
            if w.admissionReviewVersions.elements.isEmpty {
                out.required(
                    at + ".admissionReviewVersions", "must specify one of v1, v1beta1")
            } else if !w.admissionReviewVersions.strings.contains(where: { ["v1", "v1beta1"].contains($0) }) {
                out.invalid(
                    at + ".admissionReviewVersions", w.admissionReviewVersions, "must include at least one of v1, v1beta1")
            }
            out.oneOf(at + ".failurePolicy", w.failurePolicy, ["Fail", "Ignore"], isRequired: false)
            out.oneOf(at + ".matchPolicy", w.matchPolicy, ["Equivalent", "Exact"], isRequired: false)
            if !w.sideEffects.exists {
                out.required(at + ".sideEffects", "must specify one of None, NoneOnDryRun")
            } else {
                out.oneOf(at + ".sideEffects", w.sideEffects, ["None", "NoneOnDryRun"])
            }
            if let seconds = w.timeoutSeconds.asInt, !(1...30).contains(seconds) {
                out.invalid(
                    at + ".timeoutSeconds", w.timeoutSeconds,
                    seconds > 30 ? "the timeout value must be between 1 and 30 seconds" : "the timeout value must be between 1 and 30 seconds")
            }
            LabelRules.selector(w.namespaceSelector, at: at + ".namespaceSelector", &out)
            LabelRules.selector(w.objectSelector, at: at + ".objectSelector", &out)
            let hasURL: Bool = w.clientConfig.url.exists
            if hasURL == w.clientConfig.service.exists {
                out.required(at + ".clientConfig", "exactly one of url or service is required")
            }
            for (j, r) in w.rules.elements.enumerated() {
                for f in ["operations", "apiGroups", "apiVersions", "resources"] where r[f].elements.isEmpty {
                    out.required("\(at).rules[\(j)].\(f)")
                }
            }
        }
    }

    private static let policyBindings: RuledStrategy = RuledStrategy { o, out in
        if o.spec.policyName.text.isEmpty { out.required("spec.policyName") }
    }
    private static let validatingBindings: RuledStrategy = RuledStrategy { o, out in
        if o.spec.policyName.text.isEmpty { out.required("spec.policyName") }
        if o.spec.validationActions.elements.isEmpty { out.required("spec.validationActions") }
    }
    private static let policies: RuledStrategy = RuledStrategy(hasStatus: true, keepsGeneration: true) { o, out in
        if o.spec.matchConstraints.resourceRules.elements.isEmpty {
            out.required("spec.matchConstraints.resourceRules")
        }
    }

    static let entries: [Entry] = [
        Entry(API.customResourceDefinitions, CustomResourceDefinitionStrategy()),
        Entry(API.apiServices, services),
        Entry(API.mutatingWebhookConfigurations, webhooks), Entry(API.validatingWebhookConfigurations, webhooks),
        Entry(API.validatingAdmissionPolicies, policies), Entry(API.mutatingAdmissionPolicies, policies),
        Entry(API.validatingAdmissionPolicyBindings, validatingBindings),
        Entry(API.mutatingAdmissionPolicyBindings, policyBindings),
    ]
}
