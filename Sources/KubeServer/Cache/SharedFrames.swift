// What one watcher was sent is what the next one is sent: the frames of a run of events, made once for a crowd.

import Synchronization

/// The last run that was encoded. In a round most watchers stand at the same place of the log and want the same form.
final class SharedFrames: Sendable {
    struct Run: Sendable {
        /// Of the log: the first event and how many.
        var cursor: Int
        var count: Int
        /// The form and the namespace.
        var form: String
        var bytes: [UInt8]
        /// How many of the events are shown.
        var shown: Int
    }
    private let last: Mutex<Run?> = Mutex(nil)

    func run(
        cursor: Int, count: Int, form: String, _ make: () -> (bytes: [UInt8], shown: Int)
    ) -> (bytes: [UInt8], shown: Int) {
        let known: Run? = last.withLock { run in
            guard let run, run.cursor == cursor, run.count == count, run.form == form else { return nil }
            return run
        }
        if let known { return (known.bytes, known.shown) }
        let (bytes, shown): ([UInt8], Int) = make()
        last.withLock { $0 = Run(cursor: cursor, count: count, form: form, bytes: bytes, shown: shown) }
        return (bytes, shown)
    }
}
