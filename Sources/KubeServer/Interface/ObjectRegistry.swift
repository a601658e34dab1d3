// The registry as strategies, admission plugins, authorizers and subresource handlers see it.

package import KubeModel
package import KubeNet
package import KubeWire

/// Reads come from memory at the newest revision and never wait. The objects carry kind and apiVersion.
/// A resource is named by any of its served versions.
package protocol ObjectRegistry: Sendable {
    func get(_ resource: GroupVersionResource, namespace: String, name: String) -> JSON?
    /// All namespaces when `namespace` is empty.
    func list(_ resource: GroupVersionResource, namespace: String) -> [JSON]
    func definition(_ resource: GroupVersionResource) -> ResourceDefinition?
    var definitions: [ResourceDefinition] { get }

    /// Called for each object that exists now (as new) and then for each change, in revision order, right after the
    /// commit and before the writer is answered. Must be short and must not call the registry.
    func onChange(
        _ resource: GroupVersionResource, _ handler: @escaping @Sendable (_ old: JSON?, _ new: JSON?) -> Void)

    /// Reads, changes and writes back until no conflict is in the way (a bounded number of times); straight to the store: no
    /// admission, no strategy, no field managers. `change` answers false to leave the object as it is.
    /// For subresource handlers (binding, approval) and allocators.
    @discardableResult
    func update(
        _ resource: GroupVersionResource, namespace: String, name: String,
        _ change: @Sendable (inout JSON) throws(StatusError) -> Bool
    ) async throws(StatusError) -> JSON

    /// The whole road (admission, strategy, validation) as a user; no authorization.
    func transport(user: UserInfo) -> any APITransport

    /// Dials node agents (logs, exec, proxy); nil in tests without nodes.
    var nodeAgents: (any NodeAgentDialer)? { get }
    var authorizer: any Authorizer { get }
}

/// Forwards requests to a node agent's HTTPS API with the server's client certificate.
package protocol NodeAgentDialer: Sendable {
    /// The agent's answer, its body streamed as it comes; with an upgrade asked for and granted, a spliced connection.
    /// `request.path` and `rawQuery` are the agent's: `/containerLogs/ns/pod/container`, `follow=true`.
    func forward(_ request: HTTPRequest, node: JSON) async throws(StatusError) -> HTTPResponse
    /// The same, with another limit to the head of the answer, connecting included. Not for upgrades.
    func forward(
        _ request: HTTPRequest, node: JSON, headWithin limit: Duration
    ) async throws(StatusError) -> HTTPResponse
}

extension NodeAgentDialer {
    package func forward(
        _ request: HTTPRequest, node: JSON, headWithin limit: Duration
    ) async throws(StatusError) -> HTTPResponse { try await forward(request, node: node) }
}
