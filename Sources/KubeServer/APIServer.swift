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
    /// What watches may be behind.
    package var eventLog: EventLogLimits = EventLogLimits()
    package var clock: any TimeSource = SystemTime()
    /// For `/version`.
    package var build: BuildFacts = BuildFacts()
    /// Reads and writes in flight at the same time, without watches and connections: together the seats that priority
    /// levels share.
    package var readsInFlightMax: Int = 400
    package var writesInFlightMax: Int = 200
    /// What is written down about requests; nil: nothing.
    package var audit: AuditLog?

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
    let fairness: Fairness
    private let fairnessKeeper: FairnessKeeper
    let health: HealthChecks = HealthChecks()
    let documents: Documents
    private let customResources: CustomResources
    let remotes: RemoteServices
    let log: Logger = .component("apiserver")
    /// `/readyz` fails while it is false: during bootstrap and shutdown.
    private let ready: Atomic<Bool> = Atomic(false)

    /// Opens the store and reads it into memory; the server can answer when this returns.
    package static func open(_ options: APIServerOptions) async throws -> APIServer {
        let metrics: ServerMetrics = ServerMetrics()
        let registry: Registry = Registry(
            store: options.store, sealer: options.sealer,
            admission: AdmissionMetrics.metered(options.admission, in: metrics.registry), clock: options.clock,
            eventLog: options.eventLog)
        registry.add(options.definitions)
        try await options.store.open(registry.hub)
        let authorizer: any Authorizer = options.authorizer(registry)
        let nodeAgents: (any NodeAgentDialer)? = options.nodeAgents
        registry.late.withLock { $0 = Registry.Late(authorizer: authorizer, nodeAgents: nodeAgents) }
        return APIServer(options, registry, metrics)
    }

    private init(_ options: APIServerOptions, _ registry: Registry, _ metrics: ServerMetrics) {
        self.options = options
        self.registry = registry
        self.metrics = metrics
        let fairness: Fairness = Fairness(serverSeats: options.readsInFlightMax + options.writesInFlightMax)
        self.fairness = fairness
        fairnessKeeper = FairnessKeeper(registry, fairness)
        self.authenticators = [ClientCertificates()] + options.authenticators(registry)
        let remotes: RemoteServices = RemoteServices(registry: registry, identity: options.frontProxy)
        self.remotes = remotes
        self.documents = Documents(registry: registry, remotes: remotes)
        self.customResources = CustomResources(registry: registry, documents: documents)
        remotes.follow()
        registry.remoteBox.withLock { $0.services = remotes }
        metrics.register(registry)
        fairness.metrics.register(fairness, in: metrics.registry)
        options.audit?.register(in: metrics.registry)
    }

    package var name: String { "apiserver" }
    /// What goes on beside requests: custom resource definitions are established and cleaned up.
    /// Aggregated services are looked after.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            health.hooked(
                "priority-and-fairness-filter", "start-apiextensions-controllers", "crd-informer-synced",
                "apiservice-status-remote-available-controller")
            group.addTask { await self.registry.hub.fanOut.run(self.options.clock) }
            group.addTask { await self.customResources.run() }
            group.addTask { await self.fairness.run(self.options.clock) }
            group.addTask {
                await self.fairnessKeeper.run { self.health.hooked("priority-and-fairness-config-consumer") }
            }
            group.addTask { await self.options.audit?.run() }
            group.addTask { await AvailabilityChecks(services: self.remotes).run() }
        }
    }

    /// Puts the flowcontrol objects in their place: before the server is marked ready.
    package func bootstrap() async throws(StatusError) {
        try await fairnessKeeper.ensure()
        health.hooked("priority-and-fairness-config-producer")
    }

    /// A renewed front-proxy certificate.
    package func replaceFrontProxy(_ identity: FrontProxyIdentity) { remotes.replaceIdentity(identity) }

    /// To be called when bootstrap objects are there: `/readyz` says ok from now on.
    package func markReady(_ isReady: Bool = true) {
        ready.store(isReady, ordering: .releasing)
        guard isReady else { return health.set("shutdown", false) }
        health.hooked(
            "rbac/bootstrap-roles", "scheduling/bootstrap-system-priority-classes", "start-system-namespaces-controller",
            "start-cluster-authentication-info-controller", "bootstrap-controller")
    }
    package var isReady: Bool { ready.load(ordering: .acquiring) }

    /// The API in process.
    package func transport(user: UserInfo) -> any APITransport { registry.transport(user: user) }

    /// Flushes and closes the store; later writes fail.
    package func close() async {
        markReady(false)
        health.set("etcd", false)
        await options.store.close()
    }
}

/// The subject of a client certificate that TLS has verified is a user: CN the name, O the groups.
struct ClientCertificates: Authenticator {
    func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo? {
        guard let peer = request.peer, peer.isVerified, !peer.commonName.isEmpty else { return nil }
        return UserInfo(name: peer.commonName, groups: peer.organizations)
    }
}
