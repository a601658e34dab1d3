// `apus server`: the API server with controllers and scheduler, in one process, in the foreground.

import Glibc
import KubeBase
import KubeClient
import KubeControllers
import KubeCrypto
import KubeNet
import KubeOS
import KubeResources
import KubeScheduler
import KubeServer
import KubeStore
import KubeWire
import Logging

enum ServerCommand {
    static let flags: [String: Bool] = [
        "name": true, "root": true, "ready": true, "listen": true, "port": true, "data": true, "advertise": true,
        "cluster-cidr": true, "service-cidr": true,
    ].merging(ServerFlags.flags) { mine, _ in mine }

    static func run(_ arguments: [String]) async throws {
        let flags: Flags = try Flags(arguments, known: Self.flags, command: "server")
        let ready: String = flags["ready"] ?? ""
        do {
            var settings: ServerSettings =
                flags["name"] != nil && flags["data"] == nil
                ? try ServerSettings.sandbox(try Location.paths(flags)) : try ServerSettings.machine(flags)
            try settings.takeKeys(flags)
            settings.pressure = try PressureSettings(flags)
            settings.admission = try AdmissionFlags.plugins(flags)
            settings.reviewers = try ReviewerFlags(flags)
            settings.ingress = try IngressFlags(flags)
            let server: ServerAssembly = try await ServerAssembly.open(settings)
            try await server.run { Readiness.tell(ready, "ready") }
        } catch {
            Readiness.tell(ready, "\(error)")
            throw error
        }
    }
}

/// Everything that differs between a sandbox and a real machine.
struct ServerSettings: Sendable {
    var hosts: [String]
    var port: Int
    var dataFolder: String
    var credentials: Credentials
    /// The pair that is good now, made anew when it is about to end.
    var serving: @Sendable () throws -> Credentials.Pair
    var advertiseAddress: String
    var podCIDR: String
    var serviceCIDR: String
    /// Set in a cluster of `apus up`.
    var sandbox: ClusterConfiguration?
    /// Keys of service accounts' tokens; nil: those of the credentials.
    var accountKey: SigningKey?
    var moreAccountKeys: [VerificationKey] = []
    /// An EncryptionConfiguration; nil: the data folder's own.
    var encryptionFile: String?
    /// In the order in which they run.
    var admission: [any AdmissionPlugin] = AdmissionPlugins.all()
    /// Audit log and limits of requests.
    var pressure: PressureSettings = PressureSettings()
    /// Servers that know users or decide on access.
    var reviewers: ReviewerFlags = ReviewerFlags()
    /// The built-in proxy of Ingresses.
    var ingress: IngressFlags = IngressFlags()

    static func sandbox(_ paths: ClusterPaths) throws -> ServerSettings {
        let c: ClusterConfiguration = try Location.configuration(paths)
        let credentials: Credentials = try Credentials.open(paths.pki)
        return ServerSettings(
            hosts: ["127.0.0.1", c.bridgeAddress], port: c.port, dataFolder: paths.serverState,
            credentials: credentials,
            serving: { try credentials.server(c, hostName: Machine.hostName) }, advertiseAddress: c.bridgeAddress,
            podCIDR: c.podCIDR, serviceCIDR: c.serviceCIDR, sandbox: c)
    }

    static func machine(_ flags: Flags) throws -> ServerSettings {
        let data: String = flags["data"] ?? "\(ClusterPaths.defaultRoot)/server"
        let host: String = flags["listen"] ?? "127.0.0.1"
        let address: String = flags["advertise"] ?? host
        var c: ClusterConfiguration = ClusterConfiguration(
            name: "server", nodeCount: 1, port: 6443, registry: "", index: 0)
        c.port = try flags.int("port", 0...65535) ?? 6443
        let credentials: Credentials = try Credentials.open("\(data)/pki")
        return ServerSettings(
            hosts: [host], port: c.port, dataFolder: data, credentials: credentials,
            serving: { [c] in try credentials.server(c, hostName: Machine.hostName, addresses: [address]) },
            advertiseAddress: address, podCIDR: flags["cluster-cidr"] ?? c.podCIDR,
            serviceCIDR: flags["service-cidr"] ?? c.serviceCIDR, sandbox: nil)
    }

    /// Keys at rest and of service accounts' tokens.
    mutating func takeKeys(_ flags: Flags) throws {
        encryptionFile = flags["encryption-provider-config"]
        accountKey = try flags["service-account-signing-key-file"].map {
            try SigningKey(pem: try Files.text($0))
        }
        moreAccountKeys = try (flags["service-account-key-file"] ?? "").split(separator: ",").flatMap {
            try Credentials.oldKeys(String($0))
        }
    }
}
