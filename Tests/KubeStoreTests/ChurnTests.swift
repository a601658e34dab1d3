// Leases and events, as a cluster writes them all week, replayed without its pauses.

import Glibc
import KubeStore
import Testing

@Suite struct ChurnTests {
    /// APUS_CHURN=604800 is a week of ten nodes' leases (one in ten seconds each) and of as many events, which go again.
    @Test func heartbeatsAndEventsKeepTheFileBounded() async throws {
        let asked: Int? = getenv("APUS_CHURN").flatMap { Int(String(cString: $0)) }
        let beats: Int = asked ?? 8_000
        try await withPath { path in
            var limits: StoreLimits = StoreLimits()
            if asked == nil { limits.historyRowsMax = 1_000 }
            let store: LogStore = .sqlite(path: path, limits: limits)
            try await store.open(Recorder())
            let lease: [UInt8] = [UInt8](repeating: 7, count: 700)
            let event: [UInt8] = [UInt8](repeating: 8, count: 900)
            var most: Int = 0
            var at: Int = 0
            while at < beats {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for i in at..<min(at + 100, beats) {
                        group.addTask {
                            var writes: [Write] = [
                                Write(
                                    key: "/registry/leases/kube-node-lease/node-\(i % 10)", value: lease,
                                    expectation: .anything, durability: .grouped),
                                Write(
                                    key: "/registry/events/default/e-\(i)", value: event, expectation: .absent,
                                    durability: .grouped),
                            ]
                            // An hour later the event goes: 360 leases on, of each node.
                            if i >= 3_600 {
                                writes.append(
                                    Write(
                                        key: "/registry/events/default/e-\(i - 3_600)", value: nil,
                                        expectation: .anything, durability: .grouped))
                            }
                            _ = try await store.commit(writes)
                        }
                    }
                    try await group.waitForAll()
                }
                at += 100
                if at % 10_000 == 0 { most = max(most, store.usage.fileBytes) }
            }
            try await store.tidy()
            let usage: StoreUsage = store.usage
            #expect(usage.keys == min(beats, 3_600) + 10)
            #expect(usage.historyRows <= limits.historyRowsMax)
            // What lives, what is kept of history, and a write-ahead log: far from what was written.
            let bound: Int = usage.keys * 2_000 + min(limits.historyBytesMax, limits.historyRowsMax * 2_000) + (64 << 20)
            #expect(usage.fileBytes < bound)
            if asked != nil { print("churn: \(beats) beats, file at most \(most) bytes, at the end \(usage.fileBytes)") }
            await store.close()
        }
    }
}
