// persistentVolumeClaim: a claim bound to a volume of this node: hostPath or local.

import KubeAPI
import KubeModel
import KubeOS
import KubeWire

enum PersistentVolumeClaimVolume: VolumeType {
    static let field: String = "persistentVolumeClaim"
    static let plugin: String = "local-volume"

    static func setUp(_ volume: JSON, _ context: VolumeContext) async throws -> String {
        try await setUp(claim: volume.persistentVolumeClaim.claimName.text, context)
    }

    static func setUp(claim name: String, _ context: VolumeContext) async throws -> String {
        let namespace: String = context.pod.meta.namespace
        guard let claim = try await context.facts.objects.get(API.persistentVolumeClaims, namespace, name) else {
            throw VolumeFault("persistentvolumeclaim \"\(name)\" not found")
        }
        let bound: String = claim.spec.volumeName.text
        guard claim.status.phase.text == "Bound", !bound.isEmpty else {
            throw VolumeFault("PVC \(namespace)/\(name) is not bound")
        }
        guard let pv = try await context.facts.objects.get(API.persistentVolumes, "", bound) else {
            throw VolumeFault("persistentvolume \"\(bound)\" not found")
        }
        let path: String
        if pv.spec.hostPath.exists {
            path = pv.spec.hostPath.path.text
            try HostPathVolume.check(path, type: pv.spec.hostPath.type.text)
            if pv.spec.hostPath.type.text.isEmpty, !Files.exists(path) { try Files.makeDirectories(path) }
        } else if pv.spec.local.exists {
            path = pv.spec.local.path.text
            if pv.metadata.annotations[LocalVolumes.provisionedBy].text == LocalVolumes.provisioner, !Files.exists(path) {
                try Files.makeDirectories(path)
                try Files.chmod(path, 0o777)
            }
            guard Files.exists(path) else { throw VolumeFault("path \"\(path)\" does not exist") }
        } else {
            throw VolumeFault("no volume plugin matched name: persistent volume \(bound)")
        }
        if let group = context.fsGroup, pv.spec.local.exists {
            let onMismatch: Bool = context.pod.spec.securityContext.fsGroupChangePolicy.text == "OnRootMismatch"
            try FSGroup.apply(path, group: group, onlyWhenRootDiffers: onMismatch)
        }
        return path
    }
}
