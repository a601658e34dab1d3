// The way of audit events from requests to where they are kept: a bounded buffer and one writer behind it.

import KubeBase
import KubeModel
import Logging
import Synchronization

/// Takes batches of encoded events, one after the other.
package protocol AuditBackend: Sendable {
    /// `log`, `webhook`: the label of metrics.
    var name: String { get }
    /// Throws: the batch is lost and counted.
    func write(_ events: [[UInt8]]) async throws
}

/// A request appends its event and goes on; it never waits for a disk or a network. Events beyond `eventsMax` are
/// dropped and counted. All events of one backend are in order.
package final class AuditLog: Sendable {
    package static let eventsMax: Int = 10_000
    /// Memory that events of large objects may hold.
    package static let bytesMax: Int = 64 << 20
    /// Events written at once.
    package static let batchMax: Int = 400

    private struct Line {
        var events: [[UInt8]] = []
        var bytes: Int = 0
        var isClosed: Bool = false
    }
    private final class Outlet: Sendable {
        let backend: any AuditBackend
        let line: Mutex<Line> = Mutex(Line())
        let pokes: AsyncStream<Void>
        let poke: AsyncStream<Void>.Continuation
        init(_ backend: any AuditBackend) {
            self.backend = backend
            (pokes, poke) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        }
    }

    package let policy: AuditPolicy
    private let outlets: [Outlet]
    private let log: Logger = .component("audit")
    private let events: MetricCounter = MetricCounter(
        "apiserver_audit_event_total", "[ALPHA] Counter of audit events generated and sent to the audit backend.")
    private let errors: MetricCounter = MetricCounter(
        "apiserver_audit_error_total",
        "[ALPHA] Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by "
            + "the error.", labels: ["plugin"])
    let levels: MetricCounter = MetricCounter(
        "apiserver_audit_level_total", "[ALPHA] Counter of policy levels for audit events (1 per request).",
        labels: ["level"])
    let rejected: MetricCounter = MetricCounter(
        "apiserver_audit_requests_rejected_total",
        "[ALPHA] Counter of apiserver requests rejected due to an error in audit logging backend.")

    package init(policy: AuditPolicy, backends: [any AuditBackend]) {
        self.policy = policy
        outlets = backends.map { Outlet($0) }
    }

    func register(in registry: MetricRegistry) {
        for counter in [events, errors, levels, rejected] { registry.add(counter) }
    }

    func offer(_ event: [UInt8]) {
        events.add()
        for outlet in outlets {
            let (isTaken, isFirst): (Bool, Bool) = outlet.line.withLock { l in
                guard !l.isClosed, l.events.count < AuditLog.eventsMax, l.bytes + event.count <= AuditLog.bytesMax
                else { return (false, false) }
                l.events.append(event)
                l.bytes += event.count
                return (true, l.events.count == 1)
            }
            if !isTaken { errors.add([outlet.backend.name]) }
            if isFirst { outlet.poke.yield() }
        }
    }

    /// Events that wait for their writers.
    package var waitingCount: Int { outlets.reduce(0) { $0 + $1.line.withLock { $0.events.count } } }

    /// Writes until cancelled, then what is left.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            for outlet in outlets {
                group.addTask {
                    for await _ in outlet.pokes { await self.drain(outlet) }
                    await self.drain(outlet)
                }
            }
        }
    }

    private func drain(_ outlet: Outlet) async {
        while true {
            let batch: [[UInt8]] = outlet.line.withLock { l in
                let batch: [[UInt8]] = Array(l.events.prefix(AuditLog.batchMax))
                l.events.removeFirst(batch.count)
                l.bytes -= batch.reduce(0) { $0 + $1.count }
                return batch
            }
            guard !batch.isEmpty else { return }
            do {
                try await outlet.backend.write(batch)
            } catch {
                errors.add([outlet.backend.name], Double(batch.count))
                log.error("\(batch.count) audit events were lost in plugin \(outlet.backend.name): \(error)")
            }
        }
    }
}
