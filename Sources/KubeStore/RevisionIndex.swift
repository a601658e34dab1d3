// The brain of an engine: which revision each key has, which rows are history, and what a batch of writes becomes.

/// A row to append.
struct Row: Sendable {
    var revision: Int64
    var key: String
    var value: [UInt8]?
}

struct RevisionIndex {
    struct Head {
        var revision: Int64
        var bytes: Int
    }
    /// A row that no read of the newest state needs: replaced at `by`, or a tombstone (`by == row`).
    private struct Old {
        var row: Int64
        var by: Int64
        var seconds: Int64
        var bytes: Int
    }
    /// What takes back one assignment.
    struct Mark {
        fileprivate var revision: Int64
        fileprivate var oldCount: Int
        fileprivate var oldBytes: Int
        fileprivate var heads: [(key: String, head: Head?)]
    }

    private var heads: [String: Head] = [:]
    private var old: [Old] = []
    /// Entries of `old` before it are gone; cut off now and then.
    private var oldStart: Int = 0
    private var oldBytes: Int = 0
    private(set) var revision: Int64 = 0
    private(set) var compacted: Int64 = 0

    var keyCount: Int { heads.count }
    var historyCount: Int { old.count - oldStart }

    /// A row found at start. Rows come in order.
    mutating func load(_ row: Row, seconds: Int64) {
        revision = row.revision
        place(row, seconds: seconds)
    }

    mutating func resume(at revision: Int64, compacted: Int64) {
        self.revision = max(self.revision, revision)
        self.compacted = compacted
    }

    func mark() -> Mark { Mark(revision: revision, oldCount: old.count, oldBytes: oldBytes, heads: []) }

    /// Gives each write its revision, or says which expectation fails (then nothing has changed).
    mutating func assign(_ writes: [Write], seconds: Int64, mark: inout Mark) throws(StoreError) -> [Row] {
        for write in writes {
            let newest: Int64? = heads[write.key]?.revision
            let holds: Bool =
                switch write.expectation {
                case .anything: true
                case .absent: newest == nil
                case .revision(let r): newest == r.value
                }
            guard holds else { throw .conflict(key: write.key, newest: newest.map { Revision($0) }) }
        }
        var rows: [Row] = []
        for write in writes {
            mark.heads.append((write.key, heads[write.key]))
            revision += 1
            let row: Row = Row(revision: revision, key: write.key, value: write.value)
            place(row, seconds: seconds)
            rows.append(row)
        }
        return rows
    }

    /// Takes back everything assigned since `mark`; no `forget` may lie between.
    mutating func undo(to mark: Mark) {
        for (key, head) in mark.heads.reversed() { heads[key] = head }
        old.removeLast(old.count - mark.oldCount)
        oldBytes = mark.oldBytes
        revision = mark.revision
    }

    private mutating func place(_ row: Row, seconds: Int64) {
        if let head = heads[row.key] {
            old.append(Old(row: head.revision, by: row.revision, seconds: seconds, bytes: head.bytes))
            oldBytes += head.bytes
        }
        if let value = row.value {
            heads[row.key] = Head(revision: row.revision, bytes: value.count + row.key.utf8.count)
        } else {
            heads[row.key] = nil
            old.append(Old(row: row.revision, by: row.revision, seconds: seconds, bytes: 0))
        }
    }

    /// The next rows to delete for good, at most `count`, by the limits; none whose successor is not before `unflushed`:
    /// the medium always has some row of each key that was ever on it.
    func forgettable(
        _ limits: StoreLimits, seconds: Int64, count: Int, before unflushed: Int64
    ) -> (rows: [Int64], compacted: Int64) {
        var rows: [Int64] = []
        var newCompacted: Int64 = compacted
        var bytes: Int = oldBytes
        for i in oldStart..<old.count {
            let entry: Old = old[i]
            let isDue: Bool =
                seconds - entry.seconds >= Int64(limits.historySeconds) || old.count - i > limits.historyRowsMax
                || bytes > limits.historyBytesMax || entry.by <= newCompacted
            guard isDue, entry.by < unflushed, rows.count < count || entry.by <= newCompacted else { break }
            rows.append(entry.row)
            bytes -= entry.bytes
            newCompacted = max(newCompacted, entry.by)
        }
        return (rows, newCompacted)
    }

    /// The first `count` history rows are deleted.
    mutating func forget(_ count: Int, compacted: Int64) {
        for i in oldStart..<(oldStart + count) { oldBytes -= old[i].bytes }
        oldStart += count
        self.compacted = compacted
        if oldStart > 4096, oldStart * 2 > old.count {
            old.removeFirst(oldStart)
            oldStart = 0
        }
    }
}
