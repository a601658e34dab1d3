// `apus agent`: one node: the node agent, the Services' proxy and the DNS server, in the foreground.

import Glibc
import KubeBase
import KubeClient
import KubeCrypto
import KubeDNS
import KubeNet
import KubeNode
import KubeOS
import KubeProxy
import KubeWire
import Logging

enum AgentCommand {
    static let flags: [String: Bool] = [
        "name": true, "root": true, "node": true, "ready": true, "server": true, "token": true, "ca": true,
        "address": true, "container-runtime-endpoint": true, "state": true, "cluster-cidr": true, "service-cidr": true,
        "cluster-dns": true, "pod-manifest-path": true, "cni-conf-dir": true,
    ]

    static func run(_ arguments: [String]) async throws {
        let flags: Flags = try Flags(arguments, known: Self.flags, command: "agent")
        try Preflight.requireRoot("agent")
        let ready: String = flags["ready"] ?? ""
        do {
            let settings: AgentSettings =
                flags["server"] == nil
                ? try AgentSettings.sandbox(try Location.paths(flags), node: flags["node"] ?? "node1")
                : try await AgentSettings.machine(flags)
            try await run(settings) { Readiness.tell(ready, "ready") }
        } catch {
            Readiness.tell(ready, "\(error)")
            throw error
        }
    }

    private static func run(_ s: AgentSettings, isReady: @escaping @Sendable () -> Void) async throws {
        let client: Client = Client(transport: s.transport, fieldManager: "kubelet")
        let proxyClient: Client = Client(transport: s.proxyTransport, fieldManager: "kube-proxy")
        let informers: InformerSet = InformerSet(proxyClient, transform: NetworkView.trimmed)
        let proxy: ProxyComponent = ProxyComponent(
            client: proxyClient, informers: informers,
            network: ProxyNetwork(
                nodeName: s.nodeName, clusterCIDR: s.podCIDR, serviceCIDR: s.serviceCIDR, answeredHere: [s.dnsAddress]))
        var options: NodeAgentOptions = NodeAgentOptions(
            nodeName: s.nodeName, nodeIPs: [s.address], client: client, containerRuntimeSocket: s.runtimeSocket,
            rootDirectory: s.stateFolder, logDirectory: s.logFolder, tls: s.serving)
        options.cgroupRoot = s.cgroup
        options.staticPodDirectory = s.manifests
        options.clusterDNS = [s.dnsAddress]
        options.clusterDomain = ClusterConfiguration.clusterDomain
        options.version = Apus.version
        let policy: PolicyComponent = PolicyComponent(informers: informers, nodeName: s.nodeName)
        options.beforePodStarts = { pod, addresses in
            await proxy.waitUntilProgrammed()
            await policy.admit(pod, addresses: addresses)
        }
        let agent: NodeAgent = try NodeAgent(options)
        let dns: DNSServer = DNSServer(
            informers: informers, addresses: [s.dnsAddress], domain: ClusterConfiguration.clusterDomain)
        let announcer: Announcer = Announcer(informers: informers, nodeName: s.nodeName, nodeAddress: s.address)
        let health: HealthChecks = HealthChecks(informers: informers, host: s.address, nodeName: s.nodeName)
        let volumes: LocalVolumes = LocalVolumes(client: proxyClient, nodeName: s.nodeName)
        var parts: [any Component] = [agent, proxy, policy, dns, announcer, health, informers, volumes]
        if let keeper = s.keeper { parts.append(keeper) }
        if let identity = s.identity { parts.append(identity.renewals(of: agent)) }
        if let leaves = s.leaves { parts.append(leaves(agent)) }
        if !s.cniFolder.isEmpty {
            let network: MachineNetwork = MachineNetwork(
                client: client, nodeName: s.nodeName, dnsAddress: s.dnsAddress, cniFolder: s.cniFolder)
            try await network.prepare()
            parts.append(network)
        }
        try await Daemons.run(parts) {
            await agent.waitUntilRegistered()
            isReady()
        }
    }
}

/// Everything that differs between a sandbox and a real machine.
struct AgentSettings: Sendable {
    var nodeName: String
    var address: String
    var transport: HTTPTransport
    /// Of the proxy, the policies and the name server: they see more of the network than a kubelet may.
    var proxyTransport: HTTPTransport
    var serving: TLSServerOptions
    var runtimeSocket: String
    var stateFolder: String
    var logFolder: String
    var cgroup: String
    /// Static pods.
    var manifests: String
    var podCIDR: String
    var serviceCIDR: String
    var dnsAddress: String
    /// Of a sandbox's own containerd.
    var keeper: ContainerdKeeper?
    /// Where the CNI configuration goes when the node's pod range is known; empty: it is there already.
    var cniFolder: String = ""
    /// Of a machine that joined by a token: its certificates are renewed while it runs.
    var identity: MachineIdentity?
    /// Of a sandbox's node, which may use the cluster's authority itself.
    var leaves: (@Sendable (NodeAgent) -> LeafRenewals)?

