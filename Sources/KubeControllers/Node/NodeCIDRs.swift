// Blocks of pod addresses: which one the next node gets. Pure.

import KubeWire

/// The IPv4 cluster CIDR cut into blocks of one size.
struct NodeCIDRs: Sendable {
    private let base: UInt32
    private let blockBits: Int
    private let count: Int
    private var used: [Bool]
    private var next: Int = 0

    /// nil when the CIDR is malformed, or smaller than a block.
    init?(cluster: String, blockMask: Int) {
        guard let (address, mask) = Self.parse(cluster), (mask...30).contains(blockMask), blockMask - mask <= 16 else {
            return nil
        }
        base = address & Self.netmask(mask)
        blockBits = 32 - blockMask
        count = 1 << (blockMask - mask)
        used = [Bool](repeating: false, count: count)
    }

    private static func netmask(_ bits: Int) -> UInt32 { bits == 0 ? 0 : UInt32.max << UInt32(32 - bits) }

    static func parse(_ cidr: String) -> (address: UInt32, mask: Int)? {
        let parts: [Substring] = cidr.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let mask = Int(parts[1]), (0...32).contains(mask) else { return nil }
        let bytes: [UInt8] = parts[0].split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
        guard bytes.count == 4, parts[0].filter({ $0 == "." }).count == 3 else { return nil }
        return (bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }, mask)
    }

    /// Notes a node's block, even one of another size.
    mutating func occupy(_ cidr: String) {
        guard let (address, mask) = Self.parse(cidr) else { return }
        let first: UInt32 = address & Self.netmask(mask)
        guard first >= base else { return }
        let index: Int = Int(first - base) >> blockBits
        let blocks: Int = max(1, 1 << max(0, 32 - mask - blockBits))
        for i in index..<(index + blocks) where i < count { used[i] = true }
    }

    /// The lowest free block; nil when all are taken.
    mutating func allocate() -> String? {
        guard let i = used.firstIndex(of: false) else { return nil }
        used[i] = true
        let a: UInt32 = base + UInt32(i) << UInt32(blockBits)
        return "\(a >> 24).\(a >> 16 & 255).\(a >> 8 & 255).\(a & 255)/\(32 - blockBits)"
    }
}
