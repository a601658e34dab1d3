// The work queue's shell: workers wait on it, handlers add to it, one timer serves all delays.

package import KubeBase
import Synchronization

package final class WorkQueue<Key: Hashable & Sendable>: Sendable {
    private struct State {
        var brain: WorkQueueBrain<Key> = WorkQueueBrain()
        var idle: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: Int = 0
        var adds: Int = 0
    }
    private let state: Mutex<State> = Mutex(State())
    private let timer: Wakeup = Wakeup()
    private let time: any TimeSource

    package init(time: any TimeSource) { self.time = time }

    package func add(_ key: Key) {
        resume(
            state.withLock { s in
                guard s.brain.add(key) else { return [] }
                s.adds += 1
                return Self.pop(&s, 1)
            })
    }

    package func add(_ key: Key, after delay: Duration) {
        guard delay > .zero else { return add(key) }
        if state.withLock({ $0.brain.add(key, at: time.now() + delay) }) { timer.raise() }
    }

    package func addRateLimited(_ key: Key) {
        add(key, after: state.withLock { $0.brain.backoff(key) })
    }

    package func forget(_ key: Key) { state.withLock { $0.brain.forget(key) } }
    package func retries(_ key: Key) -> Int { state.withLock { $0.brain.retries(key) } }
    /// Keys that were added, those on their way left out.
    package var addCount: Int { state.withLock { $0.adds } }
    package var count: Int { state.withLock { $0.brain.count } }

    /// The next key, which no other worker gets before `done`; nil when the task is cancelled.
    package func next() async -> Key? {
        while !Task.isCancelled {
            if let key = state.withLock({ $0.brain.take() }) { return key }
            await waitForWork()
        }
        return nil
    }

    package func done(_ key: Key) {
        resume(state.withLock { $0.brain.done(key) ? Self.pop(&$0, 1) : [] })
    }

    /// Serves the delays until cancelled; runs beside the workers.
    package func runTimer() async {
        while !Task.isCancelled {
            let deadline: Timestamp? = state.withLock { $0.brain.nextDeadline }
            await timer.wait(until: deadline, time)
            let now: Timestamp = time.now()
            resume(state.withLock { Self.pop(&$0, $0.brain.advance(to: now)) })
        }
    }

    private static func pop(_ state: inout State, _ count: Int) -> [CheckedContinuation<Void, Never>] {
        var out: [CheckedContinuation<Void, Never>] = []
        while out.count < count, let id = state.idle.keys.first {
            out.append(state.idle.removeValue(forKey: id)!)
        }
        return out
    }

    private func resume(_ waiters: [CheckedContinuation<Void, Never>]) { for waiter in waiters { waiter.resume() } }

    private func waitForWork() async {
        let id: Int = state.withLock {
            $0.nextWaiter += 1
            return $0.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
                let isReady: Bool = state.withLock {
                    if $0.brain.count > 0 || Task.isCancelled { return true }
                    $0.idle[id] = waiter
                    return false
                }
                if isReady { waiter.resume() }
            }
        } onCancel: {
            state.withLock { $0.idle.removeValue(forKey: id) }?.resume()
        }
    }
}
