// The recent changes of one resource in order, bounded; every watcher reads it through a cursor of its own.

import Glibc
import KubeModel
import KubeStore
import KubeWire
import Synchronization

/// Seconds of a clock that never goes back.
func monotonicSeconds() -> Int64 {
    var t: timespec = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t)
    return Int64(t.tv_sec)
}

/// A change of one object: `old` is nil when it is new, `new` is nil when it is gone.
package final class CacheEvent: Sendable {
    let revision: Revision
    let old: StoredObject?
    let new: StoredObject?
    private let end: Mutex<StoredObject?> = Mutex(nil)

    /// When it was published: a monotonic clock.
    let seconds: Int64

    init(revision: Revision, old: StoredObject?, new: StoredObject?, seconds: Int64) {
        self.seconds = seconds
        self.revision = revision
        self.old = old
        self.new = new
    }

    /// What a watcher is shown for whom the object has gone (really, or out of its selection).
    var gone: StoredObject? {
        guard let old else { return nil }
        return end.withLock {
            if let known = $0 { return known }
            let made: StoredObject = old.gone(at: revision)
            $0 = made
            return made
        }
    }

    var weight: Int { (new?.bytes.count ?? 0) + 64 }
}

/// How much of each resource's history is kept for watches that begin or are slow: their bounded buffer.
package struct EventLogLimits: Sendable {
    package var countMax: Int = 10_000
    /// Of the encoded objects.
    package var bytesMax: Int = 4 << 20
    /// Older events are kept only up to `quietCount`: heartbeats must not pile up for a day.
    package var ageSecondsMax: Int64 = 300
    package var quietCount: Int = 100
    package init() {}
}

struct EventLog {
    let limits: EventLogLimits
    private var events: [CacheEvent] = []
    private var head: Int = 0
    private var bytes: Int = 0
    /// Absolute index of the first kept event; cursors are absolute.
    private(set) var start: Int = 0
    /// The revision of the newest event that is no longer kept: a watch may resume at it, not before.
    private(set) var floor: Revision = .zero

    init(_ limits: EventLogLimits) { self.limits = limits }

    var end: Int { start + events.count - head }

    mutating func append(_ event: CacheEvent) {
        events.append(event)
        bytes += event.weight
        while events.count - head > limits.countMax || (bytes > limits.bytesMax && events.count - head > 1) {
            dropFirst()
        }
        while events.count - head > limits.quietCount, event.seconds - events[head].seconds > limits.ageSecondsMax {
            dropFirst()
        }
    }

    private mutating func dropFirst() {
        bytes -= events[head].weight
        floor = max(floor, events[head].revision)
        head += 1
        start += 1
        if head > 1024, head * 2 > events.count {
            events.removeFirst(head)
            head = 0
        }
    }

    /// Events at or before `revision` are forgotten.
    mutating func raiseFloor(to revision: Revision) {
        while head < events.count, events[head].revision <= revision { dropFirst() }
        floor = max(floor, revision)
    }

    /// At most `count` events from the cursor; nil when the cursor's events are gone. An array of its own: a slice would
    /// share the log's storage, and the next append would copy the whole log.
    func read(from cursor: Int, count: Int) -> [CacheEvent]? {
        guard cursor >= start else { return nil }
        let first: Int = head + cursor - start
        guard first <= events.count else { return [] }
        return Array(events[first..<min(events.count, first + count)])
    }

    /// The cursor of the first event after `revision`.
    func cursor(after revision: Revision) -> Int {
        var low: Int = head
        var high: Int = events.count
        while low < high {
            let middle: Int = (low + high) / 2
            if events[middle].revision <= revision { low = middle + 1 } else { high = middle }
        }
        return start + low - head
    }

    /// Newest first, those after `revision`.
    func back(to revision: Revision) -> ReversedCollection<ArraySlice<CacheEvent>> {
        events[(head + cursor(after: revision) - start)...].reversed()
    }
}
