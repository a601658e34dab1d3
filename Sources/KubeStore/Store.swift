// A revisioned key-value log: what every engine offers and what crosses it.

/// The place of one change in the one history of the store; grows by one with each row. 0: before the first.
package struct Revision: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let value: Int64
    package init(_ value: Int64) { self.value = value }
    package static let zero: Revision = Revision(0)
    package static func < (a: Revision, b: Revision) -> Bool { a.value < b.value }
    /// As in metadata.resourceVersion.
    package var description: String { String(value) }
    package init?(_ text: String) {
        guard let value = Int64(text), value >= 0 else { return nil }
        self.value = value
    }
}

/// When a write counts as done.
package enum Durability: Sendable {
    /// Acknowledged when it is on disk.
    case synced
    /// Acknowledged at once; on disk with the next synced write or `StoreLimits.groupDelay` later. A crash of the machine
    /// or of the server loses at most that much: for leases and events.
    case grouped
}

/// One change to one key.
package struct Write: Sendable {
    package enum Expectation: Sendable, Equatable {
        case anything
        case absent
        case revision(Revision)
    }
    package var key: String
    /// nil deletes the key.
    package var value: [UInt8]?
    package var expectation: Expectation
    package var durability: Durability
    /// Handed on in the `Change`, so that nobody parses `value` again.
    package var payload: (any Sendable)?

    package init(
        key: String, value: [UInt8]?, expectation: Expectation, durability: Durability = .synced,
        payload: (any Sendable)? = nil
    ) {
        self.key = key
        self.value = value
        self.expectation = expectation
        self.durability = durability
        self.payload = payload
    }
}

/// A write that happened.
package struct Change: Sendable {
    package var key: String
    package var revision: Revision
    package var value: [UInt8]?
    package var payload: (any Sendable)?
}

/// Why a commit failed; nothing of it was kept.
package enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The key's newest revision is another than expected; nil: the key is absent.
    case conflict(key: String, newest: Revision?)
    /// The disk or the quota is full. Later writes work again when there is room.
    case noSpace(String)
    case failed(String)
    case stopped

    package var description: String {
        switch self {
        case .conflict(let key, let newest): "conflict on \(key): newest revision is \(newest?.description ?? "none")"
        case .noSpace(let why): "no space: \(why)"
        case .failed(let why): why
        case .stopped: "the store has stopped"
        }
    }
}

/// What an engine found when it opened.
package struct StoreStart: Sendable, Equatable {
    /// Changes at or before it are known only by their outcome.
    package var compacted: Revision
    /// The newest change that survived.
    package var newest: Revision
    /// Where numbering goes on. Greater than `newest` after a crash: numbers between were perhaps seen by readers and
    /// then lost (grouped writes), so they are not used again.
    package var revision: Revision
    /// The numbers strictly between the two are of the last such gap; what they stood for is unknown. Older gaps are
    /// compacted.
    package var lostAfter: Revision
    package var lostBefore: Revision
    package init(compacted: Revision, newest: Revision, revision: Revision, lostAfter: Revision, lostBefore: Revision) {
        self.compacted = compacted
        self.newest = newest
        self.revision = revision
        self.lostAfter = lostAfter
        self.lostBefore = lostBefore
    }
}

/// Who follows a store: the watch cache. Calls come one at a time, in revision order, from the engine's own thread.
package protocol StoreSink: Sendable {
    /// The kept history, oldest first, in pieces; during `open`.
    func replay(_ changes: [Change])
    func opened(_ start: StoreStart)
    /// Committed just now; the writers are answered when this returns.
    func publish(_ changes: [Change])
}

/// Bounds of an engine.
package struct StoreLimits: Sendable {
    /// Changes older than this are forgotten, as upstream's five minutes of etcd history.
    package var historySeconds: Int = 300
    package var historyRowsMax: Int = 50_000
    package var historyBytesMax: Int = 64 << 20
    /// Grouped writes reach the disk after at most this.
    package var groupDelayMilliseconds: Int = 2_000
    /// The database file may not grow beyond this; nil: the disk is the limit.
    package var fileBytesMax: Int?
    package init() {}
}

package struct StoreUsage: Sendable {
    package var keys: Int
    package var historyRows: Int
    package var fileBytes: Int
}

/// An engine. Thread-safe. `open` once, before anything else.
package protocol Store: Sendable {
    func open(_ sink: any StoreSink) async throws(StoreError)
    /// All or nothing; the answer has each write's revision in order.
    func commit(_ writes: [Write]) async throws(StoreError) -> [Revision]
    /// The newest revision that was published.
    var revision: Revision { get }
    var usage: StoreUsage { get }
    /// Flushes and closes; later commits throw `stopped`.
    func close() async
}
