// Opened once; whoever waits goes on.

import Synchronization

final class Gate: Sendable {
    private struct State {
        var isOpen: Bool = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state: Mutex<State> = Mutex(State())

    func open() {
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock { s in
            s.isOpen = true
            defer { s.waiters = [] }
            return s.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
            let isOpen: Bool = state.withLock {
                if !$0.isOpen { $0.waiters.append(waiter) }
                return $0.isOpen
            }
            if isOpen { waiter.resume() }
        }
    }
}
