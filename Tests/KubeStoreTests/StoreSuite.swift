// One suite that every engine passes.

import Glibc
import KubeStore
import Synchronization
import Testing

/// Remembers what a store told.
final class Recorder: StoreSink {
    struct State {
        var replayed: [Change] = []
        var published: [Change] = []
        var start: StoreStart?
    }
    let state: Mutex<State> = Mutex(State())
    func replay(_ changes: [Change]) { state.withLock { $0.replayed += changes } }
    func opened(_ start: StoreStart) { state.withLock { $0.start = start } }
    func publish(_ changes: [Change]) { state.withLock { $0.published += changes } }
    var published: [Change] { state.withLock { $0.published } }
    var replayed: [Change] { state.withLock { $0.replayed } }
}

enum Engine: String, CaseIterable, Sendable {
    case memory, sqlite
    func make(_ path: String, _ limits: StoreLimits = StoreLimits()) -> LogStore {
        self == .memory ? .memory(limits: limits) : .sqlite(path: path, limits: limits)
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A path of its own under /tmp, removed with its WAL at the end.
func withPath<R>(_ body: (String) async throws -> R) async rethrows -> R {
    let path: String = "/tmp/apus-store-\(getpid())-\(UInt64.random(in: 0 ... .max)).db"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
    return try await body(path)
}

@Suite struct StoreSuite {
    @Test(arguments: Engine.allCases) func revisionsGrowAndExpectationsHold(_ engine: Engine) async throws {
        try await withPath { path in
            let recorder: Recorder = Recorder()
            let store: LogStore = engine.make(path)
            try await store.open(recorder)
            let a: [Revision] = try await store.commit([
                Write(key: "/a", value: bytes("1"), expectation: .absent)
            ])
            #expect(a == [Revision(1)])
            await #expect(throws: StoreError.conflict(key: "/a", newest: Revision(1))) {
                _ = try await store.commit([Write(key: "/a", value: bytes("2"), expectation: .absent)])
            }
            let two: [Revision] = try await store.commit([
                Write(key: "/a", value: bytes("2"), expectation: .revision(Revision(1))),
                Write(key: "/b", value: bytes("x"), expectation: .absent),
            ])
            #expect(two == [Revision(2), Revision(3)])
            await #expect(throws: StoreError.conflict(key: "/a", newest: Revision(2))) {
                _ = try await store.commit([
                    Write(key: "/c", value: bytes("x"), expectation: .absent),
                    Write(key: "/a", value: nil, expectation: .revision(Revision(1))),
                ])
            }
            let gone: [Revision] = try await store.commit([
                Write(key: "/a", value: nil, expectation: .revision(Revision(2)))
            ])
            #expect(gone == [Revision(4)])
            #expect(store.revision == Revision(4))
            #expect(store.usage.keys == 1)
            let published: [Change] = recorder.published
            #expect(published.map { $0.revision.value } == [1, 2, 3, 4])
            #expect(published.map { $0.key } == ["/a", "/a", "/b", "/a"])
            #expect(published.last?.value == nil)
            await store.close()
            await #expect(throws: StoreError.stopped) {
                _ = try await store.commit([Write(key: "/z", value: nil, expectation: .anything)])
            }
        }
    }

    @Test(arguments: Engine.allCases) func concurrentWritersShareOneOrder(_ engine: Engine) async throws {
        try await withPath { path in
            let recorder: Recorder = Recorder()
            let store: LogStore = engine.make(path)
            try await store.open(recorder)
            let all: [Revision] = try await withThrowingTaskGroup(of: [Revision].self) { group in
                for i in 0..<500 {
                    group.addTask {
                        try await store.commit([
                            Write(
                                key: "/k/\(i)", value: bytes("\(i)"), expectation: .absent,
                                durability: i % 5 == 0 ? .grouped : .synced)
                        ])
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(Set(all).count == 500)
            #expect(recorder.published.map { $0.revision.value } == Array(1...500))
            await store.close()
        }
    }

    @Test(arguments: Engine.allCases) func historyIsForgotten(_ engine: Engine) async throws {
        try await withPath { path in
            var limits: StoreLimits = StoreLimits()
            limits.historyRowsMax = 100
            let store: LogStore = engine.make(path, limits)
            try await store.open(Recorder())
            for i in 0..<900 {
                _ = try await store.commit([Write(key: "/k", value: bytes("\(i)"), expectation: .anything)])
            }
            #expect(store.usage.historyRows < 100 + 600)
            await store.close()
        }
    }
}

@Suite struct SQLiteSuite {
    @Test func whatWasWrittenComesBack() async throws {
        try await withPath { path in
            let first: LogStore = .sqlite(path: path)
            try await first.open(Recorder())
            for key in ["/a", "/b", "/c"] {
                _ = try await first.commit([Write(key: key, value: bytes(key), expectation: .absent)])
            }
            _ = try await first.commit([Write(key: "/b", value: nil, expectation: .anything)])
            _ = try await first.commit([
                Write(key: "/lease", value: bytes("l"), expectation: .anything, durability: .grouped)
            ])
            await first.close()
            let recorder: Recorder = Recorder()
            let second: LogStore = .sqlite(path: path)
            try await second.open(recorder)
            #expect(recorder.replayed.map { $0.key } == ["/a", "/b", "/c", "/b", "/lease"])
            #expect(recorder.state.withLock { $0.start?.revision } == Revision(5))
            #expect(recorder.state.withLock { $0.start?.newest } == Revision(5))
            await #expect(throws: StoreError.self) { try await LogStore.sqlite(path: path).open(Recorder()) }
            await second.close()
        }
    }

    @Test func aFullFileIsAnErrorAndTheStoreGoesOn() async throws {
        try await withPath { path in
            var limits: StoreLimits = StoreLimits()
            limits.fileBytesMax = 256 << 10
            limits.historyRowsMax = 0
            let store: LogStore = .sqlite(path: path, limits: limits)
            try await store.open(Recorder())
            var written: Int = 0
            var full: StoreError?
            for i in 0..<100 {
                do throws(StoreError) {
                    _ = try await store.commit([
                        Write(key: "/k/\(i)", value: [UInt8](repeating: 7, count: 20_000), expectation: .absent)
                    ])
                    written += 1
                } catch {
                    full = error
                    break
                }
            }
            guard case .noSpace = full else {
                Issue.record("expected noSpace, got \(String(describing: full))")
                return
            }
            #expect(store.usage.keys == written)
            for i in 0..<(written / 2) {
                _ = try await store.commit([Write(key: "/k/\(i)", value: nil, expectation: .anything)])
            }
            var again: Bool = false
            for _ in 0..<50 where !again {
                again =
                    (try? await store.commit([
                        Write(key: "/small", value: [UInt8](repeating: 1, count: 10_000), expectation: .anything)
                    ])) != nil
            }
            #expect(again)
            await store.close()
        }
    }
}

@Suite struct FileSizeSuite {
    /// The wound of others: a file that only grows.
    @Test func churnDoesNotGrowTheFileForEver() async throws {
        try await withPath { path in
            var limits: StoreLimits = StoreLimits()
            limits.historyRowsMax = 50
            let store: LogStore = .sqlite(path: path, limits: limits)
            try await store.open(Recorder())
            func churn(_ rounds: Int) async throws {
                for i in 0..<rounds {
                    let writes: [Write] = (0..<20).map { k in
                        Write(
                            key: "/k/\(k)", value: [UInt8](repeating: UInt8(i & 255), count: 2000),
                            expectation: .anything)
                    }
                    _ = try await store.commit(writes)
                }
            }
            try await churn(200)
            let settled: Int = store.usage.fileBytes
            try await churn(400)
            #expect(store.usage.fileBytes <= settled * 2)
            #expect(store.usage.keys == 20)
            await store.close()
        }
    }
}
