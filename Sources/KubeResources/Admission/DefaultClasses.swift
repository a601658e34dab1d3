// Claims and ingresses without a class get the default one, the newest when several are marked.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

package struct DefaultStorageClass: AdmissionPlugin {
    package let name: String = "DefaultStorageClass"
    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.persistentVolumeClaims, request.operation == .create, request.subresource.isEmpty
        else { return }
        let legacy: JSON = request.object.metadata.annotations["volume.beta.kubernetes.io/storage-class"]
        if request.object.spec.storageClassName.exists || legacy.exists { return }
        let marks: [String] = [
            "storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class",
        ]
        if let c = DefaultClass.newest(API.storageClasses, marks: marks, request) {
            request.object.spec.storageClassName = c
        }
    }
}

package struct DefaultIngressClass: AdmissionPlugin {
    package let name: String = "DefaultIngressClass"
    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.ingresses, request.operation == .create, request.subresource.isEmpty else {
            return
        }
        let legacy: JSON = request.object.metadata.annotations["kubernetes.io/ingress.class"]
        if request.object.spec.ingressClassName.exists || legacy.exists { return }
        let marks: [String] = ["ingressclass.kubernetes.io/is-default-class"]
        if let c = DefaultClass.newest(API.ingressClasses, marks: marks, request) {
            request.object.spec.ingressClassName = c
        }
    }
}

private enum DefaultClass {
    /// The name of the newest marked object; of two of one second, the first by name.
    static func newest(_ resource: GroupVersionResource, marks: [String], _ request: AdmissionRequest) -> JSON? {
        request.context.registry.list(resource, namespace: "")
            .filter { c in marks.contains { c.metadata.annotations[$0].text == "true" } }
            .max {
                ($0.metadata.creationTimestamp.text, $1.meta.name) < ($1.metadata.creationTimestamp.text, $0.meta.name)
            }?
            .metadata.name
    }
}
