// The roles and bindings that every cluster starts with: plugin/pkg/auth/authorizer/rbac/bootstrappolicy as tables.

import KubeModel
package import KubeWire

/// Short forms of rules, so that the tables stay readable.
package enum BootstrapPolicy {
    package static let read: [String] = ["get", "list", "watch"]
    package static let readUpdate: [String] = ["get", "list", "watch", "update", "patch"]
    package static let write: [String] = ["create", "delete", "deletecollection", "patch", "update"]
    package static let readWrite: [String] = read + write
    package static let group: String = "rbac.authorization.k8s.io"

    package static func rule(
        _ verbs: [String], _ groups: [String], _ resources: [String], names: [String] = []
    ) -> PolicyRule {
        PolicyRule(
            verbs: verbs.sorted(), apiGroups: groups, resources: resources.sorted(), resourceNames: names)
    }
    package static func urls(_ verbs: [String], _ paths: [String]) -> PolicyRule {
        PolicyRule(verbs: verbs, paths: paths)
    }
    /// create, patch, update of events in both groups.
    package static let events: PolicyRule = rule(
        ["create", "patch", "update"], ["", "events.k8s.io"], ["events"])

    /// A role as the tables hold it; the namespace is empty for ClusterRoles.
    package struct Role: Sendable {
        package var namespace: String = ""
        package var name: String
        package var rules: [PolicyRule] = []
        package var labels: [String: String] = [:]
        package var aggregates: String?
        package init(
            _ name: String, _ rules: [PolicyRule], namespace: String = "", labels: [String: String] = [:],
            aggregates: String? = nil
        ) {
            self.namespace = namespace
            self.name = name
            self.rules = rules
            self.labels = labels
            self.aggregates = aggregates
        }
    }

    package struct Subject: Sendable {
        package var json: JSON
        package static func user(_ name: String) -> Subject {
            Subject(json: ["kind": "User", "apiGroup": .string(BootstrapPolicy.group), "name": .string(name)])
        }
        package static func group(_ name: String) -> Subject {
            Subject(json: ["kind": "Group", "apiGroup": .string(BootstrapPolicy.group), "name": .string(name)])
        }
        package static func account(_ namespace: String, _ name: String) -> Subject {
            Subject(json: ["kind": "ServiceAccount", "name": .string(name), "namespace": .string(namespace)])
        }
    }

    package struct Binding: Sendable {
        package var namespace: String = ""
        package var name: String
        package var roleKind: String = "ClusterRole"
        package var role: String
        package var subjects: [Subject]
    }

    package static var roles: [Role] { clusterRoles + controllerRoles + namespacedRoles }

    /// As API objects, aggregated rules filled in; in the order in which to create them.
    package static var objects: [JSON] { roles.map { object($0) } + bindings.map { object($0) } }

    private static func metadata(_ name: String, _ namespace: String, _ labels: [String: String]) -> JSON {
        var m: JSON = ["name": .string(name)]
        if !namespace.isEmpty { m.namespace = .string(namespace) }
        var all: [String: String] = labels
        all["kubernetes.io/bootstrapping"] = "rbac-defaults"
        m.labels = JSON(all)
        m.annotations = ["rbac.authorization.kubernetes.io/autoupdate": "true"]
        return m
    }

    private static func object(_ role: Role) -> JSON {
        var o: JSON = ["apiVersion": "rbac.authorization.k8s.io/v1"]
        o.kind = role.namespace.isEmpty ? "ClusterRole" : "Role"
        o.metadata = metadata(role.name, role.namespace, role.labels)
        var rules: [PolicyRule] = role.rules
        if let key = role.aggregates {
            let labels: [String] = aggregationLabels(key)
            o.aggregationRule = [
                "clusterRoleSelectors": .array(labels.map { ["matchLabels": .object(JSONObject([($0, "true")]))] })
            ]
            for r in clusterRoles where labels.contains(where: { r.labels[$0] == "true" }) {
                for rule in expanded(r) where !rules.contains(rule) { rules.append(rule) }
            }
        }
        o.rules = .array(rules.map { $0.json })
        return o
    }

    private static func expanded(_ role: Role) -> [PolicyRule] {
        guard let key = role.aggregates else { return role.rules }
        let labels: [String] = aggregationLabels(key)
        return role.rules
            + clusterRoles.filter { r in labels.contains { r.labels[$0] == "true" } }.flatMap { expanded($0) }
    }

    /// `admin` takes what is labelled for itself; `edit` and `view` are labelled for the next above.
    private static func aggregationLabels(_ key: String) -> [String] {
        ["rbac.authorization.k8s.io/aggregate-to-\(key)"]
    }

    private static func object(_ b: Binding) -> JSON {
        [
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": b.namespace.isEmpty ? "ClusterRoleBinding" : "RoleBinding",
            "metadata": metadata(b.name, b.namespace, [:]),
            "roleRef": ["apiGroup": .string(group), "kind": .string(b.roleKind), "name": .string(b.role)],
            "subjects": .array(b.subjects.map { $0.json }),
        ]
    }
}
