// A bounded hand-over of byte chunks from an event loop to one reading task.

import NIOCore
import Synchronization

/// Chunks in order, then an end or an error. It never refuses a chunk: the producer looks at `isFull` and stops reading
/// its socket until `onRoom` is called.
final class BytePipe: Sendable {
    static let bytesMax: Int = 256 << 10

    private struct State {
        var chunks: CircularBuffer<[UInt8]> = CircularBuffer()
        var bytes: Int = 0
        var isEnded: Bool = false
        var failure: (any Error)?
        var isStalled: Bool = false
        var waiter: CheckedContinuation<[UInt8]?, any Error>?
        var onRoom: (@Sendable () -> Void)?
    }
    private let state: Mutex<State> = Mutex(State())

    /// Called on a reader's thread when the pipe was found full and has room again.
    func onRoom(_ call: @escaping @Sendable () -> Void) { state.withLock { $0.onRoom = call } }

    /// Whether the producer should pause; once true, `onRoom` will be called.
    var isFull: Bool {
        state.withLock { s in
            guard s.bytes >= BytePipe.bytesMax, !s.isEnded else { return false }
            s.isStalled = true
            return true
        }
    }

    func push(_ chunk: [UInt8]) { if !chunk.isEmpty { pushMessage(chunk) } }

    /// As `push`, but an empty chunk counts: where chunks are messages.
    func pushMessage(_ chunk: [UInt8]) {
        let waiter: CheckedContinuation<[UInt8]?, any Error>? = state.withLock { s in
            guard !s.isEnded else { return nil }
            if let waiter = s.waiter {
                s.waiter = nil
                return waiter
            }
            s.chunks.append(chunk)
            s.bytes += chunk.count
            return nil
        }
        waiter?.resume(returning: chunk)
    }

    /// Later calls do nothing. What was pushed before can still be read.
    func end(_ failure: (any Error)? = nil) {
        let waiter: CheckedContinuation<[UInt8]?, any Error>? = state.withLock { s in
            guard !s.isEnded else { return nil }
            s.isEnded = true
            s.failure = failure
            s.onRoom = nil
            defer { s.waiter = nil }
            return s.waiter
        }
        if let failure { waiter?.resume(throwing: failure) } else { waiter?.resume(returning: nil) }
    }

    var isEnded: Bool { state.withLock { $0.isEnded } }

    /// The next chunk, nil at the end.
    func next() async throws -> [UInt8]? {
        switch take() {
        case .some(let result): return try result.get()
        case .none: break
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (c: CheckedContinuation<[UInt8]?, any Error>) in
                if let result = take(orWait: c) { c.resume(with: result) }
            }
        } onCancel: {
            let waiter: CheckedContinuation<[UInt8]?, any Error>? = state.withLock { s in
                defer { s.waiter = nil }
                return s.waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    /// What can be answered at once; otherwise the waiter stays.
    private func take(orWait waiter: CheckedContinuation<[UInt8]?, any Error>? = nil) -> Result<[UInt8]?, any Error>? {
        var room: (@Sendable () -> Void)?
        let result: Result<[UInt8]?, any Error>? = state.withLock { s in
            if let chunk = s.chunks.popFirst() {
                s.bytes -= chunk.count
                if s.isStalled, s.bytes < BytePipe.bytesMax / 2 {
                    s.isStalled = false
                    room = s.onRoom
                }
                return .success(chunk)
            }
            if s.isEnded { return s.failure.map { .failure($0) } ?? .success(nil) }
            guard let waiter else { return nil }
            if Task.isCancelled { return .failure(CancellationError()) }
            precondition(s.waiter == nil, "two readers of one stream")
            s.waiter = waiter
            return nil
        }
        room?()
        return result
    }
}
