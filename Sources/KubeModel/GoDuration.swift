// Durations in Go's text form: `1h30m`, `500ms`.

package enum GoDuration {
    private static let units: [(String, Int64)] = [
        ("h", 3_600_000_000_000), ("ms", 1_000_000), ("m", 60_000_000_000), ("us", 1000), ("µs", 1000), ("μs", 1000),
        ("ns", 1), ("s", 1_000_000_000),
    ]

    /// time.ParseDuration, in nanoseconds; `nil` when malformed.
    package static func parse(_ text: String) -> Int64? {
        var rest: Substring = text[...]
        var isNegative: Bool = false
        if let c = rest.first, c == "-" || c == "+" {
            isNegative = c == "-"
            rest = rest.dropFirst()
        }
        if rest == "0" { return 0 }
        if rest.isEmpty { return nil }
        var total: Double = 0
        var whole: Int64 = 0
        while !rest.isEmpty {
            let number: Substring = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            guard !number.isEmpty, let unit = units.first(where: { rest.hasPrefix($0.0) }) else { return nil }
            rest = rest.dropFirst(unit.0.count)
            if let n = Int64(number) {
                let (product, o1): (Int64, Bool) = n.multipliedReportingOverflow(by: unit.1)
                let (sum, o2): (Int64, Bool) = whole.addingReportingOverflow(product)
                if o1 || o2 { return nil }
                whole = sum
            } else if let d = Double(number) {
                total += d * Double(unit.1)
            } else {
                return nil
            }
        }
        guard let fraction = Int64(exactly: total.rounded()) else { return nil }
        let (nanoseconds, overflow): (Int64, Bool) = whole.addingReportingOverflow(fraction)
        return overflow ? nil : isNegative ? -nanoseconds : nanoseconds
    }

    /// time.Duration.String.
    package static func format(nanoseconds: Int64) -> String {
        if nanoseconds == 0 { return "0s" }
        let n: UInt64 = nanoseconds.magnitude
        let sign: String = nanoseconds < 0 ? "-" : ""
        func decimal(_ value: UInt64, per unit: UInt64) -> String {
            let (q, r): (UInt64, UInt64) = value.quotientAndRemainder(dividingBy: unit)
            if r == 0 { return "\(q)" }
            let width: Int = String(unit).utf8.count - 1
            let digits: String = String(r)
            var fraction: String = String(repeating: "0", count: width - digits.utf8.count) + digits
            while fraction.hasSuffix("0") { fraction.removeLast() }
            return "\(q).\(fraction)"
        }
        if n < 1000 { return "\(sign)\(n)ns" }
        if n < 1_000_000 { return sign + decimal(n, per: 1000) + "µs" }
        if n < 1_000_000_000 { return sign + decimal(n, per: 1_000_000) + "ms" }
        let seconds: UInt64 = n / 1_000_000_000
        let (h, m): (UInt64, UInt64) = (seconds / 3600, seconds / 60 % 60)
        let s: String = decimal(n - (h * 3600 + m * 60) * 1_000_000_000, per: 1_000_000_000) + "s"
        if h > 0 { return "\(sign)\(h)h\(m)m\(s)" }
        return m > 0 ? "\(sign)\(m)m\(s)" : sign + s
    }
}
