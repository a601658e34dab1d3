// Nothing is created in a namespace that is not there or is going away; some namespaces stay forever.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

package struct NamespaceLifecycle: AdmissionPlugin {
    package let name: String = "NamespaceLifecycle"
    private static let immortal: Set<String> = ["default", "kube-system", "kube-public"]

    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        if request.operation == .delete, request.resource == API.namespaces, Self.immortal.contains(request.name) {
            throw .forbidden(API.namespaces.groupResource, request.name, "this namespace may not be deleted")
        }
        guard request.operation == .create, !request.namespace.isEmpty, request.resource != API.namespaces,
            // An answer about the namespace would tell too much to who only asks what they may do.
            request.resource.group != "authorization.k8s.io"
        else { return }
        guard let ns = request.context.registry.get(API.namespaces, namespace: "", name: request.namespace) else {
            throw .notFound(API.namespaces.groupResource, request.namespace)
        }
        guard ns.meta.isDeleting || ns.status.phase.text == "Terminating" else { return }
        var error: StatusError = .forbidden(
            request.resource.groupResource, request.name,
            "unable to create new content in namespace \(request.namespace) because it is being terminated")
        error.details.causes = [
            [
                "reason": "NamespaceTerminating",
                "message": .string("namespace \(request.namespace) is being terminated"),
                "field": "metadata.namespace",
            ]
        ]
        throw error
    }
}
