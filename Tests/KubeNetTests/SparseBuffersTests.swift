import NIOCore
import Testing

@testable import KubeNet

/// Buffers from malloc and mapped ones grow into each other and keep what is in them.
@Suite struct SparseBuffersTests {
    @Test(arguments: [1, 100, 4095, 16 << 10, 33 << 10])
    func growingKeepsWhatWasWritten(_ first: Int) {
        var buffer: ByteBuffer = SparseBuffers.allocator.buffer(capacity: first)
        var written: [UInt8] = []
        for step in [1, 300, 5000, 20_000, 70_000, 300_000] {
            let piece: [UInt8] = (0..<step).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ step) }
            buffer.writeBytes(piece)
            written += piece
            #expect(buffer.getBytes(at: 0, length: buffer.writerIndex) == written)
        }
    }

    @Test func blocksAreAlignedAndAllOfThemCanBeWritten() throws {
        for size in [1, 15, 16, 4096, SparseBuffers.mappedMin - 1, SparseBuffers.mappedMin, 32 << 10, 1 << 20] {
            var block: UnsafeMutableRawPointer = try #require(SparseBuffers.allocate(size))
            #expect(UInt(bitPattern: block) % 16 == 0)
            block.initializeMemory(as: UInt8.self, repeating: 0xA5, count: size)
            block = try #require(SparseBuffers.reallocate(block, size, size * 3))
            #expect((0..<size).allSatisfy { block.load(fromByteOffset: $0, as: UInt8.self) == 0xA5 })
            block.initializeMemory(as: UInt8.self, repeating: 0x5A, count: size * 3)
            block = try #require(SparseBuffers.reallocate(block, size * 3, size))
            #expect((0..<size).allSatisfy { block.load(fromByteOffset: $0, as: UInt8.self) == 0x5A })
            SparseBuffers.free(block)
        }
    }
}
