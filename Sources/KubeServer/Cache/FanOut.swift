// When watchers are woken: at once while they are few, in rounds while they are many.

import KubeBase
import Synchronization

/// Waking a watcher costs as much as some ten events in what it then sends. So a crowd is woken in rounds: the first event
/// after a quiet time goes out at once, those that come while the round is on go out together in the next one. Rounds are
/// run by a task of their own; writers never wait for them.
final class FanOut: Sendable {
    /// Up to so many watchers of a resource are woken by the writer itself, without rounds.
    static let crowd: Int = 16
    /// The pause after a round, for each watcher woken: twice what it costs to serve one, so that a crowd takes half a core.
    static let pauseEach: Duration = .microseconds(50)
    static let pauseMax: Duration = .milliseconds(25)

    private struct State {
        var isRunning: Bool = false
        var due: [ResourceCache] = []
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state: Mutex<State> = Mutex(State())

    /// There are new events in the cache.
    func wake(_ cache: ResourceCache) {
        let isCrowd: Bool = cache.watcherCount > FanOut.crowd
        let (isMine, waiter): (Bool, CheckedContinuation<Void, Never>?) = state.withLock { s in
            guard isCrowd, s.isRunning else { return (true, nil) }
            if !s.due.contains(where: { $0 === cache }) { s.due.append(cache) }
            defer { s.waiter = nil }
            return (false, s.waiter)
        }
        if isMine { cache.wakeAll() }
        waiter?.resume()
    }

    /// The rounds; returns when its task is cancelled, and then all waking is direct again.
    func run(_ clock: any TimeSource) async {
        state.withLock { $0.isRunning = true }
        while !Task.isCancelled {
            let due: [ResourceCache] = await next()
            var woken: Int = 0
            for cache in due {
                woken += cache.watcherCount
                cache.wakeAll()
            }
            try? await clock.sleep(for: min(FanOut.pauseEach * woken, FanOut.pauseMax))
        }
        let left: [ResourceCache] = state.withLock { s in
            s.isRunning = false
            defer { s.due = [] }
            return s.due
        }
        for cache in left { cache.wakeAll() }
    }

    /// The caches with news; empty when the task is cancelled.
    private func next() async -> [ResourceCache] {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
                let isReady: Bool = state.withLock { s in
                    if !s.due.isEmpty || Task.isCancelled { return true }
                    s.waiter = waiter
                    return false
                }
                if isReady { waiter.resume() }
            }
        } onCancel: {
            let waiter: CheckedContinuation<Void, Never>? = state.withLock { s in
                defer { s.waiter = nil }
                return s.waiter
            }
            waiter?.resume()
        }
        return state.withLock { s in
            defer { s.due = [] }
            return s.due
        }
    }
}
