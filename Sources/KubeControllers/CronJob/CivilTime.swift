// Calendar arithmetic and time zones, as schedules need them.

import KubeBase
import KubeClient

/// A minute of a calendar, in some zone.
struct CivilTime: Sendable, Equatable {
    var year: Int
    /// 1…12
    var month: Int
    /// 1…31
    var day: Int
    var hour: Int
    var minute: Int

    /// Seconds since 1970-01-01T00:00 of the same calendar, whatever its zone.
    var seconds: Int64 {
        Self.days(year, month, day) * 86400 + Int64(hour) * 3600 + Int64(minute) * 60
    }

    init(seconds: Int64) {
        var days: Int64 = seconds / 86400
        var rest: Int64 = seconds % 86400
        if rest < 0 {
            rest += 86400
            days -= 1
        }
        (year, month, day) = Self.date(days)
        hour = Int(rest / 3600)
        minute = Int(rest / 60 % 60)
    }

    /// 0: Sunday
    static func weekday(_ seconds: Int64) -> Int {
        let days: Int64 = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        return Int(((days + 4) % 7 + 7) % 7)
    }

    static func days(_ y: Int, _ m: Int, _ d: Int) -> Int64 { KubeBase.CivilTime.days(Int64(y), Int64(m), Int64(d)) }

    private static func date(_ days: Int64) -> (Int, Int, Int) {
        let (year, month, day): (Int64, Int64, Int64) = KubeBase.CivilTime.date(days: days)
        return (Int(year), Int(month), Int(day))
    }
}

/// Offsets from UTC over time, from a TZif file (RFC 8536). Beyond its last transition the last offset holds.
struct TimeZoneRules: Sendable {
    static let utc: TimeZoneRules = TimeZoneRules(times: [], offsets: [], first: 0)
    private var times: [Int64]
    private var offsets: [Int64]
    private var first: Int64

    private init(times: [Int64], offsets: [Int64], first: Int64) {
        self.times = times
        self.offsets = offsets
        self.first = first
    }

    /// nil when there is no such zone.
    static func named(_ name: String) -> TimeZoneRules? {
        if name == "UTC" || name == "Etc/UTC" { return utc }
        let isSafe: Bool = !name.isEmpty && !name.hasPrefix("/") && !name.split(separator: "/").contains("..")
        guard isSafe, let bytes = (try? LocalFile.read("/usr/share/zoneinfo/" + name)) ?? nil else { return nil }
        return TimeZoneRules(tzif: bytes)
    }

    /// The machine's own zone.
    static func local() -> TimeZoneRules {
        ((try? LocalFile.read("/etc/localtime")) ?? nil).flatMap { TimeZoneRules(tzif: $0) } ?? utc
    }

    init?(tzif b: [UInt8]) {
        func int(_ at: Int, _ size: Int) -> Int64? {
            guard at >= 0, at + size <= b.count else { return nil }
            var v: UInt64 = 0
            for i in at..<(at + size) { v = v << 8 | UInt64(b[i]) }
            return size == 4 ? Int64(Int32(truncatingIfNeeded: v)) : Int64(bitPattern: v)
        }
        guard b.count >= 44, Array(b[0..<4]) == Array("TZif".utf8) else { return nil }
        func counts(_ at: Int) -> [Int]? {
            let c: [Int] = (0..<6).compactMap { int(at + 20 + $0 * 4, 4).map { Int($0) } }
            return c.count == 6 && c.allSatisfy { $0 >= 0 && $0 < 100_000 } ? c : nil
        }
        // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
        guard var c = counts(0) else { return nil }
        var at: Int = 44
        var width: Int = 4
        if b[4] >= UInt8(ascii: "2") {
            at += c[3] * 5 + c[4] * 6 + c[5] + c[2] * 8 + c[1] + c[0]
            guard let second = counts(at) else { return nil }
            c = second
            at += 44
            width = 8
        }
        let (timeCount, typeCount): (Int, Int) = (c[3], c[4])
        let typesAt: Int = at + timeCount * width + timeCount
        var types: [Int64] = []
        for i in 0..<typeCount {
            guard let offset = int(typesAt + i * 6, 4) else { return nil }
            types.append(offset)
        }
        guard let standard = types.first else { return nil }
        times = []
        offsets = []
        first = standard
        for i in 0..<timeCount {
            let kind: Int = at + timeCount * width + i
            guard let t = int(at + i * width, width), kind < b.count, Int(b[kind]) < types.count else { return nil }
            times.append(t)
            offsets.append(types[Int(b[kind])])
        }
    }

    /// Seconds east of UTC at a time in UTC.
    func offset(at utc: Int64) -> Int64 {
        var (low, high): (Int, Int) = (0, times.count)
        while low < high {
            let mid: Int = (low + high) / 2
            if times[mid] <= utc { low = mid + 1 } else { high = mid }
        }
        return low == 0 ? first : offsets[low - 1]
    }

    func toUTC(_ local: Int64) -> Int64 {
        let guess: Int64 = local - offset(at: local)
        let better: Int64 = local - offset(at: guess)
        return better
    }
}
