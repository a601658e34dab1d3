// Upstream's fixtures: every pair of JSON and protobuf must come out byte for byte.

import KubeAPI
import KubeModel
import KubeWire
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif

@Suite struct GoldenTests {
    /// `../shared/api/golden` beside the package; absent on other machines.
    static let folder: String? = {
        let here: [Substring] = #filePath.split(separator: "/")
        for depth in 3...5 where here.count > depth {
            let root: String = "/" + here.dropLast(depth).joined(separator: "/")
            for candidate in [root + "/shared/api/golden", "/work/shared/api/golden"]
            where FileManager.default.fileExists(atPath: candidate + "/golden-v1.36.tar.gz") { return candidate }
        }
        return nil
    }()

    /// Name → content, unpacked by tar into a folder of our own.
    static let files: [String: [UInt8]] = {
        guard let folder else { return [:] }
        let target: String = NSTemporaryDirectoryPath() + "/apus-golden-\(ProcessInfo.processInfo.processIdentifier)"
        try? FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: target) }
        guard Unpack.tar(folder + "/golden-v1.36.tar.gz", into: target) else { return [:] }
        var out: [String: [UInt8]] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: target)) ?? [] {
            out[name] = FileManager.default.contents(atPath: target + "/" + name).map { [UInt8]($0) }
        }
        return out
    }()

    static func NSTemporaryDirectoryPath() -> String { ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp" }

    private func type(of name: String, _ json: JSON) -> String? {
        name.hasSuffix(".WatchEvent") ? "meta/v1.WatchEvent" : BuiltIn.typeName(GroupVersionKind(of: json))
    }

    @Test(.enabled(if: GoldenTests.folder != nil)) func pairs() throws {
        let codec: ProtobufCodec = ProtobufCodec(schema: BuiltIn.schema)
        var count: Int = 0
        for (file, content) in Self.files where file.hasSuffix(".json") {
            let name: String = String(file.dropLast(5))
            let json: JSON = try JSON.parse(content)
            let type: String = try #require(self.type(of: name, json))
            let normal: JSON = try BuiltIn.schema.normalise(json, as: type, validation: .strict).object
            #expect(normal.encoded() == json.encoded(), "\(name): JSON")
            let golden: [UInt8] = try #require(Self.files[name + ".pb"])
            let decoded: JSON = try codec.decode(golden, as: type)
            let back: JSON = try BuiltIn.schema.normalise(decoded, as: type).object
            #expect(back == json, "\(name): protobuf to JSON")
            #expect(codec.encode(json, as: type) == golden, "\(name): JSON to protobuf")
            count += 1
        }
        #expect(count == 100)
    }
}
