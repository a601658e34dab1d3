// Timestamps of CEL: years 1 to 9999 with nanoseconds, wider than `KubeBase.Timestamp`.

package import KubeBase

/// Seconds since 1970-01-01T00:00:00Z and nanoseconds of the second (0..<1e9).
package struct CELTime: Sendable, Hashable, Comparable {
    package let seconds: Int64
    package let nanoseconds: Int64

    static let first: Int64 = -62_135_596_800
    static let last: Int64 = 253_402_300_799

    /// Nil outside of the years 1 to 9999.
    package init?(seconds: Int64, nanoseconds: Int64 = 0) {
        guard CELTime.first...CELTime.last ~= seconds else { return nil }
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
    package init(_ t: Timestamp) {
        seconds = t.seconds
        nanoseconds = t.nanoseconds - t.seconds * 1_000_000_000
    }

    package static func < (a: CELTime, b: CELTime) -> Bool {
        (a.seconds, a.nanoseconds) < (b.seconds, b.nanoseconds)
    }

    /// RFC 3339, years 0001 to 9999.
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
        func isSign(_ at: Int, _ c: UInt8) -> Bool { at < b.count && b[at] == c }
        guard let y = number(0, 4), isSign(4, 45), let mo = number(5, 2), isSign(7, 45), let d = number(8, 2),
            isSign(10, 84) || isSign(10, 116), let h = number(11, 2), isSign(13, 58), let mi = number(14, 2),
            isSign(16, 58), let s = number(17, 2), (1...12).contains(mo), d >= 1, d <= CELTime.days(of: mo, y),
            h < 24, mi < 60, s < 60
        else { return nil }
        var at: Int = 19
        var fraction: Int64 = 0
        if isSign(at, 46) {
            at += 1
            let start: Int = at
            var scale: Int64 = 100_000_000
            while at < b.count, b[at] >= 48, b[at] <= 57 {
                fraction += Int64(b[at] - 48) * scale
                scale /= 10
                at += 1
            }
            guard at > start else { return nil }
        }
        var offset: Int64 = 0
        if isSign(at, 90) || isSign(at, 122) {
            at += 1
        } else if isSign(at, 43) || isSign(at, 45) {
            guard let oh = number(at + 1, 2), isSign(at + 3, 58), let om = number(at + 4, 2), oh < 24, om < 60 else {
                return nil
            }
            offset = (oh * 3600 + om * 60) * (b[at] == 45 ? -1 : 1)
            at += 6
        } else {
            return nil
        }
        guard at == b.count else { return nil }
        self.init(
            seconds: CivilTime.days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - offset, nanoseconds: fraction)
    }

    /// `2006-01-02`, as schemas of format `date` have it.
    init?(date text: String) { self.init(rfc3339: text + "T00:00:00Z") }

    private static func days(of month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    struct Civil {
        var year: Int64
        var month: Int64
        var day: Int64
        var yearDay: Int64
        var weekDay: Int64
        var hour: Int64
        var minute: Int64
        var second: Int64
    }

    func civil(offsetSeconds: Int64) -> Civil {
        let s: Int64 = seconds + offsetSeconds
        let days: Int64 = (s >= 0 ? s : s - 86399) / 86400
        let rest: Int64 = s - days * 86400
        let (year, month, day): (Int64, Int64, Int64) = CivilTime.date(days: days)
        return Civil(
            year: year, month: month, day: day,
            yearDay: days - CivilTime.days(year, 1, 1), weekDay: ((days + 4) % 7 + 7) % 7,
            hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60)
    }

    package var rfc3339: String {
        func padded(_ n: Int64, _ width: Int) -> String {
            let t: String = String(n)
            return String(repeating: "0", count: max(0, width - t.utf8.count)) + t
        }
        let c: Civil = civil(offsetSeconds: 0)
        var text: String = padded(c.year, 4) + "-" + padded(c.month, 2) + "-" + padded(c.day, 2) + "T"
        text += padded(c.hour, 2) + ":" + padded(c.minute, 2) + ":" + padded(c.second, 2)
        if nanoseconds > 0 {
            var fraction: String = padded(nanoseconds, 9)
            while fraction.hasSuffix("0") { fraction.removeLast() }
            text += "." + fraction
        }
        return text + "Z"
    }

    func adding(nanoseconds n: Int64) throws(CELError) -> CELTime {
        let total: Int128 = Int128(seconds) * 1_000_000_000 + Int128(nanoseconds) + Int128(n)
        let s: Int128 = (total >= 0 ? total : total - 999_999_999) / 1_000_000_000
        guard let t = CELTime(seconds: Int64(clamping: s), nanoseconds: Int64(total - s * 1_000_000_000)) else {
            throw .timestampOverflow
        }
        return t
    }

    func since(_ other: CELTime) throws(CELError) -> Int64 {
        let n: Int128 =
            Int128(seconds - other.seconds) * 1_000_000_000 + Int128(nanoseconds) - Int128(other.nanoseconds)
        guard let d = Int64(exactly: n) else { throw .durationOverflow }
        return d
    }
}
