// Roles and bindings: nobody may grant more than they hold.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

/// Role and ClusterRole.
struct RoleStrategy: Strategy {
    let isNamespaced: Bool
    var nameRule: NameRule { .pathSegment }
    var allowsCreateOnUpdate: Bool { true }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        for (i, r) in o.rules.elements.enumerated() { rule(r, at: "rules[\(i)]", &out) }
        if o.aggregationRule.exists {
            if o.aggregationRule.clusterRoleSelectors.elements.isEmpty {
                out.required(
                    "aggregationRule.clusterRoleSelectors", "at least one clusterRoleSelector required if aggregationRule is non-nil")
            }
            for (i, s) in o.aggregationRule.clusterRoleSelectors.elements.enumerated() {
                LabelRules.selector(s, at: "aggregationRule.clusterRoleSelectors[\(i)]", &out)
            }
        }
        return out.list
    }

    private func rule(_ r: JSON, at: String, _ out: inout Faults) {
        if r.verbs.elements.isEmpty { out.required(at + ".verbs", "verbs must contain at least one value") }
        if !r.nonResourceURLs.elements.isEmpty {
            if isNamespaced {
                out.invalid(
                    at + ".nonResourceURLs", r.nonResourceURLs, "namespaced rules cannot apply to non-resource URLs")
            }
            if !r.apiGroups.elements.isEmpty || !r.resources.elements.isEmpty || !r.resourceNames.elements.isEmpty {
                out.invalid(
                    at + ".nonResourceURLs", r.nonResourceURLs,
                    "rules cannot apply to both regular resources and non-resource URLs")
            }
            return
        }
        if r.apiGroups.elements.isEmpty {
            out.required(at + ".apiGroups", "resource rules must supply at least one api group")
        }
        if r.resources.elements.isEmpty {
            out.required(at + ".resources", "resource rules must supply at least one resource")
        }
    }

    func beginCreate(_ o: inout JSON, _ context: RequestContext) async throws(StatusError) -> Undo? {
        try await check(o, context)
        return nil
    }
    func beginUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) async throws(StatusError) -> Undo? {
        // Labels count too: they may lend a role's rules to another by aggregation.
        if !Escalation.isOnlyForCollection(new, old) {
            try await check(new, context, hadAggregation: old.aggregationRule.exists)
        }
        return nil
    }

    private func check(
        _ o: JSON, _ context: RequestContext, hadAggregation: Bool = false
    ) async throws(StatusError) {
        if context.user.isMaster { return }
        if await Escalation.isAllowed(verb: "escalate", name: o.meta.name, context) { return }
        try await Escalation.check(o.rules.elements.map { PolicyRule($0) }, name: o.meta.name, context)
        guard o.aggregationRule.exists || hadAggregation else { return }
        let everything: [PolicyRule] = [
            PolicyRule(verbs: ["*"], apiGroups: ["*"], resources: ["*"]), PolicyRule(verbs: ["*"], paths: ["*"]),
        ]
        guard await Escalation.missing(everything, context).isEmpty else {
            throw .forbidden(
                context.resource.groupResource, o.meta.name,
                "must have cluster-admin privileges to use the aggregationRule")
        }
    }
}

