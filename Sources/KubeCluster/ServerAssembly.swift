// The server process put together: store, API server, HTTP, controllers, scheduler.

import KubeBase
import KubeBuild
import KubeClient
import KubeControllers
import KubeCrypto
import KubeIngress
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
    let sealer: SecretSealer
    let agents: NodeAgentClient

    static func open(_ s: ServerSettings) async throws -> ServerAssembly {
        try Files.makeDirectories(s.dataFolder, mode: 0o700)
        let resources: ClusterSettings = ClusterSettings(
            serviceCIDR: s.serviceCIDR, signingKeys: [s.accountKey ?? s.credentials.accountKey],
            moreVerificationKeys: [s.credentials.accountKey.verification] + s.credentials.oldAccountKeys
                + s.moreAccountKeys,
            clientCAPEM: s.credentials.authority.certificatePEM,
            frontProxyCAPEM: s.credentials.frontProxyAuthority.certificatePEM, advertiseAddress: s.advertiseAddress,
            advertisePort: s.port)
        var options: APIServerOptions = APIServerOptions(
            store: LogStore.sqlite(path: "\(s.dataFolder)/state.db"), definitions: Catalogue.definitions(resources),
            authorizer: { registry in s.reviewers.authorizer(registry) })
        let own: @Sendable (any ObjectRegistry) -> [any Authenticator] = ClusterSecurity.authenticators(resources)
        options.authenticators = { registry in
            own(registry) + s.reviewers.authenticators(registry, audiences: resources.audiences)
        }
        options.admission = s.admission
        let encryption: EncryptionConfiguration =
            try s.encryptionFile.map { try EncryptionConfiguration(yaml: try Files.text($0)) }
            ?? EncryptionConfiguration.open(s.dataFolder)
        let sealer: SecretSealer = SecretSealer(ring: try encryption.ring())
        options.sealer = sealer
        options.audit = try s.pressure.audit()
        options.readsInFlightMax = s.pressure.readsInFlightMax
        options.writesInFlightMax = s.pressure.writesInFlightMax
        let agents: NodeAgentClient = try NodeAgentClient(tls: nodeAgents(s.credentials))
        options.nodeAgents = agents
        options.build = BuildFacts(
            commit: BuildStamp.commit, treeState: BuildStamp.treeState, date: BuildStamp.date)
        let proxy: Credentials.Pair = try s.credentials.frontProxy()
        options.frontProxy = FrontProxyIdentity(certificatePEM: proxy.certificatePEM, keyPEM: proxy.keyPEM)
        options.jsonWebKeySet = VerificationKey.jwks(resources.verificationKeys)
        options.openIDConfiguration = [
            "issuer": JSON(resources.issuer), "jwks_uri": JSON("\(resources.issuer)/openid/v1/jwks"),
            "response_types_supported": .array(["id_token"]), "subject_types_supported": .array(["public"]),
            "id_token_signing_alg_values_supported": JSON(
                Set(resources.verificationKeys.map { $0.algorithm }).sorted()),
        ]
        let api: APIServer = try await APIServer.open(options)
        let http: HTTPServer = try HTTPServer(
            responder: api, tls: tls(s, try s.serving()), streamsBodies: { api.streamsBody(of: $0) }, log: .component("http"))
        return ServerAssembly(settings: s, resources: resources, api: api, http: http, sealer: sealer, agents: agents)
    }

    private static func nodeAgents(_ credentials: Credentials) throws -> TLSClientOptions {
        let pair: Credentials.Pair = try credentials.kubeletClient()
        return TLSClientOptions(
            caPEM: credentials.authority.certificatePEM, certificatePEM: pair.certificatePEM, keyPEM: pair.keyPEM)
    }

    private static func tls(_ s: ServerSettings, _ pair: Credentials.Pair) -> TLSServerOptions {
        TLSServerOptions(
            certificatePEM: pair.certificatePEM, keyPEM: pair.keyPEM,
            clientCAPEM: s.credentials.authority.certificatePEM, takesAnyClient: true)
    }

    /// Certificates of the server's own, renewed while it runs.
    private var renewals: LeafRenewals {
        let (s, api, http, agents): (ServerSettings, APIServer, HTTPServer, NodeAgentClient) = (settings, api, http, agents)
        return LeafRenewals([
            LeafRenewals.Item(what: "the API server", pair: s.serving) {
                try http.replaceCertificate(Self.tls(s, $0))
            },
            LeafRenewals.Item(what: "the API server towards nodes", pair: { try s.credentials.kubeletClient() }) { _ in
                try agents.replaceTLS(Self.nodeAgents(s.credentials))
            },
            LeafRenewals.Item(what: "the front proxy", pair: { try s.credentials.frontProxy() }) {
                api.replaceFrontProxy(FrontProxyIdentity(certificatePEM: $0.certificatePEM, keyPEM: $0.keyPEM))
            },
        ])
    }

    func run(isReady: @escaping @Sendable () -> Void) async throws {
        for host in settings.hosts { _ = try await http.listen(host: host, port: settings.port) }
        try await BootstrapObjects(resources, api.registry).apply()
        try await api.bootstrap()
        if settings.sandbox == nil {
            try await JoinToken.ensure("\(settings.dataFolder)/join-token", client(.loopback, "apus"))
        }
        let ingress: Client = client(.loopback, "apus")
        IngressFlags.tell(nil, settings.dataFolder)
        if settings.ingress.settings == nil {
            try await IngressController.removeClass(ingress)
        } else {
            try await IngressController.ensureClass(ingress)
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

    /// Where the server is and its authority: what a machine without credentials may know.
    private var publicKubeconfig: String {
        let server: String =
            settings.sandbox?.serverFromNodes ?? "https://\(hostPort(settings.advertiseAddress, settings.port))"
        let authority: String = Base64.encode(Array(settings.credentials.authority.certificatePEM.utf8))
        return YAML.write([
            "apiVersion": "v1", "kind": "Config", "preferences": [:], "users": [], "contexts": [],
            "current-context": "",
            "clusters": [
                [
                    "name": "",
                    "cluster": ["certificate-authority-data": .string(authority), "server": .string(server)],
                ]
            ],
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
        all.append(renewals)
        all.append(
            SealingKeeper(
                file: settings.encryptionFile ?? EncryptionConfiguration.path(settings.dataFolder), sealer: sealer,
                api: api))
        all.append(TokenSecrets(resources, api.registry))
        all.append(CertificateSigner(authority: settings.credentials.authority, registry: api.registry))
        all.append(CertificateApprover(registry: api.registry))
        all.append(CertificateCleaner(registry: api.registry, time: SystemTime()))
        if let ingress = settings.ingress.settings {
            let folder: String = settings.dataFolder
            all.append(
                IngressController(client: client(.loopback, "apus-ingress"), informers: informers, settings: ingress) {
                    IngressFlags.tell($0, folder)
                })
        }
        all.append(BootstrapTokens(api.registry, kubeconfig: publicKubeconfig, time: SystemTime()))
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
