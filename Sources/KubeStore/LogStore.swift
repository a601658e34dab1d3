// The shell that both engines share: a thread that groups queued writes, appends them to a medium, and publishes them.

import Glibc
import Synchronization

/// Where rows are kept. Used from the store's thread only.
protocol Medium: AnyObject {
    /// Hands over every kept row, oldest first; answers what it knows about numbering.
    func open(_ row: (Row) -> Void) throws(StoreError) -> Kept
    /// One transaction: append, delete, note. On an error nothing of it is kept.
    func apply(_ transaction: Transaction) throws(StoreError)
    var fileBytes: Int { get }
    func close()
}

/// The numbers that a medium keeps beside the rows.
struct Kept {
    var compacted: Int64 = 0
    /// No number up to it is given out again.
    var ceiling: Int64 = 0
    /// The last gap that a crash left, open at both ends.
    var lostAfter: Int64 = 0
    var lostBefore: Int64 = 0
}

struct Transaction {
    var rows: [Row] = []
    var forgotten: [Int64] = []
    var compacted: Int64?
    /// Revisions up to it may be given out without asking the medium again.
    var ceiling: Int64?
    /// A gap that was found at start.
    var lost: (after: Int64, before: Int64)?
    var isEmpty: Bool { rows.isEmpty && forgotten.isEmpty && compacted == nil && ceiling == nil && lost == nil }
}

