// client-go's queue rules, case by case.

import KubeBase
import KubeClient
import Synchronization
import Testing

@Suite struct WorkQueueTests {
    @Test func sameKeyIsQueuedOnce() {
        var q: WorkQueueBrain<String> = WorkQueueBrain()
        let woke: [Bool] = [q.add("a"), q.add("a")]
        #expect(woke == [true, false])
        let taken: [String?] = [q.take(), q.take()]
        #expect(taken == ["a", nil])
    }

    @Test func keyAddedWhileProcessedGoesRoundAgain() {
        var q: WorkQueueBrain<String> = WorkQueueBrain()
        _ = q.add("a")
        let taken: [String?] = [q.take(), q.add("a") ? "woken" : nil, q.take()]
        #expect(taken == ["a", nil, nil])
        let again: Bool = q.done("a")
        #expect(again)
        let second: String? = q.take()
        #expect(second == "a")
        let third: Bool = q.done("a")
        #expect(!third)
        #expect(q.isIdle)
    }

    @Test func earlierDelayWins() {
        var q: WorkQueueBrain<String> = WorkQueueBrain()
        let isNext: [Bool] = [10, 20, 5].map { q.add("a", at: Timestamp(seconds: $0)) }
        #expect(isNext == [true, false, true])
        #expect(q.nextDeadline == Timestamp(seconds: 5))
        let woken: [Int] = [4, 5].map { q.advance(to: Timestamp(seconds: $0)) }
        #expect(woken == [0, 1])
        let taken: String? = q.take()
        #expect(taken == "a")
        #expect(q.nextDeadline == nil)
    }

    @Test func backoffDoublesToItsLimit() {
        var q: WorkQueueBrain<String> = WorkQueueBrain()
        let first: [Duration] = (0..<4).map { _ in q.backoff("a") }
        #expect(first == [5, 10, 20, 40].map { .milliseconds($0) })
        for _ in 0..<40 { _ = q.backoff("a") }
        let most: Duration = q.backoff("a")
        #expect(most == .seconds(1000))
        q.forget("a")
        let reset: Duration = q.backoff("a")
        #expect(reset == .milliseconds(5))
    }

    @Test func loopRunsKeysAndStopsOnCancel() async {
        let queue: WorkQueue<Int> = WorkQueue(time: SystemTime())
        let seen: Counter = Counter()
        let loop: ReconcileLoop<Int> = ReconcileLoop("test", workers: 4, queue: queue) { key in
            // Fails twice, then succeeds; key 3 asks to be called once more.
            let n: Int = seen.next(key)
            if n < 2 { throw CountError() }
            return key == 3 && n == 2 ? .after(.milliseconds(5)) : .done
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await loop.run() }
            for key in 0..<10 { queue.add(key) }
            await seen.wait { counts in (0..<10).allSatisfy { counts[$0, default: 0] >= ($0 == 3 ? 4 : 3) } }
            group.cancelAll()
        }
        #expect(seen.count(3) == 4)
        #expect(seen.count(4) == 3)
    }
}

struct CountError: Error {}

final class Counter: Sendable {
    private let state: CounterState = CounterState()
    func next(_ key: Int) -> Int { state.next(key) }
    func count(_ key: Int) -> Int { state.snapshot()[key, default: 0] }
    func wait(until done: @Sendable ([Int: Int]) -> Bool) async {
        while !done(state.snapshot()) { await state.bell.wait() }
    }
}

final class CounterState: Sendable {
    private let counts: Mutex<[Int: Int]> = Mutex([:])
    let bell: Wakeup = Wakeup()
    func next(_ key: Int) -> Int {
        let n: Int = counts.withLock {
            let n: Int = $0[key, default: 0]
            $0[key] = n + 1
            return n
        }
        bell.raise()
        return n
    }
    func snapshot() -> [Int: Int] { counts.withLock { $0 } }
}
