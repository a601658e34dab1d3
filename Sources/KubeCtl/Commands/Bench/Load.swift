// N connections that ask as fast as they are answered, and what that gave.

import Glibc
import KubeModel
import KubeNet
import KubeWire
import Synchronization

/// Answers of one run. Times in seconds, one per answer, in no order.
struct Figures: Sendable {
    var latencies: [Double] = []
    /// Answers of status 300 and more.
    var errorCount: Int = 0
    var firstError: String = ""
    var bodyBytes: Int = 0
    /// From the first request to the last answer.
    var wall: Double = 0

    mutating func add(_ other: Figures) {
        latencies += other.latencies
        errorCount += other.errorCount
        if firstError.isEmpty { firstError = other.firstError }
        bodyBytes += other.bodyBytes
    }

    /// `name: key=value …`, for people and for scripts.
    func line(_ name: String) -> String {
        let sorted: [Double] = latencies.sorted()
        // The nearest rank: the p99 of 20 is the slowest.
        func quantile(_ q: Double) -> String {
            guard !sorted.isEmpty else { return "-" }
            let rank: Int = Int((q * Double(sorted.count)).rounded(.up))
            return Decimals.text(sorted[max(1, rank) - 1] * 1000, 2)
        }
        return "\(name): operations=\(latencies.count) errors=\(errorCount) seconds=\(Decimals.text(wall, 2))"
            + " per-second=\(Decimals.text(Double(latencies.count) / max(wall, 1e-9), 1))"
            + " p50-ms=\(quantile(0.5)) p99-ms=\(quantile(0.99)) max-ms=\(quantile(1))"
            + " mb-per-second=\(Decimals.text(Double(bodyBytes) / 1e6 / max(wall, 1e-9), 1))"
            + " client-cpu-seconds=\(Decimals.text(ClientCPU.seconds, 2))"
    }
}

struct Load: Sendable {
    /// One pool each, which holds one TLS connection since a worker asks one thing at a time.
    private let connections: [Connection]

    /// Connections that have shaken hands.
    static func open(_ i: Invocation, connections count: Int) async throws -> Load {
        let settings: ConnectionSettings = try ConnectionSettings(flags: i.flags)
        let connections: [Connection] = try (0..<count).map { _ in
            try Connection(settings: settings, console: i.console)
        }
        for connection in connections { _ = try await connection.bytes(connection.request("GET", "/version")) }
        return Load(connections: connections)
    }

    func close() async {
        for connection in connections { await connection.close() }
    }

    /// Sends what `next` makes of 0, 1, 2, … until it answers nil.
    func run(_ next: @escaping @Sendable (Int) -> HTTPRequest?) async throws -> Figures {
        let counter: Counter = Counter()
        let began: ContinuousClock.Instant = .now
        return try await withThrowingTaskGroup(of: Figures.self) { group in
            for connection in connections {
                group.addTask { try await Self.work(connection, counter, next) }
            }
            var all: Figures = Figures()
            for try await figures in group { all.add(figures) }
            all.wall = (ContinuousClock.now - began) / .seconds(1)
            return all
        }
    }

    /// The same request over and over.
    func repeated(_ request: HTTPRequest, for span: Duration) async throws -> Figures {
        let end: ContinuousClock.Instant = .now + span
        return try await run { _ in ContinuousClock.now < end ? request : nil }
    }

    /// Bodies are counted, not read.
    private static func work(
        _ connection: Connection, _ counter: Counter, _ next: @Sendable (Int) -> HTTPRequest?
    ) async throws -> Figures {
        var figures: Figures = Figures()
        while let request = next(counter.take()) {
            let asked: ContinuousClock.Instant = .now
            let response: HTTPClientResponse = try await connection.send(request)
            if response.status >= 300 {
                figures.errorCount += 1
                let body: [UInt8] = try await response.body.collect(maxBytes: 1 << 20)
                if figures.firstError.isEmpty { figures.firstError = connection.failure(response, body).message }
            } else {
                for try await chunk in response.body { figures.bodyBytes += chunk.count }
            }
            figures.latencies.append((ContinuousClock.now - asked) / .seconds(1))
        }
        return figures
    }

    /// Prints the figures and closes; answers other than success make the run a failed one.
    func end(_ figures: Figures, _ name: String, _ console: Console) async throws {
        await close()
        console.line(figures.line(name))
        if figures.errorCount > 0 { throw UsageError("\(figures.errorCount) requests failed, the first with: \(figures.firstError)") }
    }
}

/// 0, 1, 2, … across tasks.
private final class Counter: Sendable {
    private let value: Atomic<Int> = Atomic(0)
    func take() -> Int { value.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// What the load itself cost: user and system time of this process so far.
enum ClientCPU {
    static var seconds: Double {
        var usage: rusage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }
}

/// Decimal numbers without Foundation.
enum Decimals {
    /// A number of at least zero with `places` decimals, rounded.
    static func text(_ value: Double, _ places: Int) -> String {
        var scale: Int = 1
        for _ in 0..<places { scale *= 10 }
        let units: Int = Int((value * Double(scale)).rounded())
        let rest: String = String(units % scale)
        if places == 0 { return String(units) }
        return "\(units / scale)." + String(repeating: "0", count: places - rest.count) + rest
    }
}
