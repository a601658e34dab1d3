// An admission plugin with a stop-watch: apiserver_admission_controller_admission_duration_seconds.

import KubeBase
import KubeModel
import Synchronization

struct MeteredAdmission: AdmissionPlugin {
    let plugin: any AdmissionPlugin
    let times: AdmissionTimes
    var name: String { plugin.name }

    func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        let start: Int64 = Fairness.now()
        do throws(StatusError) {
            try await plugin.admit(&request)
        } catch {
            times.add(request.operation, isAdmit: true, isRejected: true, since: start)
            throw error
        }
        times.add(request.operation, isAdmit: true, isRejected: false, since: start)
    }

    func validate(_ request: AdmissionRequest) async throws(StatusError) {
        let start: Int64 = Fairness.now()
        do throws(StatusError) {
            try await plugin.validate(request)
        } catch {
            times.add(request.operation, isAdmit: false, isRejected: true, since: start)
            throw error
        }
        times.add(request.operation, isAdmit: false, isRejected: false, since: start)
    }
}

/// Of one plugin; a fixed table, since each write passes every plugin twice.
final class AdmissionTimes: Sendable {
    static let bounds: [Double] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5]
    private static let operations: [AdmissionOperation] = [.create, .update, .delete, .connect]
    let name: String
    private let table: Mutex<[MetricBuckets]> = Mutex([MetricBuckets](repeating: MetricBuckets(bounds), count: 16))

    init(name: String) { self.name = name }

    func add(_ operation: AdmissionOperation, isAdmit: Bool, isRejected: Bool, since start: Int64) {
        let row: Int
        switch operation {
        case .create: row = 0
        case .update: row = 4
        case .delete: row = 8
        case .connect: row = 12
        }
        let i: Int = row + (isAdmit ? 2 : 0) + (isRejected ? 1 : 0)
        let seconds: Double = Double(Fairness.now() - start) * 1e-9
        table.withLock { $0[i].observe(seconds) }
    }

    func write(into out: inout MetricText) {
        let rows: [MetricBuckets] = table.withLock { $0 }
        for (i, buckets) in rows.enumerated() where buckets.count > 0 {
            buckets.write(
                [
                    ("name", name), ("operation", AdmissionTimes.operations[i / 4].rawValue),
                    ("rejected", i % 2 == 1 ? "true" : "false"), ("type", i % 4 >= 2 ? "admit" : "validate"),
                ], into: &out)
        }
    }
}

enum AdmissionMetrics {
    /// The plugins with their watches; the family is added to the registry.
    static func metered(_ plugins: [any AdmissionPlugin], in registry: MetricRegistry) -> [any AdmissionPlugin] {
        let all: [MeteredAdmission] = plugins.map {
            MeteredAdmission(plugin: $0, times: AdmissionTimes(name: $0.name))
        }
        registry.add(
            MetricReading(
                "apiserver_admission_controller_admission_duration_seconds",
                "[STABLE] Admission controller latency histogram in seconds, identified by name and broken out for "
                    + "each operation and API resource and type (validate or admit).", type: .histogram
            ) { out in for plugin in all { plugin.times.write(into: &out) } })
        return all
    }
}
