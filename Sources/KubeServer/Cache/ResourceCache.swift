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
        var log: EventLog
        var newest: Revision = .zero
        /// Revisions strictly between were seen by nobody or lost in a crash.
        var lostAfter: Revision = .zero
        var lostBefore: Revision = .zero
        var watchers: [UInt64: Watcher] = [:]
        /// No watcher that sends stands before it.
        var lowest: Int = .max
        var sinks: [UInt64: Sink] = [:]
        var nextID: UInt64 = 1

        func isLost(_ revision: Revision) -> Bool { revision > lostAfter && revision < lostBefore }
    }

    /// A watcher over HTTP: idle (it waits) or sending what it has read.
    private struct Watcher {
        /// The first event that it has not read.
        var cursor: Int = 0
        var isSending: Bool = false
        var waiter: CheckedContinuation<Void, Never>?
        /// Woken while it was not waiting.
        var isPoked: Bool = false
        /// Gives its client up.
        var cut: @Sendable () -> Void
    }

    package let prefix: String
    package let groupResource: GroupResource
    let hub: CacheHub
    let frames: SharedFrames = SharedFrames()
    private let state: Mutex<State>

    init(prefix: String, groupResource: GroupResource, hub: CacheHub) {
        self.prefix = prefix
        self.groupResource = groupResource
        self.hub = hub
        state = Mutex(State(log: EventLog(hub.logLimits)))
    }

    // MARK: changes

    func apply(_ revision: Revision, path: String, _ object: StoredObject?) {
        let seconds: Int64 = monotonicSeconds()
        let (event, sinks, overtaken): (CacheEvent, [Sink], [@Sendable () -> Void]) = state.withLock { s in
            let old: StoredObject? = s.byPath[path]
            s.byPath[path] = object
            if let object { s.sorted.set(object) } else if old != nil { s.sorted.remove(path) }
            let event: CacheEvent = CacheEvent(revision: revision, old: old, new: object, seconds: seconds)
            if old != nil || object != nil { s.log.append(event) }
            s.newest = revision
            let overtaken: [@Sendable () -> Void] = s.log.start > s.lowest ? ResourceCache.overtaken(&s) : []
            return (event, Array(s.sinks.values), overtaken)
        }
        for sink in sinks { sink(event) }
        for cut in overtaken { cut() }
    }

    /// Those whose clients read so slowly that the log has moved past them. The log is every watcher's bounded buffer.
    private static func overtaken(_ s: inout State) -> [@Sendable () -> Void] {
        var cuts: [@Sendable () -> Void] = []
        s.lowest = .max
        for (id, watcher) in s.watchers where watcher.isSending {
            if watcher.cursor < s.log.start {
                cuts.append(watcher.cut)
                s.watchers[id]?.isSending = false
            } else {
                s.lowest = min(s.lowest, watcher.cursor)
            }
        }
        return cuts
    }

    var watcherCount: Int { state.withLock { $0.watchers.count } }

    /// Wakes those who wait for events.
    func wakeAll() {
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock { s in
            var all: [CheckedContinuation<Void, Never>] = []
            for id in s.watchers.keys {
                guard let waiter = s.watchers[id]?.waiter else { continue }
                s.watchers[id]?.waiter = nil
                all.append(waiter)
            }
            return all
        }
        for waiter in waiters { waiter.resume() }
    }

    func opened(_ start: StoreStart) {
        state.withLock { s in
            s.log.raiseFloor(to: start.compacted)
            s.lostAfter = start.lostAfter
            s.lostBefore = start.lostBefore
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
            guard revision >= s.log.floor, !s.isLost(revision) else { return nil }
            var sorted: ObjectSequence = s.sorted
            for event in s.log.back(to: revision) {
                guard let path = (event.new ?? event.old)?.path else { continue }
                if let old = event.old { sorted.set(old) } else { sorted.remove(path) }
            }
            return sorted.slice(folder: folder, after: start)
        }
    }

    // MARK: watches

    /// Where a watch that has seen everything up to `revision` goes on; one from the future waits for it at the end of the
    /// log. Throws 410 when that is no longer known.
    package func cursor(after revision: Revision) throws(StatusError) -> Int {
        let published: Revision = hub.published
        let result: Result<Int, StatusError> = state.withLock { s in
            let current: Revision = max(published, s.newest)
            if revision > current { return .success(s.log.end) }
            let isLost: Bool = s.isLost(revision)
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

    /// `cut` is called when the watcher has not sent what it read before the log moved past it.
    func addWatcher(cut: @escaping @Sendable () -> Void) -> UInt64 {
        state.withLock { s in
            s.nextID += 1
            s.watchers[s.nextID] = Watcher(cut: cut)
            return s.nextID
        }
    }

    func removeWatcher(_ id: UInt64) { state.withLock { s in _ = s.watchers.removeValue(forKey: id) } }

    /// What the watcher is to send next, at most `count`; empty: nothing yet; nil: the log has moved past `cursor`.
    func read(_ id: UInt64, from cursor: Int, count: Int) -> [CacheEvent]? {
        state.withLock { s in
            guard let events = s.log.read(from: cursor, count: count) else { return nil }
            s.watchers[id]?.isSending = !events.isEmpty
            s.watchers[id]?.cursor = cursor + events.count
            if !events.isEmpty { s.lowest = min(s.lowest, cursor + events.count) }
            return events
        }
    }

    /// Returns when there is an event at `cursor`, when `poke` was called for `id`, or when the task is cancelled.
    /// True: it was a poke.
    func waitOrPoke(_ id: UInt64, cursor: Int) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
                let isReady: Bool = state.withLock { s in
                    if s.log.end > cursor || s.watchers[id]?.isPoked != false || Task.isCancelled { return true }
                    s.watchers[id]?.waiter = waiter
                    return false
                }
                if isReady { waiter.resume() }
            }
        } onCancel: {
            poke(id)
        }
        return state.withLock { s in
            guard s.watchers[id]?.isPoked == true else { return false }
            s.watchers[id]?.isPoked = false
            return true
        }
    }

    func poke(_ id: UInt64) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { s in
            let waiter: CheckedContinuation<Void, Never>? = s.watchers[id]?.waiter
            s.watchers[id]?.waiter = nil
            s.watchers[id]?.isPoked = true
            return waiter
        }
        waiter?.resume()
    }

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
        let current: Revision = hub.published
        if revision > current {
            throw .tooLargeResourceVersion(revision.description, current: current.description)
        }
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
