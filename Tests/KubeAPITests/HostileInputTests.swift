// Broken and hostile input must end in an error, never in a crash. Deterministic: one seed.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire
import Testing

/// SplitMix64.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

@Suite struct HostileInputTests {
    private func mutated(_ bytes: [UInt8], _ random: inout Seeded) -> [UInt8] {
        var out: [UInt8] = bytes
        for _ in 0..<Int.random(in: 1...6, using: &random) where !out.isEmpty {
            let i: Int = Int.random(in: 0..<out.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: out[i] = UInt8.random(in: 0...255, using: &random)
            case 1: out.remove(at: i)
            case 2: out.insert(UInt8.random(in: 0...255, using: &random), at: i)
            default: out.removeLast(out.count - i)
            }
        }
        return out
    }

    @Test(.enabled(if: GoldenTests.folder != nil)) func protobuf() {
        var random: Seeded = Seeded(state: 1)
        let codec: ProtobufCodec = ProtobufCodec(schema: BuiltIn.schema)
        var (fine, refused): (Int, Int) = (0, 0)
        for (file, content) in GoldenTests.files where file.hasSuffix(".pb") && content.count < 20_000 {
            for _ in 0..<20 {
                let type: String? = file.contains("WatchEvent") ? "meta/v1.WatchEvent" : nil
                guard let object = try? codec.decode(mutated(content, &random), as: type) else {
                    refused += 1
                    continue
                }
                let name: String = type ?? BuiltIn.typeName(GroupVersionKind(of: object)) ?? ""
                if let normal = try? BuiltIn.schema.normalise(object, as: name).object {
                    _ = codec.encode(BuiltIn.schema.applyDefaults(normal, as: name), as: name)
                }
                fine += 1
            }
        }
        #expect(fine > 20)
        #expect(refused > 100)
    }

    @Test func yaml() {
        var random: Seeded = Seeded(state: 2)
        let text: String = """
            a: &x {b: [1, 2], c: "d\\n"}
            e: *x
            f: |
              g
            <<: *x
            ? h
            : - i
              - {j: 0x1F, k: 1_0.5e3, l: 2020-01-02}
            --- # next
            m: !!str 1
            """
        for _ in 0..<3000 {
            let bytes: [UInt8] = mutated(Array(text.utf8), &random)
            if let docs = try? YAML.parse(String(decoding: bytes, as: UTF8.self)) {
                for d in docs {
                    let back: [JSON]? = try? YAML.parse(YAML.write(d))
                    #expect(back?.map { $0.description.utf8.sorted() } == [d.description.utf8.sorted()], "\(d)")
                }
            }
        }
    }

    @Test func numbersAtTheirEnds() {
        for text in ["9223372036854775807h", "-9223372036854775808ns", "1e30s", "99999999999999999999h", "1.5h1h"] {
            _ = GoDuration.parse(text)
        }
        for text in ["1e999", "1e-999", "9" + String(repeating: "9", count: 300) + "E", "0." + String(repeating: "1", count: 300), "-9E"] {
            if let q = Quantity(text) { _ = (q + q).description + "\(q.milliValue)\(q.value)" }
        }
        #expect(IntOrString.string("9223372036854775807%").scaled(total: 1000, roundsUp: true) == nil)
        let old: Timestamp = Timestamp(rfc3339: "1700-01-01T00:00:00Z")!
        let late: Timestamp = Timestamp(rfc3339: "2261-01-01T00:00:00Z")!
        #expect(HumanDuration.text(from: old, to: late) == "561y")
        #expect((late + .seconds(Int64.max)).nanoseconds == .max)
    }

    @Test func depth() throws {
        let deep: String = String(repeating: "{\"a\":", count: 900) + "1" + String(repeating: "}", count: 900)
        let json: JSON = try JSON.parse(deep)
        let crd: ServerSideApply = ServerSideApply(schema: nil, type: "")
        let object: JSON = ["apiVersion": "x/v1", "kind": "X", "metadata": ["name": "x"], "spec": json]
        let tracked: JSON = crd.track(object, from: .null, manager: "m", subresource: "", now: .now)
        #expect(tracked.metadata.managedFields.elements.count == 1)
        #expect(try YAML.parse(YAML.write(object)).count == 1)
        let patched: JSON = try Patch.strategicMerge(
            ["metadata": ["annotations": json]], to: [:], schema: BuiltIn.schema, type: "core/v1.Pod")
        #expect(patched.metadata.exists)
        #expect(throws: StatusError.self) { try BuiltIn.schema.normalise(patched, as: "core/v1.Pod") }
    }
}
