// CBOR → a JSON tree. What JSON cannot say is an error; lengths are believed only as far as bytes are there.

struct CBORReader {
    private let bytes: [UInt8]
    private let limits: CBORLimits
    private(set) var at: Int = 0
    private var items: Int = 0

    init(_ bytes: [UInt8], _ limits: CBORLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    var isAtEnd: Bool { at == bytes.count }
    func fault(_ message: String) -> CBORError { CBORError(offset: at, message: message) }

    private struct Head {
        var major: UInt8
        /// nil: indefinite length, or the break.
        var value: UInt64?
        /// The low five bits.
        var detail: UInt8
    }

    private mutating func head() throws(CBORError) -> Head {
        guard at < bytes.count else { throw fault("unexpected EOF") }
        let first: UInt8 = bytes[at]
        at += 1
        let detail: UInt8 = first & 31
        switch detail {
        case 0..<24: return Head(major: first >> 5, value: UInt64(detail), detail: detail)
        case 24...27:
            let count: Int = 1 << Int(detail - 24)
            guard bytes.count - at >= count else { throw fault("unexpected EOF") }
            var n: UInt64 = 0
            for _ in 0..<count {
                n = n << 8 | UInt64(bytes[at])
                at += 1
            }
            return Head(major: first >> 5, value: n, detail: detail)
        case 31: return Head(major: first >> 5, value: nil, detail: detail)
        default: throw fault("invalid additional information \(detail) for type \(CBORReader.name(first >> 5))")
        }
    }

    private static func name(_ major: UInt8) -> String {
        [
            "positive integer", "negative integer", "byte string", "UTF-8 text string", "array", "map", "tag",
            "primitives",
        ][
            Int(major & 7)]
    }

    private mutating func count() throws(CBORError) {
        items += 1
        if items > limits.itemsMax { throw fault("exceeded max number of data items \(limits.itemsMax)") }
    }

    mutating func item(depth: Int) throws(CBORError) -> JSON {
        let h: Head = try head()
        return try item(h, depth)
    }

    private mutating func item(_ h: Head, _ depth: Int) throws(CBORError) -> JSON {
        try count()
        guard depth <= limits.depthMax else { throw fault("exceeded max nested level \(limits.depthMax)") }
        switch h.major {
        case 0:
            guard let n = h.value else { throw fault("invalid indefinite length of positive integer") }
            guard n <= UInt64(Int64.max) else {
                throw fault("cannot unmarshal positive integer into int64 (\(n) overflows)")
            }
            return .int(Int64(n))
        case 1:
            guard let n = h.value else { throw fault("invalid indefinite length of negative integer") }
            guard n <= UInt64(Int64.max) else {
                throw fault("cannot unmarshal negative integer into int64 (-1-\(n) overflows)")
            }
            return .int(~Int64(n))
        case 2: return .string(try text(try string(h, 2)))
        case 3: return .string(try text(try string(h, 3)))
        case 4: return try array(h, depth)
        case 5: return try map(h, depth)
        case 6: return try tagged(h, depth)
        default: return try simple(h)
        }
    }

    private func text(_ bytes: [UInt8]) throws(CBORError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw fault("invalid UTF-8 string") }
        return text
    }

    /// A definite string, or the chunks of an indefinite one.
    private mutating func string(_ h: Head, _ major: UInt8) throws(CBORError) -> [UInt8] {
        if let n = h.value { return try chunk(n) }
        var out: [UInt8] = []
        while true {
            let next: Head = try head()
            if next.major == 7, next.detail == 31 { return out }
            guard next.major == major, let n = next.value else {
                throw fault(
                    "wrong element type \(CBORReader.name(next.major)) for indefinite-length \(CBORReader.name(major))")
            }
            try count()
            out += try chunk(n)
        }
    }

    private mutating func chunk(_ n: UInt64) throws(CBORError) -> [UInt8] {
        guard n <= UInt64(bytes.count - at) else { throw fault("unexpected EOF") }
        defer { at += Int(n) }
        return Array(bytes[at..<at + Int(n)])
    }

