// The Date field (RFC 9110 section 5.6.7), rendered once a second at most.

import Glibc
import Synchronization

enum HTTPDate {
    private static let cached: Mutex<(second: Int, text: String)> = Mutex((0, ""))

    /// `Tue, 15 Nov 1994 08:12:31 GMT`
    static func now() -> String {
        var second: time_t = time(nil)
        return cached.withLock { cached in
            if cached.second == second { return cached.text }
            var parts: tm = tm()
            gmtime_r(&second, &parts)
            func two(_ n: Int32) -> String { n < 10 ? "0\(n)" : "\(n)" }
            let days: [String] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
            let months: [String] = [
                "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
            ]
            let date: String = "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
            let time: String = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
            cached = (second, "\(date) \(parts.tm_year + 1900) \(time)")
            return cached.text
        }
    }
}
