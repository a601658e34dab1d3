// Requests that are not plain reads or writes of an object: binding, eviction, token, log, exec, reviews.

package import KubeModel
package import KubeNet
package import KubeWire

/// One request to a subresource (or to a virtual resource).
package struct SubresourceCall: Sendable {
    package var definition: ResourceDefinition
    package var context: RequestContext
    /// The body as an object (decoded, defaulted when its type has a schema); null when there was none.
    package var body: JSON
    /// Every query parameter in order: `command` may come several times.
    package var query: [(name: String, value: String)]
    /// What follows the subresource in the path (`proxy/…`), with its slash; still percent-encoded.
    package var subpath: String = ""
    /// The raw request; nil when the call came in process.
    package var http: HTTPRequest?

    package init(
        definition: ResourceDefinition, context: RequestContext, body: JSON, query: [(name: String, value: String)],
        http: HTTPRequest? = nil
    ) {
        self.definition = definition
        self.context = context
        self.body = body
        self.query = query
        self.http = http
    }

    package func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }
    package func parameters(_ name: String) -> [String] { query.filter { $0.name == name }.map { $0.value } }
    package var registry: any ObjectRegistry { context.registry }
}

package enum SubresourceAnswer: Sendable {
    /// An object with its HTTP status (200, 201); kind and apiVersion are in it.
    case object(JSON, status: Int)
    /// Bytes or streams: log, exec, proxy. Only for calls with `http`.
    case http(HTTPResponse)
}

package protocol SubresourceHandler: Sendable {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer
}

/// A handler from a closure.
package struct SubresourceClosure: SubresourceHandler {
    private let body: @Sendable (SubresourceCall) async throws(StatusError) -> SubresourceAnswer
    package init(_ body: @escaping @Sendable (SubresourceCall) async throws(StatusError) -> SubresourceAnswer) {
        self.body = body
    }
    package func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer { try await body(call) }
}
