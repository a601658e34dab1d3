// Counts of requests for /metrics, and the limit of requests in flight.

import Glibc
import KubeModel
import KubeNet
import KubeStore
import KubeWire
import Synchronization

final class ServerMetrics: Sendable {
    private struct Key: Hashable {
        var verb: String
        var group: String
        var version: String
        var resource: String
        var subresource: String
        var code: Int
    }
    private struct State {
        var requests: [Key: Int] = [:]
        var seconds: [String: (count: Int, sum: Double)] = [:]
        var long: Int = 0
    }
    private let state: Mutex<State> = Mutex(State())

    let reads: Gate
    let writes: Gate

    init(_ options: APIServerOptions) {
        reads = Gate(max: options.readsInFlightMax, waitingMax: options.waitingMax)
        writes = Gate(max: options.writesInFlightMax, waitingMax: options.waitingMax)
    }

    /// Held while a request is in flight.
    struct Ticket: Sendable {
        fileprivate let metrics: ServerMetrics
        fileprivate let gate: Gate?
        func leave() {
            if let gate { gate.leave() } else { metrics.state.withLock { $0.long -= 1 } }
        }
    }

    /// Waits for a place; nil: too many wait already.
    func enter(_ info: RequestInfo) async -> Ticket? {
        if info.isLongRunning || !info.isResourceRequest {
            state.withLock { $0.long += 1 }
            return Ticket(metrics: self, gate: nil)
        }
        let gate: Gate = ["get", "list", "head"].contains(info.verb) ? reads : writes
        return await gate.enter() ? Ticket(metrics: self, gate: gate) : nil
    }

    func count(_ info: RequestInfo, _ code: Int, _ duration: Duration) {
        let key: Key = Key(
            verb: info.verb.uppercased(), group: info.group, version: info.version, resource: info.resource,
            subresource: info.subresource, code: code)
        let parts: (seconds: Int64, attoseconds: Int64) = duration.components
        let seconds: Double = Double(parts.seconds) + Double(parts.attoseconds) / 1e18
        state.withLock { s in
            // A client that invents resources must not fill the memory.
            if s.requests.count < 10_000 || s.requests[key] != nil { s.requests[key, default: 0] += 1 }
            if !info.isLongRunning {
                let old: (count: Int, sum: Double) = s.seconds[key.verb] ?? (0, 0)
                if s.seconds.count < 64 || old.count > 0 { s.seconds[key.verb] = (old.count + 1, old.sum + seconds) }
            }
        }
    }

    /// The text format of Prometheus.
    func text(_ registry: Registry) -> [UInt8] {
        let s: State = state.withLock { $0 }
        var out: String = "# TYPE apiserver_request_total counter\n"
        for (k, n) in s.requests {
            out +=
                "apiserver_request_total{code=\"\(k.code)\",group=\"\(k.group)\",resource=\"\(k.resource)\","
                + "subresource=\"\(k.subresource)\",verb=\"\(k.verb)\",version=\"\(k.version)\"} \(n)\n"
        }
        out += "# TYPE apiserver_request_duration_seconds summary\n"
        for (verb, (count, sum)) in s.seconds {
            out += "apiserver_request_duration_seconds_count{verb=\"\(verb)\"} \(count)\n"
            out += "apiserver_request_duration_seconds_sum{verb=\"\(verb)\"} \(sum)\n"
        }
        out += "# TYPE apiserver_current_inflight_requests gauge\n"
        out += "apiserver_current_inflight_requests{request_kind=\"readOnly\"} \(reads.inside)\n"
        out += "apiserver_current_inflight_requests{request_kind=\"mutating\"} \(writes.inside)\n"
        out += "# TYPE apiserver_longrunning_requests gauge\napiserver_longrunning_requests \(s.long)\n"
        out += "# TYPE apiserver_storage_objects gauge\n"
        for cache in registry.hub.caches {
            out += "apiserver_storage_objects{resource=\"\(cache.groupResource)\"} \(cache.count)\n"
        }
        out += "# TYPE apiserver_storage_size_bytes gauge\n"
        out += "apiserver_storage_size_bytes{storage_cluster_id=\"sqlite\"} \(registry.store.usage.fileBytes)\n"
        out += "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes \(residentBytes())\n"
        return Array(out.utf8)
    }

    private func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line: [CChar] = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let text: String = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let pages: Int = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
