// Types and messages of compilation, with schemas; what expressions may cost.

import KubeCEL
import KubeWire
import Testing

@Suite struct CheckTests {
    private let schema: JSON = [
        "type": "object",
        "properties": [
            "spec": [
                "type": "object",
                "properties": [
                    "replicas": ["type": "integer"], "ratio": ["type": "number"], "namespace": ["type": "string"],
                    "foo-bar": ["type": "string"], "port": ["x-kubernetes-int-or-string": true],
                    "tags": ["type": "array", "items": ["type": "string"], "x-kubernetes-list-type": "set"],
                    "until": ["type": "string", "format": "date-time"],
                    "for": ["type": "string", "format": "duration"],
                    "labels": ["type": "object", "additionalProperties": ["type": "string"]],
                    "small": ["type": "array", "maxItems": 5, "items": ["type": "string", "maxLength": 10]],
                ],
            ]
        ],
    ]

    @Test func saysWhatIsWrongAsUpstreamDoes() {
        #expect(
            Cel.fault("self.x", schema: schema)
                == "compilation failed: ERROR: <input>:1:5: undefined field 'x'\n | self.x\n | ....^")
        #expect(
            Cel.fault("x == 1", schema: schema)
                == "compilation failed: ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n | x == 1\n | ^"
        )
        #expect(
            Cel.fault("1 + 'a' == 2", schema: schema)
                == "compilation failed: ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a' == 2\n | ..^"
        )
        #expect(Cel.fault("self.spec.replicas", schema: schema) == "must evaluate to bool")
        #expect(
            Cel.fault("self.spec.replicas.x", schema: schema).contains("type 'int' does not support field selection"))
        #expect(Cel.fault("'a'.nope()", schema: schema).contains("undeclared reference to 'nope' (in container '')"))
        #expect(
            Cel.fault("'a'.startsWith(1)", schema: schema).contains(
                "found no matching overload for 'startsWith' applied to 'string.(int)'"))
        #expect(Cel.fault("self.spec.tags.all(t, t > 1)", schema: schema).contains("applied to '(string, int)'"))
        #expect(
            Cel.fault("1 ==", schema: schema).contains("1:5: Syntax error: mismatched input '<EOF>' expecting {'['"))
        #expect(Cel.fault("(1", schema: schema).contains("Syntax error"))
        #expect(Cel.fault("[1, 'a'] == []", schema: schema).contains("expected type 'int' but found 'string'"))
        #expect(Cel.fault("1.all(x, x)", schema: schema).contains("cannot be range of a comprehension"))
    }

    private func holds(_ text: String, _ object: JSON) throws -> Bool? {
        let d: CELDeclaration = try #require(CELDeclaration.schema(schema, isResourceRoot: true))
        let program: CELProgram = try CELProgram(
            text, CELEnvironment(variables: [(name: "self", declaration: d), (name: "oldSelf", declaration: d)]),
            returns: [.bool])
        var budget: CELBudget = CELBudget()
        return try program.evaluate(["self": CELValue(object, d), "oldSelf": CELValue(object, d)], limit: &budget)
            .asBool
    }

    @Test(arguments: [
        "self.spec.replicas == 3", "self.spec.ratio > 0.5 && self.spec.ratio == 2.0", "self.spec.__namespace__ == 'n'",
        "self.spec.foo__dash__bar == 'f'", "self.spec.port == 80", "self.spec.tags == ['b', 'a']", "self == oldSelf",
        "self.spec.tags + ['a'] == self.spec.tags", "self.spec.until < timestamp('2030-01-01T00:00:00Z')",
        "self.spec.__for__ == duration('1h')", "self.metadata.name == 'x'", "self.spec.labels['k'] == 'v'",
        "has(self.spec.labels) && !has(self.spec.small)", "self.spec.?small.orValue([]).size() == 0",
        "type(self.spec.port) == int", "self.spec.labels.all(k, self.spec.labels[k] != '')", "self.kind == 'K'",
    ])
    func typedBySchema(_ text: String) throws {
        let object: JSON = [
            "kind": "K", "metadata": ["name": "x"],
            "spec": [
                "replicas": 3, "ratio": 2, "namespace": "n", "foo-bar": "f", "port": 80, "tags": ["a", "b"],
                "until": "2024-01-01T00:00:00Z", "for": "1h", "labels": ["k": "v"],
            ],
        ]
        #expect(try holds(text, object) == true)
    }

    @Test func estimatesByTheSizesOfTheSchema() throws {
        let small: UInt64 = try Cel.program("self.spec.small.all(x, x == 'a')", schema: schema).estimatedCost
        // The range costs 3, each of 5 elements 3 + (1 + 1), the result 1.
        #expect(small == 3 + 5 * 5 + 1)
        let wide: UInt64 = try Cel.program("self.spec.tags.all(x, x == 'a')", schema: schema).estimatedCost
        #expect(wide > 5_000_000)
        let nested: CELProgram = try Cel.program(
            "self.spec.tags.all(x, self.spec.tags.all(y, x == y))", schema: schema)
        #expect(nested.estimatedCost > 1_000_000_000_000)
        #expect(try Cel.program("self.spec.replicas > 1", schema: schema).estimatedCost == 4)
        #expect(try Cel.program("self == oldSelf", schema: schema).referencesOldSelf)
    }

    /// Figures that the API server's own tests have for these schemas.
    @Test func estimatesAsUpstream() throws {
        let cases: [(schema: JSON, cost: UInt64)] = [
            (["type": "array", "items": ["type": "number"]], 4_718_591),
            (["type": "array", "items": ["type": "number"], "maxItems": 10], 32),
            (["type": "array", "items": ["type": "string"]], 3_145_727),
            (["type": "array", "items": ["type": "string"], "maxItems": 4], 14),
            (["type": "object", "additionalProperties": ["type": "number"]], 1_348_169),
        ]
        for (schema, cost) in cases {
            #expect(try Cel.program("self.all(x, true)", schema: schema, isRoot: false).estimatedCost == cost)
        }
    }
}
