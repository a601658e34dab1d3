// Who writes a policy or binding with params must be able to read those params: a policy must not become a way around RBAC.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum PolicyAuthority {
    /// Group, version and resource of a paramKind; `*` for what is not known.
    private static func resource(_ kind: JSON, _ registry: any ObjectRegistry) -> GroupVersionResource {
        let parts: [Substring] = kind.apiVersion.text.split(separator: "/")
        guard (1...2).contains(parts.count) else { return GroupVersionResource(group: "*", version: "*", resource: "*") }
        let found: ResourceDefinition? = registry.definitions.first {
            $0.kind == kind.kind.text && $0.apiVersion == kind.apiVersion.text
        }
        return found?.gvr
            ?? GroupVersionResource(
                group: parts.count == 2 ? String(parts[0]) : "", version: String(parts[parts.count - 1]), resource: "*")
    }

    /// The user must `get` every object of the paramKind.
    static func checkPolicy(
        _ new: JSON, old: JSON, _ kind: GroupKind, _ context: RequestContext
    ) async throws(StatusError) {
        let param: JSON = new.spec.paramKind
        guard param.exists, param != old.spec.paramKind, !context.user.isMaster else { return }
        let attributes: RequestAttributes = RequestAttributes(
            user: context.user, verb: "get", resource(param, context.registry), namespace: "*", name: "*")
        if case .allow = await context.registry.authorizer.authorize(attributes) { return }
        let why: String =
            "user \(context.user.name) must have \"get\" permission on all objects of the referenced paramKind "
            + "(kind=\(param.kind.text), apiVersion=\(param.apiVersion.text))"
        throw .invalid(kind: kind, name: new.meta.name, [.forbidden("spec.paramKind", why)])
    }

    /// The user must `get` the named object, or `list` what is selected.
    static func checkBinding(
        _ new: JSON, old: JSON, policies: GroupVersionResource, _ kind: GroupKind, _ context: RequestContext
    ) async throws(StatusError) {
        let reference: JSON = new.spec.paramRef
        guard reference.exists, !context.user.isMaster,
            reference != old.spec.paramRef || new.spec.policyName != old.spec.policyName
        else { return }
        var gvr: GroupVersionResource = GroupVersionResource(group: "*", version: "*", resource: "*")
        if let policy = context.registry.get(policies, namespace: "", name: new.spec.policyName.text) {
            guard policy.spec.paramKind.exists else { return }
            gvr = resource(policy.spec.paramKind, context.registry)
        }
        let verb: String = reference.name.text.isEmpty ? "list" : "get"
        let attributes: RequestAttributes = RequestAttributes(
            user: context.user, verb: verb, gvr, namespace: reference.namespace.text, name: reference.name.text)
        if case .allow = await context.registry.authorizer.authorize(attributes) { return }
        let why: String =
            "user \(context.user.name) does not have \"\(verb)\" permission on the object referenced by paramRef"
        throw .invalid(kind: kind, name: new.meta.name, [.forbidden("spec.paramRef", why)])
    }
}

/// MutatingAdmissionPolicy, and the bindings of both kinds.
struct GuardedPolicyStrategy: Strategy {
    typealias Guard = @Sendable (_ new: JSON, _ old: JSON, _ context: RequestContext) async throws(StatusError) -> Void

    let rule: RuledStrategy.Rule
    let check: Guard
    var keepsGeneration: Bool { true }

    func validate(_ object: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        rule(object, &out)
        return out.list
    }
    func beginCreate(_ object: inout JSON, _ context: RequestContext) async throws(StatusError) -> Undo? {
        try await check(object, .null, context)
        return nil
    }
    func beginUpdate(
        _ new: inout JSON, old: JSON, _ context: RequestContext
    ) async throws(StatusError) -> Undo? {
        try await check(new, old, context)
        return nil
    }
}