    private func checkCount(_ n: UInt64, _ major: UInt8, perElement: UInt64) throws(CBORError) {
        if n > UInt64(limits.elementsMax) {
            throw fault(
                "exceeded max number of \(major == 4 ? "elements" : "key-value pairs") \(limits.elementsMax) for CBOR "
                    + CBORReader.name(major)
            )
        }
        // Each element takes a byte at least.
        if n * perElement > UInt64(bytes.count - at) { throw fault("unexpected EOF") }
    }

    private mutating func array(_ h: Head, _ depth: Int) throws(CBORError) -> JSON {
        var out: [JSON] = []
        if let n = h.value {
            try checkCount(n, 4, perElement: 1)
            for _ in 0..<n { out.append(try item(depth: depth + 1)) }
            return .array(out)
        }
        while true {
            let next: Head = try head()
            if next.major == 7, next.detail == 31 { return .array(out) }
            try checkCount(UInt64(out.count + 1), 4, perElement: 0)
            out.append(try item(next, depth + 1))
        }
    }

    private mutating func map(_ h: Head, _ depth: Int) throws(CBORError) -> JSON {
        var pairs: [(key: String, value: JSON)] = []
        var seen: Set<String> = []
        func isEnd(_ h: Head) -> Bool { h.major == 7 && h.detail == 31 }
        if let n = h.value { try checkCount(n, 5, perElement: 2) }
        while h.value.map({ UInt64(pairs.count) < $0 }) ?? true {
            let next: Head = try head()
            if h.value == nil, isEnd(next) { break }
            try checkCount(UInt64(pairs.count + 1), 5, perElement: 0)
            guard next.major == 2 || next.major == 3 else {
                throw fault("cannot unmarshal \(CBORReader.name(next.major)) into Go value of type string (map key)")
            }
            try count()
            let key: String = try text(try string(next, next.major))
            guard seen.insert(key).inserted else {
                throw fault("found duplicate map key \"\(key)\" at map element index \(pairs.count)")
            }
            pairs.append((key, try item(depth: depth + 1)))
        }
        return .object(JSONObject(unique: pairs))
    }

    private mutating func tagged(_ h: Head, _ depth: Int) throws(CBORError) -> JSON {
        guard let tag = h.value else { throw fault("invalid indefinite length of tag") }
        switch tag {
        case 2, 3: throw fault("cannot unmarshal bignum into Go value of type interface {}")
        case 21, 22, 23:
            let inner: Head = try head()
            guard inner.major == 2 else { return try item(inner, depth + 1) }
            let data: [UInt8] = try string(inner, 2)
            switch tag {
            case 21: return .string(Base64.encodeURL(data))
            case 22: return .string(Base64.encode(data))
            default: return .string(CBORReader.hex(data))
            }
        default: return try item(depth: depth + 1)
        }
    }

    private static func hex(_ data: [UInt8]) -> String {
        let digits: [UInt8] = Array("0123456789ABCDEF".utf8)
        return String(decoding: data.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private mutating func simple(_ h: Head) throws(CBORError) -> JSON {
        switch h.detail {
        case 20: return false
        case 21: return true
        case 22, 23: return .null
        case 25: return try finite(CBORHalf.value(of: UInt16(truncatingIfNeeded: h.value ?? 0)))
        case 26: return try finite(Double(Float(bitPattern: UInt32(truncatingIfNeeded: h.value ?? 0))))
        case 27: return try finite(Double(bitPattern: h.value ?? 0))
        case 31: throw fault("unexpected \"break\" code")
        default: throw fault("simple value \(h.value ?? 0) is not allowed")
        }
    }

    private func finite(_ d: Double) throws(CBORError) -> JSON {
        guard d.isFinite else { throw fault("floating-point NaN or infinity is not allowed") }
        return .double(d)
    }
}
