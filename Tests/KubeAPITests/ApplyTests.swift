// Server-side apply: ownership, conflicts, removal, tracking of updates.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire
import Testing

@Suite struct ApplyTests {
    static let t0: Timestamp = Timestamp(rfc3339: "2024-05-01T12:00:00Z")!
    static let t1: Timestamp = Timestamp(rfc3339: "2024-05-01T13:00:00Z")!
    static let type: String = "apps/v1.Deployment"
    let ssa: ServerSideApply = ServerSideApply(schema: BuiltIn.schema, type: type)

    static let config: JSON = [
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "d", "labels": ["app": "web"]],
        "spec": [
            "replicas": 3, "selector": ["matchLabels": ["app": "web"]],
            "template": [
                "metadata": ["labels": ["app": "web"]],
                "spec": ["containers": [["name": "c", "image": "nginx:1", "ports": [["containerPort": 80]]]]],
            ],
        ],
    ]

    private func settled(_ o: JSON) throws -> JSON {
        BuiltIn.schema.applyDefaults(try BuiltIn.schema.normalise(o, as: Self.type).object, as: Self.type)
    }
    private func apply(
        _ config: JSON, _ live: JSON, _ manager: String = "kubectl", force: Bool = false, _ now: Timestamp = t0
    ) throws -> JSON {
        try settled(
            ssa.apply(
                config, to: live, manager: manager, subresource: "", force: force, now: now, ignored: [["status"]]))
    }
    private func fields(_ o: JSON, _ manager: String) -> JSON {
        o.metadata.managedFields.elements.first { $0.manager.text == manager }?.fieldsV1 ?? .null
    }

    @Test func creates() throws {
        let d: JSON = try apply(Self.config, .null)
        #expect(d.metadata.managedFields.elements.count == 1)
        #expect(
            d.metadata.managedFields[0].description
                == #"{"manager":"kubectl","operation":"Apply","apiVersion":"apps/v1","time":"2024-05-01T12:00:00Z","#
                + #""fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"#
                + #""f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:containers":"#
                + #"{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:ports":"#
                + #"{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}}"#)
    }

    @Test func appliesAgain() throws {
        let d: JSON = try apply(Self.config, .null)
        #expect(try apply(Self.config, d, Self.t1) == d)
        var changed: JSON = Self.config
        changed.spec.template.spec.containers[0].image = "nginx:2"
        let e: JSON = try apply(changed, d, Self.t1)
        #expect(e.spec.template.spec.containers[0].image == "nginx:2")
        #expect(e.metadata.managedFields[0].time == "2024-05-01T13:00:00Z")
    }

    private func apply(_ config: JSON, _ live: JSON, _ now: Timestamp) throws -> JSON {
        try apply(config, live, "kubectl", force: false, now)
    }

    @Test func removesWhatIsNoLongerApplied() throws {
        var first: JSON = Self.config
        first.metadata.labels.tier = "front"
        first.spec.template.spec.containers[0].env = [["name": "A", "value": "1"], ["name": "B", "value": "2"]]
        first.spec.minReadySeconds = 5
        let d: JSON = try apply(first, .null)
        var second: JSON = Self.config
        second.spec.template.spec.containers[0].env = [["name": "B", "value": "2"]]
        let e: JSON = try apply(second, d)
        #expect(e.metadata.labels == ["app": "web"])
        #expect(!e.spec.minReadySeconds.exists)
        #expect(e.spec.template.spec.containers[0].env == [["name": "B", "value": "2"]])
        #expect(e.spec.template.spec.containers[0].imagePullPolicy == "IfNotPresent")
        // Another manager's value survives.
        var theirs: JSON = [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "d", "labels": ["tier": "front"]],
        ]
        let shared: JSON = try apply(theirs, d, "other")
        #expect(try apply(second, shared).metadata.labels == ["app": "web", "tier": "front"])
        theirs.metadata.labels = .null
        #expect(try apply(theirs, try apply(second, shared), "other").metadata.labels == ["app": "web"])
    }

    @Test func conflicts() throws {
        let d: JSON = try apply(Self.config, .null)
        var scaled: JSON = d
        scaled.spec.replicas = 5
        scaled = ssa.track(scaled, from: d, manager: "kubectl-edit", subresource: "", now: Self.t1)
        #expect(fields(scaled, "kubectl-edit") == ["f:spec": ["f:replicas": [:]]])
        #expect(!fields(scaled, "kubectl")["f:spec"]["f:replicas"].exists)
        let error: StatusError? = #expect(throws: StatusError.self) { try apply(Self.config, scaled) }
        #expect(
            error?.message
                == "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using apps/v1: .spec.replicas")
        #expect(error?.code == 409)
        #expect(error?.details.causes[0].field == ".spec.replicas")
        let forced: JSON = try apply(Self.config, scaled, force: true)
        #expect(forced.spec.replicas == 3)
        #expect(fields(forced, "kubectl-edit").isNull)
        var same: JSON = Self.config
        same.spec.replicas = 5
        let both: JSON = try apply(same, scaled)
        #expect(fields(both, "kubectl-edit")["f:spec"]["f:replicas"].exists)
        #expect(fields(both, "kubectl")["f:spec"]["f:replicas"].exists)
        var two: JSON = Self.config
        two.spec.replicas = 1
        two.spec.template.spec.containers[0].image = "x"
        let many: StatusError? = #expect(throws: StatusError.self) { try apply(two, try apply(same, scaled), "third") }
        #expect(
            many?.message
                == """
                Apply failed with 3 conflicts: conflicts with "kubectl":
                - .spec.replicas
                - .spec.template.spec.containers[name="c"].image
                conflicts with "kubectl-edit" using apps/v1:
                - .spec.replicas
                """)
    }

    @Test func tracksCreation() throws {
        let d: JSON = try settled(Self.config)
        let out: JSON = ssa.track(d, from: .null, manager: "curl", subresource: "", now: Self.t0)
        let f: JSON = fields(out, "curl")
        #expect(f["f:metadata"] == ["f:labels": [".": [:], "f:app": [:]]])
        #expect(
            f["f:spec"]["f:strategy"] == [
                "f:rollingUpdate": [".": [:], "f:maxSurge": [:], "f:maxUnavailable": [:]], "f:type": [:],
            ])
        #expect(!f["f:spec"]["."].exists)
        #expect(f["f:spec"]["f:template"]["f:spec"]["f:containers"][#"k:{"name":"c"}"#]["."].exists)
        #expect(!f["f:status"].exists)
        #expect(out.metadata.managedFields[0].operation == "Update")
        // A status update is its own entry.
        var s: JSON = out
        s.status.readyReplicas = 1
        s = ssa.track(s, from: out, manager: "controller", subresource: "status", now: Self.t1)
        #expect(s.metadata.managedFields.elements.count == 2)
        #expect(s.metadata.managedFields[1].subresource == "status")
        #expect(fields(s, "controller") == ["f:status": ["f:readyReplicas": [:]]])
        var bare: JSON = out
        bare.status = .null
        #expect(fields(ssa.track(s, from: bare, manager: "c", subresource: "status", now: Self.t1), "c") == ["f:status": ["f:readyReplicas": [:]]])
        #expect(ssa.track(s, from: s, manager: "x", subresource: "", now: Self.t1) == s)
        var cleared: JSON = s
        cleared.metadata.managedFields = [[:]]
        #expect(!ssa.track(cleared, from: s, manager: "x", subresource: "", now: Self.t1).metadata.managedFields.exists)
    }

    @Test func customResources() throws {
        let any: ServerSideApply = ServerSideApply(schema: nil, type: "")
        let a: JSON = [
            "apiVersion": "x.io/v1", "kind": "X", "metadata": ["name": "x"],
            "spec": ["l": [1], "m": ["a": 1, "b": 2]],
        ]
        let x: JSON = try any.apply(a, to: .null, manager: "one", subresource: "", force: false, now: Self.t0)
        #expect(fields(x, "one") == ["f:spec": [".": [:], "f:l": [:], "f:m": [".": [:], "f:a": [:], "f:b": [:]]]])
        let b: JSON = ["apiVersion": "x.io/v1", "kind": "X", "metadata": ["name": "x"], "spec": ["m": ["a": 1]]]
        let y: JSON = try any.apply(b, to: x, manager: "one", subresource: "", force: false, now: Self.t0)
        #expect(y.spec == ["m": ["a": 1]])
    }

    @Test func customSchemas() throws {
        let schema: Schema = .custom(
            [
                "type": "object",
                "properties": [
                    "spec": [
                        "type": "object",
                        "properties": [
                            "rules": [
                                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                                "items": [
                                    "type": "object",
                                    "properties": ["name": ["type": "string"], "n": ["type": "integer"]],
                                ],
                            ],
                            "ref": [
                                "type": "object", "x-kubernetes-map-type": "atomic",
                                "properties": ["a": ["type": "string"], "b": ["type": "string"]],
                            ],
                        ],
                    ]
                ],
            ], base: BuiltIn.schema)
        let s: ServerSideApply = ServerSideApply(schema: schema, type: Schema.customRoot)
        func object(_ rules: JSON, _ labels: JSON) -> JSON {
            [
                "apiVersion": "x.io/v1", "kind": "X", "metadata": ["name": "x", "labels": labels],
                "spec": ["rules": rules, "ref": ["a": "1"]],
            ]
        }
        let a: JSON = try s.apply(
            object([["name": "a", "n": 1]], ["l": "1"]), to: .null, manager: "one", subresource: "", force: false,
            now: Self.t0)
        #expect(
            fields(a, "one")
                == [
                    "f:metadata": ["f:labels": ["f:l": [:]]],
                    "f:spec": ["f:ref": [:], "f:rules": [#"k:{"name":"a"}"#: [".": [:], "f:n": [:], "f:name": [:]]]],
                ])
        let b: JSON = try s.apply(
            object([["name": "b"]], .null), to: a, manager: "two", subresource: "", force: false, now: Self.t0)
        #expect(b.spec.rules == [["name": "a", "n": 1], ["name": "b"]])
        let c: JSON = s.track(a, from: .null, manager: "curl", subresource: "", now: Self.t0)
        #expect(c.metadata.managedFields.elements.map { $0.manager } == ["curl"])
    }

    @Test func sets() throws {
        let s: ServerSideApply = ServerSideApply(schema: BuiltIn.schema, type: "core/v1.Pod")
        func pod(_ f: JSON) -> JSON {
            ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p", "finalizers": f]]
        }
        let a: JSON = try s.apply(
            pod(["a.io/x"]), to: .null, manager: "one", subresource: "", force: false, now: Self.t0)
        #expect(fields(a, "one") == ["f:metadata": ["f:finalizers": [#"v:"a.io/x""#: [:]]]])
        let b: JSON = try s.apply(pod(["b.io/x"]), to: a, manager: "two", subresource: "", force: false, now: Self.t0)
        #expect(b.metadata.finalizers == ["a.io/x", "b.io/x"])
        let c: JSON = try s.apply(
            ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"]], to: b, manager: "one", subresource: "",
            force: false, now: Self.t0)
        #expect(c.metadata.finalizers == ["b.io/x"])
    }
}
