// What makes a built-in resource different from the generic road.

package import KubeBase
package import KubeCrypto
import KubeModel
package import KubeServer

/// One line of the catalogue: changes to the definition that the tables give.
struct Entry: Sendable {
    var resource: GroupVersionResource
    var apply: @Sendable (inout ResourceDefinition, ClusterSettings) -> Void

    init(_ resource: GroupVersionResource, _ apply: @escaping @Sendable (inout ResourceDefinition, ClusterSettings) -> Void) {
        self.resource = resource
        self.apply = apply
    }

    /// Only the strategy differs.
    init(_ resource: GroupVersionResource, _ strategy: any Strategy) {
        self.init(resource) { definition, _ in definition.strategy = strategy }
    }
}

/// What the resources must know of this cluster.
package struct ClusterSettings: Sendable {
    /// One range per IP family, the first is the primary: `10.96.0.0/16`.
    package var serviceCIDRs: [CIDR]
    package var nodePorts: ClosedRange<Int>
    /// The first signs; its public half and those of the others verify.
    package var signingKeys: [SigningKey]
    /// Keys whose tokens are accepted, the signing ones included.
    package var verificationKeys: [VerificationKey]
    /// `iss` of service-account tokens, e.g. `https://kubernetes.default.svc.cluster.local`.
    package var issuer: String
    /// Audiences that the API server answers to.
    package var audiences: [String]
    /// PEM of the CA that signs client certificates; kept in extension-apiserver-authentication.
    package var clientCAPEM: String
    /// PEM of the CA that signs the front proxy's certificate: aggregated API servers trust names that it vouches for.
    package var frontProxyCAPEM: String
    /// Where nodes and pods reach the server: the endpoints of `kubernetes.default`.
    package var advertiseAddress: String
    package var advertisePort: Int
    package var time: any TimeSource
    /// Knows bearer tokens.
    package let tokens: TokenVerifier
    /// Takes addresses and ports for Services; one for the whole server.
    package let serviceAllocator: ServiceAllocator

    package init(
        serviceCIDR: String = "10.96.0.0/16", nodePorts: ClosedRange<Int> = 30000...32767,
        signingKeys: [SigningKey], moreVerificationKeys: [VerificationKey] = [], issuer: String = "https://kubernetes.default.svc.cluster.local",
        audiences: [String] = ["https://kubernetes.default.svc.cluster.local"], clientCAPEM: String = "",
        frontProxyCAPEM: String = "", advertiseAddress: String, advertisePort: Int, staticTokens: [String: UserInfo] = [:],
        time: any TimeSource = SystemTime()
    ) {
        let cidrs: [CIDR] = serviceCIDR.split(separator: ",").compactMap { CIDR(String($0)) }
        precondition(!cidrs.isEmpty, "serviceCIDR must hold at least one prefix")
        self.serviceCIDRs = cidrs
        self.nodePorts = nodePorts
        self.signingKeys = signingKeys
        var seen: Set<String> = []
        self.verificationKeys = (signingKeys.map { $0.verification } + moreVerificationKeys).filter {
            seen.insert($0.keyID).inserted
        }
        self.issuer = issuer
        self.audiences = audiences
        self.clientCAPEM = clientCAPEM
        self.frontProxyCAPEM = frontProxyCAPEM
        self.advertiseAddress = advertiseAddress
        self.advertisePort = advertisePort
        self.time = time
        self.tokens = TokenVerifier(
            keys: verificationKeys, issuer: issuer, staticTokens: staticTokens, time: time)
        self.serviceAllocator = ServiceAllocator(cidrs: cidrs, nodePorts: nodePorts)
    }
}
