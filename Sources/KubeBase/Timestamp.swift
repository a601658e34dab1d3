// A point in wall time, and its RFC 3339 forms as the Kubernetes API writes them.

import Glibc

/// Nanoseconds since 1970-01-01T00:00:00Z. Range: years 1678–2262.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    package init(seconds: Int64) { nanoseconds = seconds * 1_000_000_000 }

    /// The machine's wall clock. Components take a `TimeSource` instead, so that tests can move time.
    package static var now: Timestamp {
        var t: timespec = timespec()
        clock_gettime(CLOCK_REALTIME, &t)
        return Timestamp(nanoseconds: Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec))
    }

    package var seconds: Int64 {
        nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds - 999_999_999) / 1_000_000_000
    }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }
    package static func - (a: Timestamp, b: Timestamp) -> Duration {
        .nanoseconds(a.nanoseconds) - .nanoseconds(b.nanoseconds)
    }
    /// Stops at the ends of the range: users may write any number of seconds.
    package static func + (a: Timestamp, b: Duration) -> Timestamp {
        let parts: (seconds: Int64, attoseconds: Int64) = b.components
        let sum: Int128 =
            Int128(a.nanoseconds) + Int128(parts.seconds) * 1_000_000_000 + Int128(parts.attoseconds / 1_000_000_000)
        return Timestamp(nanoseconds: Int64(clamping: sum))
    }
    package static func - (a: Timestamp, b: Duration) -> Timestamp { a + (.zero - b) }

    /// `2006-01-02T15:04:05Z`: metav1.Time.
    package var description: String { rfc3339 }
    package var rfc3339: String { civil + "Z" }
    /// `2006-01-02T15:04:05.000000Z`: metav1.MicroTime.
    package var rfc3339Micro: String { civil + "." + Self.padded((nanoseconds - seconds * 1_000_000_000) / 1000, 6) + "Z" }
    /// `2006-01-02T15:04:05.000000000Z`: log lines and events with full precision.
    package var rfc3339Nano: String { civil + "." + Self.padded(nanoseconds - seconds * 1_000_000_000, 9) + "Z" }

    private var civil: String { CivilTime(seconds: seconds, nanoseconds: 0).civil }

    private static func padded(_ n: Int64, _ width: Int) -> String {
        let s: String = String(n)
        return s.utf8.count >= width ? s : String(repeating: "0", count: width - s.utf8.count) + s
    }

    /// Parses RFC 3339 with any fraction and offset; `nil` when malformed or out of range.
    package init?(rfc3339 text: String) {
        guard let t = CivilTime(rfc3339: text), (-9_214_560_000...9_214_646_399).contains(t.seconds) else { return nil }
        nanoseconds = t.seconds * 1_000_000_000 + Int64(t.nanoseconds)
    }
}