/// queue → batch → assign revisions → one transaction → publish → answer; again.
package final class LogStore: Store {
    private struct Request {
        var writes: [Write]
        /// Old history is forgotten before the answer.
        var tidies: Bool = false
        var answer: CheckedContinuation<Result<[Revision], StoreError>, Never>
    }
    private struct Outcome {
        var request: Request
        var result: Result<[Revision], StoreError>
    }

    private static let batchMax: Int = 1024
    /// Revision numbers reserved at a time.
    private static let reserve: Int64 = 10_000
    private static let forgetMax: Int = 512
    private static let unflushedMax: Int = 20_000

    private let limits: StoreLimits
    private let queue: WriteQueue<Request> = WriteQueue()
    private let published: Atomic<Int64> = Atomic(0)
    private let counts: Mutex<StoreUsage> = Mutex(StoreUsage(keys: 0, historyRows: 0, fileBytes: 0))
    private let makeMedium: @Sendable () -> any Medium

    init(limits: StoreLimits, medium: @escaping @Sendable () -> any Medium) {
        self.limits = limits
        self.makeMedium = medium
    }

    package var revision: Revision { Revision(published.load(ordering: .acquiring)) }
    package var usage: StoreUsage { counts.withLock { $0 } }

    package func open(_ sink: any StoreSink) async throws(StoreError) {
        let result: Result<Void, StoreError> = await withCheckedContinuation { opened in
            startThread { [self] in
                let writer: Writer = Writer(store: self, medium: makeMedium(), sink: sink)
                do throws(StoreError) {
                    try writer.open()
                } catch {
                    queue.stop()
                    opened.resume(returning: .failure(error))
                    return
                }
                opened.resume(returning: .success(()))
                writer.run()
            }
        }
        try result.get()
    }

    package func commit(_ writes: [Write]) async throws(StoreError) -> [Revision] {
        let result: Result<[Revision], StoreError> = await withCheckedContinuation { answer in
            if !queue.push(Request(writes: writes, answer: answer)) { answer.resume(returning: .failure(.stopped)) }
        }
        return try result.get()
    }

    /// Returns when no history is left that the limits don't allow, and the medium is at rest: for tests of its files.
    package func tidy() async throws(StoreError) {
        let result: Result<[Revision], StoreError> = await withCheckedContinuation { answer in
            if !queue.push(Request(writes: [], tidies: true, answer: answer)) {
                answer.resume(returning: .failure(.stopped))
            }
        }
        _ = try result.get()
    }

    package func close() async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            queue.stop { done.resume() }
        }
    }

    /// The thread's own state.
    private final class Writer {
        private let store: LogStore
        private let medium: any Medium
        private let sink: any StoreSink
        private var index: RevisionIndex = RevisionIndex()
        /// Acknowledged grouped rows that are not on the medium yet, in order of revision. All of them: a watch that resumes
        /// after a restart is owed every change.
        private var unflushed: [Row] = []
        private var flushDue: Int64 = .max
        private var ceiling: Int64 = 0
        /// The medium was full at the last write: history is given up at once.
        private var isTight: Bool = false
        /// The last piece of history forgotten was a full one: another follows soon, writers come first.
        private var hasMoreToForget: Bool = false

        init(store: LogStore, medium: any Medium, sink: any StoreSink) {
            self.store = store
            self.medium = medium
            self.sink = sink
        }

        func open() throws(StoreError) {
            var piece: [Change] = []
            let seconds: Int64 = monotonicMilliseconds() / 1000
            var kept: Kept = try medium.open { row in
                index.load(row, seconds: seconds)
                piece.append(
                    Change(key: row.key, revision: Revision(row.revision), value: row.value, payload: nil))
                if piece.count == 1000 {
                    sink.replay(piece)
                    piece = []
                }
            }
            sink.replay(piece)
            let newest: Int64 = max(index.revision, kept.compacted)
            var transaction: Transaction = Transaction()
            if kept.ceiling > newest {
                // A crash. Of the gap before this one only the outcome stays known.
                if kept.lostBefore > kept.compacted, kept.lostBefore <= newest {
                    kept.compacted = kept.lostBefore
                    transaction.compacted = kept.compacted
                }
                (kept.lostAfter, kept.lostBefore) = (newest, kept.ceiling)
                transaction.lost = (newest, kept.ceiling)
            }
            index.resume(at: max(kept.ceiling, newest), compacted: kept.compacted)
            ceiling = index.revision + LogStore.reserve
            transaction.ceiling = ceiling
            try medium.apply(transaction)
            note()
            sink.opened(
                StoreStart(
                    compacted: Revision(kept.compacted), newest: Revision(newest), revision: Revision(index.revision),
                    lostAfter: Revision(kept.lostAfter), lostBefore: Revision(kept.lostBefore)))
        }

        func run() {
            while true {
                let wait: Int64? = nextWake()
                guard let batch = store.queue.take(max: LogStore.batchMax, waitMilliseconds: wait) else { break }
                let writers: [Request] = batch.filter { !$0.tidies }
                if !writers.isEmpty { process(writers) }
                if writers.count == batch.count {
                    tidy(isIdle: batch.isEmpty)
                } else {
                    // What waits on its way to the medium would hold the history before it.
                    if flushDue != .max { flushDue = 0 }
                    repeat { tidy(isIdle: true) } while hasMoreToForget
                    for request in batch where request.tidies { request.answer.resume(returning: .success([])) }
                }
            }
            shutDown()
        }

        private func nextWake() -> Int64? {
            if hasMoreToForget { return 10 }
            if flushDue != .max { return max(0, flushDue - monotonicMilliseconds()) }
            // History ages only while there is some; a slow tick is enough.
            return index.historyCount > 0 ? 60_000 : nil
        }

        private func process(_ batch: [Request]) {
            let seconds: Int64 = monotonicMilliseconds() / 1000
            var mark: RevisionIndex.Mark = index.mark()
            var rows: [Row] = []
            var changes: [Change] = []
            var outcomes: [Outcome] = []
            var isSynced: Bool = unflushed.count > LogStore.unflushedMax
            for request in batch {
                do throws(StoreError) {
                    let new: [Row] = try index.assign(request.writes, seconds: seconds, mark: &mark)
                    for (row, write) in zip(new, request.writes) {
                        changes.append(
                            Change(
                                key: row.key, revision: Revision(row.revision), value: row.value,
                                payload: write.payload))
                        if write.durability == .synced { isSynced = true }
                    }
                    rows += new
                    outcomes.append(Outcome(request: request, result: .success(new.map { Revision($0.revision) })))
                } catch {
                    outcomes.append(Outcome(request: request, result: .failure(error)))
                }
            }
            if index.revision >= ceiling { isSynced = true }
            if !rows.isEmpty {
                if isSynced {
                    do throws(StoreError) {
                        try flush(with: rows)
                    } catch {
                        index.undo(to: mark)
                        if case .noSpace = error { isTight = true }
                        changes = []
                        for i in outcomes.indices { outcomes[i].result = .failure(error) }
                    }
                } else {
                    keepForLater(rows)
                }
            }
            if !changes.isEmpty {
                sink.publish(changes)
                store.published.store(index.revision, ordering: .releasing)
            }
            // Whoever has its answer finds itself counted.
            store.counts.withLock { ($0.keys, $0.historyRows) = (index.keyCount, index.historyCount) }
            for outcome in outcomes { outcome.request.answer.resume(returning: outcome.result) }
        }

        private func keepForLater(_ rows: [Row]) {
            unflushed += rows
            if flushDue == .max { flushDue = monotonicMilliseconds() + Int64(store.limits.groupDelayMilliseconds) }
        }

        private func flush(with rows: [Row]) throws(StoreError) {
            var transaction: Transaction = Transaction()
            transaction.rows = unflushed + rows
            if index.revision + LogStore.reserve / 2 > ceiling {
                transaction.ceiling = index.revision + LogStore.reserve
            }
            if transaction.isEmpty { return }
            try medium.apply(transaction)
            if let c = transaction.ceiling { ceiling = c }
            unflushed = []
            flushDue = .max
        }

        /// Flushes what is due and forgets old history, a little at a time.
        private func tidy(isIdle: Bool) {
            let now: Int64 = monotonicMilliseconds()
            if flushDue <= now {
                do throws(StoreError) {
                    try flush(with: [])
                } catch {
                    flushDue = now + 1000
                }
            }
            var limits: StoreLimits = store.limits
            if isTight { limits.historyRowsMax = 0 }
            let (rows, compacted): ([Int64], Int64) = index.forgettable(
                limits, seconds: now / 1000, count: LogStore.forgetMax, before: unflushed.first?.revision ?? .max)
            hasMoreToForget = false
            if rows.count >= (isIdle || isTight ? 1 : LogStore.forgetMax / 2) {
                isTight = false
                var transaction: Transaction = Transaction()
                transaction.forgotten = rows
                transaction.compacted = compacted
                do throws(StoreError) {
                    try medium.apply(transaction)
                    index.forget(rows.count, compacted: compacted)
                    hasMoreToForget = rows.count >= LogStore.forgetMax
                } catch {
                    // No room even to forget: tried again at the next turn.
                }
            }
            note()
        }

        private func note() {
            store.published.store(index.revision, ordering: .releasing)
            let now: StoreUsage = StoreUsage(
                keys: index.keyCount, historyRows: index.historyCount, fileBytes: medium.fileBytes)
            store.counts.withLock { $0 = now }
        }

        private func shutDown() {
            var transaction: Transaction = Transaction()
            transaction.rows = unflushed
            transaction.ceiling = index.revision
            try? medium.apply(transaction)
            medium.close()
            store.queue.ended()
        }
    }
}

/// Milliseconds of a clock that never goes back.
func monotonicMilliseconds() -> Int64 {
    var t: timespec = timespec()
    clock_gettime(CLOCK_MONOTONIC, &t)
    return Int64(t.tv_sec) * 1000 + Int64(t.tv_nsec) / 1_000_000
}
