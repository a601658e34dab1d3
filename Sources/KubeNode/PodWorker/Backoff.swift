// Exponential back-off as the kubelet counts it: doubled at each retry, forgotten after a long quiet time.

import KubeBase
import KubeModel

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
    var text: String { delay.goText }
}

extension Duration {
    /// As Go prints a `time.Duration`: `1m30s`, `35ms`.
    var goText: String {
        GoDuration.format(nanoseconds: components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000)
    }
}
