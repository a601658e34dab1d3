import KubeAPI
import KubeModel
import KubeServer
import KubeWire
import Synchronization
import Testing

/// Custom objects on the generic road: pruning, defaults, rules, list types, generation, field selectors.
@Suite struct CustomObjectTests {
    static let resource: GroupVersionResource = GroupVersionResource("stable.example.com/v1", "crontabs")

    static func object(_ name: String, _ spec: JSON) -> JSON {
        [
            "apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": ["name": .string(name)], "spec": spec,
        ]
    }

    /// What follows definitions lives as long as its server.
    private static let kept: Mutex<[APIServer]> = Mutex([])
    private static func caller() async throws -> Caller {
        let server: APIServer = try await Fixture.server()
        kept.withLock { $0.append(server) }
        return Caller(server)
    }

    private func server(_ spec: JSON, _ version: JSON = [:]) async throws -> Caller {
        let call: Caller = try await Self.caller()
        let schema: JSON = [
            "type": "object",
            "properties": ["spec": spec, "status": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
        ]
        _ = try await call(
            .create, API.customResourceDefinitions, namespace: "",
            DefinitionRulesTests.definition(schema, version: version))
        return call
    }

    private func refusal(_ body: () async throws(StatusError) -> JSON) async -> String {
        do throws(StatusError) {
            _ = try await body()
            return ""
        } catch {
            return error.message
        }
    }

    @Test func rulesAreKeptInUpstreamsWords() async throws {
        let call: Caller = try await server([
            "type": "object",
            "x-kubernetes-validations": [
                [
                    "rule": "self.min <= self.max", "message": "min is above max", "fieldPath": ".min",
                    "reason": "FieldValueForbidden",
                ],
                ["rule": "self.max < 100", "messageExpression": "'max is ' + string(self.max)"],
                ["rule": "!has(oldSelf.min) || self.min >= oldSelf.min"],
            ],
            "properties": [
                "min": ["type": "integer"],
                "max": ["type": "integer", "x-kubernetes-validations": [["rule": "self != 13"]]],
            ],
        ])
        let both: String = await refusal { () throws(StatusError) in
            try await call(.create, Self.resource, "", Self.object("a", ["min": 5, "max": 3]))
        }
        #expect(both.hasSuffix("is invalid: spec.min: Forbidden: min is above max"))
        let computed: String = await refusal { () throws(StatusError) in
            try await call(.create, Self.resource, "", Self.object("a", ["min": 1, "max": 300]))
        }
        #expect(computed.hasSuffix("spec: Invalid value: max is 300"))
        let scalar: String = await refusal { () throws(StatusError) in
            try await call(.create, Self.resource, "", Self.object("a", ["min": 1, "max": 13]))
        }
        #expect(scalar.hasSuffix("spec.max: Invalid value: 13: failed rule: self != 13"))
        let blocked: String = await refusal { () throws(StatusError) in
            try await call(.create, Self.resource, "", Self.object("a", ["min": "x", "max": 1]))
        }
        #expect(
            blocked.contains(
                "spec.min: Invalid value: \"string\": spec.min in body must be of type integer: \"string\""))
        #expect(blocked.contains("some validation rules were not checked because the object was invalid"))
        _ = try await call(.create, Self.resource, "", Self.object("a", ["min": 5, "max": 9]))
        let transition: String = await refusal { () throws(StatusError) in
            try await call(.patch, Self.resource, "a", ["spec": ["min": 4]])
        }
        #expect(transition.hasSuffix("spec: Invalid value: failed rule: !has(oldSelf.min) || self.min >= oldSelf.min"))
    }

