// The seam of admission: plugins that change and judge writes after authorization.

package import KubeModel
package import KubeWire

package enum AdmissionOperation: String, Sendable {
    case create = "CREATE"
    case update = "UPDATE"
    case delete = "DELETE"
    case connect = "CONNECT"
}

/// One write on its way to the store: admission.k8s.io/v1 AdmissionRequest.
package struct AdmissionRequest: Sendable {
    package var operation: AdmissionOperation
    package var resource: GroupVersionResource
    package var kind: GroupVersionKind
    package var subresource: String
    package var namespace: String
    /// Empty for a create with generateName whose name is not drawn yet.
    package var name: String
    /// The new object; null for DELETE. Mutating plugins change it. For CONNECT: the options (PodExecOptions, …).
    package var object: JSON
    /// The stored object; null for CREATE.
    package var oldObject: JSON
    /// CreateOptions, UpdateOptions, DeleteOptions; null when none.
    package var options: JSON
    package var context: RequestContext
    /// What mutating webhooks and policies remember between rounds.
    package var reinvocation: Reinvocation = Reinvocation()

    package var user: UserInfo { context.user }
    package var isDryRun: Bool { context.isDryRun }

    /// `kind` is that of `object` where it is not the resource's own: Binding, Scale, PodExecOptions, …
    package init(
        _ operation: AdmissionOperation, _ definition: ResourceDefinition, subresource: String = "", object: JSON,
        oldObject: JSON = .null, options: JSON = .null, kind: GroupVersionKind? = nil, context: RequestContext
    ) {
        self.operation = operation
        self.resource = definition.gvr
        self.kind = kind ?? definition.gvk
        self.subresource = subresource
        self.namespace = context.namespace
        self.name = context.name
        self.object = object
        self.oldObject = oldObject
        self.options = options
        self.context = context
    }
}

/// Runs for every write; it looks at the request itself to see whether it cares. Reads go through
/// `request.context.registry`. Refuse with `StatusError.forbidden(resource, name, why)`.
package protocol AdmissionPlugin: Sendable {
    var name: String { get }
    /// Changes `request.object`. All plugins' `admit` run before any `validate`.
    func admit(_ request: inout AdmissionRequest) async throws(StatusError)
    func validate(_ request: AdmissionRequest) async throws(StatusError)
}

extension AdmissionPlugin {
    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {}
    package func validate(_ request: AdmissionRequest) async throws(StatusError) {}
}
