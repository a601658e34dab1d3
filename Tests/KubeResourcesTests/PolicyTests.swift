// Admission policies on a whole server in memory: what they deny, say and change.

import KubeAPI
import KubeModel
import KubeResources
import KubeServer
import KubeWire
import Testing

@Suite struct PolicyTests {
    private static func policy(_ name: String, _ resources: JSON, _ change: (inout JSON) -> Void) -> JSON {
        var object: JSON = [
            "metadata": ["name": .string(name)],
            "spec": [
                "matchConstraints": [
                    "resourceRules": [
                        [
                            "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
                            "resources": resources,
                        ]
                    ]
                ]
            ],
        ]
        change(&object)
        return object
    }
    private static func binding(_ name: String, _ change: (inout JSON) -> Void = { _ in }) -> JSON {
        var object: JSON = [
            "metadata": ["name": .string(name + "-b")],
            "spec": ["policyName": .string(name), "validationActions": ["Deny"]],
        ]
        change(&object)
        return object
    }
    private static func map(_ name: String, _ data: JSON = [:]) -> JSON {
        ["metadata": ["name": .string(name)], "data": data]
    }

    @Test func deniesInUpstreamsWords() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(
            API.validatingAdmissionPolicies, "",
            Self.policy("p", ["configmaps"]) { p in
                p.spec.variables = [["name": "size", "expression": "object.?data.orValue({}).size()"]]
                p.spec.validations = [
                    [
                        "expression": "variables.size <= 1",
                        "messageExpression": "'too many: ' + string(variables.size)",
                        "reason": "Forbidden",
                    ],
                    ["expression": "!has(object.data) || object.data.all(k, k != 'bad')"],
                ]
            })
        // Without a binding nothing happens.
        _ = try await s.create(API.configMaps, "default", Self.map("free", ["a": "1", "b": "2"]))
        _ = try await s.create(API.validatingAdmissionPolicyBindings, "", Self.binding("p"))
        let error: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.configMaps, "default", Self.map("x", ["a": "1", "b": "2"]))
        }
        #expect(error?.code == 403 && error?.reason == "Forbidden")
        #expect(
            error?.message
                == "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-b' denied request: too many: 2"
        )
        let second: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.configMaps, "default", Self.map("x", ["bad": "1"]))
        }
        #expect(second?.code == 422 && second?.reason == "Invalid")
        #expect(
            second?.message.hasSuffix(
                "denied request: failed expression: !has(object.data) || object.data.all(k, k != 'bad')") == true)
        #expect(second?.details.causes[0].message.text.hasPrefix("ValidatingAdmissionPolicy 'p'") == true)
        _ = try await s.create(API.configMaps, "default", Self.map("y", ["a": "1"]))
        // A changed policy is in force with the next request.
        var changed: JSON = try await s.call(.get, API.validatingAdmissionPolicies, "", "p")
        changed.spec.validations = [["expression": "true"]]
        _ = try await s.call(.update, API.validatingAdmissionPolicies, "", "p", body: changed)
        _ = try await s.create(API.configMaps, "default", Self.map("z", ["bad": "1", "b": "2"]))
    }

    @Test func readsParamsAndNamespaces() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(API.configMaps, "default", Self.map("limits", ["max": "1"]))
        _ = try await s.create(
            API.validatingAdmissionPolicies, "",
            Self.policy("p", ["secrets"]) { p in
                p.spec.paramKind = ["apiVersion": "v1", "kind": "ConfigMap"]
                p.spec.validations = [
                    [
                        "expression":
                            "object.data.size() <= int(params.data.max) || namespaceObject.metadata.name != 'default'",
                        "message": "more than allowed",
                    ]
                ]
            })
        _ = try await s.create(
            API.validatingAdmissionPolicyBindings, "",
            Self.binding("p") { b in
                b.spec.paramRef = ["name": "limits", "parameterNotFoundAction": "Deny"]
            })
        let two: JSON = ["metadata": ["name": "s"], "data": ["a": "YQ==", "b": "YQ=="]]
        let error: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.secrets, "default", two)
        }
        #expect(error?.message.hasSuffix("denied request: more than allowed") == true)
        // The param is looked for in the request's namespace.
        let missing: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.secrets, "kube-system", two)
        }
        #expect(
            missing?.message.hasSuffix(
                "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction")
                == true)
        _ = try await s.call(.update, API.configMaps, "default", "limits", body: Self.map("limits", ["max": "2"]))
        _ = try await s.create(API.secrets, "default", two)
    }

    @Test func failurePolicyMatchConditionsAndAuthorizer() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(
            API.validatingAdmissionPolicies, "",
            Self.policy("p", ["configmaps"]) { p in
                p.spec.matchConditions = [["name": "not-free", "expression": "object.metadata.name != 'free'"]]
                p.spec.validations = [
                    ["expression": "object.data.x == 'y'"],
                    [
                        "expression":
                            "authorizer.group('').resource('secrets').namespace('default').check('get').allowed()",
                        "message": "no secrets",
                    ],
                ]
            })
        _ = try await s.create(API.validatingAdmissionPolicyBindings, "", Self.binding("p"))
        _ = try await s.create(API.configMaps, "default", Self.map("free"))
        let error: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.configMaps, "default", Self.map("x"))
        }
        #expect(
            error?.message.hasSuffix(
                "denied request: expression 'object.data.x == 'y'' resulted in error: no such key: data") == true)
        _ = try await s.create(API.configMaps, "default", Self.map("ok", ["x": "y"]))
        _ = try await s.create(
            API.roles, "default",
            [
                "metadata": ["name": "maps"],
                "rules": [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]]],
            ])
        _ = try await s.create(
            API.roleBindings, "default",
            [
                "metadata": ["name": "maps"], "subjects": [["kind": "User", "name": "eve"]],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maps"],
            ])
        let poor: UserInfo = UserInfo(name: "eve", groups: ["system:authenticated"])
        let denied: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.configMaps, "default", Self.map("eve", ["x": "y"]), user: poor)
        }
        #expect(denied?.message.hasSuffix("denied request: no secrets") == true, "\(denied?.message ?? "admitted")")
    }

    @Test func refusesBadPolicies() async throws {
        let s: TestServer = try await TestServer.start()
        let bad: JSON = Self.policy("p", ["configmaps"]) { p in
            p.spec.validations = [
                ["expression": "object.x +"], ["expression": "params.x == 1"], ["expression": "1 + 1"],
                ["expression": "variables.y"],
                ["expression": "true", "messageExpression": "1", "reason": "Nope"],
            ]
        }
        let error: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.validatingAdmissionPolicies, "", bad)
        }
        let message: String = error?.message ?? ""
        #expect(
            message.contains(
                "spec.validations[0].expression: Invalid value: \"object.x +\": compilation failed: ERROR: <input>:1:11: Syntax error"
            ))
        #expect(message.contains("undeclared reference to 'params' (in container '')"))
        #expect(message.contains("spec.validations[2].expression: Invalid value: \"1 + 1\": must evaluate to bool"))
        #expect(message.contains("undefined field 'y'"))
        #expect(
            message.contains("spec.validations[4].messageExpression: Invalid value: \"1\": must evaluate to string"))
        #expect(message.contains("spec.validations[4].reason: Unsupported value: \"Nope\""))
        let both: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(
                API.validatingAdmissionPolicyBindings, "",
                Self.binding("p") { b in
                    b.spec.validationActions = ["Deny", "Warn"]
                })
        }
        #expect(both?.message.contains("must not contain both Deny and Warn") == true)
    }

    @Test func mutatesByApplyAndByPatch() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(
            API.mutatingAdmissionPolicies, "",
            Self.policy("m", ["configmaps"]) { p in
                p.spec.reinvocationPolicy = "IfNeeded"
                p.spec.variables = [["name": "team", "expression": "object.?data.?team.orValue('none')"]]
                p.spec.mutations = [
                    [
                        "patchType": "ApplyConfiguration",
                        "applyConfiguration": [
                            "expression": "Object{metadata: Object.metadata{labels: {'team': variables.team}}}"
                        ],
                    ],
                    [
                        "patchType": "JSONPatch",
                        "jsonPatch": [
                            "expression":
                                "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'c'}]"
                        ],
                    ],
                ]
            })
        _ = try await s.create(
            API.mutatingAdmissionPolicyBindings, "",
            [
                "metadata": ["name": "m-b"], "spec": ["policyName": "m"],
            ])
        let made: JSON = try await s.create(
            API.configMaps, "default",
            ["metadata": ["name": "x", "labels": ["own": "1"]], "data": ["team": "red"]])
        #expect(made.metadata.labels == ["own": "1", "team": "red", "a/b": "c"])
        #expect(made.data == ["team": "red"])
        let pods: JSON = Self.policy("sidecar", ["pods"]) { p in
            p.spec.reinvocationPolicy = "Never"
            p.spec.mutations = [
                [
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": [
                        "expression":
                            "Object{spec: Object.spec{initContainers: [Object.spec.initContainers{name: 'side', image: 'i:1', restartPolicy: 'Always'}]}}"
                    ],
                ]
            ]
        }
        _ = try await s.create(API.mutatingAdmissionPolicies, "", pods)
        _ = try await s.create(
            API.mutatingAdmissionPolicyBindings, "",
            [
                "metadata": ["name": "sidecar-b"], "spec": ["policyName": "sidecar"],
            ])
        let pod: JSON = try await s.create(API.pods, "default", TestServer.pod("p"))
        #expect(pod.spec.initContainers[0].name == "side")
        #expect(pod.spec.containers[0].name == "c")
        var whole: JSON = try await s.call(.get, API.mutatingAdmissionPolicies, "", "sidecar")
        whole.spec.mutations[0].applyConfiguration.expression =
            "Object{spec: Object.spec{nodeSelector: {'a': 'b'}}}"
        _ = try await s.call(.update, API.mutatingAdmissionPolicies, "", "sidecar", body: whole)
        let refused: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.pods, "default", TestServer.pod("q"))
        }
        #expect(
            refused?.message.hasSuffix(
                "MutatingAdmissionPolicy 'sidecar' with binding 'sidecar-b' denied request: error applying patch: "
                    + "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.nodeSelector")
                == true)
        let bad: JSON = Self.policy("bad", ["pods"]) { p in
            p.spec.reinvocationPolicy = "Never"
            p.spec.mutations = [["patchType": "ApplyConfiguration", "applyConfiguration": ["expression": "1"]]]
        }
        let error: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.mutatingAdmissionPolicies, "", bad)
        }
        #expect(error?.message.contains("must evaluate to Object") == true)
    }

    @Test func tellsTypesThatDoNotFit() async throws {
        let s: TestServer = try await TestServer.start()
        let policy: JSON = [
            "metadata": ["name": "t"],
            "spec": [
                "matchConstraints": [
                    "resourceRules": [
                        [
                            "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"],
                            "resources": ["deployments"],
                        ]
                    ]
                ],
                "validations": [["expression": "object.replicas > 1"], ["expression": "object.spec.replicas > 1"]],
            ],
        ]
        let made: JSON = try await s.create(API.validatingAdmissionPolicies, "", policy)
        #expect(made.status.observedGeneration == 1)
        let warnings: JSON = made.status.typeChecking.expressionWarnings
        #expect(warnings.elements.count == 1)
        #expect(warnings[0].fieldRef == "spec.validations[0].expression")
        #expect(
            warnings[0].warning.text
                == "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^\n"
        )
        var better: JSON = made
        better.spec.validations = [["expression": "object.spec.replicas > 1"]]
        better = try await s.call(.update, API.validatingAdmissionPolicies, "", "t", body: better)
        #expect(better.metadata.generation == 2 && better.status.observedGeneration == 2)
        #expect(!better.status.typeChecking.expressionWarnings.exists)
    }

    /// Params that the author may not read would leak through messages.
    @Test func authorsMustBeAbleToReadParams() async throws {
        let s: TestServer = try await TestServer.start()
        let author: UserInfo = UserInfo(name: "author", groups: ["system:authenticated"])
        let rule: JSON = [
            "apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["create"],
        ]
        _ = try await s.create(API.clusterRoles, "", ["metadata": ["name": "author"], "rules": [rule]])
        _ = try await s.create(
            API.clusterRoleBindings, "",
            [
                "metadata": ["name": "author"], "subjects": [["kind": "User", "name": "author"]],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "author"],
            ])
        let policy: JSON = Self.policy("s", ["configmaps"]) { p in
            p.spec.paramKind = ["apiVersion": "v1", "kind": "Secret"]
            p.spec.validations = [["expression": "params.data.x == 'y'"]]
        }
        let error: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.validatingAdmissionPolicies, "", policy, user: author)
        }
        #expect(
            error?.message.contains(
                "spec.paramKind: Forbidden: user author must have \"get\" permission on all objects of the referenced")
                == true, "\(error?.message ?? "created")")
        _ = try await s.create(API.validatingAdmissionPolicies, "", policy)
        let bound: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(
                API.validatingAdmissionPolicyBindings, "",
                Self.binding("s") { b in
                    b.spec.paramRef = ["name": "x", "namespace": "default", "parameterNotFoundAction": "Deny"]
                }, user: author)
        }
        #expect(
            bound?.message.contains("does not have \"get\" permission on the object referenced by paramRef") == true,
            "\(bound?.message ?? "created")")
    }

    /// matchPolicy Equivalent: expressions see the version that the rule names; Exact leaves other versions alone.
    @Test func seesTheVersionOfTheRule() async throws {
        let s: TestServer = try await TestServer.start()
        func rule(_ policy: String) -> JSON {
            [
                "metadata": ["name": .string(policy.lowercased())],
                "spec": [
                    "matchConstraints": [
                        "matchPolicy": .string(policy),
                        "namespaceSelector": ["matchExpressions": [["key": "free", "operator": "DoesNotExist"]]],
                        "resourceRules": [
                            [
                                "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "operations": ["CREATE"],
                                "resources": ["horizontalpodautoscalers"],
                            ],
                        ],
                    ],
                    "validations": [
                        [
                            "expression": "request.requestKind.version == request.kind.version",
                            "messageExpression": "'saw ' + object.apiVersion + ' of ' + request.requestKind.version",
                        ],
                    ],
                ],
            ]
        }
        let scaler: JSON = [
            "metadata": ["name": "h"],
            "spec": ["maxReplicas": 2, "scaleTargetRef": ["kind": "Deployment", "name": "d", "apiVersion": "apps/v1"]],
        ]
        let v2: GroupVersionResource = GroupVersionResource(
            group: "autoscaling", version: "v2", resource: "horizontalpodautoscalers")
        _ = try await s.create(API.validatingAdmissionPolicies, "", rule("Exact"))
        _ = try await s.create(API.validatingAdmissionPolicyBindings, "", Self.binding("exact"))
        var other: JSON = scaler
        other.metadata.name = "exact"
        _ = try await s.create(v2, "default", other)
        _ = try await s.create(API.validatingAdmissionPolicies, "", rule("Equivalent"))
        _ = try await s.create(API.validatingAdmissionPolicyBindings, "", Self.binding("equivalent"))
        let error: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(v2, "default", scaler)
        }
        #expect(
            error?.message.hasSuffix("denied request: saw autoscaling/v1 of v2") == true, "\(error?.message ?? "made")")
        _ = try await s.create(API.namespaces, "", ["metadata": ["name": "f", "labels": ["free": "1"]]])
        _ = try await s.create(v2, "f", scaler)
    }
}
