// RFC 3986 percent-encoding of paths and queries.

package enum PercentEncoding {
    private static let hex: [UInt8] = Array("0123456789ABCDEF".utf8)

    /// Slashes stay.
    package static func path(_ text: String) -> String { encode(text, keeping: "/:@!$&'()*+,;=") }
    /// Sorted by name.
    package static func query(_ options: [String: String]) -> String {
        options.sorted { $0.key < $1.key }
            .map { encode($0.key, keeping: "") + "=" + encode($0.value, keeping: "") }
            .joined(separator: "&")
    }

    package static func encode(_ text: String, keeping: String) -> String {
        var out: [UInt8] = []
        for c in text.utf8 {
            switch c {
            case 65...90, 97...122, 48...57, 45, 46, 95, 126: out.append(c)
            default:
                if keeping.utf8.contains(c) {
                    out.append(c)
                } else {
                    out.append(37)
                    out.append(hex[Int(c >> 4)])
                    out.append(hex[Int(c & 15)])
                }
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
