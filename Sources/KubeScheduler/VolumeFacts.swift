// PersistentVolumeClaims, PersistentVolumes and StorageClasses as the scheduler needs them.

package import KubeModel
package import KubeWire

package struct VolumeFacts: Sendable {
    package var claims: [ObjectKey: JSON] = [:]
    package var volumes: [String: JSON] = [:]
    package var classes: [String: JSON] = [:]

    package init() {}

    package func waitsForConsumer(_ claim: JSON) -> Bool {
        let name: String = claim.spec.storageClassName.text
        return classes[name]?.volumeBindingMode.text == "WaitForFirstConsumer"
    }

    /// Whether a node may use the volume: `spec.nodeAffinity.required`.
    package func allows(_ volume: JSON, _ node: NodeView) -> Bool {
        NodeSelector(volume.spec.nodeAffinity.required)?.matches(name: node.name, labels: node.labels) ?? true
    }

    /// A free volume that satisfies the claim on that node; the smallest. `taken` are promised already.
    package func volume(for claim: JSON, on node: NodeView, except taken: Set<String>) -> String? {
        let wanted: Int64 = Quantity(claim.spec.resources.requests.storage)?.value ?? 0
        let selector: LabelSelector = claim.spec.selector.exists ? LabelSelector(claim.spec.selector) : .everything
        var best: (name: String, size: Int64)?
        for (name, v) in volumes where !taken.contains(name) {
            let reference: JSON = v.spec.claimRef
            let isReserved: Bool =
                reference.exists
                && ObjectKey(namespace: reference.namespace.text, name: reference.name.text) != ObjectKey(of: claim)
            let size: Int64 = Quantity(v.spec.capacity.storage)?.value ?? 0
            guard !isReserved, v.status.phase.text == "Available" || reference.exists,
                v.spec.storageClassName.text == claim.spec.storageClassName.text, size >= wanted,
                Set(claim.spec.accessModes.strings).isSubset(of: v.spec.accessModes.strings),
                (v.spec.volumeMode.asString ?? "Filesystem") == (claim.spec.volumeMode.asString ?? "Filesystem"),
                selector.matches(object: v), allows(v, node)
            else { continue }
            if best == nil || (size, name) < (best!.size, best!.name) { best = (name, size) }
        }
        return best?.name
    }

    /// Whether its class can make a volume for the claim.
    package func isProvisioned(_ claim: JSON) -> Bool {
        guard let c: JSON = classes[claim.spec.storageClassName.text] else { return false }
        return c.provisioner.text != "kubernetes.io/no-provisioner"
    }
}
