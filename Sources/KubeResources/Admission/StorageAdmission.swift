// Claims and volumes: protected from birth while in use; grown only where the class allows it.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

/// The finalizers that the protection controllers take away when nobody uses the object any more.
package struct StorageObjectInUseProtection: AdmissionPlugin {
    package let name: String = "StorageObjectInUseProtection"
    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard request.operation == .create, request.subresource.isEmpty else { return }
        let finalizer: String
        switch request.resource {
        case API.persistentVolumeClaims: finalizer = "kubernetes.io/pvc-protection"
        case API.persistentVolumes: finalizer = "kubernetes.io/pv-protection"
        default: return
        }
        if !request.object.meta.finalizers.contains(finalizer) { request.object.meta.finalizers.append(finalizer) }
    }
}

/// A bound claim grows when its class says `allowVolumeExpansion`.
package struct PersistentVolumeClaimResize: AdmissionPlugin {
    package let name: String = "PersistentVolumeClaimResize"
    package init() {}

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.persistentVolumeClaims, request.operation == .update, request.subresource.isEmpty,
            request.oldObject.status.phase.text == "Bound",
            let after = ResourceRules.quantity(request.object.spec.resources.requests.storage),
            let before = ResourceRules.quantity(request.oldObject.spec.resources.requests.storage), before < after
        else { return }
        let named: String = request.object.spec.storageClassName.text
        let c: JSON? = request.context.registry.get(API.storageClasses, namespace: "", name: named)
        if c?.allowVolumeExpansion.isTrue ?? false { return }
        throw .forbidden(
            API.persistentVolumeClaims.groupResource, request.name,
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
                + "resize")
    }
}
