// The string formats that schemas of custom resources may name; others are ignored, as upstream does.

import KubeBase
import KubeModel
import KubeWire

enum SchemaFormat {
    /// Names that are no surprise in a schema.
    static let known: Set<String> = [
        "bsonobjectid", "uri", "email", "hostname", "ipv4", "ipv6", "cidr", "mac", "uuid", "uuid3", "uuid4", "uuid5",
        "isbn", "isbn10", "isbn13", "creditcard", "ssn", "hexcolor", "rgbcolor", "byte", "password", "date", "duration",
        "datetime", "date-time", "int32", "int64", "float", "double", "k8s-short-name", "k8s-long-name",
    ]

    static func isValid(_ text: String, as format: String) -> Bool {
        switch format {
        case "date-time", "datetime": return Timestamp(rfc3339: text) != nil
        case "date": return isDate(text)
        case "byte": return Base64.decode(text) != nil
        case "ipv4": return isIPv4(text)
        case "ipv6": return isIPv6(text)
        case "cidr": return isCIDR(text)
        case "mac": return isMAC(text)
        case "uuid": return isUUID(text, version: nil)
        case "uuid3": return isUUID(text, version: "3")
        case "uuid4": return isUUID(text, version: "4")
        case "uuid5": return isUUID(text, version: "5")
        case "hostname": return text.utf8.count <= 255 && isHostname(text)
        case "email": return isEmail(text)
        case "hexcolor": return isHexColor(text)
        case "uri": return isURI(text)
        case "duration": return GoDuration.parse(text) != nil || isWordedDuration(text)
        case "bsonobjectid": return text.utf8.count == 24 && text.utf8.allSatisfy { isHex($0) }
        case "k8s-short-name": return NameRules.dns1123Label(text).isEmpty
        case "k8s-long-name": return NameRules.dns1123Subdomain(text).isEmpty
        default: return true
        }
    }

    private static func isHex(_ c: UInt8) -> Bool {
        (48...57).contains(c) || (65...70).contains(c) || (97...102).contains(c)
    }
    private static func isDigit(_ c: UInt8) -> Bool { (48...57).contains(c) }

    /// RFC 3339 full-date.
    private static func isDate(_ text: String) -> Bool {
        text.utf8.count == 10 && Timestamp(rfc3339: text + "T00:00:00Z") != nil
    }

    static func isIPv4(_ text: String) -> Bool {
        let parts: [Substring] = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { p in
                guard (1...3).contains(p.utf8.count), p.utf8.allSatisfy({ isDigit($0) }), let n = Int(p) else {
                    return false
                }
                return n <= 255 && (p.utf8.count == 1 || p.utf8.first != 48)
            }
    }

    static func isIPv6(_ text: String) -> Bool {
        guard text.contains(":"), !text.contains(":::"), !text.contains("%") else { return false }
        let halves: [String] = halves(of: text)
        guard halves.count <= 2 else { return false }
        var groups: Int = 0
        for (h, half) in halves.enumerated() where !half.isEmpty {
            let parts: [Substring] = half.split(separator: ":", omittingEmptySubsequences: false)
            for (i, part) in parts.enumerated() {
                if part.contains(".") {
                    guard h == halves.count - 1, i == parts.count - 1, isIPv4(String(part)) else { return false }
                    groups += 2
                } else {
                    guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ isHex($0) }) else { return false }
                    groups += 1
                }
            }
        }
        return halves.count == 2 ? groups < 8 : groups == 8
    }

    private static func halves(of text: String) -> [String] {
        var out: [String] = []
        var rest: Substring = text[...]
        while let r = rest.firstRange(of: "::") {
            out.append(String(rest[..<r.lowerBound]))
            rest = rest[r.upperBound...]
        }
        return out + [String(rest)]
    }

    private static func isCIDR(_ text: String) -> Bool {
        let parts: [Substring] = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let bits = Int(parts[1]), parts[1].utf8.allSatisfy({ isDigit($0) }) else {
            return false
        }
        return isIPv4(String(parts[0])) ? bits <= 32 : isIPv6(String(parts[0])) && bits <= 128
    }

    private static func isMAC(_ text: String) -> Bool {
        for separator: Character in [":", "-"] {
            let parts: [Substring] = text.split(separator: separator, omittingEmptySubsequences: false)
            if [6, 8, 20].contains(parts.count),
                parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { isHex($0) } })
            {
                return true
            }
        }
        return false
    }

    private static func isUUID(_ text: String, version: Character?) -> Bool {
        let bare: [Character] = Array(text.filter { $0 != "-" })
        guard bare.count == 32, text.utf8.allSatisfy({ isHex($0) || $0 == 45 }) else { return false }
        guard let version else { return true }
        let isVariant: Bool = version == "3" || "89abAB".contains(bare[16])
        return bare[12] == version && isVariant
    }

    private static func isHostname(_ text: String) -> Bool {
        let labels: [Substring] = text.split(separator: ".", omittingEmptySubsequences: false)
        return labels.allSatisfy { l in
            (1...63).contains(l.utf8.count) && l.utf8.first != 45 && l.utf8.last != 45
                && l.utf8.allSatisfy { isDigit($0) || $0 == 45 || (65...90).contains($0) || (97...122).contains($0) }
        }
    }

    private static func isEmail(_ text: String) -> Bool {
        guard let at = text.lastIndex(of: "@"), at != text.startIndex else { return false }
        let host: String = String(text[text.index(after: at)...])
        return !text[..<at].contains(" ") && isHostname(host)
    }

    private static func isHexColor(_ text: String) -> Bool {
        let bare: Substring = text.hasPrefix("#") ? text.dropFirst() : text[...]
        return (bare.utf8.count == 3 || bare.utf8.count == 6) && bare.utf8.allSatisfy { isHex($0) }
    }

    private static func isURI(_ text: String) -> Bool {
        guard !text.isEmpty, !text.contains(" ") else { return false }
        if text.hasPrefix("/") { return true }
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return false }
        return text[..<colon].utf8.allSatisfy {
            isDigit($0) || [43, 45, 46].contains($0) || (65...90).contains($0) || (97...122).contains($0)
        }
    }

    /// strfmt's longer form: `3 days`.
    private static func isWordedDuration(_ text: String) -> Bool {
        let parts: [Substring] = text.split(separator: " ")
        let units: Set<String> = [
            "ns", "us", "ms", "s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute",
            "minutes", "h", "hr", "hour", "hours", "d", "day", "days", "w", "wk", "week", "weeks",
        ]
        return parts.count == 2 && Int(parts[0]) != nil && units.contains(String(parts[1]))
    }
}
