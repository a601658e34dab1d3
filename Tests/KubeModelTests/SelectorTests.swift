// Label and field selectors.

import KubeModel
import KubeWire
import Testing

@Suite struct SelectorTests {
    static let labels: [String: String] = ["app": "web", "tier": "front", "n": "5"]

    @Test(arguments: [
        ("", true), ("app=web", true), ("app==web", true), ("app!=web", false), ("app in (web, db)", true),
        ("app notin (web)", false), ("x", false), ("!x", true), ("app,tier", true), ("n>4", true), ("n<4", false),
        ("missing!=a", true), ("app=web,tier=back", false), ("app=", false), ("x notin (a)", true),
        ("in in (a)", false),
    ])
    func matches(_ text: String, _ matches: Bool) throws {
        let s: LabelSelector = try LabelSelector(parsing: text)
        #expect(s.matches(Self.labels) == matches)
        #expect(s.matches(labels: JSON(Self.labels)) == matches)
        #expect(try LabelSelector(parsing: s.description).matches(Self.labels) == matches)
    }

    @Test(arguments: [
        ("app=a b", "unable to parse requirement: found 'b', expected: ',' or 'end of string'"),
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("a,,b", "unable to parse requirement: found ',', expected: identifier after ','"),
    ])
    func refuses(_ text: String, _ words: String) {
        let error: StatusError? = #expect(throws: StatusError.self) { try LabelSelector(parsing: text) }
        #expect(error?.message == words)
        #expect(error?.code == 400)
    }

    @Test func objects() {
        #expect(!LabelSelector(JSON.null).matches([:]))
        #expect(LabelSelector([:]).matches([:]))
        let s: LabelSelector = LabelSelector([
            "matchLabels": ["app": "web"],
            "matchExpressions": [["key": "tier", "operator": "In", "values": ["b", "front"]]],
        ])
        #expect(s.matches(Self.labels))
        #expect(s.description == "app=web,tier in (b,front)")
    }

    @Test func fields() throws {
        let s: FieldSelector = try FieldSelector(parsing: #"metadata.name=a\,b,status.phase!=Running"#)
        #expect(s.terms.count == 2)
        #expect(s.terms[0].value == "a,b")
        #expect(s.matches { $0 == "metadata.name" ? "a,b" : "Pending" })
        #expect(!s.matches { $0 == "metadata.name" ? "a,b" : "Running" })
        #expect(throws: StatusError.self) { try FieldSelector(parsing: "abc") }
    }

    @Test func names() {
        #expect(NameRules.dns1123Label("web-1").isEmpty)
        #expect(!NameRules.dns1123Label("Web").isEmpty)
        #expect(NameRules.dns1123Label("a.b") == ["must not contain dots"])
        #expect(NameRules.dns1123Subdomain("a.b-c.d").isEmpty)
        #expect(!NameRules.dns1123Subdomain("a..b").isEmpty)
        #expect(!NameRules.dns1035Label("1a").isEmpty)
        #expect(NameRules.qualifiedName("example.com/Name_1").isEmpty)
        #expect(!NameRules.qualifiedName("/x").isEmpty)
        #expect(!NameRules.labelValue("-x").isEmpty)
        #expect(IntOrString.string("25%").scaled(total: 10, roundsUp: true) == 3)
        #expect(IntOrString.string("25%").scaled(total: 10, roundsUp: false) == 2)
    }
}
