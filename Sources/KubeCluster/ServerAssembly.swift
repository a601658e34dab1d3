// The server process put together: store, API server, HTTP, controllers, scheduler.

import KubeBase
import KubeBuild
import KubeClient
import KubeControllers
import KubeCrypto
import KubeNet
import KubeNode
import KubeOS
import KubeResources
import KubeScheduler
import KubeServer
import KubeStore
import KubeWire
import Logging

/// open → (listen, bootstrap, ready) → components run → stop: HTTP first, then components, the store last.
struct ServerAssembly: Sendable {
    let settings: ServerSettings
    let resources: ClusterSettings
    let api: APIServer
    let http: HTTPServer

    static func open(_ s: ServerSettings) async throws -> ServerAssembly {
        try Files.makeDirectories(s.dataFolder, mode: 0o700)
        let resources: ClusterSettings = ClusterSettings(
            serviceCIDR: s.serviceCIDR, signingKeys: [s.credentials.accountKey],
            clientCAPEM: s.credentials.authority.certificatePEM,
            frontProxyCAPEM: s.credentials.frontProxyAuthority.certificatePEM, advertiseAddress: s.advertiseAddress,
            advertisePort: s.port)
        var options: APIServerOptions = APIServerOptions(
            store: LogStore.sqlite(path: "\(s.dataFolder)/state.db"), definitions: Catalogue.definitions(resources),
            authorizer: { registry in authorizer(registry) })
        options.authenticators = ClusterSecurity.authenticators(resources)
        options.admission = AdmissionPlugins.all()
        options.sealer = SecretSealer(key: try sealingKey(s.dataFolder))
        options.audit = try s.pressure.audit()
        options.readsInFlightMax = s.pressure.readsInFlightMax
        options.writesInFlightMax = s.pressure.writesInFlightMax
        options.nodeAgents = try nodeAgents(s.credentials)
        options.build = BuildFacts(
            commit: BuildStamp.commit, treeState: BuildStamp.treeState, date: BuildStamp.date)
        let proxy: Credentials.Pair = try s.credentials.frontProxy()
        options.frontProxy = FrontProxyIdentity(certificatePEM: proxy.certificatePEM, keyPEM: proxy.keyPEM)
        options.jsonWebKeySet = VerificationKey.jwks(resources.verificationKeys)
        options.openIDConfiguration = [
            "issuer": JSON(resources.issuer), "jwks_uri": JSON("\(resources.issuer)/openid/v1/jwks"),
            "response_types_supported": .array(["id_token"]), "subject_types_supported": .array(["public"]),
            "id_token_signing_alg_values_supported": .array(["ES256"]),
        ]
        let api: APIServer = try await APIServer.open(options)
        let http: HTTPServer = try HTTPServer(
            responder: api,
            tls: TLSServerOptions(
                certificatePEM: s.serving.certificatePEM, keyPEM: s.serving.keyPEM,
                clientCAPEM: s.credentials.authority.certificatePEM, takesAnyClient: true),
            log: .component("http"))
        return ServerAssembly(settings: s, resources: resources, api: api, http: http)
    }

    private static func authorizer(_ registry: any ObjectRegistry) -> any Authorizer {
        let roles: RBACAuthorizer = RBACAuthorizer()
        roles.follow(registry)
        let nodes: NodeAuthorizer = NodeAuthorizer()
        nodes.follow(registry)
        return AuthorizerChain([nodes, roles])
    }

    /// Secrets at rest are sealed with a key that stays beside the database.
    private static func sealingKey(_ folder: String) throws -> SealingKey {
        let path: String = "\(folder)/sealing.key"
        if Files.exists(path) { return try SealingKey(bytes: try Files.read(path)) }
        let key: SealingKey = SealingKey.create()
        try Files.writeAtomically(path, key.bytes, mode: 0o600)
        return key
    }

    private static func nodeAgents(_ credentials: Credentials) throws -> NodeAgentClient {
        let pair: Credentials.Pair = try credentials.kubeletClient()
        return try NodeAgentClient(
            tls: TLSClientOptions(
                caPEM: credentials.authority.certificatePEM, certificatePEM: pair.certificatePEM, keyPEM: pair.keyPEM))
    }

    func run(isReady: @escaping @Sendable () -> Void) async throws {
        for host in settings.hosts { _ = try await http.listen(host: host, port: settings.port) }
        try await BootstrapObjects(resources, api.registry).apply()
        try await api.bootstrap()
        if settings.sandbox == nil {
            try await JoinToken.ensure("\(settings.dataFolder)/join-token", client(.loopback, "apus"))
        }
        api.markReady()
        let components: [any Component] = self.components()
        do {
            try await Daemons.run(components, isReady: isReady)
        } catch {
            await stop()
            throw error
        }
        await stop()
    }

    private func stop() async {
        await http.shutdown(graceSeconds: 2)
        await api.close()
    }

    private func client(_ user: UserInfo, _ manager: String) -> Client {
        Client(transport: api.transport(user: user), fieldManager: manager)
    }

    private static func account(_ name: String) -> UserInfo {
        UserInfo(
            name: "system:serviceaccount:kube-system:\(name)",
            groups: [
                UserInfo.Group.serviceAccounts, "\(UserInfo.Group.serviceAccounts):kube-system",
                UserInfo.Group.authenticated,
            ])
    }

    private func components() -> [any Component] {
        let informers: InformerSet = InformerSet(client(.loopback, "kube-controller-manager"))
        var options: ControllerOptions = ControllerOptions()
        // A sandbox's nodes have their ranges by number.
        options.clusterCIDR = settings.sandbox == nil ? settings.podCIDR : ""
        options.localVolumesRoot = LocalVolumes.root
        options.loadBalancerPool = AddressPool(settings.sandbox?.loadBalancerPool ?? "")
        options.rootCAPEM = settings.credentials.authority.certificatePEM
        let controllers: Controllers = Controllers(
            client: { client(Self.account($0), "kube-controller-manager") }, informers: informers, time: SystemTime(),
            options: options)
        let scheduler: Scheduler = Scheduler(
            client: client(
                UserInfo(name: "system:kube-scheduler", groups: [UserInfo.Group.authenticated]), "kube-scheduler"),
            informers: informers)
        var all: [any Component] = [api, informers, controllers, scheduler]
        all.append(TokenSecrets(resources, api.registry))
        all.append(CertificateSigner(authority: settings.credentials.authority, registry: api.registry))
        all.append(CertificateApprover(registry: api.registry))
        all.append(CertificateCleaner(registry: api.registry, time: SystemTime()))
        if let sandbox = settings.sandbox {
            all.append(
                PodRanges(
                    client: client(.loopback, "apus"), nodes: informers.informer(PodRanges.resource),
                    configuration: sandbox))
            all.append(NodePortRelay(informers: informers))
            if !sandbox.registry.isEmpty {
                all.append(RegistryRelay(listenHost: sandbox.bridgeAddress, registry: sandbox.registry))
            }
        }
        return all
    }
}
