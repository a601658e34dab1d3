// How a machine of its own joins: a bootstrap token buys a client certificate, that buys the others; all are renewed.

import KubeBase
import KubeClient
import KubeCrypto
import KubeModel
import KubeNet
import KubeNode
import KubeOS
import KubeWire
import Logging

/// token → node's client certificate → proxy's client certificate; once registered → serving certificate
struct MachineIdentity: Sendable {
    let nodeName: String
    let authorityPEM: String?
    let node: IssuedPair
    let proxy: IssuedPair
    let serving: IssuedPair
    let transport: HTTPTransport
    let proxyTransport: HTTPTransport

    /// Asks for what is not on disk yet; returns when the node can speak as itself.
    static func join(
        nodeName: String, address: String, server: Endpoint, authorityPEM: String?, token: String?, folder: String
    ) async throws -> MachineIdentity {
        let node: IssuedPair = IssuedPair(
            file: "\(folder)/kubelet-client", signer: "kubernetes.io/kube-apiserver-client-kubelet",
            usages: ["digital signature", "client auth"], commonName: "system:node:\(nodeName)",
            organizations: ["system:nodes"])
        let proxy: IssuedPair = IssuedPair(
            file: "\(folder)/kube-proxy-client", signer: "kubernetes.io/kube-apiserver-client",
            usages: ["digital signature", "client auth"], commonName: "system:kube-proxy",
            organizations: ["system:node-proxier"])
        let serving: IssuedPair = IssuedPair(
            file: "\(folder)/kubelet", signer: "kubernetes.io/kubelet-serving",
            usages: ["digital signature", "server auth"], commonName: "system:node:\(nodeName)",
            organizations: ["system:nodes"], dnsNames: [nodeName], ipAddresses: [address])
        func transport(_ pair: Credentials.Pair) throws -> HTTPTransport {
            try HTTPTransport(server: server, tls: options(pair, authorityPEM))
        }
        let own: Credentials.Pair
        if let stored = node.stored() {
            own = stored
        } else {
            guard let token else { throw ClusterError("--token is needed the first time: this machine has no certificate yet") }
            let first: HTTPTransport = try HTTPTransport(
                server: server, tls: TLSClientOptions(caPEM: authorityPEM), token: { token })
            own = try await node.request(Client(transport: first, fieldManager: "kubelet"))
        }
        let mine: HTTPTransport = try transport(own)
        let theirs: Credentials.Pair
        if let stored = proxy.stored() {
            theirs = stored
        } else {
            theirs = try await proxy.request(Client(transport: mine, fieldManager: "kubelet"))
        }
        return MachineIdentity(
            nodeName: nodeName, authorityPEM: authorityPEM, node: node, proxy: proxy, serving: serving, transport: mine,
            proxyTransport: try transport(theirs))
    }

    private static func options(_ pair: Credentials.Pair, _ authority: String?) -> TLSClientOptions {
        TLSClientOptions(caPEM: authority, certificatePEM: pair.certificatePEM, keyPEM: pair.keyPEM)
    }

    /// Until the cluster has issued one: of an authority of this machine's own, which nobody trusts.
    func firstServing() throws -> TLSServerOptions {
        if let stored = serving.stored() { return serverOptions(stored) }
        let own: CertificateAuthority = try .create(commonName: "\(nodeName)-ca", validity: .seconds(86400))
        let pair: (certificatePEM: String, keyPEM: String) = try own.issue(
            CertificateRequest(
                commonName: serving.commonName, organizations: serving.organizations, dnsNames: serving.dnsNames,
                ipAddresses: serving.ipAddresses, isServer: true, isClient: false, validity: .seconds(86400)))
        return serverOptions(Credentials.Pair(certificatePEM: pair.certificatePEM, keyPEM: pair.keyPEM))
    }

    private func serverOptions(_ pair: Credentials.Pair) -> TLSServerOptions {
        TLSServerOptions(certificatePEM: pair.certificatePEM, keyPEM: pair.keyPEM, clientCAPEM: authorityPEM)
    }

    /// Renews while the agent runs.
    func renewals(of agent: NodeAgent) -> CertificateRenewals {
        CertificateRenewals(
            name: "certificates",
            items: [
                CertificateRenewals.Item(pair: node, client: client) {
                    try transport.replaceTLS(Self.options($0, authorityPEM))
                },
                CertificateRenewals.Item(pair: proxy, client: client) {
                    try proxyTransport.replaceTLS(Self.options($0, authorityPEM))
                },
                CertificateRenewals.Item(pair: serving, client: client, after: { await agent.waitUntilRegistered() }) {
                    try agent.replaceServing(serverOptions($0))
                },
            ])
    }

    private var client: Client { Client(transport: transport, fieldManager: "kubelet") }
}
