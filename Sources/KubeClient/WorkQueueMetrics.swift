// workqueue_*: how deep the queues of the controllers are, and how long their work takes.

import KubeBase
import Synchronization

/// Of the process: every reconcile loop by its name; a later loop of the same name takes the place of an earlier one.
enum WorkQueueMetrics {
    private static let buckets: [Double] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10]
    private static let queues: Mutex<[String: @Sendable () -> (depth: Int, adds: Int)?]> = Mutex([:])

    static let work: MetricHistogram = MetricRegistry.shared.add(
        MetricHistogram(
            "workqueue_work_duration_seconds", "[ALPHA] How long in seconds processing an item from workqueue takes.",
            labels: ["name"], buckets: buckets))
    static let retries: MetricCounter = MetricRegistry.shared.add(
        MetricCounter("workqueue_retries_total", "[ALPHA] Total number of retries handled by workqueue", labels: ["name"]))
    private static let readings: Void = {
        MetricRegistry.shared.add(
            MetricReading("workqueue_depth", "[ALPHA] Current depth of workqueue") { out in
                for (name, now) in all { out.sample(Double(now.depth), [("name", name)]) }
            })
        MetricRegistry.shared.add(
            MetricReading(
                "workqueue_adds_total", "[ALPHA] Total number of adds handled by workqueue", type: .counter
            ) { out in for (name, now) in all { out.sample(Double(now.adds), [("name", name)]) } })
    }()

    private static var all: [(name: String, now: (depth: Int, adds: Int))] {
        let readers: [String: @Sendable () -> (depth: Int, adds: Int)?] = queues.withLock { $0 }
        return readers.sorted { $0.key < $1.key }.compactMap { entry in entry.value().map { (entry.key, $0) } }
    }

    static func follow(_ name: String, _ read: @escaping @Sendable () -> (depth: Int, adds: Int)?) {
        _ = readings
        queues.withLock { $0[name] = read }
    }
}
