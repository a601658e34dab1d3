// IP addresses and prefixes as the `ip` and `cidr` libraries know them.

package import KubeWire

/// 16 bytes in network order; IPv4 in the last four.
package struct CELAddress: CELOpaque, Hashable {
    let isV6: Bool
    let bits: UInt128

    package var type: CELType { .opaque("net.IP") }
    package func isEqual(_ other: any CELOpaque) -> Bool { (other as? CELAddress) == self }
    package var json: JSON? { .string(text) }

    init(isV6: Bool, bits: UInt128) {
        self.isV6 = isV6
        self.bits = bits
    }

    /// Why a text is no address, as `ip()` says it.
    static func parse(_ text: String) throws(CELError) -> CELAddress {
        if text.contains("%") { throw fault(text, "IP address with zone value is not allowed") }
        guard let a = CELAddress(text) else { throw fault(text, "unable to parse IP") }
        if a.isV6, a.bits >> 32 == 0xFFFF { throw fault(text, "IPv4-mapped IPv6 address is not allowed") }
        return a
    }

    private static func fault(_ text: String, _ why: String) -> CELError {
        .runtime("IP Address \"\(text)\" parse error during conversion from string: \(why)")
    }

    init?(_ text: String) {
        guard text.contains(":") else {
            guard let v = CELAddress.quad(text[...]) else { return nil }
            self.init(isV6: false, bits: UInt128(v))
            return
        }
        var body: String = text
        if text.contains("."), let colon = text.lastIndex(of: ":") {
            guard let v = CELAddress.quad(text[text.index(after: colon)...]) else { return nil }
            body = text[...colon] + String(v >> 16, radix: 16) + ":" + String(v & 0xFFFF, radix: 16)
        }
        var halves: [[UInt16]] = []
        let parts: [String] = CELAddress.halves(body)
        guard parts.count <= 2 else { return nil }
        for half in parts {
            var groups: [UInt16] = []
            for g in half.isEmpty ? [] : half.split(separator: ":", omittingEmptySubsequences: false) {
                guard !g.isEmpty, g.utf8.count <= 4, !g.hasPrefix("+"), let n = UInt16(g, radix: 16) else { return nil }
                groups.append(n)
            }
            halves.append(groups)
        }
        let count: Int = halves.reduce(0) { $0 + $1.count }
        guard parts.count == 2 ? count < 8 : count == 8 else { return nil }
        var groups: [UInt16] = halves[0]
        if parts.count == 2 { groups += Array(repeating: 0, count: 8 - count) + halves[1] }
        self.init(isV6: true, bits: groups.reduce(UInt128(0)) { $0 << 16 | UInt128($1) })
    }

    /// The text around `::`; one part when there is none.
    private static func halves(_ text: String) -> [String] {
        var out: [String] = []
        var current: String = ""
        var rest: Substring = text[...]
        while let c = rest.first {
            if rest.hasPrefix("::") {
                out.append(current)
                current = ""
                rest = rest.dropFirst(2)
            } else {
                current.append(c)
                rest = rest.dropFirst()
            }
        }
        return out + [current]
    }

    private static func quad(_ text: Substring) -> UInt32? {
        let parts: [Substring] = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var v: UInt32 = 0
        for p in parts {
            guard (1...3).contains(p.utf8.count), p.utf8.allSatisfy({ (48...57).contains($0) }),
                p.utf8.count == 1 || p.utf8.first != 48, let n = UInt32(p), n < 256
            else { return nil }
            v = v << 8 | n
        }
        return v
    }

    var text: String {
        if !isV6 {
            let v: UInt32 = UInt32(truncatingIfNeeded: bits)
            return "\(v >> 24).\(v >> 16 & 255).\(v >> 8 & 255).\(v & 255)"
        }
        let groups: [UInt16] = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128(112 - $0 * 16)) }
        var best: Range<Int> = 0..<0
        var i: Int = 0
        while i < 8 {
            var j: Int = i
            while j < 8, groups[j] == 0 { j += 1 }
            if j - i > best.count { best = i..<j }
            i = max(j, i + 1)
        }
        let hex: [String] = groups.map { String($0, radix: 16) }
        if best.count < 2 { return hex.joined(separator: ":") }
        return hex[..<best.lowerBound].joined(separator: ":") + "::" + hex[best.upperBound...].joined(separator: ":")
    }

    var first: UInt8 { UInt8(truncatingIfNeeded: isV6 ? bits >> 120 : bits >> 24) }
    var isUnspecified: Bool { bits == 0 }
    var isLoopback: Bool { isV6 ? bits == 1 : first == 127 }
    var isLinkLocalUnicast: Bool { isV6 ? bits >> 118 == 0xFE80 >> 6 : bits >> 16 == 0xA9FE }
    var isLinkLocalMulticast: Bool { isV6 ? bits >> 112 & 0xFF0F == 0xFF02 : bits >> 8 == 0xE00000 }
    var isMulticast: Bool { isV6 ? first == 0xFF : first >> 4 == 0xE }
    var isGlobalUnicast: Bool {
        !isUnspecified && !isLoopback && !isMulticast && !isLinkLocalUnicast && !(!isV6 && bits == 0xFFFF_FFFF)
    }
}

package struct CELPrefix: CELOpaque, Hashable {
    let address: CELAddress
    let length: Int

    package var type: CELType { .opaque("net.CIDR") }
    package func isEqual(_ other: any CELOpaque) -> Bool { (other as? CELPrefix) == self }
    package var json: JSON? { .string("\(address.text)/\(length)") }

    static func parse(_ text: String) throws(CELError) -> CELPrefix {
        guard let p = CELPrefix(text) else {
            throw .runtime(
                "network address parse error during conversion from string: netip.ParsePrefix(\"\(text)\"): no valid prefix"
            )
        }
        return p
    }

    init?(_ text: String) {
        let parts: [Substring] = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let a = CELAddress(String(parts[0])), let n = Int(parts[1]),
            parts[1].utf8.allSatisfy({ (48...57).contains($0) }), parts[1] == "\(n)", n <= (a.isV6 ? 128 : 32),
            !(a.isV6 && a.bits >> 32 == 0xFFFF)
        else { return nil }
        address = a
        length = n
    }

    private var shift: UInt128 { UInt128((address.isV6 ? 128 : 32) - length) }
    func contains(_ a: CELAddress) -> Bool {
        a.isV6 == address.isV6 && (shift == 128 || a.bits >> shift == address.bits >> shift)
    }
    func contains(_ p: CELPrefix) -> Bool { p.length >= length && contains(p.address) }
    var masked: CELPrefix {
        CELPrefix(
            address: CELAddress(isV6: address.isV6, bits: shift == 128 ? 0 : (address.bits >> shift) << shift),
            length: length)
    }
    private init(address: CELAddress, length: Int) {
        self.address = address
        self.length = length
    }
}
