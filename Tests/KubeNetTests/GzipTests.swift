import KubeNet
import Testing

@Suite struct GzipTests {
    @Test func bodiesComeBack() {
        for size in [0, 1, 1000, 300_000] {
            let bytes: [UInt8] = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7) }
            let packed: [UInt8] = Gzip.compress(bytes)
            #expect(packed.starts(with: [0x1F, 0x8B]))
            #expect(Gzip.decompress(packed, bytesMax: size) == bytes)
            if size > 1000 { #expect(packed.count < size / 5) }
        }
    }

    @Test func bombsAndNonsenseAreRefused() {
        let bomb: [UInt8] = Gzip.compress(Array(repeating: 0, count: 1 << 20))
        #expect(Gzip.decompress(bomb, bytesMax: 1 << 16) == nil)
        #expect(Gzip.decompress([1, 2, 3], bytesMax: 100) == nil)
        #expect(Gzip.decompress(Array(bomb.dropLast(9)), bytesMax: 2 << 20) == nil)
    }
}
