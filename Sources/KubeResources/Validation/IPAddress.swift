// IP addresses and prefixes as numbers, for validation and allocation.

/// An IPv4 or IPv6 address; 16 bytes in network order, IPv4 in the last four.
package struct IPAddress: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let isV6: Bool
    package let high: UInt64
    package let low: UInt64

    package init(v4: UInt32) {
        isV6 = false
        high = 0
        low = UInt64(v4)
    }
    package init(high: UInt64, low: UInt64) {
        isV6 = true
        self.high = high
        self.low = low
    }

    /// Dotted quad without leading zeros, or RFC 4291 text; nil otherwise.
    package init?(_ text: String) {
        if text.utf8.contains(58) {
            guard let groups = Self.groups(text) else { return nil }
            var h: UInt64 = 0
            var l: UInt64 = 0
            for i in 0..<4 { h = h << 16 | UInt64(groups[i]) }
            for i in 4..<8 { l = l << 16 | UInt64(groups[i]) }
            self.init(high: h, low: l)
        } else {
            guard let v = Self.quad(text) else { return nil }
            self.init(v4: v)
        }
    }

    private static func quad(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var v: UInt32 = 0
        for p in parts {
            guard !p.isEmpty, p.utf8.count <= 3, p.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }),
                p.utf8.count == 1 || p.utf8.first != 48, let n = UInt32(p), n <= 255
            else { return nil }
            v = v << 8 | n
        }
        return v
    }

    private static func groups(_ text: String) -> [UInt16]? {
        var body: String = text
        if let dot = text.firstIndex(of: "."), let colon = text[..<dot].lastIndex(of: ":") {
            guard let v4 = quad(text[text.index(after: colon)...]) else { return nil }
            body = text[...colon] + String(v4 >> 16, radix: 16) + ":" + String(v4 & 0xffff, radix: 16)
        }
        func run(_ s: Substring) -> [UInt16]? {
            if s.isEmpty { return [] }
            var out: [UInt16] = []
            for part in s.split(separator: ":", omittingEmptySubsequences: false) {
                guard !part.isEmpty, part.utf8.count <= 4, let n = UInt16(part, radix: 16), part.first != "+" else {
                    return nil
                }
                out.append(n)
            }
            return out
        }
        let bytes: [UInt8] = Array(body.utf8)
        var split: Int?
        var i: Int = 0
        while i + 1 < bytes.count {
            if bytes[i] == 58, bytes[i + 1] == 58 {
                if split != nil { return nil }
                split = i
                i += 1
            }
            i += 1
        }
        guard let split else {
            guard let all = run(body[...]), all.count == 8 else { return nil }
            return all
        }
        let at: String.Index = body.utf8.index(body.startIndex, offsetBy: split)
        guard let left = run(body[..<at]), let right = run(body[body.utf8.index(at, offsetBy: 2)...]),
            left.count + right.count < 8
        else { return nil }
        return left + [UInt16](repeating: 0, count: 8 - left.count - right.count) + right
    }

    package static func < (a: IPAddress, b: IPAddress) -> Bool {
        (a.isV6 ? 1 : 0, a.high, a.low) < (b.isV6 ? 1 : 0, b.high, b.low)
    }

    package func advanced(by n: UInt64) -> IPAddress {
        if !isV6 { return IPAddress(v4: UInt32(truncatingIfNeeded: low &+ n)) }
        let (sum, carry): (UInt64, Bool) = low.addingReportingOverflow(n)
        return IPAddress(high: carry ? high &+ 1 : high, low: sum)
    }

    /// RFC 5952 form for IPv6.
    package var description: String {
        if !isV6 { return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)" }
        let g: [UInt16] = (0..<8).map { i in
            let word: UInt64 = i < 4 ? high : low
            return UInt16(truncatingIfNeeded: word >> UInt64(48 - (i % 4) * 16))
        }
        var best: (start: Int, count: Int) = (0, 0)
        var i: Int = 0
        while i < 8 {
            var j: Int = i
            while j < 8, g[j] == 0 { j += 1 }
            if j - i > best.count { best = (i, j - i) }
            i = max(j, i + 1)
        }
        let hex: [String] = g.map { String($0, radix: 16) }
        if best.count < 2 { return hex.joined(separator: ":") }
        return hex[..<best.start].joined(separator: ":") + "::" + hex[(best.start + best.count)...].joined(separator: ":")
    }

    package static let complaint: String = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    package static func check(_ text: String) -> [String] { IPAddress(text) == nil ? [complaint] : [] }
}

/// A prefix such as 10.96.0.0/16.
package struct CIDR: Sendable, Hashable, CustomStringConvertible {
    package let first: IPAddress
    package let bits: Int
    /// The text had host bits set.
    package let hasHostBits: Bool

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let ip = IPAddress(String(parts[0])), let n = Int(parts[1]), n >= 0,
            NumberRules.isDigits(String(parts[1])), n <= (ip.isV6 ? 128 : 32)
        else { return nil }
        bits = n
        if ip.isV6 {
            let h: UInt64 = n >= 64 ? .max : n == 0 ? 0 : ~(UInt64.max >> UInt64(n))
            let l: UInt64 = n <= 64 ? 0 : n == 128 ? .max : ~(UInt64.max >> UInt64(n - 64))
            first = IPAddress(high: ip.high & h, low: ip.low & l)
        } else {
            let mask: UInt32 = n == 0 ? 0 : UInt32.max << UInt32(32 - n)
            first = IPAddress(v4: UInt32(truncatingIfNeeded: ip.low) & mask)
        }
        hasHostBits = first != ip
    }

    /// Number of addresses, capped at 2^62.
    package var size: UInt64 {
        let host: Int = (first.isV6 ? 128 : 32) - bits
        return host >= 62 ? 1 << 62 : 1 << UInt64(host)
    }

    package func contains(_ ip: IPAddress) -> Bool {
        guard ip.isV6 == first.isV6 else { return false }
        if !ip.isV6 { return ip.low >= first.low && ip.low - first.low < size }
        guard let own = CIDR("\(ip)/\(bits)") else { return false }
        return own.first == first
    }

    package var description: String { "\(first)/\(bits)" }
    package static let complaint: String = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    package static func check(_ text: String) -> [String] { CIDR(text) == nil ? [complaint] : [] }
}
