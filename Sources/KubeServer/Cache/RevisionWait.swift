// Requests that name a revision which this server has not reached yet wait for it a little, as upstream.

import KubeBase
import KubeModel
import KubeStore
import Synchronization

/// Who waits for which revision.
final class RevisionWait: Sendable {
    private struct State {
        var waiters: [UInt64: (revision: Revision, continuation: CheckedContinuation<Void, Never>)] = [:]
        var cancelled: Set<UInt64> = []
        var nextID: UInt64 = 0
    }
    private let state: Mutex<State> = Mutex(State())
    private let count: Atomic<Int> = Atomic(0)

    /// Everything up to `revision` is in the caches.
    func reached(_ revision: Revision) {
        guard count.load(ordering: .sequentiallyConsistent) > 0 else { return }
        let ready: [CheckedContinuation<Void, Never>] = state.withLock { s in
            let ids: [UInt64] = s.waiters.filter { $0.value.revision <= revision }.map { $0.key }
            return ids.compactMap { s.waiters.removeValue(forKey: $0)?.continuation }
        }
        for continuation in ready { continuation.resume() }
    }

    /// Returns when `revision` is reached or the task is cancelled.
    func wait(for revision: Revision, published: @Sendable () -> Revision) async {
        count.wrappingAdd(1, ordering: .sequentiallyConsistent)
        defer { count.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
        let id: UInt64 = state.withLock { s in
            s.nextID += 1
            return s.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in
                let isOver: Bool = state.withLock { s in
                    if s.cancelled.remove(id) != nil || published() >= revision { return true }
                    s.waiters[id] = (revision, c)
                    return false
                }
                if isOver { c.resume() }
            }
        } onCancel: {
            let waiter: CheckedContinuation<Void, Never>? = state.withLock { s in
                guard let waiter = s.waiters.removeValue(forKey: id) else {
                    s.cancelled.insert(id)
                    return nil
                }
                return waiter.continuation
            }
            waiter?.resume()
        }
        state.withLock { s in _ = s.cancelled.remove(id) }
    }
}

extension Registry {
    /// How long a request waits for a revision of the future: upstream's watch cache blocks as long.
    static let futureRevisionSeconds: Int = 3

    /// Throws 504 when the revision is still of the future after a while.
    func waitUntilReached(_ revision: Revision) async throws(StatusError) {
        if hub.published >= revision { return }
        let hub: CacheHub = self.hub
        let clock: any TimeSource = self.clock
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await hub.revisionWait.wait(for: revision) { hub.published } }
            group.addTask { try? await clock.sleep(for: .seconds(Registry.futureRevisionSeconds)) }
            await group.next()
            group.cancelAll()
        }
        let current: Revision = hub.published
        if current < revision { throw .tooLargeResourceVersion(revision.description, current: current.description) }
    }
}
