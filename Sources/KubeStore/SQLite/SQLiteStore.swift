// The default engine: one append-only table in a WAL database, one fsync per group of writes.

import CSQLite
import Glibc

extension LogStore {
    /// The database at `path` (with `-wal` beside it), made when absent. One process at a time: it is locked exclusively.
    package static func sqlite(path: String, limits: StoreLimits = StoreLimits()) -> LogStore {
        LogStore(limits: limits) { SQLiteMedium(path: path, limits: limits) }
    }
}

/// `log.revision` is the rowid; `value` NULL is a deletion.
///
/// locking_mode EXCLUSIVE keeps the WAL index in our memory: no `-shm` file, so a full disk is an error and never a
/// SIGBUS, and a second server on the same file is refused.
private final class SQLiteMedium: Medium {
    private let path: String
    private let limits: StoreLimits
    private var database: OpaquePointer?
    private var insert: OpaquePointer?
    private var delete: OpaquePointer?
    private var note: OpaquePointer?

    init(path: String, limits: StoreLimits) {
        self.path = path
        self.limits = limits
    }

    func open(_ row: (Row) -> Void) throws(StoreError) -> Kept {
        let flags: Int32 = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        guard sqlite3_open_v2(path, &database, flags, nil) == SQLITE_OK else { throw fault("cannot open \(path)") }
        chmod(path, 0o600)
        // First, before anything touches the file: a WAL opened in shared mode would get its -shm file.
        try run("PRAGMA locking_mode = EXCLUSIVE")
        try run("PRAGMA auto_vacuum = INCREMENTAL")
        try run("PRAGMA journal_mode = WAL")
        try run("PRAGMA synchronous = FULL")
        try run("PRAGMA journal_size_limit = 16777216")
        try run("PRAGMA cache_size = -2048")
        if let bytes = limits.fileBytesMax { try run("PRAGMA max_page_count = \(max(16, bytes / 4096))") }
        try run("CREATE TABLE IF NOT EXISTS log(revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB)")
        try run("CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID")
        insert = try prepare("INSERT INTO log(revision, key, value) VALUES(?, ?, ?)")
        delete = try prepare("DELETE FROM log WHERE revision = ?")
        note = try prepare("INSERT OR REPLACE INTO meta(name, value) VALUES(?, ?)")
        try readRows(row)
        return Kept(
            compacted: try meta("compacted"), ceiling: try meta("ceiling"), lostAfter: try meta("lostAfter"),
            lostBefore: try meta("lostBefore"))
    }

    private func readRows(_ row: (Row) -> Void) throws(StoreError) {
        let select: OpaquePointer? = try prepare("SELECT revision, key, value FROM log ORDER BY revision")
        defer { sqlite3_finalize(select) }
        while true {
            switch sqlite3_step(select) {
            case SQLITE_ROW:
                let keyBytes: UnsafeBufferPointer<UInt8> = UnsafeBufferPointer(
                    start: sqlite3_column_text(select, 1), count: Int(sqlite3_column_bytes(select, 1)))
                var value: [UInt8]?
                if sqlite3_column_type(select, 2) != SQLITE_NULL {
                    let count: Int = Int(sqlite3_column_bytes(select, 2))
                    value = Array(UnsafeRawBufferPointer(start: sqlite3_column_blob(select, 2), count: count))
                }
                row(
                    Row(
                        revision: sqlite3_column_int64(select, 0), key: String(decoding: keyBytes, as: UTF8.self),
                        value: value))
            case SQLITE_DONE: return
            default: throw fault("cannot read \(path)")
            }
        }
    }

    private func meta(_ name: String) throws(StoreError) -> Int64 {
        let select: OpaquePointer? = try prepare("SELECT value FROM meta WHERE name = '\(name)'")
        defer { sqlite3_finalize(select) }
        return sqlite3_step(select) == SQLITE_ROW ? sqlite3_column_int64(select, 0) : 0
    }

