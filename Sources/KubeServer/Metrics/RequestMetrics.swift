// apiserver_request_*: one look-up and one short lock for each request, whatever is kept of it.

import KubeBase
import Synchronization

/// What requests are counted by; upstream's labels.
struct RequestLabels: Hashable, Sendable {
    var verb: String = ""
    var group: String = ""
    var version: String = ""
    var resource: String = ""
    var subresource: String = ""
    /// cluster, namespace, resource; empty for paths that are no objects.
    var scope: String = ""
    var isDryRun: Bool = false

    /// In the order of the text format: by name.
    var pairs: [(name: String, value: String)] {
        [
            ("component", "apiserver"), ("dry_run", isDryRun ? "All" : ""), ("group", group), ("resource", resource),
            ("scope", scope), ("subresource", subresource), ("verb", verb), ("version", version),
        ]
    }

    init(_ info: RequestInfo, method: String, isKnown: Bool, isDryRun: Bool) {
        verb = RequestLabels.verb(info, method)
        guard info.isResourceRequest, isKnown else {
            // What clients invent is one series.
            subresource = info.isResourceRequest ? "" : RequestLabels.knownPath(info.path)
            return
        }
        group = info.group
        version = info.version
        resource = info.resource
        subresource = info.subresource
        scope = !info.name.isEmpty ? "resource" : !info.namespace.isEmpty ? "namespace" : "cluster"
        self.isDryRun = isDryRun
    }

    private static func verb(_ info: RequestInfo, _ method: String) -> String {
        if info.isConnect { return "CONNECT" }
        switch info.verb {
        case "list", "watch", "deletecollection": return info.verb.uppercased()
        default: break
        }
        switch method {
        case "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS": return method
        default: return "other"
        }
    }

    /// Upstream counts its own paths by their subresource label: `/healthz`, `/metrics`, `/openapi/v2`.
    private static func knownPath(_ path: String) -> String {
        switch path {
        case "/healthz", "/livez", "/readyz", "/metrics", "/version", "/openapi/v2": String(path.dropFirst())
        default: ""
        }
    }
}

