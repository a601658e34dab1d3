// Timestamps and durations: parsing, parts, text.

import KubeModel

enum CELTimes {
    static func duration(_ text: String) -> Int64? { GoDuration.parse(text) }
    /// `3600s`, `1.5s`: as protobuf's JSON has it.
    static func text(_ nanoseconds: Int64) -> String {
        let n: UInt64 = nanoseconds.magnitude
        let sign: String = nanoseconds < 0 ? "-" : ""
        let (s, rest): (UInt64, UInt64) = n.quotientAndRemainder(dividingBy: 1_000_000_000)
        if rest == 0 { return "\(sign)\(s)s" }
        let digits: String = String(rest)
        var fraction: String = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(sign)\(s).\(fraction)s"
    }

    static func add(to l: inout CELLibrary) {
        l.add("timestamp", "(timestamp) timestamp") { (a, _) throws(CELError) in a[0] }
        l.add("timestamp", "(string) timestamp") { (a, _) throws(CELError) in
            guard let t = CELTime(rfc3339: try CELStrings.text(a[0])) else {
                throw .runtime("type conversion error from 'string' to 'google.protobuf.Timestamp'")
            }
            return .timestamp(t)
        }
        l.add("timestamp", "(int) timestamp") { (a, _) throws(CELError) in
            guard case .int(let i) = a[0], let t = CELTime(seconds: i) else { throw .timestampOverflow }
            return .timestamp(t)
        }
        l.add("duration", "(duration) duration") { (a, _) throws(CELError) in a[0] }
        l.add("duration", "(string) duration") { (a, _) throws(CELError) in
            guard let n = duration(try CELStrings.text(a[0])) else {
                throw .runtime("type conversion error from 'string' to 'google.protobuf.Duration'")
            }
            return .duration(n)
        }
        l.add("duration", "(int) duration") { (a, _) throws(CELError) in
            guard case .int(let i) = a[0] else { throw .noSuchOverload }
            return .duration(i)
        }
        addParts(to: &l)
        let units: [(String, Int64)] = [
            ("getHours", 3_600_000_000_000), ("getMinutes", 60_000_000_000), ("getSeconds", 1_000_000_000),
            ("getMilliseconds", 1_000_000),
        ]
        for (name, unit) in units {
            l.add(name, "duration.() int") { (a, _) throws(CELError) in
                guard case .duration(let n) = a[0] else { throw .noSuchOverload }
                return .int(n / unit)
            }
        }
    }

    private static func addParts(to l: inout CELLibrary) {
        let parts: [(String, @Sendable (CELTime.Civil, CELTime) -> Int64)] = [
            ("getFullYear", { c, _ in c.year }), ("getMonth", { c, _ in c.month - 1 }),
            ("getDayOfYear", { c, _ in c.yearDay }), ("getDayOfMonth", { c, _ in c.day - 1 }),
            ("getDate", { c, _ in c.day }), ("getDayOfWeek", { c, _ in c.weekDay }),
            ("getHours", { c, _ in c.hour }), ("getMinutes", { c, _ in c.minute }),
            ("getSeconds", { c, _ in c.second }),
            ("getMilliseconds", { _, t in t.nanoseconds / 1_000_000 }),
        ]
        for (name, part) in parts {
            let call: CELCall = { (a, _) throws(CELError) in
                guard case .timestamp(let t) = a[0] else { throw .noSuchOverload }
                let offset: Int64 = a.count > 1 ? try zone(try CELStrings.text(a[1]), at: t) : 0
                return .int(part(t.civil(offsetSeconds: offset), t))
            }
            l.add(name, "timestamp.() int", call)
            l.add(name, "timestamp.(string) int", call)
        }
    }

    /// Seconds east of UTC: `UTC`, `+02:00`, `-05:30`. Names of the time zone database are read by libc.
    private static func zone(_ name: String, at time: CELTime) throws(CELError) -> Int64 {
        if name.isEmpty || name == "UTC" || name == "Z" { return 0 }
        guard name.contains(":") else {
            guard let seconds = ZoneOffset.seconds(name, at: time.seconds) else {
                throw .runtime("unknown time zone \(name)")
            }
            return seconds
        }
        let isNegative: Bool = name.hasPrefix("-")
        let body: Substring = name.hasPrefix("-") || name.hasPrefix("+") ? name.dropFirst() : name[...]
        let parts: [Substring] = body.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let h = Int64(parts[0]), let m = Int64(parts[1]), (0...23).contains(h),
            (0...59).contains(m)
        else { throw .runtime("unknown time zone \(name)") }
        return (isNegative ? -1 : 1) * (h * 3600 + m * 60)
    }
}
