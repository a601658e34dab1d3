// Volumes that an administrator or a provisioner made.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct VolumeStrategy: Strategy {
    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) { o.status = ["phase": "Pending"] }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) { Self.keepStatus(&new, old: old) }

    private static let sources: [String] = [
        "gcePersistentDisk", "awsElasticBlockStore", "hostPath", "glusterfs", "nfs", "rbd", "iscsi", "cinder", "cephfs",
        "fc", "flocker", "flexVolume", "azureFile", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk",
        "portworxVolume", "scaleIO", "local", "storageos", "csi",
    ]

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        let spec: JSON = o.spec
        if spec.accessModes.elements.isEmpty { out.required("spec.accessModes") }
        for mode in spec.accessModes.elements where !ClaimRules.accessModes.contains(mode.text) {
            out.notSupported("spec.accessModes", mode, ClaimRules.accessModes)
        }
        if spec.capacity.fields.isEmpty { out.required("spec.capacity") }
        if !spec.capacity.storage.exists || spec.capacity.fields.count > 1 {
            out.notSupported("spec.capacity", spec.capacity, ["storage"])
        }
        for (name, value) in spec.capacity.fields {
            if let q = ResourceRules.quantity(value), q.milliValue <= 0 {
                out.invalid("spec.capacity[\(name)]", value, "must be greater than zero")
            }
        }
        out.oneOf(
            "spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, ["Delete", "Recycle", "Retain"],
            isRequired: false)
        if spec.accessModes.strings.contains("ReadWriteOncePod"), spec.accessModes.elements.count > 1 {
            out.forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes")
        }
        if spec.hostPath.path.text == "/", spec.persistentVolumeReclaimPolicy.text == "Recycle" {
            out.forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
        }
        if let named = spec.storageClassName.asString, !named.isEmpty {
            out.name("spec.storageClassName", named, NameRules.dns1123Subdomain)
        }
        out.oneOf("spec.volumeMode", spec.volumeMode, ["Block", "Filesystem"], isRequired: false)
        if spec.nodeAffinity.required.exists {
            PlacementRules.nodeSelector(spec.nodeAffinity.required, at: "spec.nodeAffinity.required", &out)
        }
        source(spec, &out)
        return out.list
    }

    private func source(_ spec: JSON, _ out: inout Faults) {
        let given: [String] = Self.sources.filter { spec[$0].exists }
        if given.isEmpty { out.required("spec", "must specify a volume type") }
        for kind in given.dropFirst() { out.forbidden("spec.\(kind)", "may not specify more than 1 volume type") }
        if spec.hostPath.exists {
            if spec.hostPath.path.text.isEmpty { out.required("spec.hostPath.path") }
            PathRules.noBackSteps(spec.hostPath.path, at: "spec.hostPath.path", &out)
        }
        if spec.local.exists {
            if spec.local.path.text.isEmpty { out.required("spec.local.path") }
            if !spec.nodeAffinity.required.exists {
                out.required("spec.nodeAffinity", "Local volume requires node affinity")
            }
        }
        if spec.nfs.exists {
            if spec.nfs.server.text.isEmpty { out.required("spec.nfs.server") }
            if spec.nfs.path.text.isEmpty { out.required("spec.nfs.path") }
        }
        if spec.csi.exists {
            if spec.csi.driver.text.isEmpty { out.required("spec.csi.driver") }
            if spec.csi.volumeHandle.text.isEmpty { out.required("spec.csi.volumeHandle") }
        }
    }

    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        for kind in Self.sources where !Faults.same(new.spec[kind], old.spec[kind]) {
            out.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")
        }
        out.immutable("spec.volumeMode", new.spec.volumeMode, old.spec.volumeMode)
        if old.spec.nodeAffinity.exists { out.immutable("spec.nodeAffinity", new.spec.nodeAffinity, old.spec.nodeAffinity) }
        return out.list
    }
}

enum PersistentVolumes {
    static let entry: Entry = Entry(API.persistentVolumes, VolumeStrategy())
}