    @Test func rulesAreJudgedWhenTheyAreWritten() async throws {
        let call: Caller = try await Self.caller()
        func refusal(_ spec: JSON) async -> String {
            await self.refusal { () throws(StatusError) in
                try await call(
                    .create, API.customResourceDefinitions, namespace: "",
                    DefinitionRulesTests.definition(["type": "object", "properties": ["spec": spec]]))
            }
        }
        let unknown: String = await refusal(
            [
                "type": "object", "properties": ["a": ["type": "string"]],
                "x-kubernetes-validations": [["rule": "self.b == 'x'"]],
            ])
        #expect(
            unknown.contains(
                "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: apiextensions.ValidationRule{Rule:\"self.b == 'x'\""
            ))
        #expect(unknown.contains("compilation failed: ERROR: <input>:1:5: undefined field 'b'"))
        let number: String = await refusal(["type": "string", "x-kubernetes-validations": [["rule": "size(self)"]]])
        #expect(number.contains("cel expression must evaluate to a bool"))
        let costly: String = await refusal([
            "type": "array", "items": ["type": "string"],
            "x-kubernetes-validations": [["rule": "self.all(x, self.all(y, x == y))"]],
        ])
        #expect(
            costly.contains(
                "Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying"))
        let lost: String = await refusal([
            "type": "array", "maxItems": 3,
            "items": ["type": "string", "maxLength": 5, "x-kubernetes-validations": [["rule": "self == oldSelf"]]],
        ])
        #expect(
            lost.contains(
                "oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec]"
            ))
    }

    @Test func whatHasNotChangedIsNotJudgedAgain() async throws {
        let call: Caller = try await server([
            "type": "object", "properties": ["a": ["type": "string"], "b": ["type": "string"]],
        ])
        _ = try await call(.create, Self.resource, "", Self.object("a", ["a": "long", "b": "x"]))
        let schema: JSON = [
            "type": "object",
            "properties": [
                "spec": [
                    "type": "object",
                    "properties": [
                        "a": ["type": "string", "maxLength": 2], "b": ["type": "string", "maxLength": 2],
                    ],
                ]
            ],
        ]
        let version: JSON = ["name": "v1", "served": true, "storage": true, "schema": ["openAPIV3Schema": schema]]
        _ = try await call(
            .patch, API.customResourceDefinitions, "crontabs.stable.example.com", namespace: "",
            ["spec": ["versions": [version]]])
        let changed: JSON = try await call(.patch, Self.resource, "a", ["spec": ["b": "y"]])
        #expect(changed.spec == ["a": "long", "b": "y"])
        let refused: String = await refusal { () throws(StatusError) in
            try await call(.patch, Self.resource, "a", ["spec": ["a": "longer"]])
        }
        #expect(refused.hasSuffix("spec.a: Too long: may not be more than 2 bytes"))
    }

    @Test func storedObjectsGetTodaysDefaults() async throws {
        let call: Caller = try await server([
            "type": "object", "properties": ["a": ["type": "string"], "gone": ["type": "string"]],
        ])
        _ = try await call(.create, Self.resource, "", Self.object("a", ["a": "x", "gone": "y"]))
        let schema: JSON = [
            "type": "object",
            "properties": [
                "spec": [
                    "type": "object",
                    "properties": [
                        "a": ["type": "string"], "b": ["type": "integer", "default": 7],
                    ],
                ]
            ],
        ]
        let version: JSON = ["name": "v1", "served": true, "storage": true, "schema": ["openAPIV3Schema": schema]]
        _ = try await call(
            .patch, API.customResourceDefinitions, "crontabs.stable.example.com", namespace: "",
            ["spec": ["versions": [version]]])
        #expect(try await call(.get, Self.resource, "a").spec == ["a": "x", "b": 7])
        #expect(try await call(.list, Self.resource)["items"][0].spec == ["a": "x", "b": 7])
    }

    @Test func nullsListsAndEmbeddedResources() async throws {
        let call: Caller = try await server([
            "type": "object",
            "properties": [
                "n": ["type": "string", "nullable": true, "default": "d"], "m": ["type": "string", "default": "d"],
                "k": ["type": "string"], "port": ["x-kubernetes-int-or-string": true],
                "set": ["type": "array", "items": ["type": "string"], "x-kubernetes-list-type": "set"],
                "pods": [
                    "type": "object", "x-kubernetes-embedded-resource": true,
                    "x-kubernetes-preserve-unknown-fields": true,
                ],
            ],
        ])
        var sent: JSON = Self.object("a", ["port": "http"])
        sent.spec.fields["n"] = .null
        sent.spec.fields["m"] = .null
        sent.spec.fields["k"] = .null
        let made: JSON = try await call(.create, Self.resource, "", sent)
        #expect(made.spec.fields["n"] == .null && made.spec.m == "d" && made.spec.fields["k"] == nil)
        let twice: String = await refusal { () throws(StatusError) in
            try await call(.create, Self.resource, "", Self.object("b", ["set": ["x", "y", "x"], "port": 1.5]))
        }
        #expect(twice.contains("spec.set[2]: Duplicate value: \"x\""))
        #expect(twice.contains("spec.port in body must be of type integer,string: \"number\""))
        let bare: String = await refusal { () throws(StatusError) in
            try await call(.create, Self.resource, "", Self.object("b", ["pods": ["spec": [:]]]))
        }
        #expect(
            bare.contains("spec.pods.apiVersion: Required value") && bare.contains("spec.pods.kind: Required value"))
        let unknown: String = await refusal { () throws(StatusError) in
            try await call(
                .create, Self.resource, "",
                Self.object(
                    "b",
                    [
                        "zz": 1,
                        "pods": [
                            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p", "nope": 1],
                        ],
                    ]), query: ["fieldValidation": "Strict"])
        }
        #expect(
            unknown.hasSuffix(
                "strict decoding error: unknown field \"spec.zz\", unknown field \"spec.pods.metadata.nope\""))
    }

    @Test func unknownFieldsCannotBeApplied() async throws {
        let call: Caller = try await server(["type": "object", "properties": ["a": ["type": "string"]]])
        let refused: String = await refusal { () throws(StatusError) in
            try await call(
                .patch, Self.resource, "x", Self.object("x", ["a": "1", "zz": 2]), query: ["fieldManager": "me"],
                patch: .apply)
        }
        #expect(
            refused
                == "failed to create typed patch object (default/x; stable.example.com/v1, Kind=CronTab): .spec.zz: field not declared in schema"
        )
        let made: JSON = try await call(
            .patch, Self.resource, "x", Self.object("x", ["a": "1"]), query: ["fieldManager": "me"], patch: .apply)
        #expect(made.spec == ["a": "1"])
    }

    @Test func statusScaleAndGeneration() async throws {
        let call: Caller = try await server(
            ["type": "object", "properties": ["replicas": ["type": "integer"]]],
            [
                "subresources": [
                    "status": [:],
                    "scale": [
                        "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    ],
                ]
            ])
        var sent: JSON = Self.object("a", ["replicas": 1])
        sent.status.replicas = 9
        let made: JSON = try await call(.create, Self.resource, "", sent)
        #expect(!made.status.exists && made.metadata.generation == 1)
        let status: JSON = try await call(
            .patch, Self.resource, "a", ["status": ["replicas": 2, "selector": "a=b"], "spec": ["replicas": 5]],
            sub: "status")
        #expect(status.spec.replicas == 1 && status.status.replicas == 2 && status.metadata.generation == 1)
        let scale: JSON = try await call(.patch, Self.resource, "a", ["spec": ["replicas": 4]], sub: "scale")
        #expect(scale.spec.replicas == 4 && scale.status == ["replicas": 2, "selector": "a=b"])
        #expect(try await call(.get, Self.resource, "a").metadata.generation == 2)
        let negative: String = await refusal { () throws(StatusError) in
            try await call(.patch, Self.resource, "a", ["spec": ["replicas": -1]])
        }
        #expect(negative.contains("spec.replicas: Invalid value: -1: should be a non-negative integer"))
    }

    @Test func fieldsCanBeSelected() async throws {
        let call: Caller = try await server(
            ["type": "object", "properties": ["color": ["type": "string"], "size": ["type": "integer"]]],
            ["selectableFields": [["jsonPath": ".spec.color"], ["jsonPath": ".spec.size"]]])
        _ = try await call(.create, Self.resource, "", Self.object("a", ["color": "red", "size": 1]))
        _ = try await call(.create, Self.resource, "", Self.object("b", ["color": "blue"]))
        func names(_ selector: String) async throws -> [String] {
            try await call(.list, Self.resource, query: ["fieldSelector": selector])["items"].elements.map {
                $0.meta.name
            }
        }
        #expect(try await names("spec.color=red") == ["a"])
        #expect(try await names("spec.color!=red") == ["b"])
        #expect(try await names("spec.size=") == ["b"])
        let unknown: String = await refusal { () throws(StatusError) in
            try await call(.list, Self.resource, query: ["fieldSelector": "spec.nope=1"])
        }
        #expect(unknown == "field label not supported: spec.nope")
    }

    @Test func namesAreClaimedByTheFirst() async throws {
        let server: APIServer = try await Fixture.server()
        let call: Caller = Caller(server)
        let running: Task<Void, any Error> = Task { try await server.run() }
        defer { running.cancel() }
        let events = try await server.transport(user: .loopback).watch(APICall(.watch, API.customResourceDefinitions))
        _ = try await call(
            .create, API.customResourceDefinitions, namespace: "", DefinitionRulesTests.definition(["type": "object"]))
        _ = try await call(
            .create, API.customResourceDefinitions, namespace: "",
            DefinitionRulesTests.definition(["type": "object"], plural: "others", kind: "CronTab"))
        func condition(_ crd: JSON, _ type: String) -> JSON {
            crd.status.conditions.elements.first { $0.type.text == type } ?? .null
        }
        var isRefused: Bool = false
        var isFreed: Bool = false
        for try await event in events where event.object.meta.name == "others.stable.example.com" {
            let names: JSON = condition(event.object, "NamesAccepted")
            if names.status == "False", !isRefused {
                isRefused = true
                #expect(names.reason == "ListKindConflict")
                #expect(names.message == "\"CronTabList\" is already in use")
                #expect(condition(event.object, "Established").reason == "NotAccepted")
                #expect(event.object.status.acceptedNames.plural == "others")
                await #expect(throws: StatusError.noSuchResource) {
                    _ = try await call(.list, GroupVersionResource("stable.example.com/v1", "others"))
                }
                _ = try await call(.delete, API.customResourceDefinitions, "crontabs.stable.example.com", namespace: "")
            } else if names.status == "True" {
                isFreed = true
                #expect(condition(event.object, "Established").status == "True")
                break
            }
        }
        #expect(isRefused && isFreed)
        _ = try await call(.list, GroupVersionResource("stable.example.com/v1", "others"))
    }

    @Test func versionsDifferInTheirSchemas() async throws {
        let call: Caller = try await Self.caller()
        var crd: JSON = DefinitionRulesTests.definition([
            "type": "object",
            "properties": ["spec": ["type": "object", "properties": ["a": ["type": "string", "default": "one"]]]],
        ])
        crd.spec.versions.elements.append([
            "name": "v2", "served": true, "storage": false, "deprecated": true,
            "schema": [
                "openAPIV3Schema": [
                    "type": "object",
                    "properties": [
                        "spec": [
                            "type": "object",
                            "properties": ["a": ["type": "string"], "b": ["type": "string", "default": "two"]],
                        ]
                    ],
                ]
            ],
        ])
        _ = try await call(.create, API.customResourceDefinitions, namespace: "", crd)
        let v2: GroupVersionResource = GroupVersionResource("stable.example.com/v2", "crontabs")
        var sent: JSON = Self.object("x", [:])
        sent.apiVersion = "stable.example.com/v2"
        let made: JSON = try await call(.create, v2, "", sent)
        #expect(made.apiVersion == "stable.example.com/v2" && made.spec.b == "two")
        let old: JSON = try await call(.get, Self.resource, "x")
        #expect(old.apiVersion == "stable.example.com/v1" && old.spec == ["a": "one"])
    }
}
