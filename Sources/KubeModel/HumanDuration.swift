// Ages as kubectl prints them: k8s.io/apimachinery/pkg/util/duration.

package import KubeBase

package enum HumanDuration {
    /// `5s`, `3m20s`, `4h5m`, `2d`, `1y30d`; `<invalid>` for more than a second in the future.
    package static func text(seconds: Int64) -> String {
        if seconds < -1 { return "<invalid>" }
        if seconds < 0 { return "0s" }
        let (minutes, hours): (Int64, Int64) = (seconds / 60, seconds / 3600)
        func pair(_ whole: Int64, _ unit: String, _ rest: Int64, _ restUnit: String) -> String {
            rest == 0 ? "\(whole)\(unit)" : "\(whole)\(unit)\(rest)\(restUnit)"
        }
        if seconds < 120 { return "\(seconds)s" }
        if minutes < 10 { return pair(minutes, "m", seconds % 60, "s") }
        if minutes < 180 { return "\(minutes)m" }
        if hours < 8 { return pair(hours, "h", minutes % 60, "m") }
        if hours < 48 { return "\(hours)h" }
        if hours < 192 { return pair(hours / 24, "d", hours % 24, "h") }
        if hours < 24 * 365 * 2 { return "\(hours / 24)d" }
        if hours < 24 * 365 * 8 { return pair(hours / 24 / 365, "y", hours / 24 % 365, "d") }
        return "\(hours / 24 / 365)y"
    }

    package static func text(from start: Timestamp, to end: Timestamp) -> String {
        text(seconds: (end - start).components.seconds)
    }

    /// The age of an RFC 3339 text; `<unknown>` when there is none.
    package static func age(_ text: String?, now: Timestamp) -> String {
        guard let text, let t = Timestamp(rfc3339: text) else { return "<unknown>" }
        return HumanDuration.text(from: t, to: now)
    }
}
