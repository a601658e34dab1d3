// How far the kernel is behind what a component has seen, and who waits for it to catch up. A value for a Mutex.

struct KernelProgress: Sendable {
    /// Counts the changes seen.
    private(set) var wanted: Int = 0
    /// The count that the kernel stands at; -1 before the first write.
    private var programmed: Int = -1
    private var isStopped: Bool = false
    private var waiters: [(wanted: Int, continuation: CheckedContinuation<Void, Never>)] = []

    mutating func changed() { wanted += 1 }

    /// False: there is nothing to wait for, and the caller resumes the waiter itself.
    mutating func wait(_ waiter: CheckedContinuation<Void, Never>) -> Bool {
        if isStopped || programmed >= wanted { return false }
        waiters.append((wanted, waiter))
        return true
    }

    /// The kernel stands at `count`. Answers those to be resumed, outside of the lock.
    mutating func reached(_ count: Int) -> [CheckedContinuation<Void, Never>] {
        programmed = count
        let ready: [CheckedContinuation<Void, Never>] = waiters.filter { $0.wanted <= count }.map { $0.continuation }
        waiters.removeAll { $0.wanted <= count }
        return ready
    }

    /// Nobody waits any longer. Answers those to be resumed, outside of the lock.
    mutating func stop() -> [CheckedContinuation<Void, Never>] {
        isStopped = true
        defer { waiters = [] }
        return waiters.map { $0.continuation }
    }
}
