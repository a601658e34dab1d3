// Every family of /metrics that the API server keeps, and those that are read when somebody asks.

import Glibc
import KubeBase
import KubeModel
import KubeStore
import KubeWire

final class ServerMetrics: Sendable {
    let registry: MetricRegistry = MetricRegistry()
    let requests: RequestMetrics = RequestMetrics()
    let watchEvents: MetricCounter = MetricCounter(
        "apiserver_watch_events_total", "[ALPHA] Number of events sent in watch clients",
        labels: ["group", "resource", "version"])
    let watchSizes: MetricHistogram = MetricHistogram(
        "apiserver_watch_events_sizes", "[ALPHA] Watch event size distribution in bytes",
        labels: ["group", "resource", "version"], buckets: [1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072])
    let authentication: MetricCounter = MetricCounter(
        "authenticated_user_requests", "[ALPHA] Counter of authenticated requests broken out by username.",
        labels: ["username"])
    let attempts: MetricCounter = MetricCounter(
        "authentication_attempts", "[ALPHA] Counter of authenticated attempts.", labels: ["result"])
    let authorizations: MetricCounter = MetricCounter(
        "authorization_attempts_total", "[ALPHA] Counter of authorization attempts broken down by result.",
        labels: ["result"])

    init() {
        requests.register(in: registry)
        for counter in [watchEvents, authentication, attempts, authorizations] { registry.add(counter) }
        registry.add(watchSizes)
        ProcessMetrics.register(in: registry)
    }

    func register(_ objects: Registry) {
        registry.add(
            MetricReading(
                "apiserver_resource_objects",
                "[ALPHA] Number of stored objects at the time of last check split by kind."
            ) { out in
                for cache in objects.hub.caches.sorted(by: { $0.prefix < $1.prefix }) {
                    out.sample(
                        Double(cache.count),
                        [("group", cache.groupResource.group), ("resource", cache.groupResource.resource)])
                }
            })
        registry.add(
            MetricReading(
                "apiserver_storage_objects",
                "[STABLE] [DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at "
                    + "the time of last check split by kind."
            ) { out in
                for cache in objects.hub.caches.sorted(by: { $0.prefix < $1.prefix }) {
                    out.sample(Double(cache.count), [("resource", cache.groupResource.description)])
                }
            })
        registry.add(
            MetricReading(
                "apiserver_storage_size_bytes",
                "[STABLE] Size of the storage database file physically allocated in bytes."
            ) { out in
                out.sample(Double(objects.store.usage.fileBytes), [("storage_cluster_id", "sqlite")])
            })
    }

    func authenticated(_ user: UserInfo) {
        attempts.add(["success"])
        // Names of users would be series without end.
        authentication.add([user.name == "admin" || user.name == UserInfo.anonymous.name ? user.name : "other"])
    }

    /// For one watch.
    func watchCounter(_ info: RequestInfo) -> @Sendable (_ events: Int, _ bytes: Int) -> Void {
        let labels: [String] = [info.group, info.resource, info.version]
        let (events, sizes): (MetricCounter, MetricHistogram) = (watchEvents, watchSizes)
        return { count, bytes in
            events.add(labels, Double(count))
            if count > 0 { sizes.observe(labels, Double(bytes / count), times: count) }
        }
    }

    func text() -> [UInt8] { MetricRegistry.text([registry, .shared]) }
}

/// process_*: as Prometheus' client libraries tell them.
enum ProcessMetrics {
    static func register(in registry: MetricRegistry) {
        registry.add(
            MetricReading("process_resident_memory_bytes", "Resident memory size in bytes.") { out in
                out.sample(Double(statm(1) * pageSize))
            })
        registry.add(
            MetricReading("process_virtual_memory_bytes", "Virtual memory size in bytes.") { out in
                out.sample(Double(statm(0) * pageSize))
            })
        registry.add(
            MetricReading(
                "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", type: .counter
            ) { out in
                var t: timespec = timespec()
                clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t)
                out.sample(Double(t.tv_sec) + Double(t.tv_nsec / 1_000_000) / 1e3)
            })
        registry.add(
            MetricReading("process_open_fds", "Number of open file descriptors.") { out in
                guard let folder = opendir("/proc/self/fd") else { return }
                defer { closedir(folder) }
                var n: Int = -3
                while readdir(folder) != nil { n += 1 }
                out.sample(Double(n))
            })
        registry.add(
            MetricReading("process_max_fds", "Maximum number of open file descriptors.") { out in
                var limit: rlimit = rlimit()
                guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
                out.sample(Double(limit.rlim_cur))
            })
        let started: Double = Double(Timestamp.now.nanoseconds) / 1e9
        registry.add(
            MetricReading(
                "process_start_time_seconds", "[STABLE] Start time of the process since unix epoch in seconds."
            ) { out in out.sample(started) })
    }

    private static var pageSize: Int { Int(sysconf(Int32(_SC_PAGESIZE))) }

    private static func statm(_ field: Int) -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line: [CChar] = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let text: String = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.split(separator: " ").dropFirst(field).first.flatMap { Int($0) } ?? 0
    }
}
