// Does a webhook want to see this request, and in which version?

import KubeAPI
package import KubeModel
import KubeWire

extension Webhook {
    /// nil: it does not. Selectors come first, then rules by the request's own resource, then by its equivalents.
    func invocation(
        for request: AdmissionRequest, _ versions: RequestVersions
    ) async throws(StatusError) -> WebhookInvocation? {
        let inNamespace: Result<Bool, StatusError> = NamespaceMatch.matches(namespaceSelector, request)
        if case .success(false) = inNamespace { return nil }
        guard ObjectMatch.matches(objectSelector, request) else { return nil }
        guard let found = invocation(byRule: request, versions) else { return nil }
        // A namespace that is not there matters only to requests that the rules mean.
        _ = try inNamespace.get()
        return found
    }

    private func invocation(byRule request: AdmissionRequest, _ versions: RequestVersions) -> WebhookInvocation? {
        if rules.contains(where: { $0.matches(request, as: request.resource) }) {
            return WebhookInvocation(webhook: self, resource: request.resource, kind: request.kind)
        }
        guard matchesEquivalent else { return nil }
        let equivalents: [GroupVersionResource] = versions.equivalents
        for rule in rules {
            for other in equivalents where rule.matches(request, as: other) {
                guard let kind = versions.kind(of: other) else { continue }
                return WebhookInvocation(webhook: self, resource: other, kind: kind)
            }
        }
        return nil
    }
}

/// namespaceSelector, for webhooks and admission policies.
package enum NamespaceMatch {
    /// Fails with 404 when the request's namespace is not there.
    package static func matches(
        _ selector: LabelSelector, _ request: AdmissionRequest
    ) -> Result<Bool, StatusError> {
        let isOfNamespaces: Bool = request.resource.group.isEmpty && request.resource.resource == "namespaces"
        if request.namespace.isEmpty, !isOfNamespaces { return .success(true) }
        if selector.isEverything { return .success(true) }
        if isOfNamespaces, request.subresource.isEmpty, request.operation == .create || request.operation == .update {
            return .success(selector.matches(object: request.object))
        }
        let name: String = isOfNamespaces ? request.name : request.namespace
        guard let namespace = request.context.registry.get(API.namespaces, namespace: "", name: name) else {
            return .failure(.notFound(API.namespaces.groupResource, name))
        }
        return .success(selector.matches(object: namespace))
    }
}

/// objectSelector: the new object or the old one.
package enum ObjectMatch {
    package static func matches(_ selector: LabelSelector, _ request: AdmissionRequest) -> Bool {
        selector.isEverything
            || [request.object, request.oldObject].contains {
                $0.metadata.asObject != nil && selector.matches(object: $0)
            }
    }
}

/// What configures admission is never sent through it: a bad configuration must stay repairable.
package enum AdmissionExemption {
    private static let kinds: Set<String> = [
        "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
    ]
    package static func holds(_ request: AdmissionRequest) -> Bool {
        request.kind.group == "admissionregistration.k8s.io" && kinds.contains(request.kind.kind)
    }
}