/// RoleBinding and ClusterRoleBinding.
struct RoleBindingStrategy: Strategy {
    let isNamespaced: Bool
    var nameRule: NameRule { .pathSegment }
    var allowsCreateOnUpdate: Bool { true }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        if o.roleRef.apiGroup.text != API.roles.group {
            out.notSupported("roleRef.apiGroup", o.roleRef.apiGroup, [API.roles.group])
        }
        let kinds: [String] = isNamespaced ? ["Role", "ClusterRole"] : ["ClusterRole"]
        if !kinds.contains(o.roleRef.kind.text) { out.notSupported("roleRef.kind", o.roleRef.kind, kinds) }
        if o.roleRef.name.text.isEmpty {
            out.required("roleRef.name")
        } else {
            out.name("roleRef.name", o.roleRef.name.text, NameRules.pathSegment)
        }
        for (i, s) in o.subjects.elements.enumerated() { subject(s, at: "subjects[\(i)]", &out) }
        return out.list
    }

    private func subject(_ s: JSON, at: String, _ out: inout Faults) {
        if s.name.text.isEmpty { out.required(at + ".name") }
        switch s.kind.text {
        case "ServiceAccount":
            if !s.name.text.isEmpty { out.name(at + ".name", s.name.text, NameRules.dns1123Subdomain) }
            if !s.apiGroup.text.isEmpty { out.notSupported(at + ".apiGroup", s.apiGroup, [""]) }
            if !isNamespaced, s.namespace.text.isEmpty { out.required(at + ".namespace") }
        case "User", "Group":
            if s.apiGroup.text != API.roles.group {
                out.notSupported(at + ".apiGroup", s.apiGroup, [API.roles.group])
            }
        default: out.notSupported(at + ".kind", s.kind, ["Group", "ServiceAccount", "User"])
        }
    }

    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        if !Faults.same(new.roleRef, old.roleRef) {
            out.invalid("roleRef", new.roleRef, "cannot change roleRef")
        }
        return out.list
    }

    func beginCreate(_ o: inout JSON, _ context: RequestContext) async throws(StatusError) -> Undo? {
        try await check(o, context)
        return nil
    }
    func beginUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) async throws(StatusError) -> Undo? {
        if !Escalation.isOnlyForCollection(new, old) { try await check(new, context) }
        return nil
    }

    private func check(_ o: JSON, _ context: RequestContext) async throws(StatusError) {
        if context.user.isMaster { return }
        let isCluster: Bool = o.roleRef.kind.text == "ClusterRole"
        let resource: GroupVersionResource = isCluster ? API.clusterRoles : API.roles
        var attributes: RequestAttributes = RequestAttributes(
            user: context.user, verb: "bind", resource, namespace: context.namespace, name: o.roleRef.name.text)
        attributes.path = ""
        if case .allow = await context.registry.authorizer.authorize(attributes) { return }
        let role: JSON? = context.registry.get(
            resource, namespace: isCluster ? "" : context.namespace, name: o.roleRef.name.text)
        guard let role else { throw .notFound(resource.groupResource, o.roleRef.name.text) }
        try await Escalation.check(role.rules.elements.map { PolicyRule($0) }, name: o.meta.name, context)
    }
}

enum Escalation {
    static func isAllowed(verb: String, name: String, _ context: RequestContext) async -> Bool {
        let attributes: RequestAttributes = RequestAttributes(
            user: context.user, verb: verb, context.resource, namespace: context.namespace, name: name)
        if case .allow = await context.registry.authorizer.authorize(attributes) { return true }
        return false
    }

    /// Whether nothing differs but what an object's deletion needs: such changes give nobody anything.
    static func isOnlyForCollection(_ new: JSON, _ old: JSON) -> Bool {
        func bare(_ o: JSON) -> JSON {
            var o: JSON = o
            for field in ["ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation"] {
                o.metadata[field] = .null
            }
            return o
        }
        return Faults.same(bare(new), bare(old))
    }

    /// What the user does not hold of the rules.
    static func missing(_ wanted: [PolicyRule], _ context: RequestContext) async -> [PolicyRule] {
        var held: [PolicyRule] = []
        let rules: AuthorizationRules? = await context.registry.authorizer.rules(
            for: context.user, namespace: context.namespace)
        for r in rules?.resources ?? [] {
            held.append(
                PolicyRule(
                    verbs: r.verbs, apiGroups: r.apiGroups, resources: r.resources, resourceNames: r.resourceNames))
        }
        for r in rules?.paths ?? [] { held.append(PolicyRule(verbs: r.verbs, paths: r.paths)) }
        return PolicyRule.missing(wanted, from: held)
    }

    /// Refuses when the user does not hold every rule.
    static func check(_ wanted: [PolicyRule], name: String, _ context: RequestContext) async throws(StatusError) {
        let missing: [PolicyRule] = await missing(wanted, context)
        if missing.isEmpty { return }
        let groups: String = context.user.groups.map { "\"\($0)\"" }.joined(separator: " ")
        throw .forbidden(
            context.resource.groupResource, name,
            "user \"\(context.user.name)\" (groups=[\(groups)]) is attempting to grant RBAC permissions not currently "
                + "held:\n" + missing.map { $0.words }.joined(separator: "\n"))
    }
}

enum RBACResources {
    static let entries: [Entry] = [
        Entry(API.roles, RoleStrategy(isNamespaced: true)),
        Entry(API.clusterRoles, RoleStrategy(isNamespaced: false)),
        Entry(API.roleBindings, RoleBindingStrategy(isNamespaced: true)),
        Entry(API.clusterRoleBindings, RoleBindingStrategy(isNamespaced: false)),
    ]
}
