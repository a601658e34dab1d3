// YAML both ways, with go-yaml's typing, messages and style.

import KubeWire
import Testing

@Suite struct YAMLTests {
    private func one(_ text: String) throws -> JSON { try #require(try YAML.parse(text).first) }

    @Test(arguments: [
        ("a: 1", #"{"a":1}"#), ("a: 0644", #"{"a":420}"#), ("a: 0x1F", #"{"a":31}"#), ("a: 1_000", #"{"a":1000}"#),
        ("a: 1e3", #"{"a":1000}"#), ("a: 0.5", #"{"a":0.5}"#), ("a: yes", #"{"a":true}"#), ("a: off", #"{"a":false}"#),
        ("a: ~", #"{"a":null}"#), ("a:", #"{"a":null}"#), ("a: 'yes'", #"{"a":"yes"}"#),
        ("a: 1.2.3", #"{"a":"1.2.3"}"#),
        ("a: 2020-01-02", #"{"a":"2020-01-02"}"#), ("1: x", #"{"1":"x"}"#), ("true: x", #"{"true":"x"}"#),
        ("a: !!str 1", #"{"a":"1"}"#), ("a: |\n  x\n  y\n", #"{"a":"x\ny\n"}"#), ("a: >-\n  x\n  y\n", #"{"a":"x y"}"#),
        ("a: &x {b: 1}\nc: *x", #"{"a":{"b":1},"c":{"b":1}}"#),
        ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3", #"{"a":{"b":1,"c":2},"d":{"c":3,"b":1}}"#),
        ("- a\n- b: c\n  d: e", #"["a",{"b":"c","d":"e"}]"#), (#"{"a": "b"}"#, #"{"a":"b"}"#), ("a: 08", #"{"a":8}"#),
    ])
    func reads(_ text: String, _ json: String) throws { #expect(try one(text).description == json) }

    @Test func readsDocuments() throws {
        let docs: [JSON] = try YAML.parse("# nothing\n---\na: 1\n---\n\n---\nb: 2\n")
        #expect(docs == [["a": 1], ["b": 2]])
    }

    @Test(arguments: [
        ("a: b: c", "yaml: mapping values are not allowed in this context"),
        ("a: 1\nb:\n\tc: 1", "yaml: line 3: found character that cannot start any token"),
        ("a: *x", "yaml: unknown anchor 'x' referenced"),
        ("a: [1, 2", "yaml: line 1: did not find expected ',' or ']'"),
        ("a: &x [*x]", "yaml: anchor 'x' value contains itself"),
    ])
    func refuses(_ text: String, _ words: String) {
        #expect(throws: YAMLError(message: "error converting YAML to JSON: " + words)) { try YAML.parse(text) }
    }

    @Test func refusesBombs() {
        var text: String = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
        for i in 1..<9 {
            text += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 9).joined(separator: ",") + "]\n"
        }
        #expect(throws: YAMLError(message: "error converting YAML to JSON: yaml: document contains excessive aliasing"))
        {
            try YAML.parse(text)
        }
        #expect(throws: YAMLError.self) { try YAML.parse(String(repeating: "[", count: 5000)) }
    }

    @Test(arguments: [
        ("1", "\"1\""), ("yes", "\"yes\""), ("", "\"\""), ("a: b", "'a: b'"), ("a #b", "'a #b'"), ("- a", "'- a'"),
        ("it's", "it's"), ("*x", "'*x'"), ("2020-01-02T03:04:05Z", "\"2020-01-02T03:04:05Z\""), ("a\tb", "\"a\\tb\""),
        ("x\n", "|\n    x"), ("x\ny", "|-\n    x\n    y"), ("x\n\n", "|+\n    x\n"), (" x\n", "|2\n     x"),
        ("x \ny", "\"x \\ny\""), (" x", "' x'"), ("0.5", "\"0.5\""), ("null", "\"null\""), ("10:20", "\"10:20\""),
        ("a:b", "a:b"), ("ü", "ü"), ("{}", "'{}'"), ("%", "'%'"), ("12:00", "\"12:00\""), ("1.2.3.4", "1.2.3.4"),
    ])
    func writesTexts(_ text: String, _ yaml: String) throws {
        let value: JSON = ["a": ["b": .string(text)]]
        #expect(YAML.write(value) == "a:\n  b: \(yaml)\n")
        #expect(try one(YAML.write(value)) == value)
    }

    @Test func writesCollections() {
        let value: JSON = [
            "kind": "Pod", "list": [["name": "a", "args": ["x", ["y"]]], [:], []], "empty": [:], "none": [],
            "n": 1, "f": 0.5, "t": true, "z": .null, "a10": 1, "a2": 2,
        ]
        let text: String = """
            a2: 2
            a10: 1
            empty: {}
            f: 0.5
            kind: Pod
            list:
            - args:
              - x
              - - "y"
              name: a
            - {}
            - []
            "n": 1
            none: []
            t: true
            z: null

            """
        // A null literal in a dictionary stays.
        #expect(YAML.write(value) == text)
    }

    @Test func foldsLongTexts() {
        let words: String = Array(repeating: "0123456789", count: 12).joined(separator: " ")
        let lines: [Substring] = YAML.write(["message": .string("Got: " + words)]).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("message: 'Got: 0123"))
        #expect(lines[0].count > 80 && lines[0].count < 92)
        #expect(lines[1].hasPrefix("  0123"))
    }

    /// Any text comes back as it was, as value, key and list item.
    @Test func everyTextSurvives() throws {
        let letters: [String] = [
            " ", " ", ":", "#", "-", "\n", "\n", "\t", "'", "\"", "a", "1", "0", ".", "ü", "\u{85}", "\u{2028}", "\r", "%", "@",
            "\\", "{", "]", ",", "&", "*", "!", "|", ">", "?", "~", "e", "+", "y", "\u{1F600}", "\u{FEFF}", "\u{7}", "word", "=",
        ]
        var state: UInt64 = 7
        func next(_ n: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % n
        }
        for _ in 0..<5000 {
            let text: String = (0..<next(next(4) == 0 ? 60 : 8)).map { _ in letters[next(letters.count)] }.joined()
            let value: JSON = ["v": .string(text), "l": [.string(text), ["m": .string(text)]], "k": .object(JSONObject([(text, 1)]))]
            let yaml: String = YAML.write(value)
            #expect((try? YAML.parse(yaml)) == [value], "\(value)\n\(yaml)")
        }
    }
}