    /// A node of `apus up`, inside its namespaces.
    static func sandbox(_ paths: ClusterPaths, node name: String) throws -> AgentSettings {
        let c: ClusterConfiguration = try Location.configuration(paths)
        guard let place = c.node(named: name) else {
            throw ClusterError("there is no node \(name) in cluster \(c.name)")
        }
        let node: NodePaths = paths.node(name)
        let credentials: Credentials = try Credentials.open(paths.pki)
        let client: Credentials.Pair = try credentials.nodeClient(name)
        let serving: Credentials.Pair = try credentials.nodeServing(name, address: place.address)
        let ca: String = credentials.authority.certificatePEM
        func transport(_ pair: Credentials.Pair) throws -> HTTPTransport {
            try HTTPTransport(
                server: .tcp(host: c.bridgeAddress, port: c.port),
                tls: TLSClientOptions(caPEM: ca, certificatePEM: pair.certificatePEM, keyPEM: pair.keyPEM))
        }
        // The agent is in the node's namespaces already.
        let sandbox: NodeSandbox = NodeSandbox(
            place: place, paths: node, programs: try Preflight.programs(), isEntered: true)
        var settings: AgentSettings = AgentSettings(
            nodeName: name, address: place.address, transport: try transport(client),
            proxyTransport: try transport(try credentials.proxyClient(node: name)),
            serving: TLSServerOptions(certificatePEM: serving.certificatePEM, keyPEM: serving.keyPEM, clientCAPEM: ca),
            runtimeSocket: node.containerdSocket, stateFolder: "/var/lib/kubelet", logFolder: "/var/log/pods",
            cgroup: place.cgroup, manifests: node.manifests, podCIDR: c.podCIDR, serviceCIDR: c.serviceCIDR,
            dnsAddress: c.dnsAddress,
            keeper: ContainerdKeeper(sandbox))
        let (own, proxies): (HTTPTransport, HTTPTransport) = (settings.transport, settings.proxyTransport)
        @Sendable func options(_ pair: Credentials.Pair) -> TLSClientOptions {
            TLSClientOptions(caPEM: ca, certificatePEM: pair.certificatePEM, keyPEM: pair.keyPEM)
        }
        settings.leaves = { agent in
            LeafRenewals([
                LeafRenewals.Item(what: "the node", pair: { try credentials.nodeClient(name) }) {
                    try own.replaceTLS(options($0))
                },
                LeafRenewals.Item(what: "the node's proxy", pair: { try credentials.proxyClient(node: name) }) {
                    try proxies.replaceTLS(options($0))
                },
                LeafRenewals.Item(
                    what: "the node's API", pair: { try credentials.nodeServing(name, address: place.address) }
                ) {
                    try agent.replaceServing(
                        TLSServerOptions(certificatePEM: $0.certificatePEM, keyPEM: $0.keyPEM, clientCAPEM: ca))
                },
            ])
        }
        return settings
    }

    /// A machine of its own: the flags say what a sandbox's configuration says.
    static func machine(_ flags: Flags) async throws -> AgentSettings {
        let name: String = flags["node"] ?? Machine.hostName
        guard let address = flags["address"] else {
            throw ClusterError("--address is needed: the IP address that other machines reach this one by")
        }
        let state: String = flags["state"] ?? "/var/lib/kubelet"
        let ca: String? = try flags["ca"].map { try Files.text($0) }
        let identity: MachineIdentity = try await MachineIdentity.join(
            nodeName: name, address: address, server: try ClusterAccess.parse(server: flags["server"]!).0,
            authorityPEM: ca, token: flags["token"], folder: "\(state)/pki")
        return AgentSettings(
            nodeName: name, address: address, transport: identity.transport,
            proxyTransport: identity.proxyTransport, serving: try identity.firstServing(),
            runtimeSocket: flags["container-runtime-endpoint"] ?? "/run/containerd/containerd.sock",
            stateFolder: state, logFolder: "/var/log/pods", cgroup: "/",
            manifests: flags["pod-manifest-path"] ?? "/etc/kubernetes/manifests",
            podCIDR: flags["cluster-cidr"] ?? "10.244.0.0/16", serviceCIDR: flags["service-cidr"] ?? "10.96.0.0/16",
            dnsAddress: flags["cluster-dns"] ?? "10.96.0.10",
            cniFolder: flags["cni-conf-dir"] ?? "/etc/cni/net.d", identity: identity)
    }
}
