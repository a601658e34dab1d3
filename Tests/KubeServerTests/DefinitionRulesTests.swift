import KubeAPI
import KubeModel
import KubeServer
import KubeWire
import Testing

/// What upstream says of CustomResourceDefinitions that are not as they should be.
@Suite struct DefinitionRulesTests {
    static func definition(
        _ schema: JSON, group: String = "stable.example.com", plural: String = "crontabs", kind: String = "CronTab",
        version: JSON = [:]
    ) -> JSON {
        var v: JSON = ["name": "v1", "served": true, "storage": true, "schema": ["openAPIV3Schema": schema]]
        for (key, value) in version.fields { v[key] = value }
        return [
            "metadata": ["name": .string("\(plural).\(group)")],
            "spec": [
                "group": .string(group), "scope": "Namespaced",
                "names": ["plural": .string(plural), "kind": .string(kind)], "versions": [v],
            ],
        ]
    }

    private func refusal(_ definition: JSON) async throws -> String {
        let call: Caller = Caller(try await Fixture.server())
        do {
            _ = try await call(.create, API.customResourceDefinitions, namespace: "", definition)
            return ""
        } catch {
            return error.message
        }
    }

    private static func spec(_ node: JSON) -> JSON { ["type": "object", "properties": ["spec": node]] }

    private static let schemas: [(schema: JSON, said: String)] = [
        (
            spec(["properties": [:]]),
            "spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields"
        ),
        (
            ["type": "string"],
            "spec.validation.openAPIV3Schema.type: Invalid value: \"string\": must be object at the root"
        ),
        (
            spec(["type": "array"]),
            "spec.validation.openAPIV3Schema.properties[spec].items: Required value: must be specified"
        ),
        (
            spec(["type": "text"]),
            "properties[spec].type: Unsupported value: \"text\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\""
        ),
        (
            ["type": "object", "anyOf": [["properties": ["a": ["minimum": 1]]]]],
            "spec.validation.openAPIV3Schema.properties[a]: Required value: because it is defined in spec.validation.openAPIV3Schema.anyOf[0].properties[a]"
        ),
        (
            spec(["type": "object", "allOf": [["type": "object"]]]),
            "properties[spec].allOf[0].type: Forbidden: must be empty to be structural"
        ),
        (
            spec(["type": "string", "pattern": "["]),
            "properties[spec].pattern: Invalid value: \"[\": must be a valid regular expression"
        ),
        (
            spec(["type": "integer", "default": "x"]),
            "properties[spec].default: Invalid value: \"string\": spec.validation.openAPIV3Schema.properties[spec].default in body must be of type integer: \"string\""
        ),
        (
            spec(["type": "object", "properties": [:], "default": ["a": 1]]),
            "properties[spec].default: Invalid value: {\"a\":1}: must not have unknown fields"
        ),
        (
            spec(["type": "array", "items": ["type": "string"], "uniqueItems": true]),
            "properties[spec].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        ),
        (
            spec([
                "type": "array", "items": ["type": "object", "properties": ["k": ["type": "string"]]],
                "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            ]),
            "items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
        ),
        (
            spec(["type": "array", "items": ["type": "object", "properties": [:]], "x-kubernetes-list-type": "set"]),
            "items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set"
        ),
        (
            spec([
                "type": "object", "properties": ["a": ["type": "string"]], "additionalProperties": ["type": "string"],
            ]),
            "additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"
        ),
        (
            spec(["type": "object", "x-kubernetes-preserve-unknown-fields": false]),
            "x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"
        ),
        (
            [
                "type": "object",
                "properties": ["metadata": ["type": "object", "properties": ["labels": ["type": "object"]]]],
            ],
            "properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified"
        ),
        (
            spec(["type": "string", "x-kubernetes-validations": [["rule": " "]]]),
            "x-kubernetes-validations[0].rule: Required value: rule is not specified"
        ),
        (
            spec(["type": "string", "x-kubernetes-validations": [["rule": "self != ''", "reason": "Nope"]]]),
            "x-kubernetes-validations[0].reason: Unsupported value: \"Nope\""
        ),
    ]

    @Test func schemasAreJudgedInUpstreamsWords() async throws {
        for (schema, said) in Self.schemas {
            let message: String = try await refusal(Self.definition(schema))
            #expect(message.contains(said), "\(schema) → \(message)")
        }
    }

    @Test func namesVersionsAndColumnsAreJudged() async throws {
        let fine: JSON = ["type": "object"]
        var wrong: JSON = Self.definition(fine)
        wrong.metadata.name = "x.y"
        #expect(
            try await refusal(wrong).contains(
                "metadata.name: Invalid value: \"x.y\": must be spec.names.plural+\".\"+spec.group"))
        #expect(
            try await refusal(Self.definition(fine, group: "nodots")).contains(
                "should be a domain with at least one dot"))
        #expect(
            try await refusal(Self.definition(fine, kind: "Bad_Kind")).contains(
                "may have mixed case, but should otherwise match: "))
        wrong = Self.definition(fine)
        wrong.spec.versions[0].storage = false
        #expect(try await refusal(wrong).contains("must have exactly one version marked as storage version"))
        wrong = Self.definition(fine)
        wrong.spec.versions[0].schema = .null
        #expect(try await refusal(wrong).contains("spec.versions[0].schema.openAPIV3Schema: Required value"))
        wrong = Self.definition(
            fine, version: ["additionalPrinterColumns": [["name": "x", "type": "text", "jsonPath": "spec"]]])
        let columns: String = try await refusal(wrong)
        #expect(
            columns.contains(
                "spec.additionalPrinterColumns[0].type: Invalid value: \"text\": must be one of boolean,date,integer,number,string"
            ))
        #expect(
            columns.contains(
                "spec.additionalPrinterColumns[0].JSONPath: Invalid value: \"spec\": must be a simple json path starting with ."
            ))
        wrong = Self.definition(
            fine,
            version: ["subresources": ["scale": ["specReplicasPath": ".status.n", "statusReplicasPath": ".status.n"]]])
        #expect(
            try await refusal(wrong).contains(
                "spec.subresources.scale.specReplicasPath: Invalid value: \".status.n\": should be a json path under .spec"
            ))
        wrong = Self.definition(fine, version: ["selectableFields": [["jsonPath": ".spec.color"]]])
        #expect(
            try await refusal(wrong).contains(
                "spec.selectableFields[0].jsonPath: Invalid value: \".spec.color\": is an invalid path: does not refer to a valid field"
            ))
        #expect(
            try await refusal(Self.definition(fine, group: "a.k8s.io")).contains(
                "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation"
            ))
        wrong = Self.definition(fine)
        wrong.spec.conversion = ["strategy": "Webhook"]
        #expect(
            try await refusal(wrong).contains(
                "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook"))
        #expect(try await refusal(Self.definition(fine)) == "")
    }
}
