// /metrics and /metrics/cadvisor of the node: Prometheus' text form.

import KubeBase
import KubeModel
import KubeNet
import KubeOS
import KubeWire
import Synchronization

struct NodeMetrics: Sendable {
    let node: NodeContext

    /// Families in order; a family without rows is left out.
    private struct Page {
        var text: String = ""
        mutating func add(_ name: String, _ help: String, _ type: String, _ rows: [(String, String)]) {
            if rows.isEmpty { return }
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for (labels, value) in rows { text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n" }
        }
        var response: HTTPResponse {
            HTTPResponse(contentType: "text/plain; version=0.0.4; charset=utf-8", Array(text.utf8))
        }
    }

    /// The agent's own figures.
    func own() -> HTTPResponse {
        var page: Page = Page()
        let hosts: [PodHost] = node.allPods
        var states: [String: Int] = [:]
        for host in hosts {
            for c in host.state.withLock({ $0.worker.containers }) {
                let state: String = c.step == .running ? "running" : c.step == .exited ? "exited" : "created"
                states[state, default: 0] += 1
            }
        }
        let volumes: Int = hosts.reduce(0) { $0 + $1.state.withLock { $0.volumePaths.count } }
        let running: Int = hosts.filter { $0.status.phase.text == "Running" }.count
        page.add(
            "kubernetes_build_info", "[ALPHA] A metric with a constant '1' value labeled by version.", "gauge",
            [("git_version=\"\(node.options.version)\"", "1")])
        page.add(
            "kubelet_node_name", "[ALPHA] The node's name. The count is always 1.", "gauge",
            [("node=\"\(node.options.nodeName)\"", "1")])
        page.add(
            "kubelet_running_pods", "[BETA] Number of pods that have a running pod sandbox", "gauge",
            [("", "\(running)")])
        page.add(
            "kubelet_running_containers", "[BETA] Number of containers currently running", "gauge",
            states.sorted { $0.key < $1.key }.map { ("container_state=\"\($0.key)\"", "\($0.value)") })
        page.add(
            "kubelet_active_pods", "[ALPHA] The number of pods the kubelet considers active", "gauge",
            [("static=\"\"", "\(hosts.count)")])
        page.add(
            "volume_manager_total_volumes", "[ALPHA] Number of volumes in Volume Manager", "gauge",
            [("plugin_name=\"all\",state=\"actual_state_of_world\"", "\(volumes)")])
        return page.response
    }

    /// The containers' figures under cAdvisor's names.
    func cadvisor() async -> HTTPResponse {
        do {
            var page: Page = Page()
            var cpu: [(String, String)] = []
            var working: [(String, String)] = []
            var usage: [(String, String)] = []
            var disk: [(String, String)] = []
            var started: [(String, String)] = []
            for s in try await node.cri.containerStats() {
                guard let uid = s.attributes.labels[Labels.podUID], let host = node.pod(uid) else { continue }
                let name: String = s.attributes.labels[Labels.containerName] ?? s.attributes.metadata.name
                guard let record = host.record(name), record.id == s.attributes.id, record.step == .running else {
                    continue
                }
                let labels: String =
                    "container=\"\(name)\",id=\"\(node.cgroup(for: host.pod))/\(record.id)\",image=\"\(record.image)\","
                    + "name=\"\(record.id)\",namespace=\"\(host.pod.meta.namespace)\",pod=\"\(host.pod.meta.name)\""
                cpu.append(("\(labels),cpu=\"total\"", "\(Double(s.cpu.usageCoreNanoSeconds.value) / 1e9)"))
                working.append((labels, "\(s.memory.workingSetBytes.value)"))
                usage.append((labels, "\(s.memory.usageBytes.value)"))
                disk.append((labels, "\(s.writableLayer.usedBytes.value)"))
                if let at = record.startedAt { started.append((labels, "\(Double(at.nanoseconds) / 1e9)")) }
            }
            page.add("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.", "counter", cpu)
            let rows: [(String, String, [(String, String)])] = [
                (
                    "container_fs_usage_bytes",
                    "Number of bytes that are consumed by the container on this filesystem.", disk
                ),
                ("container_memory_usage_bytes", "Current memory usage in bytes, including all memory.", usage),
                ("container_memory_working_set_bytes", "Current working set in bytes.", working),
                (
                    "container_start_time_seconds", "Start time of the container since unix epoch in seconds.", started
                ),
                ("machine_cpu_cores", "Number of logical CPU cores.", [("", "\(node.machine.cpus)")]),
                (
                    "machine_memory_bytes", "Amount of memory installed on the machine.",
                    [("", "\(node.machine.memoryBytes)")]
                ),
            ]
            for (name, help, values) in rows { page.add(name, help, "gauge", values) }
            return page.response
        } catch {
            return NodeAPI.text(500, "\(error)")
        }
    }
}
