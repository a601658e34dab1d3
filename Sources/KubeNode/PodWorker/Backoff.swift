// Exponential back-off as the kubelet counts it: doubled at each retry, forgotten after a long quiet time.

import KubeBase

/// `next` is called when a retry is made; until `delay` after the failure the thing waits.
struct Backoff: Sendable, Equatable {
    /// The first wait; doubled up to `delayMax`.
    var first: Duration = .seconds(10)
    var delayMax: Duration = .seconds(300)
    /// `.zero` before the first retry.
    private(set) var delay: Duration = .zero
    private var updatedAt: Timestamp?

    init(first: Duration = .seconds(10), delayMax: Duration = .seconds(300)) {
        self.first = first
        self.delayMax = delayMax
    }

    /// When a failure at `failedAt` may be retried; nil: now.
    func retryAt(failedAt: Timestamp, now: Timestamp) -> Timestamp? {
        guard let updatedAt, failedAt - updatedAt <= delayMax * 2 else { return nil }
        let at: Timestamp = failedAt + delay
        return now < at ? at : nil
    }

    mutating func next(failedAt: Timestamp, now: Timestamp) {
        if let updatedAt, failedAt - updatedAt <= delayMax * 2 {
            delay = min(delay * 2, delayMax)
        } else {
            delay = first
        }
        updatedAt = now
    }

    mutating func reset() {
        delay = .zero
        updatedAt = nil
    }

    /// `10s`, `2m40s`: the form of Go's Duration for whole seconds.
    var text: String { GoDuration.text(delay) }
}

enum GoDuration {
    /// Go's `time.Duration.String()`.
    static func text(_ d: Duration) -> String {
        let (s, atto): (Int64, Int64) = d.components
        let nanoseconds: Int64 = s * 1_000_000_000 + atto / 1_000_000_000
        if nanoseconds == 0 { return "0s" }
        if nanoseconds < 1_000 { return "\(nanoseconds)ns" }
        if nanoseconds < 1_000_000 { return decimal(nanoseconds, 1_000, "µs") }
        if nanoseconds < 1_000_000_000 { return decimal(nanoseconds, 1_000_000, "ms") }
        let hours: Int64 = s / 3600
        let minutes: Int64 = s / 60 % 60
        let rest: String = decimal(nanoseconds % 60_000_000_000, 1_000_000_000, "s")
        if hours > 0 { return "\(hours)h\(minutes)m\(rest)" }
        return minutes > 0 ? "\(minutes)m\(rest)" : rest
    }

    private static func decimal(_ n: Int64, _ unit: Int64, _ suffix: String) -> String {
        var fraction: String = String(n % unit + unit).dropFirst().description
        while fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? "\(n / unit)\(suffix)" : "\(n / unit).\(fraction)\(suffix)"
    }
}
