// The connection of one command: kubeconfig and flags → requests.

import KubeBase
package import KubeClient
import KubeModel
import KubeNet
import KubeWire
import Synchronization

/// Connects lazily: `--help` and `config view` need no server.
package final class Session: Sendable {
    private struct State {
        var connection: Connection?
        var discovery: Discovery?
        var documents: Int = 0
    }

    package let flags: FlagValues
    private let console: Console
    private let state: Mutex<State> = Mutex(State())

    package init(flags: FlagValues, console: Console) {
        self.flags = flags
        self.console = console
    }

    package func connection() throws -> Connection {
        if let known = state.withLock({ $0.connection }) { return known }
        let made: Connection = try Connection(settings: ConnectionSettings(flags: flags), console: console)
        state.withLock { $0.connection = made }
        return made
    }

    package func defaultNamespace() throws -> String { try ConnectionSettings(flags: flags).namespace }

    package func discovery() async throws -> Discovery {
        if let known = state.withLock({ $0.discovery }) { return known }
        let made: Discovery = try await Discovery.fetch(connection())
        state.withLock { $0.discovery = made }
        return made
    }

    /// Counts the YAML documents of one run: the second and later ones are set off by `---`.
    func nextDocument() -> Int {
        state.withLock {
            $0.documents += 1
            return $0.documents
        }
    }

    package func close() async {
        if let connection = state.withLock({ $0.connection }) { await connection.close() }
    }
}

/// Where to connect and as whom: flags win over the kubeconfig's context, which wins over a pod's service account.
package struct ConnectionSettings: Sendable {
    package var access: ClusterAccess
    package var impersonateUser: String
    package var impersonateGroups: [String]
    package var timeout: Duration?

    package init(flags: FlagValues) throws {
        var overrides: AccessOverrides = AccessOverrides()
        overrides.context = flags.string("context")
        overrides.cluster = flags.string("cluster")
        overrides.user = flags.string("user")
        overrides.server = flags.string("server")
        overrides.token = flags.string("token")
        overrides.certificateAuthority = flags.string("certificate-authority")
        overrides.clientCertificate = flags.string("client-certificate")
        overrides.clientKey = flags.string("client-key")
        overrides.insecureSkipTLSVerify = flags.bool("insecure-skip-tls-verify")
        access = try Self.access(flags, overrides)
        impersonateUser = flags.string("as")
        impersonateGroups = flags.list("as-group")
        let limit: String = flags.string("request-timeout")
        timeout = limit.isEmpty || limit == "0" ? nil : GoDuration.orSeconds(limit)
    }

    package var namespace: String { access.namespace }

    /// The kubeconfig files' context; inside a pod without a kubeconfig its service account.
    private static func access(_ flags: FlagValues, _ overrides: AccessOverrides) throws -> ClusterAccess {
        let environment: [String: String] = ProcessEnvironment.all
        let config: KubeConfig = try KubeConfig.load(environment: environment, explicit: flags.string("kubeconfig"))
        if !overrides.context.isEmpty, !config.contextNames.contains(overrides.context) {
            throw UsageError(
                "Error in configuration: context was not found for specified context: \(overrides.context)", prefix: "")
        }
        if config.contextNames.isEmpty, overrides.server.isEmpty {
            if let pod = try ClusterAccess.inCluster(environment: environment) { return pod }
            var fallback: AccessOverrides = overrides
            fallback.server = "http://localhost:8080"
            return try ClusterAccess(config, folder: "/", overrides: fallback)
        }
        return try ClusterAccess(config, folder: "/", overrides: overrides)
    }
}
