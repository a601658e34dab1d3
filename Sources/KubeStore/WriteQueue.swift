// The queue between tasks that write and the one thread that owns the medium.

import Glibc

/// Many producers, one consumer that blocks its own thread (never one of the concurrency pool).
final class WriteQueue<Element>: @unchecked Sendable {
    // pthread types need a fixed address; every field below is touched only with `lock` held.
    private let lock: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
    private let filled: UnsafeMutablePointer<pthread_cond_t> = .allocate(capacity: 1)
    private var elements: [Element] = []
    private var isStopped: Bool = false
    private var hasEnded: Bool = false
    private var onEnd: [() -> Void] = []

    init() {
        pthread_mutex_init(lock, nil)
        var attributes: pthread_condattr_t = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(filled, &attributes)
    }

    deinit {
        pthread_mutex_destroy(lock)
        pthread_cond_destroy(filled)
        lock.deallocate()
        filled.deallocate()
    }

    /// False when the queue has stopped.
    func push(_ element: Element) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        if isStopped { return false }
        elements.append(element)
        if elements.count == 1 { pthread_cond_signal(filled) }
        return true
    }

    /// What is queued, at most `max`; empty after `waitMilliseconds` without any (nil waits for ever); nil when the
    /// queue has stopped and is drained.
    func take(max: Int, waitMilliseconds: Int64?) -> [Element]? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        if let wait = waitMilliseconds {
            var until: timespec = timespec()
            clock_gettime(CLOCK_MONOTONIC, &until)
            let nanoseconds: Int64 = Int64(until.tv_nsec) + wait % 1000 * 1_000_000
            until.tv_sec += Int(wait / 1000 + nanoseconds / 1_000_000_000)
            until.tv_nsec = Int(nanoseconds % 1_000_000_000)
            while elements.isEmpty, !isStopped {
                if pthread_cond_timedwait(filled, lock, &until) == ETIMEDOUT { break }
            }
        } else {
            while elements.isEmpty, !isStopped { pthread_cond_wait(filled, lock) }
        }
        if elements.isEmpty { return isStopped ? nil : [] }
        if elements.count <= max {
            let all: [Element] = elements
            elements = []
            return all
        }
        let first: [Element] = Array(elements.prefix(max))
        elements.removeFirst(max)
        return first
    }

    /// Refuses what comes later; `then` runs when the consumer has ended.
    func stop(_ then: (() -> Void)? = nil) {
        pthread_mutex_lock(lock)
        isStopped = true
        let isOver: Bool = hasEnded
        if let then, !isOver { onEnd.append(then) }
        pthread_cond_signal(filled)
        pthread_mutex_unlock(lock)
        if isOver { then?() }
    }

    /// The consumer says that it is done.
    func ended() {
        pthread_mutex_lock(lock)
        isStopped = true
        hasEnded = true
        let waiting: [() -> Void] = onEnd
        onEnd = []
        pthread_mutex_unlock(lock)
        for body in waiting { body() }
    }
}

/// Runs `body` on a new thread of its own, detached.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread: pthread_t = pthread_t()
    let box: UnsafeMutableRawPointer = Unmanaged.passRetained(Box(body)).toOpaque()
    let failed: Int32 = pthread_create(
        &thread, nil,
        { argument in
            Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        }, box)
    precondition(failed == 0, "no thread for the store: \(failed)")
    pthread_detach(thread)
}
