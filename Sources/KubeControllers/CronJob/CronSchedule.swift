// `*/5 9-17 * * MON-FRI`, `@daily`, `@every 1h30m`: when a schedule is due next.

import KubeBase

struct CronSchedule: Sendable {
    private enum Form: Sendable {
        case fields
        case every(seconds: Int64)
    }
    private var form: Form = .fields
    private var minutes: UInt64 = 0
    private var hours: UInt64 = 0
    private var days: UInt64 = 0
    private var months: UInt64 = 0
    private var weekdays: UInt64 = 0
    /// With both restricted, either suffices.
    private var isAnyDay: Bool = false
    private var isAnyWeekday: Bool = false

    private static let monthNames: [String] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let dayNames: [String] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    private static let named: [String: String] = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    /// nil when malformed.
    init?(_ text: String) {
        let spec: String = Self.named[text] ?? text
        if spec.hasPrefix("@every ") {
            guard let seconds = Self.duration(spec.dropFirst(7)), seconds > 0 else { return nil }
            form = .every(seconds: seconds)
            return
        }
        let f: [Substring] = spec.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard f.count == 5,
            let mi = Self.field(f[0], 0, 59, []), let h = Self.field(f[1], 0, 23, []),
            let d = Self.field(f[2], 1, 31, []), let mo = Self.field(f[3], 1, 12, Self.monthNames),
            let w = Self.field(f[4], 0, 7, Self.dayNames)
        else { return nil }
        (minutes, hours, days, months) = (mi, h, d, mo)
        // Sunday is 0 and 7.
        weekdays = (w | (w >> 7 & 1)) & 0x7f
        isAnyDay = f[2].hasPrefix("*") || f[2].hasPrefix("?")
        isAnyWeekday = f[4].hasPrefix("*") || f[4].hasPrefix("?")
    }

    /// `1h30m`, `90s`
    private static func duration(_ text: Substring) -> Int64? {
        var total: Int64 = 0
        var number: Int64?
        for c in text {
            if let digit = c.wholeNumberValue, c.isASCII {
                number = (number ?? 0) * 10 + Int64(digit)
                if number! > 1 << 40 { return nil }
                continue
            }
            guard let n = number else { return nil }
            switch c {
            case "h": total += n * 3600
            case "m": total += n * 60
            case "s": total += n
            default: return nil
            }
            number = nil
        }
        return number == nil ? total : nil
    }

    private static func field(_ text: Substring, _ low: Int, _ high: Int, _ names: [String]) -> UInt64? {
        var bits: UInt64 = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces: [Substring] = part.split(separator: "/", omittingEmptySubsequences: false)
            guard pieces.count <= 2, let range = pieces.first, !range.isEmpty else { return nil }
            var (from, to): (Int, Int) = (low, high)
            if range != "*", range != "?" {
                let ends: [Int?] = range.split(separator: "-", omittingEmptySubsequences: false).map {
                    value($0, names)
                }
                guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1] else { return nil }
                from = first
                to = ends.count == 1 && pieces.count == 2 ? high : last
            }
            var step: Int = 1
            if pieces.count == 2 {
                guard let s = Int(pieces[1]), s > 0 else { return nil }
                step = s
            }
            guard from >= low, to <= high, from <= to else { return nil }
            for i in stride(from: from, through: to, by: step) { bits |= 1 << UInt64(i) }
        }
        return bits
    }

    private static func value(_ text: Substring, _ names: [String]) -> Int? {
        if let n = Int(text), text.allSatisfy({ $0.isNumber }) { return n }
        guard let i = names.firstIndex(of: text.lowercased()) else { return nil }
        return names.count == 12 ? i + 1 : i
    }

    private static func has(_ bits: UInt64, _ i: Int) -> Bool { bits >> UInt64(i) & 1 == 1 }

    private func matchesDay(_ t: CivilTime, _ local: Int64) -> Bool {
        let (day, weekday): (Bool, Bool) = (Self.has(days, t.day), Self.has(weekdays, CivilTime.weekday(local)))
        return isAnyDay || isAnyWeekday ? day && weekday : day || weekday
    }

    /// The first time after `start`; nil when none comes within five years (February 30).
    func next(after start: Timestamp, _ zone: TimeZoneRules) -> Timestamp? {
        if case .every(let seconds) = form { return Timestamp(seconds: start.seconds + seconds) }
        var local: Int64 = start.seconds + zone.offset(at: start.seconds)
        local = (local >= 0 ? local / 60 : (local - 59) / 60) * 60 + 60
        let end: Int64 = local + 5 * 366 * 86400
        while local < end {
            var t: CivilTime = CivilTime(seconds: local)
            if !Self.has(months, t.month) {
                t = CivilTime(
                    seconds: CivilTime.days(t.month == 12 ? t.year + 1 : t.year, t.month == 12 ? 1 : t.month + 1, 1)
                        * 86400)
                local = t.seconds
            } else if !matchesDay(t, local) {
                local = (local >= 0 ? local / 86400 : (local - 86399) / 86400) * 86400 + 86400
            } else if !Self.has(hours, t.hour) {
                local += Int64(60 - t.minute) * 60
            } else if !Self.has(minutes, t.minute) {
                local += 60
            } else {
                let found: Timestamp = Timestamp(seconds: zone.toUTC(local))
                // A local time that a change of the clock skips or repeats.
                if found > start { return found }
                local += 60
            }
        }
        return nil
    }
}
