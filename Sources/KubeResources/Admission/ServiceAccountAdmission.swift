// Each pod runs as a service account and finds its token, the CA and its namespace under a well-known path.

import KubeAPI
import KubeBase
package import KubeModel
package import KubeServer
import KubeWire

package struct ServiceAccountAdmission: AdmissionPlugin {
    package let name: String = "ServiceAccount"
    package static let mountPath: String = "/var/run/secrets/kubernetes.io/serviceaccount"

    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.pods else { return }
        if request.operation == .update, request.subresource == "ephemeralcontainers" {
            return mountIntoEphemeral(&request.object)
        }
        guard request.operation == .create, request.subresource.isEmpty else { return }
        if request.object.metadata.annotations["kubernetes.io/config.mirror"].exists {
            return try checkMirror(request)
        }
        var pod: JSON = request.object
        if pod.spec.serviceAccountName.text.isEmpty {
            let old: String = pod.spec.serviceAccount.text
            pod.spec.serviceAccountName = .string(old.isEmpty ? "default" : old)
        }
        pod.spec.serviceAccount = pod.spec.serviceAccountName
        let wanted: String = pod.spec.serviceAccountName.text
        let account: JSON? = request.context.registry.get(
            API.serviceAccounts, namespace: request.namespace, name: wanted)
        guard let account else {
            throw .forbidden(
                API.pods.groupResource, request.name,
                "error looking up service account \(request.namespace)/\(wanted): serviceaccount \"\(wanted)\" not found")
        }
        if pod.spec.automountServiceAccountToken.asBool ?? account.automountServiceAccountToken.asBool ?? true {
            Self.mountToken(&pod)
        }
        if pod.spec.imagePullSecrets.elements.isEmpty, !account.imagePullSecrets.elements.isEmpty {
            pod.spec.imagePullSecrets = account.imagePullSecrets
        }
        request.object = pod
    }

    private func checkMirror(_ request: AdmissionRequest) throws(StatusError) {
        func refuse(_ why: String) -> StatusError { .forbidden(API.pods.groupResource, request.name, why) }
        let spec: JSON = request.object.spec
        if !spec.serviceAccountName.text.isEmpty { throw refuse("a mirror pod may not reference service accounts") }
        if !PodReferences(request.object).secrets.isEmpty { throw refuse("a mirror pod may not reference secrets") }
        for v in spec.volumes.elements where v.projected.sources.elements.contains(where: { $0.serviceAccountToken.exists }) {
            throw refuse("a mirror pod may not use ServiceAccountToken volume projections")
        }
    }

    private static func needsMount(_ c: JSON) -> Bool {
        !c.volumeMounts.elements.contains { $0.mountPath.text == mountPath }
    }

    private static func mountToken(_ pod: inout JSON) {
        let existing: JSON? = pod.spec.volumes.elements.first { $0.name.text.hasPrefix("kube-api-access-") }
        let name: JSON = existing?.name ?? .string("kube-api-access-" + Identifier.suffix())
        var isUsed: Bool = false
        for list in ["initContainers", "containers"] {
            for i in pod.spec[list].elements.indices where needsMount(pod.spec[list][i]) {
                pod.spec[list].elements[i].volumeMounts.elements.append([
                    "name": name, "readOnly": true, "mountPath": .string(mountPath),
                ])
                isUsed = true
            }
        }
        guard isUsed, existing == nil else { return }
        pod.spec.volumes.elements.append(["name": name, "projected": projection])
    }

    /// 3607 seconds marks tokens that clients of before token rotation may use; agents renew them well before.
    private static let projection: JSON = [
        "sources": [
            ["serviceAccountToken": ["expirationSeconds": 3607, "path": "token"]],
            ["configMap": ["name": "kube-root-ca.crt", "items": [["key": "ca.crt", "path": "ca.crt"]]]],
            [
                "downwardAPI": [
                    "items": [
                        ["path": "namespace", "fieldRef": ["apiVersion": "v1", "fieldPath": "metadata.namespace"]]
                    ]
                ]
            ],
        ],
        "defaultMode": 420,
    ]

    private func mountIntoEphemeral(_ pod: inout JSON) {
        let volume: JSON? = pod.spec.volumes.elements.first { $0.name.text.hasPrefix("kube-api-access-") }
        guard let volume else { return }
        for i in pod.spec.ephemeralContainers.elements.indices where Self.needsMount(pod.spec.ephemeralContainers[i]) {
            pod.spec.ephemeralContainers.elements[i].volumeMounts.elements.append([
                "name": volume.name, "readOnly": true, "mountPath": .string(Self.mountPath),
            ])
        }
    }
}
