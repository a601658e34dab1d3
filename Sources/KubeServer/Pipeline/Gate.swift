// How many requests may be in flight at once, and how many may wait for their turn.

import Synchronization

/// A counting gate with a bounded queue in order of arrival: upstream's priority-and-fairness with one level.
final class Gate: Sendable {
    private struct State {
        var inside: Int = 0
        var waiting: [UInt64: CheckedContinuation<Bool, Never>] = [:]
        var order: [UInt64] = []
        var head: Int = 0
        var nextID: UInt64 = 0
    }
    private let max: Int
    private let waitingMax: Int
    private let state: Mutex<State> = Mutex(State())

    init(max: Int, waitingMax: Int) {
        self.max = max
        self.waitingMax = waitingMax
    }

    var inside: Int { state.withLock { $0.inside } }
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Returns when it is our turn; false when too many wait already or the client went away.
    func enter() async -> Bool {
        let id: UInt64? = state.withLock { s in
            if s.inside < max {
                s.inside += 1
                return nil
            }
            s.nextID += 1
            return s.nextID
        }
        guard let id else { return true }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (turn: CheckedContinuation<Bool, Never>) in
                let answer: Bool? = state.withLock { s in
                    if s.inside < max {
                        s.inside += 1
                        return true
                    }
                    guard s.waiting.count < waitingMax, !Task.isCancelled else { return false }
                    s.waiting[id] = turn
                    s.order.append(id)
                    return nil
                }
                if let answer { turn.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: false)
        }
    }

    /// The place goes to the first who waits.
    func leave() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { s in
            while s.head < s.order.count {
                let id: UInt64 = s.order[s.head]
                s.head += 1
                if s.head > 1024, s.head * 2 > s.order.count {
                    s.order.removeFirst(s.head)
                    s.head = 0
                }
                if let turn = s.waiting.removeValue(forKey: id) { return turn }
            }
            s.inside -= 1
            return nil
        }
        next?.resume(returning: true)
    }
}
