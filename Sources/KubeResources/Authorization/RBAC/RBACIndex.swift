// Roles and bindings arranged by subject, so that one request looks at its own bindings only.

package import KubeModel
package import KubeServer
package import KubeWire

package struct RBACIndex: Sendable {
    private struct Binding {
        var namespace: String
        var name: String
        var roleKind: String
        var roleName: String
        var subjects: [String]
    }

    /// A rule that applies to a user, and the words that say why.
    package struct Grant {
        package var rule: PolicyRule
        package var reason: String
    }

    private struct ClusterRole {
        var rules: [PolicyRule]
        var labels: [String: String]
        var aggregation: [LabelSelector]
    }

    private var clusterRoles: [String: ClusterRole] = [:]
    private var roles: [ObjectKey: [PolicyRule]] = [:]
    private var clusterBindings: [String: Binding] = [:]
    private var bindings: [ObjectKey: Binding] = [:]
    private var clusterBindingsBySubject: [String: Set<String>] = [:]
    private var bindingsBySubject: [String: Set<ObjectKey>] = [:]

    package init() {}

    // MARK: changes

    package mutating func set(clusterRole o: JSON) {
        clusterRoles[o.metadata.name.text] = ClusterRole(
            rules: o.rules.elements.map { PolicyRule($0) }, labels: o.metadata.labels.stringMap,
            aggregation: o.aggregationRule.clusterRoleSelectors.elements.map { LabelSelector($0) })
    }
    package mutating func remove(clusterRole name: String) { clusterRoles[name] = nil }
    package mutating func set(role o: JSON) { roles[ObjectKey(of: o)] = o.rules.elements.map { PolicyRule($0) } }
    package mutating func remove(role key: ObjectKey) { roles[key] = nil }

    private static func binding(_ o: JSON) -> Binding {
        let own: String = o.metadata.namespace.text
        let subjects: [String] = o.subjects.elements.compactMap { s in
            switch s.kind.text {
            case "User": return "u:" + s.name.text
            case "Group": return "g:" + s.name.text
            case "ServiceAccount":
                let ns: String = s.namespace.text.isEmpty ? own : s.namespace.text
                return ns.isEmpty ? nil : "u:system:serviceaccount:\(ns):\(s.name.text)"
            default: return nil
            }
        }
        return Binding(
            namespace: own, name: o.metadata.name.text, roleKind: o.roleRef.kind.text, roleName: o.roleRef.name.text,
            subjects: subjects)
    }

    package mutating func set(clusterRoleBinding o: JSON) {
        let b: Binding = Self.binding(o)
        remove(clusterRoleBinding: b.name)
        clusterBindings[b.name] = b
        for s in b.subjects { clusterBindingsBySubject[s, default: []].insert(b.name) }
    }
    package mutating func remove(clusterRoleBinding name: String) {
        guard let b = clusterBindings.removeValue(forKey: name) else { return }
        for s in b.subjects { clusterBindingsBySubject[s]?.remove(name) }
    }
    package mutating func set(roleBinding o: JSON) {
        let b: Binding = Self.binding(o)
        let key: ObjectKey = ObjectKey(of: o)
        remove(roleBinding: key)
        bindings[key] = b
        for s in b.subjects { bindingsBySubject[s, default: []].insert(key) }
    }
    package mutating func remove(roleBinding key: ObjectKey) {
        guard let b = bindings.removeValue(forKey: key) else { return }
        for s in b.subjects { bindingsBySubject[s]?.remove(key) }
    }

    // MARK: questions

    /// Own rules and those of the roles that its aggregation rule selects.
    package func rules(clusterRole name: String) -> [PolicyRule]? {
        guard let role = clusterRoles[name] else { return nil }
        var out: [PolicyRule] = role.rules
        for selector in role.aggregation {
            for (other, r) in clusterRoles where other != name && selector.matches(r.labels) {
                for rule in r.rules where !out.contains(rule) { out.append(rule) }
            }
        }
        return out
    }
    package func rules(role key: ObjectKey) -> [PolicyRule]? { roles[key] }

    private static func subjects(of user: UserInfo) -> [(key: String, words: String)] {
        var list: [(key: String, words: String)] = [("u:" + user.name, "User \"\(user.name)\"")]
        if let sa = user.serviceAccount {
            list[0].words = "ServiceAccount \"\(sa.name)/\(sa.namespace)\""
        }
        for g in user.groups { list.append(("g:" + g, "Group \"\(g)\"")) }
        return list
    }

    /// Visits each rule that holds for the user in the namespace (empty: cluster-wide only) until `visit` answers
    /// false. Answers the roles that are bound but do not exist.
    @discardableResult
    package func visit(_ user: UserInfo, namespace: String, _ visit: (Grant) -> Bool) -> [String] {
        var absent: [String] = []
        let subjects: [(key: String, words: String)] = Self.subjects(of: user)
        for subject in subjects {
            for name in clusterBindingsBySubject[subject.key] ?? [] {
                guard let b = clusterBindings[name] else { continue }
                guard let rules = rules(clusterRole: b.roleName) else {
                    absent.append("clusterrole.rbac.authorization.k8s.io \"\(b.roleName)\" not found")
                    continue
                }
                for rule in rules {
                    let why: String =
                        "RBAC: allowed by ClusterRoleBinding \"\(name)\" of ClusterRole \"\(b.roleName)\" to \(subject.words)"
                    if !visit(Grant(rule: rule, reason: why)) { return absent }
                }
            }
        }
        if namespace.isEmpty { return absent }
        for subject in subjects {
            for key in bindingsBySubject[subject.key] ?? [] where key.namespace == namespace {
                guard let b = bindings[key] else { continue }
                let rules: [PolicyRule]? =
                    b.roleKind == "ClusterRole"
                    ? rules(clusterRole: b.roleName)
                    : self.rules(role: ObjectKey(namespace: namespace, name: b.roleName))
                guard let rules else {
                    absent.append("\(b.roleKind.lowercased()).rbac.authorization.k8s.io \"\(b.roleName)\" not found")
                    continue
                }
                for rule in rules {
                    let why: String =
                        "RBAC: allowed by RoleBinding \"\(b.name)/\(namespace)\" of \(b.roleKind) \"\(b.roleName)\" to "
                        + subject.words
                    if !visit(Grant(rule: rule, reason: why)) { return absent }
                }
            }
        }
        return absent
    }
}
