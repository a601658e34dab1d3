// What extends the API: custom resource definitions, API services, admission configurations.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct CustomResourceDefinitionStrategy: Strategy {
    var keepsGeneration: Bool { true }

    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) {
        o.status = ["conditions": [], "acceptedNames": ["plural": "", "kind": ""], "storedVersions": []]
        let stored: [JSON] = o.spec.versions.elements.filter { $0.storage.isTrue }.map { $0.name }
        o.status.storedVersions = .array(stored)
    }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepStatus(&new, old: old)
        for v in new.spec.versions.elements where v.storage.isTrue {
            if !new.status.storedVersions.strings.contains(v.name.text) {
                new.status.storedVersions.elements.append(v.name)
            }
        }
    }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        let spec: JSON = o.spec
        let expected: String = "\(spec.names.plural.text).\(spec.group.text)"
        if o.meta.name != expected {
            out.invalid("metadata.name", o.metadata.name, "must be spec.names.plural+\".\"+spec.group")
        }
        if spec.group.text.isEmpty {
            out.required("spec.group")
        } else {
            out.name("spec.group", spec.group.text, NameRules.dns1123Subdomain)
            if !spec.group.text.contains(".") {
                out.invalid("spec.group", spec.group, "should be a domain with at least one dot")
            }
        }
        out.oneOf("spec.scope", spec.scope, ["Cluster", "Namespaced"])
        if spec.preserveUnknownFields.isTrue {
            out.invalid(
                "spec.preserveUnknownFields", true,
                "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead")
        }
        versions(spec, &out)
        names(spec.names, &out)
        if spec.conversion.strategy.text == "Webhook", !spec.conversion.webhook.clientConfig.exists {
            out.required("spec.conversion.webhookClientConfig", "required when strategy is set to Webhook")
        }
        return out.list
    }

    private func versions(_ spec: JSON, _ out: inout Faults) {
        var seen: Set<String> = []
        var storageCount: Int = 0
        for (i, v) in spec.versions.elements.enumerated() {
            let at: String = "spec.versions[\(i)]"
            out.name(at + ".name", v.name.text, NameRules.dns1035Label)
            if !seen.insert(v.name.text).inserted { out.duplicate(at + ".name", v.name) }
            if v.storage.isTrue { storageCount += 1 }
            let schema: JSON = v.schema.openAPIV3Schema
            if !schema.exists {
                out.required(at + ".schema.openAPIV3Schema", "schemas are required")
            } else {
                StructuralRules.check(schema, at: at + ".schema.openAPIV3Schema", isRoot: true, &out)
            }
            if let scale = v.subresources.scale.asObject {
                for f in ["specReplicasPath", "statusReplicasPath"] where (scale[f] ?? .null).text.isEmpty {
                    out.required("\(at).subresources.scale.\(f)")
                }
            }
        }
        if spec.versions.elements.isEmpty { out.required("spec.versions", "must have exactly one version marked as storage version") }
        if !spec.versions.elements.isEmpty, storageCount != 1 {
            out.invalid("spec.versions", spec.versions, "must have exactly one version marked as storage version")
        }
    }

    private func names(_ n: JSON, _ out: inout Faults) {
        for f in ["plural", "singular", "kind", "listKind"] {
            if n[f].text.isEmpty {
                if f != "singular" { out.required("spec.names.\(f)") }
            } else {
                out.name("spec.names.\(f)", n[f].text.lowercased(), NameRules.dns1035Label)
            }
        }
        for (i, s) in n.shortNames.strings.enumerated() {
            out.name("spec.names.shortNames[\(i)]", s, NameRules.dns1035Label)
        }
        if !n.kind.text.isEmpty, n.kind == n.listKind {
            out.invalid("spec.names.listKind", n.listKind, "kind and listKind may not be the same")
        }
    }

    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        out.immutable("spec.group", new.spec.group, old.spec.group)
        out.immutable("spec.scope", new.spec.scope, old.spec.scope)
        out.immutable("spec.names.plural", new.spec.names.plural, old.spec.names.plural)
        out.immutable("spec.names.kind", new.spec.names.kind, old.spec.names.kind)
        let names: [String] = new.spec.versions.elements.map { $0.name.text }
        for (i, v) in old.status.storedVersions.strings.enumerated() where !names.contains(v) {
            out.invalid("status.storedVersions[\(i)]", .string(v), "missing from spec.versions; \(v) was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in \(v) and removes \(v) from status.storedVersions")
        }
        return out.list
    }
}

/// A structural schema has a type at every level (KEP: apiextensions structural schemas).
enum StructuralRules {
    static func check(_ s: JSON, at: String, isRoot: Bool, _ out: inout Faults) {
        let isOpen: Bool =
            s["x-kubernetes-int-or-string"].isTrue || s["x-kubernetes-preserve-unknown-fields"].isTrue
        if s.type.text.isEmpty {
            if isRoot || !isOpen { out.required(at + ".type", "must not be empty for specified object fields") }
        } else {
            let types: [String] = ["array", "boolean", "integer", "number", "object", "string"]
            if !types.contains(s.type.text) { out.notSupported(at + ".type", s.type, types) }
        }
        if isRoot, !s.type.text.isEmpty, s.type.text != "object" {
            out.invalid(at + ".type", s.type, "must be object at the root")
        }
        for (key, value) in s.properties.fields {
            check(value, at: "\(at).properties[\(key)]", isRoot: false, &out)
        }
        if s.additionalProperties.asObject != nil {
            if !s.properties.fields.isEmpty {
                out.forbidden(at + ".additionalProperties", "additionalProperties and properties are mutual exclusive")
            }
            check(s.additionalProperties, at: at + ".additionalProperties", isRoot: false, &out)
        }
        if s["items"].asObject != nil { check(s["items"], at: at + ".items", isRoot: false, &out) }
        if s.type.text == "array", !s["items"].exists { out.required(at + ".items", "must be specified") }
        if s["x-kubernetes-list-type"].text == "map", s["x-kubernetes-list-map-keys"].elements.isEmpty {
            out.required(
                at + ".x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map")
        }
        if !s["$ref"].text.isEmpty { out.forbidden(at + ".$ref", "$ref is not supported") }
    }
}

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
