// Answers of reviewers, kept for a while.

package import KubeBase
import Synchronization

/// Bounded: when it is full, what has ended goes first, then everything.
package final class AnswerCache<Key: Hashable & Sendable, Answer: Sendable>: Sendable {
    private let kept: Mutex<[Key: (answer: Answer, until: Timestamp)]> = Mutex([:])
    private let countMax: Int

    package init(countMax: Int = 8192) { self.countMax = countMax }

    package func answer(_ key: Key, now: Timestamp) -> Answer? {
        kept.withLock { all in
            guard let entry = all[key] else { return nil }
            if now < entry.until { return entry.answer }
            all[key] = nil
            return nil
        }
    }

    package func keep(_ answer: Answer, for key: Key, until: Timestamp, now: Timestamp) {
        kept.withLock { all in
            if all.count >= countMax {
                all = all.filter { now < $0.value.until }
                if all.count >= countMax { all = [:] }
            }
            all[key] = (answer, until)
        }
    }
}
