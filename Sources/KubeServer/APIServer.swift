// The API server: what it is made of, and how it starts.

package import KubeBase
package import KubeModel
import KubeNet
package import KubeStore
package import KubeWire
import Logging
import Synchronization

/// Everything that differs between servers. Made by KubeCluster from the catalogues of KubeResources.
package struct APIServerOptions: Sendable {
    package var store: any Store
    package var definitions: [ResourceDefinition]
    /// Asked in order; client certificates are always tried first.
    package var authenticators: @Sendable (any ObjectRegistry) -> [any Authenticator] = { _ in [] }
    /// Made once the objects are in memory, so that it can follow roles and bindings.
    package var authorizer: @Sendable (any ObjectRegistry) -> any Authorizer
    package var admission: [any AdmissionPlugin] = []
    package var nodeAgents: (any NodeAgentDialer)?
    /// Encrypts stored values; nil: plain.
    package var sealer: (any ValueSealer)?
    /// `/.well-known/openid-configuration` and `/openid/v1/jwks`; nil: 404.
    package var openIDConfiguration: JSON = .null
    package var jsonWebKeySet: JSON = .null
    /// Vouches for the callers' names before aggregated API servers; nil: they see no client certificate.
    package var frontProxy: FrontProxyIdentity?
    package var clock: any TimeSource = SystemTime()
    /// Reads and writes in flight at the same time, without watches and connections.
    package var readsInFlightMax: Int = 400
    package var writesInFlightMax: Int = 200
    /// Requests that wait for a place, of each kind: more are told 429.
    package var waitingMax: Int = 5_000

    package init(
        store: any Store, definitions: [ResourceDefinition],
        authorizer: @escaping @Sendable (any ObjectRegistry) -> any Authorizer
    ) {
        self.store = store
        self.definitions = definitions
        self.authorizer = authorizer
    }
}

/// Open → serve (`HTTPServer(responder: server, …)`, `transport(user:)`) → close.
package final class APIServer: HTTPResponder, Component {
    package let registry: Registry
    let options: APIServerOptions
    let authenticators: [any Authenticator]
    let metrics: ServerMetrics
    let documents: Documents
    private let customResources: CustomResources
    let remotes: RemoteServices
    let log: Logger = .component("apiserver")
    /// `/readyz` fails while it is false: during bootstrap and shutdown.
    private let ready: Atomic<Bool> = Atomic(false)

    /// Opens the store and reads it into memory; the server can answer when this returns.
    package static func open(_ options: APIServerOptions) async throws -> APIServer {
        let registry: Registry = Registry(
            store: options.store, sealer: options.sealer, admission: options.admission, clock: options.clock)
        registry.add(options.definitions)
        try await options.store.open(registry.hub)
        let authorizer: any Authorizer = options.authorizer(registry)
        let nodeAgents: (any NodeAgentDialer)? = options.nodeAgents
        registry.late.withLock { $0 = Registry.Late(authorizer: authorizer, nodeAgents: nodeAgents) }
        return APIServer(options, registry)
    }

    private init(_ options: APIServerOptions, _ registry: Registry) {
        self.options = options
        self.registry = registry
        self.metrics = ServerMetrics(options)
        self.authenticators = [ClientCertificates()] + options.authenticators(registry)
        let remotes: RemoteServices = RemoteServices(registry: registry, identity: options.frontProxy)
        self.remotes = remotes
        self.documents = Documents(registry: registry, remotes: remotes)
        self.customResources = CustomResources(registry: registry, documents: documents)
        remotes.follow()
    }

    package var name: String { "apiserver" }
    /// What goes on beside requests: custom resource definitions are established and cleaned up.
    /// Aggregated services are looked after.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.customResources.run() }
            group.addTask { await AvailabilityChecks(services: self.remotes).run() }
        }
    }

    /// A renewed front-proxy certificate.
    package func replaceFrontProxy(_ identity: FrontProxyIdentity) { remotes.replaceIdentity(identity) }

    /// To be called when bootstrap objects are there: `/readyz` says ok from now on.
    package func markReady(_ isReady: Bool = true) { ready.store(isReady, ordering: .releasing) }
    package var isReady: Bool { ready.load(ordering: .acquiring) }

    /// The API in process.
    package func transport(user: UserInfo) -> any APITransport { registry.transport(user: user) }

    /// Flushes and closes the store; later writes fail.
    package func close() async {
        markReady(false)
        await options.store.close()
    }
}

/// The subject of a verified client certificate is a user: CN the name, O the groups.
struct ClientCertificates: Authenticator {
    func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo? {
        guard let peer = request.peer, !peer.commonName.isEmpty else { return nil }
        return UserInfo(name: peer.commonName, groups: peer.organizations)
    }
}
