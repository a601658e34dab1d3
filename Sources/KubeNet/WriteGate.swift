// Back-pressure for writers outside the event loop: counts bytes on their way to the socket.

import Synchronization

/// A writer adds its bytes, hands them to the event loop, and waits while more than `bytesMax` are on their way.
final class WriteGate: Sendable {
    let bytesMax: Int

    private struct State {
        var bytes: Int = 0
        var failure: (any Error)?
        var waiters: [(id: Int, isDrain: Bool, continuation: CheckedContinuation<Void, any Error>)] = []
        var lastID: Int = 0
    }
    private let state: Mutex<State> = Mutex(State())

    init(bytesMax: Int = 128 << 10) { self.bytesMax = bytesMax }

    /// Throws when the connection is gone.
    func add(_ count: Int) throws {
        try state.withLock { s in
            if let failure = s.failure { throw failure }
            s.bytes += count
        }
    }

    /// `count` bytes reached the socket.
    func remove(_ count: Int) {
        let ready: [CheckedContinuation<Void, any Error>] = state.withLock { s in
            s.bytes -= count
            guard !s.waiters.isEmpty else { return [] }
            let bytes: Int = s.bytes
            func isReady(_ isDrain: Bool) -> Bool { isDrain ? bytes == 0 : bytes < bytesMax / 2 }
            let ready: [CheckedContinuation<Void, any Error>] =
                s.waiters.filter { isReady($0.isDrain) }.map { $0.continuation }
            s.waiters.removeAll { isReady($0.isDrain) }
            return ready
        }
        for continuation in ready { continuation.resume() }
    }

    /// Every present and later writer gets `failure`.
    func close(_ failure: any Error) {
        let waiters: [CheckedContinuation<Void, any Error>] = state.withLock { s in
            guard s.failure == nil else { return [] }
            s.failure = failure
            defer { s.waiters = [] }
            return s.waiters.map { $0.continuation }
        }
        for continuation in waiters { continuation.resume(throwing: failure) }
    }

    /// Returns when there is room; throws when the connection goes or the task is cancelled.
    func waitForRoom() async throws { try await wait(isDrain: false) }

    /// Returns when nothing is on its way.
    func waitForDrain() async throws { try await wait(isDrain: true) }

    private func mustWait(_ isDrain: Bool, _ s: borrowing State) -> Bool {
        isDrain ? s.bytes > 0 : s.bytes >= bytesMax
    }

    private func wait(isDrain: Bool) async throws {
        let id: Int? = try state.withLock { s in
            if let failure = s.failure { throw failure }
            guard mustWait(isDrain, s) else { return nil }
            s.lastID += 1
            return s.lastID
        }
        guard let id else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (c: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = state.withLock { s in
                    if let failure = s.failure { return .failure(failure) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard mustWait(isDrain, s) else { return .success(()) }
                    s.waiters.append((id, isDrain, c))
                    return nil
                }
                if let result { c.resume(with: result) }
            }
        } onCancel: {
            let waiter: CheckedContinuation<Void, any Error>? = state.withLock { s in
                guard let at = s.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return s.waiters.remove(at: at).continuation
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}
