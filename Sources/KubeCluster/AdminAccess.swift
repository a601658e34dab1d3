// The administrator's way in: a kubeconfig of the cluster's own, and an entry in the user's.

import Glibc
import KubeClient
import KubeCrypto
import KubeOS
import KubeWire

enum AdminAccess {
    /// Writes `<state>/kubeconfig` and merges the context into `~/.kube/config` (or the first file of KUBECONFIG),
    /// where it becomes the current one.
    static func write(_ cluster: LocalCluster, _ credentials: Credentials) throws {
        let admin: Credentials.Pair = try credentials.admin()
        let set: (inout KubeConfig) -> Void = { config in
            config.setContext(
                cluster.paths.name, server: cluster.configuration.server, caPEM: credentials.authority.certificatePEM,
                certificatePEM: admin.certificatePEM, keyPEM: admin.keyPEM, makeCurrent: true)
        }
        var own: KubeConfig = KubeConfig()
        set(&own)
        try Files.writeAtomically(cluster.paths.kubeconfig, YAML.write(own.json), mode: 0o600)
        if Location.environment("APUS_KUBECONFIG_MERGE") == "no" { return }
        var users: KubeConfig = try load(userFile) ?? KubeConfig()
        set(&users)
        try LocalFile.replace(userFile, Array(YAML.write(users.json).utf8))
    }

    /// Takes the context out of the user's file again.
    static func remove(_ paths: ClusterPaths) throws {
        guard var users = try load(userFile), users.contextNames.contains(paths.name) else { return }
        users.removeContext(paths.name)
        try LocalFile.replace(userFile, Array(YAML.write(users.json).utf8))
    }

    /// A client as administrator.
    static func client(_ paths: ClusterPaths) throws -> Client {
        guard let config = try load(paths.kubeconfig) else {
            throw ClusterError("there is no \(paths.kubeconfig); start the cluster with: apus up")
        }
        return Client(transport: try ClusterAccess(config, folder: paths.state).transport(), fieldManager: "apus")
    }

    static var userFile: String {
        if let list = Location.environment("KUBECONFIG"), let first = list.split(separator: ":").first {
            return String(first)
        }
        return (Location.environment("HOME") ?? "/root") + "/.kube/config"
    }

    private static func load(_ path: String) throws -> KubeConfig? {
        guard let bytes = try LocalFile.read(path), !bytes.isEmpty else { return nil }
        let documents: [JSON] = try YAML.parse(String(decoding: bytes, as: UTF8.self))
        guard let first = documents.first, first.exists else { return nil }
        return KubeConfig(json: first)
    }
}
