// A flag that one task waits for and others raise: the bell of a loop that otherwise sleeps for good.

package import KubeBase
import Synchronization

/// `raise` before `wait` is remembered once, so that no call is lost.
package final class Wakeup: Sendable {
    private struct State {
        var isRaised: Bool = false
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state: Mutex<State> = Mutex(State())

    package init() {}

    package func raise() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock {
            guard let waiter = $0.waiter else {
                $0.isRaised = true
                return nil
            }
            $0.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    /// Returns when raised or when the task is cancelled. One waiter at a time.
    package func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
                let isReady: Bool = state.withLock {
                    if $0.isRaised || Task.isCancelled {
                        $0.isRaised = false
                        return true
                    }
                    precondition($0.waiter == nil, "Wakeup has two waiters")
                    $0.waiter = waiter
                    return false
                }
                if isReady { waiter.resume() }
            }
        } onCancel: {
            let waiter: CheckedContinuation<Void, Never>? = state.withLock {
                let w: CheckedContinuation<Void, Never>? = $0.waiter
                $0.waiter = nil
                return w
            }
            waiter?.resume()
        }
    }

    /// Returns when raised, at `deadline` (nil: never) or when the task is cancelled.
    package func wait(until deadline: Timestamp?, _ time: any TimeSource) async {
        guard let deadline else { return await wait() }
        let left: Duration = deadline - time.now()
        guard left > .zero else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { try? await time.sleep(for: left) }
            await group.next()
            group.cancelAll()
        }
    }
}
