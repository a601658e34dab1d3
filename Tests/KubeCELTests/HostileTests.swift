// Expressions made to hurt: deep, wide, endless. Each ends with an error, soon.

import KubeCEL
import KubeWire
import Testing

@Suite struct HostileTests {
    @Test func depthIsBounded() {
        let deep: [String] = [
            String(repeating: "(", count: 50_000), String(repeating: "[", count: 50_000),
            String(repeating: "{1:", count: 30_000),
            Array(repeating: "1", count: 50_000).joined(separator: "+"), "x" + String(repeating: ".a", count: 40_000),
            "x" + String(repeating: "[0]", count: 30_000), String(repeating: "true?", count: 19_000),
            String(repeating: "a(", count: 50_000),
            String(repeating: "[1].map(x,", count: 9_000), String(repeating: "x", count: 200_000),
        ]
        for text in deep { #expect(Cel.value(text, ["x": [:]]).hasPrefix("error: "), "\(text.prefix(20))") }
        // Long chains of signs and of && and || are flat.
        #expect(Cel.value(String(repeating: "!", count: 50_000) + "true") == "true")
        #expect(Cel.value(String(repeating: "-", count: 50_001) + "1") == "-1")
        #expect(Cel.value(Array(repeating: "true", count: 10_000).joined(separator: " && ")) == "true")
        #expect(Cel.value(String(repeating: "(", count: 100) + "1" + String(repeating: ")", count: 100)) == "1")
    }

    @Test func costAndMemoryAreBounded() {
        let list: JSON = .array((0..<1000).map { JSON($0) })
        #expect(
            Cel.value("l.all(a, l.all(b, l.all(c, true)))", ["l": list])
                == "error: operation cancelled: actual cost limit exceeded")
        var growth: String = "['xxxxxxxxxxxxxxxx']"
        for i in 0..<60 { growth = "cel.bind(v\(i), \(growth), v\(i) + v\(i))" }
        #expect(Cel.value(growth).hasPrefix("error: operation cancelled"))
        var text: String = "'xxxxxxxxxxxxxxxx'"
        for i in 0..<60 { text = "cel.bind(v\(i), \(text), v\(i) + v\(i))" }
        #expect(Cel.value(text).hasPrefix("error: operation cancelled"))
        #expect(Cel.value("lists.range(1000000000).size()").hasPrefix("error: operation cancelled"))
        #expect(Cel.value("'%.999999999f'.format([1.0]).size()") == "1002")
    }

    @Test func regexesTakeLinearTime() {
        let text: String = String(repeating: "a", count: 2_000)
        #expect(Cel.value("t.matches('^(a+)+$')", ["t": .string(text + "b")]) == "false")
        #expect(Cel.value("t.matches('(a*)*(a|aa)*c')", ["t": .string(text)]) == "false")
        #expect(Cel.value("'a'.matches('((a{1000}){1000}){1000}')").contains("expression too large"))
        #expect(Cel.value("'a'.matches('" + String(repeating: "(", count: 5_000) + "')").hasPrefix("error: "))
        let heavy: CELRegex? = try? CELRegex("a{0,1000}b", workMax: 100_000)
        #expect(throws: CELError.self) { try heavy?.isMatch(text) }
        #expect(Cel.value("'a'.matches('(?=a)')").hasPrefix("error: "))
        #expect(Cel.value("'a'.matches('[')").hasPrefix("error: "))
    }

    @Test func typesAndPatternsDoNotGrow() {
        var text: String = "1"
        for i in 0..<60 { text = "cel.bind(v\(i), \(text), {v\(i): v\(i)})" }
        #expect(Cel.value(text).contains("unsupported map key type"))
        let patterns: JSON = .array(Array(repeating: "(a{1000}){15}", count: 100))
        #expect(Cel.value("l.all(p, !'a'.matches(p))", ["l": patterns], limit: 50_000).contains("operation cancelled"))
    }

    /// Random tokens: whatever they make, nothing crashes and everything ends.
    @Test func survivesNoise() {
        let words: [String] = [
            "1", "'a'", "b'x'", "true", "null", "x", ".", "?", "[", "]", "(", ")", "{", "}", ":", ",", "+", "-", "==",
            "&&", "||",
            "in", "has", "all", "map", "size", "e", "has(x.a)", "[1,2].map(e,", "x.?a", "[?", "0x", "1u", "1e9", "\"",
            "\\", "`",
            "timestamp(", "duration('1s')", "quantity('1')", ".matches('a*')", ".format([", "optional.of(",
            "cel.bind(v,", "!", "%",
        ]
        var seed: UInt64 = 42
        func next() -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33)
        }
        var values: Int = 0
        for _ in 0..<5_000 {
            let text: String = (0..<(1 + next() % 12)).map { _ in words[next() % words.count] }.joined()
            if !Cel.value(text, ["x": ["a": [1, 2]]]).hasPrefix("error: ") { values += 1 }
        }
        #expect(values > 20)
    }
}
