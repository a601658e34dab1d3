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
        // Another's role: a label may lend it by aggregation, so that it counts; finalizers do not.
        _ = try await s.create(API.roles, "default", role("theirs", "nodes", ""))
        let labelled: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.server.transport(user: Self.bob).call(Self.mergePatch(["metadata": ["labels": ["a": "b"]]]))
        }
        #expect(labelled?.message.contains("attempting to grant") == true)
        _ = try await s.server.transport(user: Self.bob).call(
            Self.mergePatch(["metadata": ["finalizers": ["a.b/c"]]]))
    }

    private static func mergePatch(_ body: JSON) -> APICall {
        var call: APICall = APICall(.patch, API.roles)
        call.namespace = "default"
        call.name = "theirs"
        call.body = body
        return call
    }

    @Test func aggregationNeedsEverything() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(
            API.clusterRoles, "",
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": ["name": "maker"],
                "rules": [["verbs": ["create"], "apiGroups": ["*"], "resources": ["clusterroles"]]],
            ])
        _ = try await s.create(
            API.clusterRoleBindings, "",
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": ["name": "bob"],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "maker"],
                "subjects": [["kind": "User", "name": "bob"]],
            ])
        let refused: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(
                API.clusterRoles, "",
                [
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                    "metadata": ["name": "all"], "rules": [],
                    "aggregationRule": ["clusterRoleSelectors": [["matchLabels": ["a": "b"]]]],
                ], user: Self.bob)
        }
        #expect(
            refused?.message == "clusterroles.rbac.authorization.k8s.io \"all\" is forbidden: "
                + "must have cluster-admin privileges to use the aggregationRule")
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

    @Test func agentsShowOnlyHarmlessStaticPods() async throws {
        let s: TestServer = try await TestServer.start()
        let agent: UserInfo = UserInfo(name: "system:node:n1", groups: ["system:nodes", "system:authenticated"])
        let node: JSON = try await s.create(
            API.nodes, "", ["apiVersion": "v1", "kind": "Node", "metadata": ["name": "n1"]], user: agent)
        let owner: JSON = [
            "apiVersion": "v1", "kind": "Node", "name": "n1", "uid": node.metadata.uid, "controller": true,
        ]
        func refusal(_ change: @escaping (inout JSON) -> Void) async -> String? {
            await s.failure { () async throws(StatusError) in
                try await s.create(
                    API.pods, "default",
                    TestServer.pod("m") {
                        $0.spec.nodeName = "n1"
                        $0.metadata.annotations = ["kubernetes.io/config.mirror": "x"]
                        $0.metadata.ownerReferences = [owner]
                        change(&$0)
                    }, user: agent)
            }?.message
        }
        #expect(
            await refusal { $0.metadata.ownerReferences = [] }?
                .hasSuffix("node \"n1\" can only create pods with an owner reference set to itself") == true)
        #expect(await refusal { $0.metadata.ownerReferences[0].uid = "x" }?.contains("UID mismatch") == true)
        #expect(
            await refusal { $0.spec.volumes = [["name": "v", "secret": ["secretName": "s"]]] }?
                .hasSuffix("a mirror pod may not reference secrets") == true)
        #expect(
            await refusal { $0.spec.volumes = [["name": "v", "configMap": ["name": "s"]]] }?
                .hasSuffix("node \"n1\" can not create pods that reference configmaps") == true)
        #expect(await refusal { _ in } == nil)
    }

    @Test func agentsAskForTokensThatTheirPodsUse() async throws {
        let s: TestServer = try await TestServer.start()
        let agent: UserInfo = UserInfo(name: "system:node:n1", groups: ["system:nodes", "system:authenticated"])
        let pod: JSON = try await s.create(
            API.pods, "default",
            TestServer.pod("p") {
                $0.spec.nodeName = "n1"
                $0.spec.volumes = [
                    ["name": "v", "projected": ["sources": [["serviceAccountToken": ["path": "t", "audience": "vault"]]]]]
                ]
            })
        func refusal(_ audiences: String...) async -> String? {
            await s.failure { () async throws(StatusError) in
                try await s.call(
                    .create, API.serviceAccounts, "default", "default", "token",
                    body: [
                        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                        "spec": [
                            "audiences": JSON(audiences),
                            "boundObjectRef": [
                                "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": pod.metadata.uid,
                            ],
                        ],
                    ], user: agent)
            }?.message
        }
        #expect(await refusal("vault") == nil)
        #expect(await refusal() == nil)
        #expect(
            await refusal("other") == "serviceaccounts \"default\" is forbidden: audience \"other\" not found in pod "
                + "spec volume, system:node:n1 is not authorized to request tokens for this audience")
        #expect(await refusal("vault", "other")?.hasSuffix("node may only request 0 or 1 audiences") == true)
    }
}
