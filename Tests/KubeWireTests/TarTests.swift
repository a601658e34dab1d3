// Tar both ways, whole and in pieces, and against broken input.

import KubeWire
import Testing

@Suite struct TarTests {
    static let entries: [TarEntry] = [
        TarEntry(path: "d/", kind: .folder, mode: 0o755),
        TarEntry(path: "d/a.txt", content: Array("hello".utf8)),
        TarEntry(path: String(repeating: "long/", count: 40) + "x", content: Array(repeating: 7, count: 1500)),
        TarEntry(path: "l", kind: .symbolicLink, mode: 0o777, target: "d/a.txt"),
    ]

    @Test func bothWays() throws { #expect(try Tar.read(Tar.write(Self.entries)) == Self.entries) }

    @Test func inPieces() throws {
        let bytes: [UInt8] = Tar.write(Self.entries)
        var reader: TarReader = TarReader()
        var paths: [String] = []
        var total: Int = 0
        for start in stride(from: 0, to: bytes.count, by: 97) {
            for event in try reader.feed(Array(bytes[start..<min(start + 97, bytes.count)])) {
                if case .entry(let e, _) = event { paths.append(e.path) }
                if case .content(let c) = event { total += c.count }
            }
        }
        _ = try reader.finish()
        #expect(paths == Self.entries.map { $0.path })
        #expect(total == 1505)
    }

    @Test func refuses() {
        var bytes: [UInt8] = Tar.write(Self.entries)
        bytes[0] ^= 1
        #expect(throws: TarError.self) { try Tar.read(bytes) }
        #expect(throws: TarError.self) { try Tar.read(Array(Tar.write(Self.entries).prefix(700))) }
    }
}
