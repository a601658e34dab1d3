// Something that happens once and may be waited for.

import Synchronization

final class OneEvent: Sendable {
    private struct State {
        var hasHappened: Bool = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state: Mutex<State> = Mutex(State())

    func happen() {
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock { s in
            s.hasHappened = true
            defer { s.waiters = [] }
            return s.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when it has happened, after `limit`, or when the task is cancelled.
    func wait(atMost limit: Duration) async {
        if state.withLock({ $0.hasHappened }) { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await withTaskCancellationHandler {
                    await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in
                        let isOver: Bool = self.state.withLock { s in
                            if s.hasHappened || Task.isCancelled { return true }
                            s.waiters.append(c)
                            return false
                        }
                        if isOver { c.resume() }
                    }
                } onCancel: {
                    let waiters: [CheckedContinuation<Void, Never>] = self.state.withLock { s in
                        defer { s.waiters = [] }
                        return s.waiters
                    }
                    for waiter in waiters { waiter.resume() }
                }
            }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }
}
