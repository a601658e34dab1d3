// What containers, pods and the node use: /stats/summary and /metrics/resource.

import KubeBase
import KubeModel
import KubeNet
import KubeOS
import KubeWire

struct Stats: Sendable {
    let node: NodeContext
    private struct Sample: Sendable {
        var namespace: String
        var pod: String
        var uid: String
        var container: String
        var cpuNanoseconds: UInt64
        var workingSetBytes: UInt64
        var usageBytes: UInt64
        var startedAt: Timestamp?
        var timestamp: Timestamp
        var rootfsBytes: UInt64
    }

    init(_ node: NodeContext) { self.node = node }

    private func samples() async throws -> [Sample] {
        try await node.cri.containerStats().compactMap { s in
            guard let uid = s.attributes.labels[Labels.podUID], let host = node.pod(uid) else { return nil }
            let name: String = s.attributes.labels[Labels.containerName] ?? s.attributes.metadata.name
            let record: ContainerRecord? = host.record(name)
            guard record?.id == s.attributes.id, record?.step == .running else { return nil }
            return Sample(
                namespace: host.pod.meta.namespace, pod: host.pod.meta.name, uid: uid, container: name,
                cpuNanoseconds: s.cpu.usageCoreNanoSeconds.value, workingSetBytes: s.memory.workingSetBytes.value,
                usageBytes: s.memory.usageBytes.value, startedAt: record?.startedAt,
                timestamp: Timestamp(nanoseconds: s.cpu.timestamp), rootfsBytes: s.writableLayer.usedBytes.value)
        }
    }

    private func usage(_ path: String) -> CgroupUsage { Cgroup(path).usage() ?? CgroupUsage() }

    /// stats.k8s.io/v1alpha1 Summary.
    func summary() async -> HTTPResponse {
        do {
            let all: [Sample] = try await samples()
            let moment: Timestamp = node.options.time.now()
            let now: String = moment.rfc3339
            let byPod: [String: [Sample]] = Dictionary(grouping: all) { $0.uid }
            let pods: [JSON] = byPod.sorted { $0.key < $1.key }.map { summary($0.value, moment) }
            let root: CgroupUsage = nodeUsage()
            let body: JSON = [
                "node": [
                    "nodeName": .string(node.options.nodeName), "startTime": .string(now),
                    "cpu": cpu("node", root.cpuNanoseconds, moment),
                    "memory": [
                        "time": .string(now), "usageBytes": number(root.memoryBytes),
                        "workingSetBytes": number(root.workingSetBytes), "rssBytes": number(root.rssBytes),
                    ],
                ],
                "pods": .array(pods),
            ]
            return HTTPResponse(contentType: "application/json", body.encoded())
        } catch {
            return NodeAPI.text(500, "\(error)")
        }
    }

    private func nodeUsage() -> CgroupUsage {
        usage(node.options.cgroupRoot == "/" ? "/" : node.options.cgroupRoot)
    }

    private func number(_ n: UInt64) -> JSON { JSON(Int64(clamping: n)) }

    /// CPUStats: the counter, and its rate since it was last looked at.
    private func cpu(_ key: String, _ nanoseconds: UInt64, _ at: Timestamp) -> JSON {
        var stats: JSON = ["time": .string(at.rfc3339)]
        if let rate = node.rates.rate(key, nanoseconds, at) { stats.usageNanoCores = number(rate) }
        stats.usageCoreNanoSeconds = number(nanoseconds)
        return stats
    }

