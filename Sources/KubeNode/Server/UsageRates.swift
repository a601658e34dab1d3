// How fast cpu counters grow: the rate between two looks at /stats/summary.

import KubeBase
import Synchronization

/// Nobody looks, nothing is kept up to date: a first look, or one long after the last, tells no rate.
final class UsageRates: Sendable {
    /// A shorter time says little; the rate before it is told again.
    static let windowMin: Duration = .seconds(1)
    static let windowMax: Duration = .seconds(300)

    private struct Look {
        var nanoseconds: UInt64
        var at: Timestamp
        var rate: UInt64?
    }
    private let looks: Mutex<[String: Look]> = Mutex([:])

    /// Billionths of a core; `nanoseconds` is the counter's value at `now`.
    func rate(_ key: String, _ nanoseconds: UInt64, _ now: Timestamp) -> UInt64? {
        looks.withLock { looks in
            guard let last = looks[key], last.nanoseconds <= nanoseconds, now - last.at < Self.windowMax, now >= last.at
            else {
                looks = looks.filter { now - $0.value.at < Self.windowMax }
                looks[key] = Look(nanoseconds: nanoseconds, at: now)
                return nil
            }
            guard now - last.at >= Self.windowMin else { return last.rate }
            let seconds: Double = Double(now.nanoseconds - last.at.nanoseconds) / 1e9
            let rate: UInt64 = UInt64((Double(nanoseconds - last.nanoseconds) / seconds).rounded())
            looks[key] = Look(nanoseconds: nanoseconds, at: now, rate: rate)
            return rate
        }
    }
}
