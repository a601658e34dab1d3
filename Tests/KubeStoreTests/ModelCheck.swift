// Seeded traffic, compaction and crashes against a model: nothing acknowledged is lost, doubled or out of order.
//
// APUS_SEEDS=0..<5000 runs other seeds than those of every day.

import Glibc
import KubeStore
import Synchronization
import Testing

@Suite struct ModelCheck {
    static let seeds: Range<UInt64> = {
        let asked: [UInt64] = (getenv("APUS_SEEDS").map { String(cString: $0) } ?? "").split(separator: ".").compactMap {
            UInt64($0.filter { $0.isNumber })
        }
        return asked.count == 2 ? asked[0]..<asked[1] : 0..<200
    }()

    @Test func crashesLoseNothingThatWasSynced() async throws {
        for seed in Self.seeds {
            var run: ModelRun = ModelRun(seed: seed)
            if let fault = try await run.go() {
                Issue.record("seed \(seed): \(fault)")
                return
            }
        }
    }
}

/// One history from one seed.
private struct ModelRun {
    let seed: UInt64
    var chance: Chance
    var model: StoreModel = StoreModel()
    var limits: StoreLimits = StoreLimits()
    var path: String = ""
    var store: LogStore = .memory()
    var recorder: Recorder = Recorder()
    var opened: Int = 0
    var taken: Int = 0

    init(seed: UInt64) {
        self.seed = seed
        chance = Chance(seed: seed)
        limits.historyRowsMax = Int.random(in: 0...30, using: &chance)
        limits.historyBytesMax = chance.happens(30) ? 4000 : 1 << 20
        // Flushes come with synced writes only: a timer would make histories differ from run to run.
        limits.groupDelayMilliseconds = 600_000
    }

    mutating func go() async throws -> String? {
        try await open(nil)
        for _ in 0..<Int.random(in: 10...60, using: &chance) {
            let before: StoreFiles = StoreFiles(path: path)
            let durableBefore: Int = model.durable
            if let fault = try await step() { return fault }
            if chance.happens(30) { try await store.tidy() }
            guard chance.happens(12) else { continue }
            try await store.tidy()
            let after: StoreFiles = StoreFiles(path: path)
            let isTorn: Bool = chance.happens(70)
            let image: StoreFiles = isTorn ? before.torn(after, &chance) : after
            if isTorn { model.durable = durableBefore }
            await close()
            if let fault = try await open(image) { return fault }
        }
        await close()
        // A clean end loses nothing at all.
        model.durable = model.rows.count
        let last: StoreFiles = StoreFiles(path: path)
        unlinkFiles()
        let fault: String? = try await open(last)
        await close()
        unlinkFiles()
        return fault
    }

    private mutating func close() async { await store.close() }

    private func unlinkFiles() { for suffix in ["", "-wal"] { unlink(path + suffix) } }

    @discardableResult
    private mutating func open(_ image: StoreFiles?) async throws -> String? {
        if !path.isEmpty { unlinkFiles() }
        opened += 1
        // In memory: a sync costs nothing there.
        path = "/dev/shm/apus-model-\(getpid())-\(seed)-\(opened)"
        image?.write(path: path)
        store = .sqlite(path: path, limits: limits)
        recorder = Recorder()
        taken = 0
        try await store.open(recorder)
        guard image != nil, let start = recorder.state.withLock({ $0.start }) else { return nil }
        let replayed: [ModelRow] = recorder.replayed.map {
            ModelRow(revision: $0.revision.value, key: $0.key, value: $0.value)
        }
        return model.reopened(replayed, start)
    }

    /// A few commits at once, each judged by the state before or by what was published meanwhile.
    private mutating func step() async throws -> String? {
        let state: [String: ModelRow] = model.state
        let isSingle: Bool = chance.happens(70)
        let commits: [[Write]] = (0..<(isSingle ? 1 : Int.random(in: 2...6, using: &chance))).map { _ in
            commit(state, isSingle: isSingle)
        }
        let store: LogStore = self.store
        let results: [Result<[Revision], StoreError>] = await withTaskGroup(
            of: (Int, Result<[Revision], StoreError>).self
        ) { group in
            for (i, writes) in commits.enumerated() {
                group.addTask {
                    do throws(StoreError) {
                        return (i, .success(try await store.commit(writes)))
                    } catch {
                        return (i, .failure(error))
                    }
                }
            }
            var all: [Result<[Revision], StoreError>] = Array(repeating: .failure(.stopped), count: commits.count)
            for await (i, result) in group { all[i] = result }
            return all
        }
        return judge(commits, results, state)
    }

    private mutating func commit(_ state: [String: ModelRow], isSingle: Bool) -> [Write] {
        var keys: [String] = (0..<8).map { "/registry/k/\($0)" }
        keys.shuffle(using: &chance)
        let isGrouped: Bool = chance.happens(30)
        return keys.prefix(Int.random(in: 1...3, using: &chance)).map { key in
            let value: [UInt8]? =
                chance.happens(25)
                ? nil : [UInt8](repeating: UInt8.random(in: 0...255, using: &chance), count: Int.random(in: 0...600, using: &chance))
            var expectation: Write.Expectation = .anything
            if isSingle, chance.happens(60) {
                expectation = state[key].map { .revision(Revision($0.revision)) } ?? .absent
                if chance.happens(20) { expectation = chance.happens(50) ? .absent : .revision(Revision(1)) }
            }
            return Write(key: key, value: value, expectation: expectation, durability: isGrouped ? .grouped : .synced)
        }
    }

    private mutating func judge(
        _ commits: [[Write]], _ results: [Result<[Revision], StoreError>], _ state: [String: ModelRow]
    ) -> String? {
        let published: [ModelRow] = recorder.published.dropFirst(taken).map {
            ModelRow(revision: $0.revision.value, key: $0.key, value: $0.value)
        }
        taken += published.count
        var expected: [ModelRow] = []
        var isSynced: Bool = false
        for (writes, result) in zip(commits, results) {
            let mismatch: Write? = writes.first { write in
                switch write.expectation {
                case .anything: false
                case .absent: state[write.key] != nil
                case .revision(let r): state[write.key]?.revision != r.value
                }
            }
            switch result {
            case .success(let revisions):
                if let mismatch { return "a write to \(mismatch.key) ignored its expectation" }
                for (write, revision) in zip(writes, revisions) {
                    expected.append(ModelRow(revision: revision.value, key: write.key, value: write.value))
                    if write.durability == .synced { isSynced = true }
                }
            case .failure(let error):
                guard let mismatch else { return "a good write failed: \(error)" }
                let newest: Revision? = state[mismatch.key].map { Revision($0.revision) }
                if error != .conflict(key: mismatch.key, newest: newest) { return "wrong error: \(error)" }
            }
        }
        expected.sort { $0.revision < $1.revision }
        if published != expected { return "published \(published.map(\.revision)), answered \(expected.map(\.revision))" }
        if let last = model.rows.last, let first = expected.first, first.revision <= last.revision {
            return "revision \(first.revision) came after \(last.revision)"
        }
        model.rows += expected
        // A synced row takes the grouped ones before it to the disk; those after it may still wait.
        if isSynced {
            let synced: Set<Int64> = Set(
                zip(commits, results).flatMap { writes, result in
                    zip(writes, (try? result.get()) ?? []).filter { $0.0.durability == .synced }.map { $0.1.value }
                })
            if let last = model.rows.lastIndex(where: { synced.contains($0.revision) }) { model.durable = last + 1 }
        }
        return nil
    }
}
