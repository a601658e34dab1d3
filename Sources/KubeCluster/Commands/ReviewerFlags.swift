// The server's flags for other servers that know users or decide on access; kube-apiserver's names and defaults.

import KubeModel
import KubeOS
import KubeResources
import KubeServer

struct ReviewerFlags: Sendable {
    static let flags: [String: Bool] = Dictionary(
        uniqueKeysWithValues: [
            "authentication-token-webhook-config-file", "authentication-token-webhook-version",
            "authentication-token-webhook-cache-ttl", "authentication-config", "authorization-webhook-config-file",
            "authorization-webhook-version", "authorization-webhook-cache-authorized-ttl",
            "authorization-webhook-cache-unauthorized-ttl", "authorization-mode", "authorization-config",
            "oidc-issuer-url", "oidc-client-id", "oidc-ca-file", "oidc-username-claim", "oidc-username-prefix",
            "oidc-groups-claim", "oidc-groups-prefix", "oidc-required-claim", "oidc-signing-algs",
        ].map { ($0, true) })

    private var tokens: TokenWebhook.Settings?
    private var issuers: [TokenIssuer] = []
    private var access: AuthorizationConfiguration = AuthorizationConfiguration()

    init() {}

    init(_ flags: Flags) throws {
        if let file = flags["authentication-token-webhook-config-file"] {
            var settings: TokenWebhook.Settings = TokenWebhook.Settings(
                client: try Self.client(file, "authentication-token-webhook-config-file"))
            settings.version = try Self.version(flags, "authentication-token-webhook-version")
            settings.cacheTTL =
                try Self.duration(flags, "authentication-token-webhook-cache-ttl") ?? settings.cacheTTL
            tokens = settings
        }
        issuers = try Self.issuers(flags)
        access = try Self.access(flags)
    }

    func authenticators(_ registry: any ObjectRegistry, audiences: [String]) -> [any Authenticator] {
        var all: [any Authenticator] = issuers.map { TokenIssuerAuthenticator($0, registry: registry) }
        if let tokens { all.append(TokenWebhook(tokens, audiences: audiences, registry: registry)) }
        return all
    }

    func authorizer(_ registry: any ObjectRegistry) -> any Authorizer { access.authorizer(registry) }

    private static func issuers(_ flags: Flags) throws -> [TokenIssuer] {
        if let file = flags["authentication-config"] {
            if flags["oidc-issuer-url"] != nil {
                throw ClusterError("authentication-config file and oidc-* flags are mutually exclusive")
            }
            return try told("authentication-config", file) { try TokenIssuer.all(yaml: $0) }
        }
        guard let url = flags["oidc-issuer-url"] else { return [] }
        func list(_ name: String) -> [String] { (flags[name] ?? "").split(separator: ",").map { String($0) } }
        let required: [(String, String)] = try list("oidc-required-claim").map { pair in
            guard let equals = pair.firstIndex(of: "=") else {
                throw ClusterError("oidc-required-claim: \(pair) must be formatted as key=value")
            }
            return (String(pair[..<equals]), String(pair[pair.index(after: equals)...]))
        }
        do {
            return [
                try TokenIssuer(
                    flags: url, clientID: flags["oidc-client-id"] ?? "",
                    usernameClaim: flags["oidc-username-claim"] ?? "", usernamePrefix: flags["oidc-username-prefix"],
                    groupsClaim: flags["oidc-groups-claim"] ?? "", groupsPrefix: flags["oidc-groups-prefix"] ?? "",
                    requiredClaims: required, algorithms: list("oidc-signing-algs"),
                    authorityPEM: try flags["oidc-ca-file"].map { try Files.text($0) })
            ]
        } catch { throw ClusterError("\(error)") }
    }

    private static func access(_ flags: Flags) throws -> AuthorizationConfiguration {
        if let file = flags["authorization-config"] {
            return try told("authorization-config", file) {
                try AuthorizationConfiguration(yaml: $0) { try Files.read($0) }
            }
        }
        var webhook: AccessWebhook.Settings?
        if let file = flags["authorization-webhook-config-file"] {
            var settings: AccessWebhook.Settings = AccessWebhook.Settings(
                client: try client(file, "authorization-webhook-config-file"))
            settings.version = try version(flags, "authorization-webhook-version")
            settings.allowedTTL =
                try duration(flags, "authorization-webhook-cache-authorized-ttl") ?? settings.allowedTTL
            settings.refusedTTL =
                try duration(flags, "authorization-webhook-cache-unauthorized-ttl") ?? settings.refusedTTL
            webhook = settings
        }
        // Upstream wants the mode spelled out; here a configured webhook is asked last.
        let modes: String = flags["authorization-mode"] ?? (webhook == nil ? "Node,RBAC" : "Node,RBAC,Webhook")
        do {
            return try AuthorizationConfiguration(
                modes: modes.split(separator: ",").map { String($0) }, webhook: webhook)
        } catch { throw ClusterError("\(error)") }
    }

    private static func client(_ file: String, _ flag: String) throws -> ClientConfiguration {
        try told(flag, file) { try ClientConfiguration(kubeconfig: $0) { try Files.read($0) } }
    }

    /// Reads a file and says which flag named it when it is unusable.
    private static func told<T>(_ flag: String, _ file: String, _ body: (String) throws -> T) throws -> T {
        do { return try body(try Files.text(file)) } catch { throw ClusterError("--\(flag): \(file): \(error)") }
    }

    private static func version(_ flags: Flags, _ name: String) throws -> String {
        let text: String = flags[name] ?? "v1beta1"
        guard ["v1", "v1beta1"].contains(text) else {
            throw ClusterError("invalid argument \"\(text)\" for --\(name): must be v1 or v1beta1")
        }
        return text
    }

    private static func duration(_ flags: Flags, _ name: String) throws -> Duration? {
        guard let text = flags[name] else { return nil }
        guard let nanoseconds = GoDuration.parse(text) else {
            throw ClusterError("invalid argument \"\(text)\" for --\(name): time: invalid duration \"\(text)\"")
        }
        return .nanoseconds(nanoseconds)
    }
}
