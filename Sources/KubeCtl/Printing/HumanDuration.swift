// Ages as people read them: k8s.io/apimachinery/pkg/util/duration.HumanDuration.

package enum HumanDuration {
    package static func text(_ d: Duration) -> String {
        let s: Int64 = d.components.seconds
        if s < -1 { return "<invalid>" }
        if s <= 0 { return "0s" }
        if s < 120 { return "\(s)s" }
        let m: Int64 = s / 60
        if m < 10 { return s % 60 == 0 ? "\(m)m" : "\(m)m\(s % 60)s" }
        if m < 180 { return "\(m)m" }
        let h: Int64 = m / 60
        if h < 8 { return m % 60 == 0 ? "\(h)h" : "\(h)h\(m % 60)m" }
        if h < 48 { return "\(h)h" }
        let days: Int64 = h / 24
        if days < 8 { return h % 24 == 0 ? "\(days)d" : "\(days)d\(h % 24)h" }
        if days < 730 { return "\(days)d" }
        let years: Int64 = days / 365
        if years < 8 { return days % 365 == 0 ? "\(years)y" : "\(years)y\(days % 365)d" }
        return "\(years)y"
    }
}
