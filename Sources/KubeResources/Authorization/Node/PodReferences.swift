// The objects that a pod's node must read to run it.

package import KubeModel
package import KubeWire

package struct PodReferences: Sendable, Equatable {
    package var node: String
    package var namespace: String
    package var secrets: Set<String> = []
    package var configMaps: Set<String> = []
    package var claims: Set<String> = []
    package var serviceAccount: String
    package var resourceClaims: Set<String> = []

    package init(_ pod: JSON) {
        node = pod.spec.nodeName.text
        namespace = pod.metadata.namespace.text
        serviceAccount = pod.spec.serviceAccountName.text
        let spec: JSON = pod.spec
        for s in spec.imagePullSecrets.elements { secrets.insert(s.name.text) }
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            for c in spec[list].elements { container(c) }
        }
        for v in spec.volumes.elements { volume(v, pod: pod.metadata.name.text) }
        for s in pod.status.resourceClaimStatuses.elements { resourceClaims.insert(s.resourceClaimName.text) }
        for c in spec.resourceClaims.elements where c.resourceClaimName.exists {
            resourceClaims.insert(c.resourceClaimName.text)
        }
    }

    /// In words, in the order in which they are refused to mirror pods.
    var kinds: [String] {
        var out: [String] = []
        if !serviceAccount.isEmpty { out.append("a service account") }
        if !secrets.isEmpty { out.append("secrets") }
        if !configMaps.isEmpty { out.append("configmaps") }
        if !claims.isEmpty { out.append("persistentvolumeclaims") }
        if !resourceClaims.isEmpty { out.append("resourceclaims") }
        return out
    }

    /// The Secrets that mounting a PersistentVolume needs.
    package static func secrets(ofVolume volume: JSON) -> Set<ObjectKey> {
        let spec: JSON = volume.spec
        let claim: String = spec.claimRef.namespace.text
        var out: Set<ObjectKey> = []
        func add(_ reference: JSON, _ fallback: String) {
            guard !reference.name.text.isEmpty else { return }
            let namespace: String = reference.namespace.text
            out.insert(ObjectKey(namespace: namespace.isEmpty ? fallback : namespace, name: reference.name.text))
        }
        for kind in ["cephfs", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"] { add(spec[kind].secretRef, claim) }
        for kind in ["nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef"] { add(spec.csi[kind], claim) }
        if spec.azureFile.exists {
            add(["name": spec.azureFile.secretName, "namespace": spec.azureFile.secretNamespace], claim)
        }
        return out
    }

    private mutating func container(_ c: JSON) {
        for e in c.env.elements {
            if e.valueFrom.secretKeyRef.exists { secrets.insert(e.valueFrom.secretKeyRef.name.text) }
            if e.valueFrom.configMapKeyRef.exists { configMaps.insert(e.valueFrom.configMapKeyRef.name.text) }
        }
        for e in c.envFrom.elements {
            if e.secretRef.exists { secrets.insert(e.secretRef.name.text) }
            if e.configMapRef.exists { configMaps.insert(e.configMapRef.name.text) }
        }
    }

    private mutating func volume(_ v: JSON, pod: String) {
        if v.secret.exists { secrets.insert(v.secret.secretName.text) }
        if v.configMap.exists { configMaps.insert(v.configMap.name.text) }
        if v.persistentVolumeClaim.exists { claims.insert(v.persistentVolumeClaim.claimName.text) }
        if v.ephemeral.exists { claims.insert("\(pod)-\(v.name.text)") }
        for source in v.projected.sources.elements {
            if source.secret.exists { secrets.insert(source.secret.name.text) }
            if source.configMap.exists { configMaps.insert(source.configMap.name.text) }
        }
        for kind in ["cephfs", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"] where v[kind].secretRef.exists {
            secrets.insert(v[kind].secretRef.name.text)
        }
        if v.csi.nodePublishSecretRef.exists { secrets.insert(v.csi.nodePublishSecretRef.name.text) }
        if v.azureFile.exists { secrets.insert(v.azureFile.secretName.text) }
    }
}
