// Claims must be bound, or be bindable on the node, before their pod goes there.

import KubeModel
import KubeWire

package struct VolumeBinding: Plugin {
    package let name: String = "VolumeBinding"
    package init() {}

    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? {
        guard !pod.claims.isEmpty else { return nil }
        let facts: VolumeFacts = cluster.volumes
        var bound: [JSON] = []
        var delayed: [JSON] = []
        var hasUnboundImmediate: Bool = false
        for name in pod.claims {
            let key: ObjectKey = ObjectKey(namespace: pod.key.namespace, name: name)
            guard let claim: JSON = facts.claims[key] else {
                throw Rejection("persistentvolumeclaim \"\(name)\" not found", isHopeless: true)
            }
            if claim.status.phase.text == "Lost" {
                throw Rejection(
                    "persistentvolumeclaim \"\(name)\" bound to non-existent persistentvolume "
                        + "\"\(claim.spec.volumeName.text)\"", isHopeless: true)
            }
            if claim.meta.isDeleting {
                throw Rejection("persistentvolumeclaim \"\(name)\" is being deleted", isHopeless: true)
            }
            if !claim.spec.volumeName.text.isEmpty {
                bound.append(claim)
            } else if facts.waitsForConsumer(claim) {
                delayed.append(claim)
            } else {
                hasUnboundImmediate = true
            }
        }
        if hasUnboundImmediate {
            throw Rejection("pod has unbound immediate PersistentVolumeClaims", isHopeless: true)
        }
        return { [bound, delayed] node in Self.rejection(bound, delayed, facts, node) }
    }

    private static func rejection(
        _ bound: [JSON], _ delayed: [JSON], _ facts: VolumeFacts, _ node: NodeView
    ) -> Rejection? {
        for claim in bound {
            guard let volume: JSON = facts.volumes[claim.spec.volumeName.text] else {
                return Rejection("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
                    isHopeless: true)
            }
            if !facts.allows(volume, node) {
                return Rejection("node(s) didn't match PersistentVolume's node affinity", isHopeless: true)
            }
        }
        var taken: Set<String> = []
        for claim in delayed {
            if let name: String = facts.volume(for: claim, on: node, except: taken) {
                taken.insert(name)
            } else if !facts.isProvisioned(claim) {
                return Rejection("node(s) didn't find available persistent volumes to bind", isHopeless: true)
            }
        }
        return nil
    }

    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool {
        switch event {
        case .volumesChanged, .nodeAdded: true
        case .nodeChanged(let old, let new): old.labels != new.labels
        default: false
        }
    }
}
