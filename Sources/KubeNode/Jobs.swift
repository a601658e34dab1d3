// Work started on the way, all of it children of one task group.

import Synchronization

/// `start` may be called from anywhere; `run` owns what was started and ends it when cancelled.
final class Jobs: Sendable {
    typealias Body = @Sendable () async -> Void
    private let bodies: AsyncStream<Body>
    private let queue: AsyncStream<Body>.Continuation

    init() { (bodies, queue) = AsyncStream.makeStream(bufferingPolicy: .unbounded) }

    func start(_ body: @escaping Body) { queue.yield(body) }

    /// A job that can be ended alone.
    func startStoppable(_ body: @escaping Body) -> JobHandle {
        let handle: JobHandle = JobHandle()
        start { await handle.run(body) }
        return handle
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            for await body in bodies { group.addTask { await body() } }
            group.cancelAll()
        }
    }
}

/// Ends one job: its task is cancelled.
final class JobHandle: Sendable {
    private struct State {
        var isStopped: Bool = false
        var task: Task<Void, Never>?
    }
    private let state: Mutex<State> = Mutex(State())

    func stop() {
        let task: Task<Void, Never>? = state.withLock {
            $0.isStopped = true
            return $0.task
        }
        task?.cancel()
    }

    fileprivate func run(_ body: @escaping Jobs.Body) async {
        let task: Task<Void, Never>? = state.withLock {
            guard !$0.isStopped else { return nil }
            // A child of a group cannot be cancelled alone; this task is awaited right below.
            let t: Task<Void, Never> = Task { await body() }
            $0.task = t
            return t
        }
        guard let task else { return }
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }
}