    private func summary(_ samples: [Sample], _ moment: Timestamp) -> JSON {
        let now: String = moment.rfc3339
        let first: Sample = samples[0]
        let pod: CgroupUsage = node.pod(first.uid).map { usage(node.cgroup(for: $0.pod)) } ?? CgroupUsage()
        let containers: [JSON] = samples.map { s in
            [
                "name": .string(s.container), "startTime": .string((s.startedAt ?? s.timestamp).rfc3339),
                "cpu": cpu("\(s.uid)/\(s.container)", s.cpuNanoseconds, s.timestamp),
                "memory": [
                    "time": .string(s.timestamp.rfc3339), "usageBytes": number(s.usageBytes),
                    "workingSetBytes": number(s.workingSetBytes),
                ],
                "rootfs": ["time": .string(now), "usedBytes": number(s.rootfsBytes)],
            ]
        }
        return [
            "podRef": ["name": .string(first.pod), "namespace": .string(first.namespace), "uid": .string(first.uid)],
            "startTime": .string((samples.compactMap { $0.startedAt }.min() ?? first.timestamp).rfc3339),
            "containers": .array(containers),
            "cpu": cpu(first.uid, pod.cpuNanoseconds, moment),
            "memory": [
                "time": .string(now), "usageBytes": number(pod.memoryBytes),
                "workingSetBytes": number(pod.workingSetBytes), "rssBytes": number(pod.rssBytes),
            ],
        ]
    }

    /// The Prometheus text that metrics-server reads.
    func resourceMetrics() async -> HTTPResponse {
        do {
            let all: [Sample] = try await samples()
            var text: String = ""
            func family(_ name: String, _ help: String, _ type: String, _ rows: [String]) {
                text += "# HELP \(name) [STABLE] \(help)\n# TYPE \(name) \(type)\n"
                for row in rows { text += "\(name)\(row)\n" }
            }
            func labels(_ s: Sample) -> String {
                "{container=\"\(s.container)\",namespace=\"\(s.namespace)\",pod=\"\(s.pod)\"}"
            }
            func seconds(_ n: UInt64) -> String { "\(Double(n) / 1e9)" }
            func milliseconds(_ t: Timestamp) -> Int64 { t.nanoseconds / 1_000_000 }
            family(
                "container_cpu_usage_seconds_total", "Cumulative cpu time consumed by the container in core-seconds",
                "counter",
                all.map { "\(labels($0)) \(seconds($0.cpuNanoseconds)) \(milliseconds($0.timestamp))" })
            family(
                "container_memory_working_set_bytes", "Current working set of the container in bytes", "gauge",
                all.map { "\(labels($0)) \($0.workingSetBytes) \(milliseconds($0.timestamp))" })
            family(
                "container_start_time_seconds", "Start time of the container since unix epoch in seconds", "gauge",
                all.compactMap { s in s.startedAt.map { "\(labels(s)) \(Double($0.nanoseconds) / 1e9)" } })
            let root: CgroupUsage = nodeUsage()
            let now: Int64 = milliseconds(node.options.time.now())
            family(
                "node_cpu_usage_seconds_total", "Cumulative cpu time consumed by the node in core-seconds", "counter",
                [" \(seconds(root.cpuNanoseconds)) \(now)"])
            family(
                "node_memory_working_set_bytes", "Current working set of the node in bytes", "gauge",
                [" \(root.workingSetBytes) \(now)"])
            let pods: [(PodHost, CgroupUsage)] = node.allPods.map { ($0, usage(node.cgroup(for: $0.pod))) }
            func podLabels(_ h: PodHost) -> String {
                "{namespace=\"\(h.pod.meta.namespace)\",pod=\"\(h.pod.meta.name)\"}"
            }
            family(
                "pod_cpu_usage_seconds_total", "Cumulative cpu time consumed by the pod in core-seconds", "counter",
                pods.map { "\(podLabels($0.0)) \(seconds($0.1.cpuNanoseconds)) \(now)" })
            family(
                "pod_memory_working_set_bytes", "Current working set of the pod in bytes", "gauge",
                pods.map { "\(podLabels($0.0)) \($0.1.workingSetBytes) \(now)" })
            family(
                "resource_scrape_error", "1 if there was an error while getting container metrics, 0 otherwise",
                "gauge", [" 0"])
            return HTTPResponse(contentType: "text/plain; version=0.0.4; charset=utf-8", Array(text.utf8))
        } catch {
            return NodeAPI.text(500, "\(error)")
        }
    }
}
