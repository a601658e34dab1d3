// Node-pressure eviction: which pod goes when the node runs short. The plan is pure; signals come from `Pressure`.

import KubeBase
import KubeModel
import KubeNet
import KubeOS
import KubeWire
import Logging
import Synchronization

/// A pod and what it takes, as the ranking sees it.
struct EvictionCandidate: Sendable {
    var uid: String
    var priority: Int
    /// Static pods and those of system priority are never evicted.
    var isCritical: Bool = false
    var memoryBytes: Int64 = 0
    var memoryRequest: Int64 = 0
    var diskBytes: Int64 = 0
    var diskRequest: Int64 = 0
    var processes: Int64 = 0
}

enum EvictionPlan {
    /// The first to go; nil when nobody may. As upstream ranks: those over their request first, then by priority, then
    /// by how far over (memory) or how much (disk, processes).
    static func victim(_ pods: [EvictionCandidate], short of: Pressure.Signal) -> EvictionCandidate? {
        pods.filter { !$0.isCritical }.max { a, b in
            let (x, y): (Rank, Rank) = (rank(a, of), rank(b, of))
            if x.isOver != y.isOver { return y.isOver }
            if a.priority != b.priority { return a.priority > b.priority }
            if x.amount != y.amount { return x.amount < y.amount }
            return a.uid > b.uid
        }
    }

    private typealias Rank = (isOver: Bool, amount: Int64)

    private static func rank(_ pod: EvictionCandidate, _ signal: Pressure.Signal) -> Rank {
        switch signal {
        case .memory: (pod.memoryBytes > pod.memoryRequest, pod.memoryBytes - pod.memoryRequest)
        case .disk, .inodes: (pod.diskBytes > pod.diskRequest, pod.diskBytes)
        case .pids: (false, pod.processes)
        }
    }
}

/// Looks at the pods and evicts one; to be called at each look at the node while it is short.
struct Eviction: Sendable {
    let node: NodeContext

    func run(_ shortages: [Pressure.Shortage]) async {
        guard let s = shortages.first else { return }
        // One at a time: what the last one frees shows when it is gone.
        if node.allPods.contains(where: { $0.isBeingEvicted }) { return }
        if s.signal == .disk || s.signal == .inodes {
            if await ImageCollection(node: node).collect(all: true) > 0 { return }
        }
        let hosts: [PodHost] = node.allPods.filter { !$0.isOver }
        let disks: [String: Int64] = s.signal == .disk || s.signal == .inodes ? await diskUse(hosts) : [:]
        let candidates: [EvictionCandidate] = hosts.map { candidate($0, disks) }
        guard let victim = EvictionPlan.victim(candidates, short: s.signal), let host = node.pod(victim.uid) else {
            node.log.warning("the node is short of \(s.signal.resource) and no pod may be evicted")
            return
        }
        var message: String =
            "The node was low on resource: \(s.signal.resource). Threshold quantity: \(s.threshold), "
            + "available: \(s.available). "
        if s.signal == .memory, victim.memoryBytes > victim.memoryRequest {
            for c in host.pod.spec.containers.elements {
                let request: String = Quantity(c.resources.requests.memory)?.description ?? "0"
                message +=
                    "Container \(c.name.text) was using \(victim.memoryBytes / 1024)Ki, request is \(request), "
                    + "has larger consumption of memory. "
            }
        }
        host.deliver(.evicted(reason: "Evicted", message: message))
    }

    private func candidate(_ host: PodHost, _ disks: [String: Int64]) -> EvictionCandidate {
        let pod: JSON = host.pod
        let use: CgroupUsage = Cgroup(node.cgroup(for: pod)).usage() ?? CgroupUsage()
        func request(_ name: String) -> Int64 {
            pod.spec.containers.elements.reduce(0) { $0 + (Quantity($1.resources.requests[name])?.value ?? 0) }
        }
        let priority: Int = pod.spec.priority.asInt ?? 0
        return EvictionCandidate(
            uid: host.uid, priority: priority,
            isCritical: priority >= 2_000_000_000 || StaticPods.isStatic(pod),
            memoryBytes: Int64(clamping: use.workingSetBytes), memoryRequest: request("memory"),
            diskBytes: disks[host.uid] ?? 0, diskRequest: request("ephemeral-storage"),
            processes: Int64(clamping: use.pids))
    }

    /// Writable layers, logs and emptyDir volumes on disk.
    private func diskUse(_ hosts: [PodHost]) async -> [String: Int64] {
        var out: [String: Int64] = [:]
        for s in (try? await node.cri.containerStats()) ?? [] {
            if let uid = s.attributes.labels[Labels.podUID] {
                out[uid, default: 0] += Int64(clamping: s.writableLayer.usedBytes.value)
            }
        }
        for host in hosts {
            var bytes: Int64 = Files.diskUsageBytes(host.paths.logs)
            for v in host.pod.spec.volumes.elements where v.emptyDir.exists && v.emptyDir.medium.text != "Memory" {
                bytes += Files.diskUsageBytes(host.paths.volume(plugin: EmptyDirVolume.plugin, v.name.text))
            }
            out[host.uid, default: 0] += bytes
        }
        return out
    }
}

extension PodHost {
    /// It is to go, and has not gone yet.
    var isBeingEvicted: Bool {
        state.withLock { s in
            if case .failed(let reason, _) = s.worker.ending, reason == "Evicted" {
                return s.worker.containers.contains { $0.isAlive }
            }
            return false
        }
    }
}
