// Which requests an admission policy or binding means, and what its expressions see of one.

import KubeAPI
package import KubeCEL
package import KubeModel
package import KubeWire

/// admissionregistration.k8s.io MatchResources.
package struct PolicyConstraints: Sendable {
    private let rules: [WebhookRule]
    private let excluded: [WebhookRule]
    private let namespaces: LabelSelector
    private let objects: LabelSelector
    private let matchesEquivalent: Bool

    package init(_ json: JSON) {
        rules = json.resourceRules.elements.map { WebhookRule($0) }
        excluded = json.excludeResourceRules.elements.map { WebhookRule($0) }
        namespaces = json.namespaceSelector.exists ? LabelSelector(json.namespaceSelector) : .everything
        objects = json.objectSelector.exists ? LabelSelector(json.objectSelector) : .everything
        matchesEquivalent = json.matchPolicy.text != "Exact"
    }

    /// Nil: not meant. Without rules (bindings) everything is. Throws when the request's namespace is not there.
    func match(
        _ request: AdmissionRequest, _ versions: RequestVersions
    ) throws(StatusError) -> (resource: GroupVersionResource, kind: GroupVersionKind)? {
        let inNamespace: Result<Bool, StatusError> = NamespaceMatch.matches(namespaces, request)
        if case .success(false) = inNamespace { return nil }
        guard ObjectMatch.matches(objects, request) else { return nil }
        if find(excluded, request, versions) != nil { return nil }
        let found: (resource: GroupVersionResource, kind: GroupVersionKind)? =
            rules.isEmpty ? (request.resource, request.kind) : find(rules, request, versions)
        guard let found else { return nil }
        _ = try inNamespace.get()
        return found
    }

    private func find(
        _ rules: [WebhookRule], _ request: AdmissionRequest, _ versions: RequestVersions
    ) -> (resource: GroupVersionResource, kind: GroupVersionKind)? {
        if rules.contains(where: { $0.matches(request, as: request.resource) }) {
            return (request.resource, request.kind)
        }
        guard matchesEquivalent else { return nil }
        for rule in rules {
            for other in versions.equivalents where rule.matches(request, as: other) {
                if let kind = versions.kind(of: other) { return (other, kind) }
            }
        }
        return nil
    }
}

/// One request as policies see it; each policy may want another version of the objects.
package struct PolicyRequest: Sendable {
    package let request: AdmissionRequest
    package let checks: AdmissionChecks
    private let versions: RequestVersions

    package init(_ request: AdmissionRequest) {
        self.request = request
        checks = AdmissionChecks(request)
        versions = RequestVersions(request)
    }

    /// Nil: the constraints don't mean this request; else the version that they name.
    package func match(_ constraints: PolicyConstraints) throws(StatusError) -> GroupVersionKind? {
        try constraints.match(request, versions)?.kind
    }

    /// `object`, `oldObject`, `request`, `namespaceObject`, `authorizer`.
    package func variables(_ constraints: PolicyConstraints) async throws(StatusError) -> [String: CELValue] {
        guard let found = try constraints.match(request, versions) else { return [:] }
        let object: JSON = try await versions.converted(request.object, to: found.kind)
        let old: JSON = try await versions.converted(request.oldObject, to: found.kind)
        let told: JSON = AdmissionReview.told(
            request, found.resource, found.kind, object: .null, oldObject: .null, uid: "")
        var out: [String: CELValue] = checks.variables
        out["object"] = CELValue(object)
        out["oldObject"] = CELValue(old)
        out["request"] = CELValue(told, AdmissionExpressions.request)
        var namespace: JSON = .null
        if !request.namespace.isEmpty, !(request.resource.group.isEmpty && request.resource.resource == "namespaces") {
            guard let found = request.context.registry.get(API.namespaces, namespace: "", name: request.namespace)
            else {
                throw .notFound(API.namespaces.groupResource, request.namespace)
            }
            namespace = found
        }
        out["namespaceObject"] = CELValue(namespace, AdmissionExpressions.namespace)
        return out
    }

    package func converted(_ object: JSON, to kind: GroupVersionKind) async throws(StatusError) -> JSON {
        try await versions.converted(object, to: kind)
    }

    /// A mutated object of `kind` as a client could have sent it, in the request's own version.
    package func accepted(_ mutated: JSON, _ kind: GroupVersionKind) async throws(StatusError) -> JSON {
        try await versions.converted(try versions.normal(mutated, kind), to: versions.kind)
    }

    package var definition: ResourceDefinition? { versions.definition }
}

extension AdmissionExpressions {
    /// The variable `namespaceObject`: what policies may know of a Namespace.
    package static let namespace: CELDeclaration = {
        let text: CELDeclaration = .of(.string)
        let map: CELDeclaration = .of(.map(.string, .string))
        let number: CELDeclaration = .of(.int)
        let time: CELDeclaration = .of(.timestamp)
        let metadata: CELDeclaration = .object(
            "kubernetes.NamespaceMetadata",
            [
                ("name", text), ("generateName", text), ("namespace", text), ("labels", map), ("annotations", map),
                ("UID", text), ("creationTimestamp", time), ("deletionGracePeriodSeconds", number),
                ("deletionTimestamp", time), ("generation", number), ("resourceVersion", text),
                ("finalizers", .of(.list(.string))),
            ])
        return .object(
            "kubernetes.Namespace",
            [
                ("metadata", metadata),
                ("spec", .object("kubernetes.NamespaceSpec", [("finalizers", .of(.list(.string)))])),
                ("status", .object("kubernetes.NamespaceStatus", [("phase", text)])),
            ])
    }()
}

extension ResourceDefinition {
    /// The type of a custom resource's objects; nil of built-in ones and of those without a schema.
    package var customDeclaration: CELDeclaration? {
        custom.flatMap { CELDeclaration.schema($0.root.json, isResourceRoot: true) }
    }
}
