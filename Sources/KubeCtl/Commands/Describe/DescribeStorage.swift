// `describe` of claims, volumes and storage classes.

import KubeModel
import KubeWire

enum DescribeStorage {
    private static let modes: [String: String] = [
        "ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP",
    ]

    private static func shown(_ accessModes: JSON) -> String {
        accessModes.strings.map { modes[$0] ?? $0 }.joined(separator: ",")
    }

    private static func status(_ o: JSON) -> String {
        guard o.meta.isDeleting else { return o.status.phase.text }
        return "Terminating (lasts \(DescribeEvents.since(o.metadata.deletionTimestamp.text)))"
    }

    private static func finalizers(_ o: JSON) -> String {
        "[" + o.metadata.finalizers.strings.joined(separator: " ") + "]"
    }

    static func claim(_ c: JSON, pods: [JSON], into w: inout DescribeWriter) {
        w.field("Name", c.meta.name)
        w.field("Namespace", c.meta.namespace)
        w.field("StorageClass", c.spec.storageClassName.text)
        w.field("Status", status(c))
        w.field("Volume", c.spec.volumeName.text)
        w.map("Labels", c.meta.labels)
        w.annotations(c.meta.annotations)
        w.field("Finalizers", finalizers(c))
        w.field("Capacity", JSONPath.shown(c.status.capacity.storage))
        w.field("Access Modes", c.spec.volumeName.exists ? shown(c.status.accessModes) : "")
        if c.spec.volumeMode.exists { w.field("VolumeMode", c.spec.volumeMode.text) }
        if c.spec.dataSource.exists {
            w.add(0, "DataSource:")
            if c.spec.dataSource.apiGroup.exists { w.field("APIGroup", c.spec.dataSource.apiGroup.text, level: 1) }
            w.field("Kind", c.spec.dataSource.kind.text, level: 1)
            w.field("Name", c.spec.dataSource.name.text, level: 1)
        }
        w.list("Used By", pods.map { $0.meta.name })
        if !c.status.conditions.elements.isEmpty {
            w.add(0, "Conditions:")
            w.add(1, "Type", "Status", "LastProbeTime", "LastTransitionTime", "Reason", "Message")
            w.add(1, "----", "------", "-----------------", "------------------", "------", "-------")
            for x in c.status.conditions.elements {
                w.add(1, x.type.text + " ", x.status.text + " ", GoTime.text(x.lastProbeTime.text) + " ", GoTime.text(x.lastTransitionTime.text) + " ", x.reason.text + " ", x.message.text)
            }
        }
    }

    static func volume(_ v: JSON, into w: inout DescribeWriter) {
        w.field("Name", v.meta.name)
        w.map("Labels", v.meta.labels)
        w.annotations(v.meta.annotations)
        w.field("Finalizers", finalizers(v))
        w.field("StorageClass", v.spec.storageClassName.text)
        w.field("Status", status(v))
        let claim: JSON = v.spec.claimRef
        w.field("Claim", claim.exists ? "\(claim.namespace.text)/\(claim.name.text)" : "")
        w.field("Reclaim Policy", v.spec.persistentVolumeReclaimPolicy.text)
        w.field("Access Modes", shown(v.spec.accessModes))
        if v.spec.volumeMode.exists { w.field("VolumeMode", v.spec.volumeMode.text) }
        w.field("Capacity", JSONPath.shown(v.spec.capacity.storage))
        nodeAffinity(v.spec.nodeAffinity, into: &w)
        w.field("Message", v.status.message.text)
        w.add(0, "Source:")
        DescribePod.volumeSource(v.spec, level: 1, into: &w)
    }

    private static func nodeAffinity(_ a: JSON, into w: inout DescribeWriter) {
        guard a.required.exists else { return w.field("Node Affinity", "<none>") }
        w.add(0, "Node Affinity:")
        w.add(1, "Required Terms:")
        for (at, term) in a.required.nodeSelectorTerms.elements.enumerated() {
            let texts: [String] = term.matchExpressions.elements.map { e in
                e.key.text + " " + e["operator"].text.lowercased()
                    + (e.values.strings.isEmpty ? "" : " [\(e.values.strings.joined(separator: ", "))]")
            }
            w.list("Term \(at)", texts, level: 2)
        }
    }

    static func storageClass(_ s: JSON, into w: inout DescribeWriter) {
        w.field("Name", s.meta.name)
        w.field("IsDefaultClass", s.meta.annotations["storageclass.kubernetes.io/is-default-class"] == "true" ? "Yes" : "No")
        let all: String = s.meta.annotations.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        w.field("Annotations", all.isEmpty ? "<none>" : all)
        w.field("Provisioner", s.provisioner.text)
        let parameters: String = s.parameters.stringMap.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        w.field("Parameters", parameters.isEmpty ? "<none>" : parameters)
        w.field("AllowVolumeExpansion", s.allowVolumeExpansion.exists ? (s.allowVolumeExpansion.isTrue ? "True" : "False") : "<unset>")
        w.list("MountOptions", s.mountOptions.strings)
        w.field("ReclaimPolicy", s.reclaimPolicy.text)
        w.field("VolumeBindingMode", s.volumeBindingMode.text)
    }
}
