// The verbs of the API over any transport.

package import KubeModel
package import KubeWire

/// A client of one cluster as one user. Cheap to copy.
package struct Client: Sendable {
    package let transport: any APITransport
    /// Sent as `fieldManager` with every write.
    package var fieldManager: String

    package init(transport: any APITransport, fieldManager: String) {
        self.transport = transport
        self.fieldManager = fieldManager
    }

    private func call(
        _ verb: Verb, _ r: GroupVersionResource, _ ns: String, _ name: String, _ sub: String, _ query: [String: String]
    ) -> APICall {
        var c: APICall = APICall(verb, r)
        c.namespace = ns
        c.name = name
        c.subresource = sub
        c.query = query
        switch verb {
        case .create, .update, .patch: if c.query["fieldManager"] == nil { c.query["fieldManager"] = fieldManager }
        default: break
        }
        return c
    }

    package func get(
        _ r: GroupVersionResource, namespace: String = "", _ name: String, subresource: String = ""
    ) async throws(StatusError) -> JSON {
        try await transport.call(call(.get, r, namespace, name, subresource, [:]))
    }

    /// The list object; its elements are `list["items"].elements`.
    package func list(
        _ r: GroupVersionResource, namespace: String = "", query: [String: String] = [:]
    ) async throws(StatusError) -> JSON {
        try await transport.call(call(.list, r, namespace, "", "", query))
    }

    package func watch(
        _ r: GroupVersionResource, namespace: String = "", query: [String: String] = [:]
    ) async throws(StatusError) -> WatchStream {
        try await transport.watch(call(.watch, r, namespace, "", "", query))
    }

    /// `name` only with a subresource (binding, eviction, token).
    @discardableResult
    package func create(
        _ r: GroupVersionResource, namespace: String = "", _ object: JSON, name: String = "", subresource: String = "",
        query: [String: String] = [:]
    ) async throws(StatusError) -> JSON {
        var c: APICall = call(.create, r, namespace, name, subresource, query)
        c.body = object
        return try await transport.call(c)
    }

    /// Name, namespace and resourceVersion are taken from the object.
    @discardableResult
    package func update(
        _ r: GroupVersionResource, _ object: JSON, subresource: String = "", query: [String: String] = [:]
    ) async throws(StatusError) -> JSON {
        var c: APICall = call(.update, r, object.meta.namespace, object.meta.name, subresource, query)
        c.body = object
        return try await transport.call(c)
    }

    @discardableResult
    package func patch(
        _ r: GroupVersionResource, namespace: String = "", _ name: String, _ type: PatchType, _ patch: JSON,
        subresource: String = "", query: [String: String] = [:]
    ) async throws(StatusError) -> JSON {
        var c: APICall = call(.patch, r, namespace, name, subresource, query)
        c.patchType = type
        c.body = patch
        return try await transport.call(c)
    }

    /// `options` is a DeleteOptions: gracePeriodSeconds, preconditions, propagationPolicy.
    @discardableResult
    package func delete(
        _ r: GroupVersionResource, namespace: String = "", _ name: String, options: JSON = .null,
        query: [String: String] = [:]
    ) async throws(StatusError) -> JSON {
        var c: APICall = call(.delete, r, namespace, name, "", query)
        c.body = options
        return try await transport.call(c)
    }

    @discardableResult
    package func deleteCollection(
        _ r: GroupVersionResource, namespace: String = "", options: JSON = .null, query: [String: String] = [:]
    ) async throws(StatusError) -> JSON {
        var c: APICall = call(.deletecollection, r, namespace, "", "", query)
        c.body = options
        return try await transport.call(c)
    }
}