    func apply(_ transaction: Transaction) throws(StoreError) {
        do throws(StoreError) {
            try run("BEGIN IMMEDIATE")
            for row in transaction.rows { try append(row) }
            for revision in transaction.forgotten {
                sqlite3_bind_int64(delete, 1, revision)
                try step(delete)
            }
            if let c = transaction.compacted { try set("compacted", c) }
            if let c = transaction.ceiling { try set("ceiling", c) }
            if let lost = transaction.lost {
                try set("lostAfter", lost.after)
                try set("lostBefore", lost.before)
            }
            try run("COMMIT")
        } catch {
            // SQLite has rolled back by itself after some errors.
            if sqlite3_get_autocommit(database) == 0 { sqlite3_exec(database, "ROLLBACK", nil, nil, nil) }
            throw error
        }
        if !transaction.forgotten.isEmpty { sqlite3_exec(database, "PRAGMA incremental_vacuum(256)", nil, nil, nil) }
    }

    private func append(_ row: Row) throws(StoreError) {
        sqlite3_bind_int64(insert, 1, row.revision)
        var key: String = row.key
        // The bytes outlive the step, so SQLite need not copy them (nil destructor: SQLITE_STATIC).
        let code: Int32 = key.withUTF8 { text in
            sqlite3_bind_text(
                insert, 2, UnsafeRawPointer(text.baseAddress)?.assumingMemoryBound(to: CChar.self), Int32(text.count),
                nil)
            guard let value = row.value else {
                sqlite3_bind_null(insert, 3)
                return sqlite3_step(insert)
            }
            return value.withUnsafeBytes { bytes in
                sqlite3_bind_blob(insert, 3, bytes.baseAddress, Int32(bytes.count), nil)
                return sqlite3_step(insert)
            }
        }
        let error: StoreError? = code == SQLITE_DONE ? nil : fault("write failed")
        sqlite3_reset(insert)
        sqlite3_clear_bindings(insert)
        if let error { throw error }
    }

    private func set(_ name: String, _ value: Int64) throws(StoreError) {
        let code: Int32 = name.withCString { text in
            sqlite3_bind_text(note, 1, text, -1, nil)
            sqlite3_bind_int64(note, 2, value)
            return sqlite3_step(note)
        }
        let error: StoreError? = code == SQLITE_DONE ? nil : fault("write failed")
        sqlite3_reset(note)
        if let error { throw error }
    }

    private func step(_ statement: OpaquePointer?) throws(StoreError) {
        let error: StoreError? = sqlite3_step(statement) == SQLITE_DONE ? nil : fault("write failed")
        sqlite3_reset(statement)
        if let error { throw error }
    }

    var fileBytes: Int {
        var total: Int = 0
        for suffix in ["", "-wal"] {
            var facts: stat = stat()
            if stat(path + suffix, &facts) == 0 { total += Int(facts.st_size) }
        }
        return total
    }

    func close() {
        for statement in [insert, delete, note] { sqlite3_finalize(statement) }
        sqlite3_exec(database, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil)
        sqlite3_close_v2(database)
        database = nil
    }

    private func run(_ sql: String) throws(StoreError) {
        if sqlite3_exec(database, sql, nil, nil, nil) != SQLITE_OK { throw fault("\(sql) failed") }
    }

    private func prepare(_ sql: String) throws(StoreError) -> OpaquePointer? {
        var statement: OpaquePointer?
        if sqlite3_prepare_v2(database, sql, -1, &statement, nil) != SQLITE_OK { throw fault("\(sql) failed") }
        return statement
    }

    private func fault(_ what: String) -> StoreError {
        let code: Int32 = sqlite3_errcode(database)
        let text: String = String(cString: sqlite3_errmsg(database))
        let systemError: Int32 = sqlite3_system_errno(database)
        if code == SQLITE_FULL || systemError == ENOSPC || systemError == EDQUOT { return .noSpace("\(path): \(text)") }
        if code == SQLITE_BUSY {
            return .failed("\(path) is in use by another process")
        }
        return .failed("\(what): \(text)")
    }
}
