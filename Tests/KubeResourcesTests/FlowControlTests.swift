// Flow schemas and priority levels through the whole road: what is refused, in upstream's words.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire
import Testing

@Suite struct FlowControlTests {
    private static func schema(_ change: (inout JSON) -> Void = { _ in }) -> JSON {
        var o: JSON = [
            "metadata": ["name": "mine"],
            "spec": [
                "priorityLevelConfiguration": ["name": "workload-low"], "matchingPrecedence": 500,
                "distinguisherMethod": ["type": "ByUser"],
                "rules": [
                    [
                        "subjects": [["kind": "User", "user": ["name": "jane"]]],
                        "resourceRules": [
                            ["verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["*"]]
                        ],
                    ]
                ],
            ],
        ]
        change(&o)
        return o
    }

    private static func level(_ change: (inout JSON) -> Void = { _ in }) -> JSON {
        var o: JSON = [
            "metadata": ["name": "mine"],
            "spec": [
                "type": "Limited",
                "limited": ["limitResponse": ["type": "Queue", "queuing": ["queues": 8, "handSize": 2]]],
            ],
        ]
        change(&o)
        return o
    }

    @Test func goodOnesAreTakenWithTheirDefaults() async throws {
        let t: TestServer = try await TestServer.start()
        let schema: JSON = try await t.create(API.flowSchemas, "", Self.schema())
        #expect(schema.spec.matchingPrecedence == 500 && schema.metadata.generation == 1)
        let level: JSON = try await t.create(API.priorityLevelConfigurations, "", Self.level())
        #expect(level.spec.limited.nominalConcurrencyShares == 30)
        #expect(level.spec.limited.limitResponse.queuing.queueLengthLimit == 50)
    }

    @Test func mandatoryObjectsPassTheirOwnRules() async throws {
        let t: TestServer = try await TestServer.start()
        try await t.server.bootstrap()
        for resource in [API.flowSchemas, API.priorityLevelConfigurations] {
            for name in ["exempt", "catch-all"] {
                let o: JSON = try await t.call(.get, resource, "", name)
                _ = try await t.call(.update, resource, "", name, body: o)
            }
        }
        // Twice changes nothing.
        let before: JSON = try await t.call(.list, API.flowSchemas)
        try await t.server.bootstrap()
        let after: JSON = try await t.call(.list, API.flowSchemas)
        #expect(before["items"] == after["items"])
        let why: StatusError? = await t.failure { () async throws(StatusError) -> JSON in
            try await t.call(
                .patch, API.flowSchemas, "", "catch-all", body: ["spec": ["matchingPrecedence": 9000]])
        }
        #expect(why?.message.contains("spec of 'catch-all' must equal the fixed value") ?? false, "\(why?.message ?? "")")
    }

    @Test func badSchemasAreRefused() async throws {
        let t: TestServer = try await TestServer.start()
        let rows: [(String, JSON)] = [
            ("spec.matchingPrecedence: Invalid value: 10001: must be a positive value and less than or equal to 10000", Self.schema { $0.spec.matchingPrecedence = 10_001 }),
            ("spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1", Self.schema { $0.spec.matchingPrecedence = 1 }),
            ("spec.priorityLevelConfiguration.name: Required value: must reference a priority level", Self.schema { $0.spec.priorityLevelConfiguration.name = "" }),
            ("spec.distinguisherMethod.type: Unsupported value: \"ByMood\"", Self.schema { $0.spec.distinguisherMethod.type = "ByMood" }),
            ("spec.rules[0].subjects: Required value: subjects must contain at least one value", Self.schema { $0.spec.rules = [["resourceRules": [["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]]]]] }),
            ("spec.rules[0].resourceRules[0].verbs: Unsupported value", Self.schema { $0.spec.rules = [["subjects": [["kind": "Group", "group": ["name": "*"]]], "resourceRules": [["verbs": ["fly"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]]]]] }),
            ("at least one of resourceRules and nonResourceRules has to be non-empty", Self.schema { $0.spec.rules = [["subjects": [["kind": "Group", "group": ["name": "*"]]]]] }),
        ]
        for (words, object) in rows {
            let why: StatusError? = await t.failure { () async throws(StatusError) -> JSON in
                try await t.create(API.flowSchemas, "", object)
            }
            #expect(why?.message.contains(words) ?? false, "\(words): \(why?.message ?? "taken")")
        }
    }

    @Test func badLevelsAreRefused() async throws {
        let t: TestServer = try await TestServer.start()
        let rows: [(String, JSON)] = [
            ("spec.type: Unsupported value: \"Loud\": supported values: \"Exempt\", \"Limited\"", Self.level { $0.spec.type = "Loud" }),
            ("spec.limited: Required value: must not be empty when type is Limited", Self.level { $0.spec.limited = .null }),
            ("spec.limited.limitResponse.queuing.handSize: Invalid value: 9: should not be greater than queues (8)", Self.level { $0.spec.limited.limitResponse.queuing.handSize = 9 }),
            ("spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive", Self.level { $0.spec.limited.lendablePercent = 101 }),
            ("spec.limited.limitResponse.type: Unsupported value: \"Shout\"", Self.level { $0.spec.limited.limitResponse = ["type": "Shout"] }),
        ]
        for (words, object) in rows {
            let why: StatusError? = await t.failure { () async throws(StatusError) -> JSON in
                try await t.create(API.priorityLevelConfigurations, "", object)
            }
            #expect(why?.message.contains(words) ?? false, "\(words): \(why?.message ?? "taken")")
        }
    }
}
