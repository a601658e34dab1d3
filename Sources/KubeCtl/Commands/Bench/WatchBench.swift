// Many watchers of one namespace while it is written to: events delivered a second.

import KubeModel
import KubeNet
import KubeWire

struct WatchBench: Sendable {
    let namespace: BenchNamespace
    let writers: Int
    let watchers: Int
    let objects: Int
    let size: Int

    /// All watches are open, answered, before the first write; it ends when every watcher has every event.
    func run(_ i: Invocation) async throws {
        let settings: ConnectionSettings = try ConnectionSettings(flags: i.flags)
        let load: Load = try await Load.open(i, connections: writers)
        let list: JSON = try await namespace.connection.get(namespace.configMaps, query: [("limit", "1")])
        var request: HTTPRequest = namespace.request("GET", namespace.configMaps)
        request.rawQuery = "watch=true&resourceVersion=\(list.metadata.resourceVersion.text)"
        var open: [(connection: Connection, response: HTTPClientResponse)] = []
        for _ in 0..<watchers {
            let connection: Connection = try Connection(settings: settings, console: i.console)
            let response: HTTPClientResponse = try await connection.send(request)
            if response.status != 200 {
                throw connection.failure(response, try await response.body.collect(maxBytes: 1 << 20))
            }
            open.append((connection, response))
        }
        let objects: Int = self.objects
        let began: ContinuousClock.Instant = .now
        let delivered: (bytes: Int, written: Figures) = try await withThrowingTaskGroup(of: Int.self) { group in
            for watcher in open { group.addTask { try await Self.count(watcher.response.body, objects) } }
            let written: Figures = try await Bench.fill(namespace, load, objects, size)
            if written.errorCount > 0 { throw UsageError("a write failed: \(written.firstError)") }
            var bytes: Int = 0
            for try await n in group { bytes += n }
            return (bytes, written)
        }
        let wall: Double = (ContinuousClock.now - began) / .seconds(1)
        let events: Int = watchers * objects
        i.console.line(
            "watch: watchers=\(watchers) objects=\(objects) delivered=\(events) seconds=\(Decimals.text(wall, 2))"
                + " writes-seconds=\(Decimals.text(delivered.written.wall, 2))"
                + " per-second=\(Decimals.text(Double(events) / wall, 0))"
                + " mb-per-second=\(Decimals.text(Double(delivered.bytes) / 1e6 / wall, 1))"
                + " client-cpu-seconds=\(Decimals.text(ClientCPU.seconds, 2))")
        for watcher in open { watcher.response.body.cancel() }
        await load.close()
    }

    /// Reads until `events` lines have come; answers the bytes read.
    private static func count(_ body: HTTPBody, _ events: Int) async throws -> Int {
        var (seen, bytes): (Int, Int) = (0, 0)
        for try await chunk in body {
            bytes += chunk.count
            chunk.withUnsafeBufferPointer { for byte in $0 where byte == 10 { seen += 1 } }
            if seen >= events { return bytes }
        }
        throw UsageError("a watch ended after \(seen) of \(events) events")
    }
}
