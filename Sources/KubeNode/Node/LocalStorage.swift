// Evicts pods whose emptyDir volumes on disk, or whose containers' logs and layers, outgrow what they were allowed.

import KubeBase
import KubeModel
import KubeNet
import KubeOS
import KubeWire
import Synchronization

struct LocalStorage: Sendable {
    let node: NodeContext

    /// To be called now and then; only pods that state a limit are looked at.
    func run() async {
        let limited: [PodHost] = node.allPods.filter { Self.hasLimit($0.pod) }
        if limited.isEmpty { return }
        var layers: [String: Int64] = [:]
        for s in (try? await node.cri.containerStats()) ?? [] {
            layers[s.attributes.id] = Int64(clamping: s.writableLayer.usedBytes.value)
        }
        for host in limited {
            guard let message = fault(host, layers) else { continue }
            host.deliver(.evicted(reason: "Evicted", message: message))
        }
    }

    static func hasLimit(_ pod: JSON) -> Bool {
        pod.spec.volumes.elements.contains { $0.emptyDir.sizeLimit.exists && $0.emptyDir.medium.text != "Memory" }
            || pod.spec.containers.elements.contains { $0.resources.limits["ephemeral-storage"].exists }
    }

    /// What is exceeded, in the words of upstream's eviction manager.
    private func fault(_ host: PodHost, _ layers: [String: Int64]) -> String? {
        let pod: JSON = host.pod
        for v in pod.spec.volumes.elements where v.emptyDir.medium.text != "Memory" {
            guard let limit = Quantity(v.emptyDir.sizeLimit), limit.value > 0 else { continue }
            let path: String = host.paths.volume(plugin: EmptyDirVolume.plugin, v.name.text)
            if Files.diskUsageBytes(path) > limit.value {
                return "Usage of EmptyDir volume \"\(v.name.text)\" exceeds the limit \"\(limit)\". "
            }
        }
        for c in pod.spec.containers.elements {
            guard let limit = Quantity(c.resources.limits["ephemeral-storage"]), limit.value > 0 else { continue }
            let logs: Int64 = Files.diskUsageBytes("\(host.paths.logs)/\(c.name.text)")
            let layer: Int64 = host.record(c.name.text).flatMap { layers[$0.id] } ?? 0
            if logs + layer > limit.value {
                return "Container \(c.name.text) exceeded its local ephemeral storage limit \"\(limit)\". "
            }
        }
        return nil
    }
}
