// When the time of a request is over: set by the responder, kept by the server.

import Glibc
import Synchronization

/// At its end the server answers 504 in the responder's place and cancels what is still going on. A request has none
/// until the responder sets one.
package final class RequestDeadline: Sendable {
    /// Nanoseconds of a monotonic clock.
    private let at: Atomic<Int64> = Atomic(.max)

    package init() {}

    static func now() -> Int64 {
        var t: timespec = timespec()
        clock_gettime(CLOCK_MONOTONIC, &t)
        return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
    }

    package func set(secondsFromNow seconds: Double) {
        at.store(RequestDeadline.now() + Int64(seconds * 1e9), ordering: .relaxed)
    }

    func clear() { at.store(.max, ordering: .relaxed) }

    package var isOver: Bool { isOver(RequestDeadline.now()) }
    func isOver(_ now: Int64) -> Bool { at.load(ordering: .relaxed) <= now }
    var isSet: Bool { at.load(ordering: .relaxed) != .max }
}
