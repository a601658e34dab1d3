// Everything the server knows about the objects of one storage prefix, in memory at the newest revision.

package import KubeModel
package import KubeStore
import KubeWire
import Synchronization

/// store → `apply` (the store's thread, in revision order) → objects + event log → watchers
///
/// Watchers over HTTP hold a cursor into the log and wait for it to grow; a watcher that is slower than the log is long
/// is closed. Watchers in process are sinks, called right away.
package final class ResourceCache: Sendable {
    package typealias Sink = @Sendable (CacheEvent) -> Void

    private struct State {
        var byPath: [String: StoredObject] = [:]
        /// By path, byte for byte: the order of lists.
        var sorted: ObjectSequence = ObjectSequence()
        var log: EventLog = EventLog()
        var newest: Revision = .zero
        /// Revisions strictly between were seen by nobody or lost in a crash.
        var lostAfter: Revision = .zero
        var lostBefore: Revision = .zero
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        /// Woken while they were not waiting.
        var pokes: Set<UInt64> = []
        var sinks: [UInt64: Sink] = [:]
        var nextID: UInt64 = 1
    }

    package let prefix: String
    package let groupResource: GroupResource
    let hub: CacheHub
    private let state: Mutex<State> = Mutex(State())

    init(prefix: String, groupResource: GroupResource, hub: CacheHub) {
        self.prefix = prefix
        self.groupResource = groupResource
        self.hub = hub
    }

    // MARK: changes

    func apply(_ revision: Revision, path: String, _ object: StoredObject?) {
        let seconds: Int64 = monotonicSeconds()
        let (event, sinks): (CacheEvent, [Sink]) = state.withLock { s in
            let old: StoredObject? = s.byPath[path]
            s.byPath[path] = object
            if let object { s.sorted.set(object) } else if old != nil { s.sorted.remove(path) }
            let event: CacheEvent = CacheEvent(revision: revision, old: old, new: object, seconds: seconds)
            if old != nil || object != nil { s.log.append(event) }
            s.newest = revision
            return (event, Array(s.sinks.values))
        }
        for sink in sinks { sink(event) }
    }

    /// Wakes those who wait for events: once a batch.
    func wakeAll() {
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock { s in
            let all: [CheckedContinuation<Void, Never>] = Array(s.waiters.values)
            s.waiters = [:]
            return all
        }
        for waiter in waiters { waiter.resume() }
    }

    func opened(_ start: StoreStart) {
        state.withLock { s in
            s.log.raiseFloor(to: start.compacted)
            s.lostAfter = start.newest
            s.lostBefore = start.revision
        }
    }

    // MARK: reads

    package func get(_ path: String) -> StoredObject? { state.withLock { $0.byPath[path] } }
    package var count: Int { state.withLock { $0.sorted.count } }

    /// All objects under `folder` (`NAMESPACE/`, or empty for all) whose path comes after `start`, and the revision at which
    /// this is true.
    package func snapshot(folder: String, after start: String = "") -> (objects: ObjectSlice, revision: Revision) {
        let published: Revision = hub.published
        return state.withLock { s in (s.sorted.slice(folder: folder, after: start), max(published, s.newest)) }
    }

    /// The objects as they were at an older revision; nil when its history is no longer kept.
    package func snapshot(folder: String, after start: String = "", at revision: Revision) -> ObjectSlice? {
        state.withLock { s in
            guard revision >= s.log.floor else { return nil }
            var sorted: ObjectSequence = s.sorted
            for event in s.log.back(to: revision) {
                guard let path = (event.new ?? event.old)?.path else { continue }
                if let old = event.old { sorted.set(old) } else { sorted.remove(path) }
            }
            return sorted.slice(folder: folder, after: start)
        }
    }

    // MARK: watches

    /// Where a watch that has seen everything up to `revision` goes on. Throws 410 when that is no longer known.
    package func cursor(after revision: Revision) throws(StatusError) -> Int {
        let published: Revision = hub.published
        let result: Result<Int, StatusError> = state.withLock { s in
            let current: Revision = max(published, s.newest)
            if revision > current {
                return .failure(.tooLargeResourceVersion(revision.description, current: current.description))
            }
            let isLost: Bool = revision > s.lostAfter && revision < s.lostBefore
            if revision < s.log.floor || isLost {
                let oldest: Revision = isLost ? s.lostBefore : s.log.floor
                return .failure(.expired("too old resource version: \(revision) (\(oldest))"))
            }
            return .success(s.log.cursor(after: revision))
        }
        return try result.get()
    }

    /// The present objects and the cursor after them.
    package func snapshotAndCursor(
        folder: String
    ) -> (objects: ObjectSlice, revision: Revision, cursor: Int) {
        let published: Revision = hub.published
        return state.withLock { s in (s.sorted.slice(folder: folder), max(published, s.newest), s.log.end) }
    }

    func read(from cursor: Int, count: Int) -> [CacheEvent]? {
        state.withLock { $0.log.read(from: cursor, count: count) }
    }

    func newWatcherID() -> UInt64 {
        state.withLock { s in
            s.nextID += 1
            return s.nextID
        }
    }

    /// Returns when there is an event at `cursor`, when `poke` was called for `id`, or when the task is cancelled.
    /// True: it was a poke.
    func waitOrPoke(_ id: UInt64, cursor: Int) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
                let isReady: Bool = state.withLock { s in
                    if s.log.end > cursor || s.pokes.contains(id) || Task.isCancelled { return true }
                    s.waiters[id] = waiter
                    return false
                }
                if isReady { waiter.resume() }
            }
        } onCancel: {
            poke(id)
        }
        return state.withLock { $0.pokes.remove(id) != nil }
    }

    func poke(_ id: UInt64) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { s in
            s.pokes.insert(id)
            return s.waiters.removeValue(forKey: id)
        }
        waiter?.resume()
    }

    func forget(_ id: UInt64) { state.withLock { s in _ = s.pokes.remove(id) } }

    /// `initial` is called with the present state, then `sink` for each later event, without a gap or an overlap.
    /// Neither may call the cache.
    func addSink(
        _ sink: @escaping Sink, initial: (_ objects: ObjectSlice, _ revision: Revision) -> Void
    ) -> UInt64 {
        let published: Revision = hub.published
        return state.withLock { s in
            initial(s.sorted.slice(folder: ""), max(published, s.newest))
            return ResourceCache.add(sink, to: &s)
        }
    }

    /// `sink` is called for every event after `revision`. Throws as `cursor(after:)`.
    func addSink(after revision: Revision, _ sink: @escaping Sink) throws(StatusError) -> UInt64 {
        while true {
            let cursor: Int = try cursor(after: revision)
            let id: UInt64? = state.withLock { s in
                guard let events = s.log.read(from: cursor, count: .max / 2) else { return nil }
                for event in events { sink(event) }
                return ResourceCache.add(sink, to: &s)
            }
            if let id { return id }
        }
    }

    private static func add(_ sink: @escaping Sink, to state: inout State) -> UInt64 {
        state.nextID += 1
        state.sinks[state.nextID] = sink
        return state.nextID
    }

    func removeSink(_ id: UInt64) { state.withLock { s in _ = s.sinks.removeValue(forKey: id) } }
}

extension StatusError {
    /// A revision that this server has not reached: 504 with the cause that reflectors know.
    static func tooLargeResourceVersion(_ asked: String, current: String) -> StatusError {
        StatusError(
            code: 504, reason: "Timeout", message: "Timeout: Too large resource version: \(asked), current: \(current)",
            details: [
                "causes": [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]],
                "retryAfterSeconds": 1,
            ])
    }
}
