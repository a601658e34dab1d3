// Which PersistentVolume serves a claim best. Pure.

import KubeAPI
import KubeModel
import KubeWire

enum VolumeMatch {
    static let boundByController: String = "pv.kubernetes.io/bound-by-controller"
    static let bindCompleted: String = "pv.kubernetes.io/bind-completed"
    static let selectedNode: String = "volume.kubernetes.io/selected-node"
    static let provisioner: String = "volume.kubernetes.io/storage-provisioner"
    static let provisionedBy: String = "pv.kubernetes.io/provisioned-by"

    static func className(_ object: JSON) -> String {
        object.metadata.annotations["volume.beta.kubernetes.io/storage-class"].asString
            ?? object.spec.storageClassName.text
    }
    private static func mode(_ object: JSON) -> String { object.spec.volumeMode.asString ?? "Filesystem" }

    static func isReserved(_ volume: JSON, for claim: JSON) -> Bool {
        let reference: JSON = volume.spec.claimRef
        return reference.name == claim.metadata.name && reference.namespace == claim.metadata.namespace
            && (!reference.uid.exists || reference.uid.text.isEmpty || reference.uid == claim.metadata.uid)
    }

    /// A volume reserved for the claim, else the smallest free one that is large enough. `node` limits to volumes that
    /// node can reach.
    static func best(_ claim: JSON, _ volumes: [JSON], node: JSON?) -> JSON? {
        let asked: Quantity = Quantity(claim.spec.resources.requests.storage) ?? .zero
        let modes: [String] = claim.spec.accessModes.strings
        let selector: LabelSelector = claim.spec.selector.exists ? LabelSelector(claim.spec.selector) : .everything
        var found: (volume: JSON, size: Quantity)?
        for volume in volumes where !volume.metadata.deletionTimestamp.exists {
            guard mode(volume) == mode(claim), Set(modes).isSubset(of: volume.spec.accessModes.strings),
                let size = Quantity(volume.spec.capacity.storage)
            else { continue }
            if let node, !reaches(node, volume) { continue }
            if volume.spec.claimRef.exists {
                if isReserved(volume, for: claim), !(size < asked) { return volume }
                continue
            }
            guard className(volume) == className(claim), !(size < asked), selector.matches(object: volume),
                volume.status.phase.text == "Available" || volume.status.phase.text.isEmpty
                    || volume.status.phase.text == "Pending"
            else { continue }
            if let f = found, !(size < f.size) {
                if f.size < size || f.volume.metadata.name.text < volume.metadata.name.text { continue }
            }
            found = (volume, size)
        }
        return found?.volume
    }

    static func reaches(_ node: JSON, _ volume: JSON) -> Bool {
        let required: JSON = volume.spec.nodeAffinity.required
        guard required.exists else { return true }
        let spec: JSON = [
            "affinity": ["nodeAffinity": ["requiredDuringSchedulingIgnoredDuringExecution": required]]
        ]
        return NodeFit.matches(spec, node)
    }
}
