// ephemeral: a claim made for this pod alone, named after the pod and the volume (KEP-1698).

import KubeAPI
import KubeModel
import KubeWire

enum EphemeralVolume: VolumeType {
    static let field: String = "ephemeral"
    static let plugin: String = "local-volume"

    static func setUp(_ volume: JSON, _ context: VolumeContext) async throws -> String {
        let name: String = "\(context.pod.meta.name)-\(volume.name.text)"
        let claim: JSON? = try await context.facts.objects.get(
            API.persistentVolumeClaims, context.pod.meta.namespace, name)
        // A claim of that name that is somebody else's is not taken.
        if let claim, claim.meta.controller?.uid.text != context.pod.meta.uid {
            throw VolumeFault(
                "PVC \(context.pod.meta.namespace)/\(name) was not created for pod "
                    + "\(context.pod.meta.namespace)/\(context.pod.meta.name) (pod is not owner)")
        }
        return try await PersistentVolumeClaimVolume.setUp(claim: name, context)
    }
}
