// Role based access control over the roles and bindings in the server's memory.

import KubeAPI
import KubeModel
package import KubeServer
package import KubeWire
import Synchronization

/// Denies nothing: without a rule that allows, it has no opinion. `follow` must be called once, when the server has its
/// registry; before that only `system:masters` is let in.
package final class RBACAuthorizer: Authorizer {
    private let index: Mutex<RBACIndex> = Mutex(RBACIndex())

    package init() {}

    package func follow(_ registry: any ObjectRegistry) {
        registry.onChange(API.clusterRoles) { [self] old, new in
            index.withLock {
                if let new { $0.set(clusterRole: new) } else if let old { $0.remove(clusterRole: old.meta.name) }
            }
        }
        registry.onChange(API.roles) { [self] old, new in
            index.withLock {
                if let new { $0.set(role: new) } else if let old { $0.remove(role: old.meta.key) }
            }
        }
        registry.onChange(API.clusterRoleBindings) { [self] old, new in
            index.withLock {
                if let new {
                    $0.set(clusterRoleBinding: new)
                } else if let old {
                    $0.remove(clusterRoleBinding: old.meta.name)
                }
            }
        }
        registry.onChange(API.roleBindings) { [self] old, new in
            index.withLock {
                if let new { $0.set(roleBinding: new) } else if let old { $0.remove(roleBinding: old.meta.key) }
            }
        }
    }

    package func authorize(_ attributes: RequestAttributes) async -> Decision {
        if attributes.user.isMaster { return .allow(reason: "") }
        var reason: String?
        let absent: [String] = index.withLock {
            $0.visit(attributes.user, namespace: attributes.namespace) { grant in
                if grant.rule.allows(attributes) { reason = grant.reason }
                return reason == nil
            }
        }
        if let reason { return .allow(reason: reason) }
        return .noOpinion(reason: absent.isEmpty ? "" : "RBAC: " + list(absent))
    }

    private func list(_ errors: [String]) -> String {
        errors.count == 1 ? errors[0] : "[" + errors.joined(separator: ", ") + "]"
    }

    package func rules(for user: UserInfo, namespace: String) async -> AuthorizationRules? {
        var out: AuthorizationRules = AuthorizationRules()
        for rule in held(by: user, namespace: namespace) {
            if !rule.resources.isEmpty {
                out.resources.append(
                    AuthorizationRules.ResourceRule(
                        verbs: rule.verbs, apiGroups: rule.apiGroups, resources: rule.resources,
                        resourceNames: rule.resourceNames))
            }
            if !rule.paths.isEmpty {
                out.paths.append(AuthorizationRules.PathRule(verbs: rule.verbs, paths: rule.paths))
            }
        }
        return out
    }

    /// Every rule of the user: cluster-wide ones and those of the namespace.
    package func held(by user: UserInfo, namespace: String) -> [PolicyRule] {
        var rules: [PolicyRule] = []
        if user.isMaster {
            rules.append(PolicyRule(verbs: ["*"], apiGroups: ["*"], resources: ["*"]))
            rules.append(PolicyRule(verbs: ["*"], paths: ["*"]))
        }
        index.withLock {
            _ = $0.visit(user, namespace: namespace) {
                rules.append($0.rule)
                return true
            }
        }
        return rules
    }

    /// The rules a roleRef stands for; nil when there is no such role.
    package func rules(of roleRef: JSON, namespace: String) -> [PolicyRule]? {
        index.withLock {
            roleRef.kind.text == "ClusterRole"
                ? $0.rules(clusterRole: roleRef.name.text)
                : $0.rules(role: ObjectKey(namespace: namespace, name: roleRef.name.text))
        }
    }
}
