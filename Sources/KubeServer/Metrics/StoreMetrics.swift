// etcd_request_duration_seconds: what commits take, whichever engine is behind them.

import KubeBase
import KubeModel
import KubeStore

/// Reads never reach the store; they come from memory.
enum StoreMetrics {
    private static let seconds: MetricHistogram = MetricRegistry.shared.add(
        MetricHistogram(
            "etcd_request_duration_seconds",
            "[ALPHA] Etcd request latency in seconds for each operation and object type.",
            labels: ["group", "operation", "resource"], buckets: RequestMetrics.durationBounds))

    static func took(_ write: Write, _ resource: GroupResource, since start: Int64) {
        let operation: String = write.value == nil ? "delete" : write.expectation == .absent ? "create" : "update"
        seconds.observe([resource.group, operation, resource.resource], Double(Fairness.now() - start) * 1e-9)
    }
}
