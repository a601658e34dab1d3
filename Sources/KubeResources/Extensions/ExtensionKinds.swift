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

    private static func kind(_ name: String) -> GroupKind { GroupKind(group: "admissionregistration.k8s.io", kind: name) }

    private static let mutatingBindings: GuardedPolicyStrategy = GuardedPolicyStrategy(
        rule: { o, out in PolicyRules.binding(o, isValidating: false, &out) },
        check: { (new, old, context) throws(StatusError) in
            try await PolicyAuthority.checkBinding(
                new, old: old, policies: API.mutatingAdmissionPolicies, kind("MutatingAdmissionPolicyBinding"), context)
        })
    private static let validatingBindings: GuardedPolicyStrategy = GuardedPolicyStrategy(
        rule: { o, out in PolicyRules.binding(o, isValidating: true, &out) },
        check: { (new, old, context) throws(StatusError) in
            try await PolicyAuthority.checkBinding(
                new, old: old, policies: API.validatingAdmissionPolicies, kind("ValidatingAdmissionPolicyBinding"),
                context)
        })
    private static let mutatingPolicies: GuardedPolicyStrategy = GuardedPolicyStrategy(
        rule: { o, out in PolicyRules.mutating(o, &out) },
        check: { (new, old, context) throws(StatusError) in
            try await PolicyAuthority.checkPolicy(new, old: old, kind("MutatingAdmissionPolicy"), context)
        })

    static let entries: [Entry] = [
        Entry(API.customResourceDefinitions, CustomResourceDefinitionStrategy()),
        Entry(API.apiServices, services),
        Entry(API.mutatingWebhookConfigurations, WebhookConfigurationRules.strategy),
        Entry(API.validatingWebhookConfigurations, WebhookConfigurationRules.strategy),
        Entry(API.validatingAdmissionPolicies, ValidatingPolicyStrategy()),
        Entry(API.mutatingAdmissionPolicies, mutatingPolicies),
        Entry(API.validatingAdmissionPolicyBindings, validatingBindings),
        Entry(API.mutatingAdmissionPolicyBindings, mutatingBindings),
    ]
}
