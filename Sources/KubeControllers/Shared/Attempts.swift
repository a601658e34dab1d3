// How often each key was tried, for delays that are not the queue's own back-off.

import KubeModel
import Synchronization

final class Attempts: Sendable {
    private let counts: Mutex<[ObjectKey: Int]> = Mutex([:])
    /// 0, 1, 2, …
    func next(_ key: ObjectKey) -> Int {
        counts.withLock {
            let n: Int = $0[key, default: 0]
            $0[key] = n + 1
            return n
        }
    }
    func forget(_ key: ObjectKey) { counts.withLock { $0[key] = nil } }
}