final class RequestMetrics: Sendable {
    static let durationBounds: [Double] = [
        0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
    ]
    static let sizeBounds: [Double] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]
    static let seriesMax: Int = 5_000

    private struct Series {
        var codes: [(code: Int, count: Int)] = []
        var seconds: MetricBuckets = MetricBuckets(RequestMetrics.durationBounds)
        var sizes: MetricBuckets = MetricBuckets(RequestMetrics.sizeBounds)
    }
    private struct State {
        var index: [RequestLabels: Int] = [:]
        var series: [(labels: RequestLabels, series: Series)] = []
        var long: [RequestLabels: Int] = [:]
        var watchers: [String: Int] = [:]
        var reading: Int = 0
        var writing: Int = 0
    }
    private let state: Mutex<State> = Mutex(State())
    private let terminations: MetricCounter = MetricCounter(
        "apiserver_request_terminations_total",
        "[ALPHA] Number of requests which apiserver terminated in self-defense.",
        labels: ["code", "component", "group", "resource", "scope", "subresource", "verb", "version"])
    private let aborts: MetricCounter = MetricCounter(
        "apiserver_request_aborts_total",
        "[ALPHA] Number of requests which apiserver aborted possibly due to a timeout, for each group, version, verb, "
            + "resource, subresource and scope",
        labels: ["group", "resource", "scope", "subresource", "verb", "version"])
    let tlsErrors: MetricCounter = MetricCounter(
        "apiserver_tls_handshake_errors_total",
        "[ALPHA] Number of requests dropped with 'TLS handshake error from' error")

    // MARK: what happens

    func began(isWrite: Bool) {
        state.withLock { s in
            if isWrite { s.writing += 1 } else { s.reading += 1 }
        }
    }

    func ended(isWrite: Bool) {
        state.withLock { s in
            if isWrite { s.writing -= 1 } else { s.reading -= 1 }
        }
    }

    /// `size` in bytes; nil: a stream.
    func count(_ labels: RequestLabels, code: Int, seconds: Double, size: Int?) {
        state.withLock { s in
            let i: Int
            if let known = s.index[labels] {
                i = known
            } else {
                guard s.series.count < RequestMetrics.seriesMax else { return }
                i = s.series.count
                s.index[labels] = i
                s.series.append((labels, Series()))
            }
            if let c = s.series[i].series.codes.firstIndex(where: { $0.code == code }) {
                s.series[i].series.codes[c].count += 1
            } else {
                s.series[i].series.codes.append((code, 1))
            }
            guard let size else { return }
            s.series[i].series.seconds.observe(seconds)
            s.series[i].series.sizes.observe(Double(size))
        }
    }

    func terminated(_ l: RequestLabels, code: Int) {
        terminations.add(
            [String(code), "apiserver", l.group, l.resource, l.scope, l.subresource, l.verb, l.version])
    }

    func aborted(_ l: RequestLabels) { aborts.add([l.group, l.resource, l.scope, l.subresource, l.verb, l.version]) }

    func longBegan(_ labels: RequestLabels) {
        state.withLock { s in
            s.long[labels, default: 0] += 1
            if labels.verb == "WATCH" { s.watchers[labels.group + "/" + labels.resource, default: 0] += 1 }
        }
    }

    func longEnded(_ labels: RequestLabels) {
        state.withLock { s in
            s.long[labels, default: 1] -= 1
            if s.long[labels] == 0 { s.long[labels] = nil }
            guard labels.verb == "WATCH" else { return }
            let key: String = labels.group + "/" + labels.resource
            s.watchers[key, default: 1] -= 1
            if s.watchers[key] == 0 { s.watchers[key] = nil }
        }
    }

    /// Over HTTP; what a write is thought to cost.
    func watchers(group: String, resource: String) -> Int {
        state.withLock { s in s.watchers.isEmpty ? 0 : s.watchers[group + "/" + resource] ?? 0 }
    }

    // MARK: reading

    func register(in registry: MetricRegistry) {
        registry.add(terminations)
        registry.add(aborts)
        registry.add(tlsErrors)
        registry.add(
            MetricReading(
                "apiserver_request_total",
                "[STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, "
                    + "resource, scope, component, and HTTP response code.", type: .counter
            ) { [self] out in
                for (labels, series) in sorted {
                    for (code, count) in series.codes {
                        out.sample(Double(count), [("code", String(code))] + labels.pairs)
                    }
                }
            })
        registry.add(
            MetricReading(
                "apiserver_request_duration_seconds",
                "[STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, "
                    + "resource, subresource, scope and component.", type: .histogram
            ) { [self] out in
                for (labels, series) in sorted where series.seconds.count > 0 {
                    series.seconds.write(labels.pairs, into: &out)
                }
            })
        registry.add(
            MetricReading(
                "apiserver_response_sizes",
                "[STABLE] Response size distribution in bytes for each group, version, verb, resource, subresource, "
                    + "scope and component.", type: .histogram
            ) { [self] out in
                for (labels, series) in sorted where ["GET", "LIST"].contains(labels.verb) && series.sizes.count > 0 {
                    series.sizes.write(labels.pairs.filter { $0.name != "dry_run" }, into: &out)
                }
            })
        registry.add(
            MetricReading(
                "apiserver_current_inflight_requests",
                "[STABLE] Maximal number of currently used inflight request limit of this apiserver per request kind "
                    + "in last second."
            ) { [self] out in
                let (reading, writing): (Int, Int) = state.withLock { ($0.reading, $0.writing) }
                out.sample(Double(writing), [("request_kind", "mutating")])
                out.sample(Double(reading), [("request_kind", "readOnly")])
            })
        registry.add(
            MetricReading(
                "apiserver_longrunning_requests",
                "[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, version, "
                    + "resource, scope and component. Not all requests are tracked this way."
            ) { [self] out in
                for (labels, n) in state.withLock({ $0.long }) {
                    out.sample(Double(n), labels.pairs.filter { $0.name != "dry_run" })
                }
            })
    }

    private var sorted: [(labels: RequestLabels, series: Series)] { state.withLock { $0.series } }
}
