// What a controller has asked for and its informer has not shown yet: keeps a stale cache from creating things twice.

import KubeBase
import KubeModel
import Synchronization

/// client-go's ControllerExpectations and UIDTrackingControllerExpectations in one.
final class Expectations: Sendable {
    /// After this long, act on the cache whatever it shows: the watch may have missed something.
    static var timeout: Duration { .seconds(300) }

    private struct Pending {
        var creations: Int = 0
        /// uids
        var deletions: Set<String> = []
        var since: Timestamp
    }
    private let pending: Mutex<[ObjectKey: Pending]> = Mutex([:])
    private let time: any TimeSource

    init(time: any TimeSource) { self.time = time }

    func expect(_ key: ObjectKey, creations: Int = 0, deletions: [String] = []) {
        let now: Timestamp = time.now()
        pending.withLock { $0[key] = Pending(creations: creations, deletions: Set(deletions), since: now) }
    }

    /// Also for a creation that failed, or was not tried after all.
    func creationSeen(_ key: ObjectKey, count: Int = 1) {
        pending.withLock { $0[key]?.creations -= count }
    }
    func deletionSeen(_ key: ObjectKey, uid: String) {
        pending.withLock { _ = $0[key]?.deletions.remove(uid) }
    }
    func forget(_ key: ObjectKey) { pending.withLock { $0[key] = nil } }

    func areMet(_ key: ObjectKey) -> Bool {
        let now: Timestamp = time.now()
        return pending.withLock { p in
            guard let e = p[key] else { return true }
            return (e.creations <= 0 && e.deletions.isEmpty) || now - e.since > Self.timeout
        }
    }
}
