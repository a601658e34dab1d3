// A point in time of any year from 0 to 9999, as API objects may carry it; Timestamp is narrower and cheaper.

package struct CivilTime: Sendable, Hashable {
    /// Since 1970-01-01T00:00:00Z; negative before it.
    package var seconds: Int64
    /// 0..<1_000_000_000
    package var nanoseconds: Int32

    /// 0000-01-01 to 9999-12-31: what RFC 3339 can write.
    package static let range: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

    package init(seconds: Int64, nanoseconds: Int32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// `2006-01-02T15:04:05Z`: metav1.Time.
    package var rfc3339: String { civil + "Z" }
    /// `2006-01-02T15:04:05.000000Z`: metav1.MicroTime.
    package var rfc3339Micro: String { civil + "." + Self.padded(Int64(nanoseconds) / 1000, 6) + "Z" }

    var civil: String {
        var days: Int64 = seconds / 86400
        var rest: Int64 = seconds % 86400
        if rest < 0 {
            rest += 86400
            days -= 1
        }
        let (y, m, d): (Int64, Int64, Int64) = Self.date(days: days)
        let date: String = Self.padded(y, 4) + "-" + Self.padded(m, 2) + "-" + Self.padded(d, 2)
        let time: String = Self.padded(rest / 3600, 2) + ":" + Self.padded(rest / 60 % 60, 2) + ":" + Self.padded(rest % 60, 2)
        return date + "T" + time
    }

    private static func padded(_ n: Int64, _ width: Int) -> String {
        let s: String = String(n)
        return s.utf8.count >= width ? s : String(repeating: "0", count: width - s.utf8.count) + s
    }

    /// Civil date of a day number since 1970-01-01 (proleptic Gregorian).
    package static func date(days: Int64) -> (Int64, Int64, Int64) {
        let z: Int64 = days + 719468
        let era: Int64 = (z >= 0 ? z : z - 146096) / 146097
        let doe: Int64 = z - era * 146097
        let yoe: Int64 = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365
        let doy: Int64 = doe - (365 * yoe + yoe / 4 - yoe / 100)
        let mp: Int64 = (5 * doy + 2) / 153
        let month: Int64 = mp < 10 ? mp + 3 : mp - 9
        return (yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - (153 * mp + 2) / 5 + 1)
    }

    /// The day number of a civil date: the inverse of `date(days:)`.
    package static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y: Int64 = month <= 2 ? year - 1 : year
        let era: Int64 = (y >= 0 ? y : y - 399) / 400
        let yoe: Int64 = y - era * 400
        let doy: Int64 = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let doe: Int64 = yoe * 365 + yoe / 4 - yoe / 100 + doy
        return era * 146097 + doe - 719468
    }

    /// Parses RFC 3339 with any fraction and offset; `nil` when malformed or out of calendar range.
    package init?(rfc3339 text: String) {
        let b: [UInt8] = Array(text.utf8)
        func number(_ at: Int, _ count: Int) -> Int64? {
            guard at + count <= b.count else { return nil }
            var n: Int64 = 0
            for i in at..<(at + count) {
                guard b[i] >= 48, b[i] <= 57 else { return nil }
                n = n * 10 + Int64(b[i] - 48)
            }
            return n
        }
        func sign(_ at: Int, _ c: Character) -> Bool { at < b.count && b[at] == c.asciiValue }
        guard let y = number(0, 4), sign(4, "-"), let mo = number(5, 2), sign(7, "-"), let d = number(8, 2),
            sign(10, "T") || sign(10, "t") || sign(10, " "),
            let h = number(11, 2), sign(13, ":"), let mi = number(14, 2), sign(16, ":"), let s = number(17, 2),
            (1...12).contains(mo), (1...31).contains(d), h < 24, mi < 60, s < 61
        else { return nil }
        var at: Int = 19
        var fraction: Int64 = 0
        if sign(at, ".") {
            at += 1
            var scale: Int64 = 100_000_000
            let start: Int = at
            while at < b.count, b[at] >= 48, b[at] <= 57 {
                fraction += Int64(b[at] - 48) * scale
                scale /= 10
                at += 1
            }
            guard at > start else { return nil }
        }
        var offset: Int64 = 0
        if sign(at, "Z") || sign(at, "z") {
            at += 1
        } else if sign(at, "+") || sign(at, "-") {
            guard let oh = number(at + 1, 2), sign(at + 3, ":"), let om = number(at + 4, 2) else { return nil }
            offset = (oh * 3600 + om * 60) * (sign(at, "-") ? -1 : 1)
            at += 6
        } else {
            return nil
        }
        guard at == b.count else { return nil }
        seconds = Self.days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - offset
        nanoseconds = Int32(fraction)
    }
}
