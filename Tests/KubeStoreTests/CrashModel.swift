// A model of the store and of what a crash may leave on the disk.

import Glibc
import KubeStore

/// SplitMix64: the same numbers for the same seed on every machine.
struct Chance: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x2545_f491_4f6c_dd1d &+ 1 }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
    /// True in `percent` of 100 cases.
    mutating func happens(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

struct ModelRow: Equatable {
    var revision: Int64
    var key: String
    var value: [UInt8]?
}

/// The store's files at one moment.
struct StoreFiles {
    var database: [UInt8]
    var log: [UInt8]

    init(path: String) {
        database = StoreFiles.read(path)
        log = StoreFiles.read(path + "-wal")
    }

    /// What the disk may hold when the power fails while these files become `after`: SQLite appends to the log, syncs it,
    /// and only then touches the database; between two syncs any sectors may have arrived and others not.
    func torn(_ after: StoreFiles, _ chance: inout Chance) -> StoreFiles {
        var image: StoreFiles = self
        switch Int.random(in: 0...3, using: &chance) {
        case 0:
            // The log is cut anywhere.
            let cut: Int = Int.random(in: 0...max(log.count, after.log.count), using: &chance)
            image.log = Array(after.log.prefix(cut)) + log.dropFirst(cut)
        case 1:
            image.log = StoreFiles.mixed(log, after.log, unit: 512, &chance)
        default:
            image.log = after.log
            // The log may have been emptied after the database was synced.
            if after.log.count >= log.count {
                image.database = StoreFiles.mixed(database, after.database, unit: 4096, &chance)
            } else {
                image.database = after.database
            }
        }
        return image
    }

    private static func mixed(_ old: [UInt8], _ new: [UInt8], unit: Int, _ chance: inout Chance) -> [UInt8] {
        var out: [UInt8] = []
        let percent: Int = Int.random(in: 0...100, using: &chance)
        var at: Int = 0
        while at < max(old.count, new.count) {
            let source: [UInt8] = chance.happens(percent) ? new : old
            let piece: ArraySlice<UInt8> = source.dropFirst(at).prefix(unit)
            // What never arrived in the middle of a file reads as zeros.
            if out.count < at, !piece.isEmpty { out += [UInt8](repeating: 0, count: at - out.count) }
            out += piece
            at += unit
        }
        return out
    }

    func write(path: String) {
        StoreFiles.write(database, path)
        StoreFiles.write(log, path + "-wal")
    }

    private static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let count: Int = ftell(file)
        rewind(file)
        return [UInt8](unsafeUninitializedCapacity: count) { out, filled in
            filled = fread(out.baseAddress, 1, count, file)
        }
    }

    private static func write(_ bytes: [UInt8], _ path: String) {
        guard let file = fopen(path, "w") else { return }
        defer { fclose(file) }
        _ = fwrite(bytes, 1, bytes.count, file)
    }
}

/// Everything that was published, and how much of it no crash may take.
struct StoreModel {
    var rows: [ModelRow] = []
    /// The first so many rows were acknowledged as synced.
    var durable: Int = 0
    /// Revisions that somebody has seen and crashes have taken.
    var lost: [Int64] = []

    var state: [String: ModelRow] {
        var newest: [String: ModelRow] = [:]
        for row in rows { newest[row.key] = row.value == nil ? nil : row }
        return newest
    }

    /// What is wrong with a store that opened like this after a crash; the model then goes on with what survived.
    mutating func reopened(_ replayed: [ModelRow], _ start: StoreStart) -> String? {
        let known: Int64 = max(start.newest.value, start.compacted.value)
        let survived: Int = rows.firstIndex { $0.revision > known } ?? rows.count
        if survived < durable { return "lost \(durable - survived) synced rows: newest is \(known)" }
        if let last = rows.last, start.revision.value < last.revision {
            return "revision \(last.revision) would be used twice: numbering goes on at \(start.revision)"
        }
        lost += rows[survived...].map { $0.revision }
        rows.removeSubrange(survived...)
        for r in lost where r >= start.compacted.value && !(r > start.lostAfter.value && r < start.lostBefore.value) {
            return "who has seen the lost revision \(r) would not be told"
        }
        for (a, b) in zip(replayed, replayed.dropFirst()) where a.revision >= b.revision {
            return "replayed out of order: \(a.revision), \(b.revision)"
        }
        let byRevision: [Int64: ModelRow] = Dictionary(uniqueKeysWithValues: rows.map { ($0.revision, $0) })
        for row in replayed where byRevision[row.revision] != row { return "row \(row.revision) was never written so" }
        let kept: Set<Int64> = Set(replayed.map { $0.revision })
        for row in rows where row.revision > start.compacted.value && !kept.contains(row.revision) {
            return "row \(row.revision) is gone though only \(start.compacted) is compacted"
        }
        for (key, row) in state where !kept.contains(row.revision) { return "the newest row of \(key) is gone" }
        durable = rows.count
        return nil
    }
}
