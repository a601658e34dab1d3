// The rules of client-go's work queues as a value: dedup, one worker a key, delays and exponential back-off.

package import KubeBase

/// A key is in `waiting` (to be taken) or in `processing` (a worker has it); a `dirty` one in `processing` changed
/// meanwhile and goes back to `waiting` when the worker is done. `delayed` keys become `waiting` at their time.
package struct WorkQueueBrain<Key: Hashable & Sendable>: Sendable {
    /// client-go's ItemExponentialFailureRateLimiter: base·2ⁿ up to the maximum.
    package static var backoffBase: Duration { .milliseconds(5) }
    package static var backoffMax: Duration { .seconds(1000) }

    private var waiting: [Key] = []
    private var head: Int = 0
    private var dirty: Set<Key> = []
    private var processing: Set<Key> = []
    private var delayed: [Key: Timestamp] = [:]
    private var failures: [Key: Int] = [:]

    package init() {}

    package var count: Int { waiting.count - head }
    package var isIdle: Bool { count == 0 && processing.isEmpty }

    /// True when a worker has something new to take.
    package mutating func add(_ key: Key) -> Bool {
        guard dirty.insert(key).inserted, !processing.contains(key) else { return false }
        waiting.append(key)
        return true
    }

    package mutating func take() -> Key? {
        guard head < waiting.count else { return nil }
        let key: Key = waiting[head]
        head += 1
        if head > 64, head * 2 > waiting.count {
            waiting.removeFirst(head)
            head = 0
        }
        dirty.remove(key)
        processing.insert(key)
        return key
    }

    /// True when the key goes round again.
    package mutating func done(_ key: Key) -> Bool {
        processing.remove(key)
        guard dirty.contains(key) else { return false }
        waiting.append(key)
        return true
    }

    /// An earlier time for the same key wins. True when this is now the next deadline.
    package mutating func add(_ key: Key, at time: Timestamp) -> Bool {
        if let old = delayed[key], old <= time { return false }
        let next: Timestamp? = nextDeadline
        delayed[key] = time
        return next.map { time < $0 } ?? true
    }

    package var nextDeadline: Timestamp? { delayed.values.min() }

    /// Moves what is due to `waiting`; answers how many workers to wake.
    package mutating func advance(to now: Timestamp) -> Int {
        var woken: Int = 0
        for (key, time) in delayed where time <= now {
            delayed[key] = nil
            if add(key) { woken += 1 }
        }
        return woken
    }

    /// The delay before the next try of a key that failed once more.
    package mutating func backoff(_ key: Key) -> Duration {
        let n: Int = failures[key, default: 0]
        failures[key] = n + 1
        guard n < 18 else { return Self.backoffMax }
        return min(Self.backoffBase * (1 << n), Self.backoffMax)
    }

    package mutating func forget(_ key: Key) { failures[key] = nil }
    package func retries(_ key: Key) -> Int { failures[key, default: 0] }
}
