// Buffers of connections that use little of them: large ones are mapped, so that pages never touched cost nothing.

import Glibc
@_spi(CustomByteBufferAllocator) import NIOCore

/// A TLS connection keeps a buffer of 32 KB for what it reads and one of 16 KB for what it writes, all its life. From malloc
/// they lie in memory that handshakes have used before, and all of it stays resident; mapped, an idle watch keeps two pages.
enum SparseBuffers {
    static let allocator: ByteBufferAllocator = ByteBufferAllocator(
        allocate: { size in SparseBuffers.allocate(size) },
        reallocate: { block, old, size in SparseBuffers.reallocate(block, old, size) },
        deallocate: { block in SparseBuffers.free(block) },
        copy: { to, from, count in to.copyMemory(from: from, byteCount: count) })

    /// Smaller blocks come from malloc.
    static let mappedMin: Int = 16 << 10
    /// Before each block: how long its mapping is, 0 for one of malloc. Keeps malloc's alignment.
    private static let header: Int = 16

    private static func whole(_ size: Int) -> Int { (size + header + 4095) & ~4095 }

    static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        guard size >= mappedMin else { return begin(malloc(size + header), mapped: 0) }
        let length: Int = whole(size)
        let base: UnsafeMutableRawPointer? = mmap(
            nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return base == MAP_FAILED ? nil : begin(base, mapped: length)
    }

    static func reallocate(
        _ block: UnsafeMutableRawPointer?, _ old: Int, _ size: Int
    ) -> UnsafeMutableRawPointer? {
        guard let block else { return allocate(size) }
        let base: UnsafeMutableRawPointer = block - header
        let mapped: Int = base.load(as: Int.self)
        if mapped == 0, size < mappedMin { return begin(realloc(base, size + header), mapped: 0) }
        if mapped > 0, whole(size) == mapped { return block }
        guard let new = allocate(size) else { return nil }
        new.copyMemory(from: block, byteCount: min(old, size))
        free(block)
        return new
    }

    static func free(_ block: UnsafeMutableRawPointer) {
        let base: UnsafeMutableRawPointer = block - header
        let mapped: Int = base.load(as: Int.self)
        if mapped > 0 { munmap(base, mapped) } else { Glibc.free(base) }
    }

    private static func begin(_ base: UnsafeMutableRawPointer?, mapped: Int) -> UnsafeMutableRawPointer? {
        base?.storeBytes(of: mapped, as: Int.self)
        return base.map { $0 + header }
    }
}
