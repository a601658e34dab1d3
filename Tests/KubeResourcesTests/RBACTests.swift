// Who may do what: rules, bindings, aggregation, nodes.

import KubeAPI
import KubeModel
import KubeResources
import KubeServer
import KubeWire
import Testing

@Suite struct RBACTests {
    private static let bob: UserInfo = UserInfo(name: "bob", groups: ["dev", "system:authenticated"])

    private static func attributes(
        _ verb: String, _ resource: GroupVersionResource, sub: String = "", ns: String = "", name: String = ""
    ) -> RequestAttributes {
        RequestAttributes(user: bob, verb: verb, resource, subresource: sub, namespace: ns, name: name)
    }

    @Test func rules() {
        let rule: PolicyRule = PolicyRule(verbs: ["get"], apiGroups: [""], resources: ["pods", "*/log"])
        #expect(rule.allows(Self.attributes("get", API.pods)))
        #expect(rule.allows(Self.attributes("get", API.pods, sub: "log")))
        #expect(!rule.allows(Self.attributes("get", API.pods, sub: "exec")))
        #expect(!rule.allows(Self.attributes("list", API.pods)))
        #expect(!rule.allows(Self.attributes("get", API.deployments)))
        let named: PolicyRule = PolicyRule(verbs: ["*"], apiGroups: ["*"], resources: ["*"], resourceNames: ["a"])
        #expect(named.allows(Self.attributes("delete", API.pods, name: "a")))
        #expect(!named.allows(Self.attributes("delete", API.pods, name: "b")))
        let paths: PolicyRule = PolicyRule(verbs: ["get"], paths: ["/healthz/*"])
        #expect(paths.allows(RequestAttributes(user: Self.bob, verb: "get", path: "/healthz/etcd")))
        #expect(!paths.allows(RequestAttributes(user: Self.bob, verb: "get", path: "/metrics")))
    }

    @Test func covering() {
        let held: [PolicyRule] = [PolicyRule(verbs: ["get", "list"], apiGroups: ["", "apps"], resources: ["*"])]
        let fine: PolicyRule = PolicyRule(verbs: ["get"], apiGroups: ["apps"], resources: ["deployments", "pods/log"])
        #expect(PolicyRule.missing([fine], from: held).isEmpty)
        let more: PolicyRule = PolicyRule(verbs: ["get", "delete"], apiGroups: [""], resources: ["pods"])
        #expect(PolicyRule.missing([more], from: held).map { $0.words } == ["{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}"])
    }

    @Test func bootstrapRoles() {
        let objects: [JSON] = BootstrapPolicy.objects
        func role(_ name: String) -> [PolicyRule] {
            objects.first { $0.kind.text == "ClusterRole" && $0.meta.name == name }?.rules.elements.map { PolicyRule($0) } ?? []
        }
        func may(_ name: String, _ verb: String, _ r: GroupVersionResource, sub: String = "") -> Bool {
            role(name).contains { $0.allows(Self.attributes(verb, r, sub: sub)) }
        }
        #expect(may("admin", "create", API.roles) && may("admin", "list", API.pods) && may("admin", "delete", API.pods))
        #expect(may("edit", "create", API.deployments) && !may("edit", "create", API.roles))
        #expect(may("edit", "get", API.secrets) && !may("view", "get", API.secrets))
        #expect(may("view", "get", API.pods, sub: "log") && !may("view", "create", API.pods))
        #expect(may("cluster-admin", "delete", API.nodes))
        let keys: [String] = objects.map { "\($0.kind.text)/\($0.meta.namespace)/\($0.meta.name)" }
        #expect(Set(keys).count == keys.count)
    }

    @Test func bindingsTakeEffectAtOnce() async throws {
        let s: TestServer = try await TestServer.start()
        let list: () async throws(StatusError) -> JSON = { () async throws(StatusError) in
            try await s.call(.list, API.pods, "default", user: Self.bob)
        }
        let refused: StatusError? = await s.failure(list)
        #expect(refused?.code == 403)
        #expect(
            refused?.message
                == "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"")
        _ = try await s.create(
            API.roleBindings, "default",
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": ["name": "devs"],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"],
                "subjects": [["kind": "Group", "name": "dev"]],
            ])
        #expect(await s.failure(list) == nil)
        let elsewhere: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.call(.list, API.pods, "kube-system", user: Self.bob)
        }
        #expect(elsewhere?.code == 403)
        _ = try await s.call(.delete, API.roleBindings, "default", "devs")
        #expect(await s.failure(list)?.code == 403)
    }

    @Test func escalation() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(
            API.roleBindings, "default",
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": ["name": "bob"],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"],
                "subjects": [["kind": "User", "name": "bob"]],
            ])
        func role(_ name: String, _ resource: String, _ group: JSON) -> JSON {
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": ["name": .string(name)],
                "rules": [["verbs": ["get"], "apiGroups": [group], "resources": [.string(resource)]]],
            ]
        }
        _ = try await s.create(API.roles, "default", role("fine", "pods", ""), user: Self.bob)
        let refused: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.roles, "default", role("more", "nodes", ""), user: Self.bob)
        }
        #expect(refused?.code == 403)
        #expect(refused?.message.contains("is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\"]}") == true)
    }

    @Test func nodesSeeOnlyTheirOwn() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(
            API.secrets, "default",
            ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "key"], "stringData": ["a": "b"]])
        _ = try await s.create(
            API.pods, "default",
            TestServer.pod("p") {
                $0.spec.nodeName = "n1"
                $0.spec.volumes = [["name": "v", "secret": ["secretName": "key"]]]
            })
        func agent(_ name: String) -> UserInfo {
            UserInfo(name: "system:node:\(name)", groups: ["system:nodes", "system:authenticated"])
        }
        _ = try await s.call(.get, API.secrets, "default", "key", user: agent("n1"))
        let refused: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.call(.get, API.secrets, "default", "key", user: agent("n2"))
        }
        #expect(refused?.message.hasSuffix("no relationship found between node 'n2' and this object") == true)
        let patch: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(
                API.nodes, "", ["apiVersion": "v1", "kind": "Node", "metadata": ["name": "n1"]], user: agent("n2"))
        }
        #expect(patch?.message == "nodes \"n1\" is forbidden: node \"n2\" is not allowed to modify node \"n1\"")
        _ = try await s.create(
            API.nodes, "", ["apiVersion": "v1", "kind": "Node", "metadata": ["name": "n1"]], user: agent("n1"))
        _ = try await s.call(.list, API.pods, user: agent("n1"), query: ["fieldSelector": "spec.nodeName=n1"])
    }
}
