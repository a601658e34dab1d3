// Workers that take keys from a queue and bring the world to what each key's object wants.

package import KubeBase
import KubeModel
import Logging

/// What a reconciliation leaves behind. Throwing means: try again, a little later each time.
package enum ReconcileResult: Sendable, Equatable {
    case done
    /// Again after a time, even when nothing changes.
    case after(Duration)
    /// Again with back-off, without an error to log.
    case again
}

/// Level-triggered: handlers add keys, `reconcile` sees the newest state, and no key has two workers.
package final class ReconcileLoop<Key: Hashable & Sendable>: Component {
    package let name: String
    package let queue: WorkQueue<Key>
    private let workers: Int
    private let ready: @Sendable () async -> Void
    private let reconcile: @Sendable (Key) async throws -> ReconcileResult
    private let log: Logger

    package convenience init(
        _ name: String, workers: Int = 1, time: any TimeSource, ready: @escaping @Sendable () async -> Void = {},
        reconcile: @escaping @Sendable (Key) async throws -> ReconcileResult
    ) {
        self.init(name, workers: workers, queue: WorkQueue(time: time), ready: ready, reconcile: reconcile)
    }

    /// `ready` is awaited before the first key is taken: the informers' first lists. Handlers that were wired before
    /// the loop was made add to `queue`.
    package init(
        _ name: String, workers: Int = 1, queue: WorkQueue<Key>, ready: @escaping @Sendable () async -> Void = {},
        reconcile: @escaping @Sendable (Key) async throws -> ReconcileResult
    ) {
        self.name = name
        self.workers = workers
        self.queue = queue
        self.ready = ready
        self.reconcile = reconcile
        self.log = .component(name)
        WorkQueueMetrics.follow(name) { [weak queue] in queue.map { ($0.count, $0.addCount) } }
    }

    package func run() async throws {
        await ready()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.queue.runTimer() }
            for _ in 0..<workers { group.addTask { await self.work() } }
        }
    }

    private func work() async {
        while let key = await queue.next() {
            let start: ContinuousClock.Instant = .now
            do {
                switch try await reconcile(key) {
                case .done: queue.forget(key)
                case .after(let delay):
                    queue.forget(key)
                    queue.add(key, after: delay)
                case .again: retry(key)
                }
            } catch is CancellationError {
            } catch {
                if let status = error as? StatusError, status.isConflict {
                    log.debug("\(key): \(error)")
                } else {
                    log.info("\(key) failed, to be tried again: \(error)")
                }
                retry(key)
            }
            queue.done(key)
            WorkQueueMetrics.work.observe([name], (ContinuousClock.now - start) / .seconds(1))
        }
    }

    private func retry(_ key: Key) {
        WorkQueueMetrics.retries.add([name])
        queue.addRateLimited(key)
    }
}
