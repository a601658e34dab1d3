// The options of a request, read by their API names.

package import KubeModel
import KubeWire

/// Parameters in order; a name may come several times.
package struct Query: Sendable {
    package var pairs: [(name: String, value: String)]

    package init(_ pairs: [(name: String, value: String)] = []) { self.pairs = pairs }
    package init(_ map: [String: String]) { pairs = map.map { ($0.key, $0.value) } }

    /// `a=1&b=%20`, with `+` for a space.
    package init(raw: String) {
        let bytes: [UInt8] = Array(raw.utf8)
        pairs = bytes.split(separator: UInt8(ascii: "&")).map { part in
            let cut: Int = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let name: String = PercentCoding.decode(part[..<cut], plusIsSpace: true)
            return (name, PercentCoding.decode(part[cut...].dropFirst(), plusIsSpace: true))
        }
    }

    package subscript(_ name: String) -> String? { pairs.first { $0.name == name }?.value }
    /// Present and not empty.
    package func text(_ name: String) -> String? { self[name].flatMap { $0.isEmpty ? nil : $0 } }
    package func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map { $0.value } }
    package func flag(_ name: String) -> Bool {
        guard let value = self[name] else { return false }
        return ["true", "1", "t", "T", "TRUE", "True", ""].contains(value)
    }
    package func integer(_ name: String) throws(StatusError) -> Int64? {
        guard let value = text(name) else { return nil }
        guard let n = Int64(value) else {
            throw .badRequest("strconv.ParseInt: parsing \"\(value)\": invalid syntax")
        }
        return n
    }

    /// `dryRun=All`; another value is an error.
    package func isDryRun(kind: GroupKind) throws(StatusError) -> Bool {
        let values: [String] = all("dryRun").filter { !$0.isEmpty }
        for value in values where value != "All" {
            throw .invalid(
                kind: kind, name: "", [.notSupported("dryRun", JSON([value]), ["All"])])
        }
        return !values.isEmpty
    }

    package func fieldValidation() throws(StatusError) -> FieldValidation {
        guard let value = text("fieldValidation") else { return .warn }
        guard let known = FieldValidation(rawValue: value) else {
            throw .invalid(
                kind: GroupKind(group: "meta.k8s.io", kind: "CreateOptions"), name: "",
                [.notSupported("fieldValidation", .string(value), ["Ignore", "Strict", "Warn"])])
        }
        return known
    }
}

/// RFC 3986 percent-encoding.
package enum PercentCoding {
    package static func decode(_ bytes: some Collection<UInt8>, plusIsSpace: Bool = false) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var i = bytes.startIndex
        while i != bytes.endIndex {
            let c: UInt8 = bytes[i]
            let a = bytes.index(after: i)
            if c == UInt8(ascii: "%"), a != bytes.endIndex, let high = digit(bytes[a]) {
                let b = bytes.index(after: a)
                if b != bytes.endIndex, let low = digit(bytes[b]) {
                    out.append(high << 4 | low)
                    i = bytes.index(after: b)
                    continue
                }
            }
            out.append(plusIsSpace && c == UInt8(ascii: "+") ? 32 : c)
            i = a
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func digit(_ c: UInt8) -> UInt8? {
        switch c {
        case 48...57: c - 48
        case 65...70: c - 55
        case 97...102: c - 87
        default: nil
        }
    }

    /// Everything but unreserved characters is encoded.
    package static func encode(_ text: String, keeping: String = "") -> String {
        let hex: [UInt8] = Array("0123456789ABCDEF".utf8)
        let extra: [UInt8] = Array(keeping.utf8)
        var out: [UInt8] = []
        for c in text.utf8 {
            switch c {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: out.append(c)
            default:
                if extra.contains(c) {
                    out.append(c)
                } else {
                    out += [37, hex[Int(c >> 4)], hex[Int(c & 15)]]
                }
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
