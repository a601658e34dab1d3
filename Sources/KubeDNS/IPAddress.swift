// IP addresses as DNS writes them.

import Glibc

/// 4 or 16 bytes.
package enum IPAddress {
    package static func bytes(_ text: String) -> [UInt8]? {
        var four: [UInt8] = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &four) == 1 { return four }
        var sixteen: [UInt8] = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET6, text, &sixteen) == 1 ? sixteen : nil
    }

    /// `10-244-1-2` or `2001-db8--1` → bytes.
    package static func bytes(dashed label: String) -> [UInt8]? {
        let pieces: [Substring] = label.split(separator: "-", omittingEmptySubsequences: false)
        if pieces.count == 4, let b: [UInt8] = bytes(pieces.joined(separator: ".")), b.count == 4 { return b }
        return bytes(pieces.joined(separator: ":"))
    }

    package static func dashed(_ text: String) -> String {
        String(text.map { $0 == "." || $0 == ":" ? "-" : $0 })
    }

    /// The labels in front of `in-addr.arpa` or `ip6.arpa` → bytes.
    package static func bytes(reversed labels: [String], isIPv6: Bool) -> [UInt8]? {
        if !isIPv6 {
            guard labels.count == 4 else { return nil }
            let b: [UInt8] = labels.reversed().compactMap { UInt8($0) }
            return b.count == 4 ? b : nil
        }
        guard labels.count == 32 else { return nil }
        let digits: [UInt8] = labels.reversed().compactMap { $0.count == 1 ? UInt8($0, radix: 16) : nil }
        guard digits.count == 32 else { return nil }
        return stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
