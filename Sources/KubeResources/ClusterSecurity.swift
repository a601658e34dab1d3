// Authenticators and authorizers of a cluster, as the server's options want them.

package import KubeServer

package enum ClusterSecurity {
    /// Common names of proxies whose word about users is taken.
    package static let frontProxyNames: Set<String> = ["front-proxy-client"]

    package static func authenticators(
        _ settings: ClusterSettings
    ) -> @Sendable (any ObjectRegistry) -> [any Authenticator] {
        let proxies: TrustedChains? = try? TrustedChains(pem: settings.frontProxyCAPEM, time: settings.time)
        let clients: TrustedChains? = try? TrustedChains(pem: settings.clientCAPEM, time: settings.time)
        return { registry in
            var all: [any Authenticator] = []
            if let proxies { all.append(FrontProxyAuthenticator(proxies, allowedNames: frontProxyNames)) }
            if let clients { all.append(CertificateAuthenticator(clients)) }
            all.append(BearerAuthenticator(settings, registry))
            return all
        }
    }

    /// Node, then RBAC; both follow the registry. Also the place where allocators begin to follow it.
    package static func authorizer(_ settings: ClusterSettings) -> @Sendable (any ObjectRegistry) -> any Authorizer {
        { registry in
            let rbac: RBACAuthorizer = RBACAuthorizer()
            let node: NodeAuthorizer = NodeAuthorizer()
            rbac.follow(registry)
            node.follow(registry)
            settings.serviceAllocator.follow(registry)
            return AuthorizerChain([MastersAuthorizer(), node, rbac])
        }
    }
}

/// `system:masters` may do everything, whatever the roles say.
package struct MastersAuthorizer: Authorizer {
    package init() {}
    package func authorize(_ attributes: RequestAttributes) async -> Decision {
        attributes.user.isMaster ? .allow(reason: "") : .noOpinion(reason: "")
    }
    package func rules(for user: UserInfo, namespace: String) async -> AuthorizationRules? { AuthorizationRules() }
}
