// Kubeconfig files: edits keep what they don't know, contexts come down to one server and user.

import Glibc
import KubeClient
import KubeNet
import KubeWire
import Testing

@Suite struct KubeConfigTests {
    private static let other: String = """
        apiVersion: v1
        kind: Config
        current-context: work
        preferences: {colors: true}
        extensions:
        - name: x
          extension: {a: 1}
        clusters:
        - name: work
          cluster:
            server: https://work.example:6443/base/
            certificate-authority: ca.pem
            tls-server-name: inner
        contexts:
        - name: work
          context: {cluster: work, user: me, namespace: team}
        users:
        - name: me
          user: {token: secret}
        """

    @Test func editKeepsTheRest() throws {
        let path: String = "/tmp/apus-kubeconfig-\(getpid())/config"
        defer {
            unlink(path)
            rmdir("/tmp/apus-kubeconfig-\(getpid())")
        }
        try LocalFile.replace(path, Array(Self.other.utf8))
        try KubeConfig.edit(path: path) {
            $0.setContext(
                "apus", server: "https://127.0.0.1:6443", caPEM: "CA", certificatePEM: "CERT", keyPEM: "KEY",
                makeCurrent: true)
        }
        let config: KubeConfig = try #require(try KubeConfig.load(path: path))
        #expect(config.currentContext == "apus")
        #expect(config.contextNames == ["work", "apus"])
        #expect(config.json.preferences.colors.isTrue)
        #expect(config.json.extensions[0].extension.a.asInt == 1)
        #expect(config.user("me").token.text == "secret")
        let access: ClusterAccess = try ClusterAccess(config, folder: "/")
        #expect(access.server == .tcp(host: "127.0.0.1", port: 6443))
        #expect(access.tls.certificatePEM == "CERT")
        #expect(access.namespace == "default")
        try KubeConfig.edit(path: path) { $0.removeContext("apus") }
        #expect(try KubeConfig.load(path: path)?.currentContext == "work")
    }

    @Test func contextComesDownToAccess() throws {
        var config: KubeConfig = KubeConfig(json: try YAML.parse(Self.other)[0])
        config.set("clusters", "work", ["server": "https://work.example:6443/base/", "tls-server-name": "inner"])
        let access: ClusterAccess = try ClusterAccess(config, folder: "/etc")
        #expect(access.server == .tcp(host: "work.example", port: 6443))
        #expect(access.pathPrefix == "/base")
        #expect(access.isTLS)
        #expect(access.tls.serverName == "inner")
        #expect(access.namespace == "team")
        #expect(access.token == "secret")
    }

    @Test(arguments: [
        ("https://[::1]:6443", "::1", 6443, true), ("http://a", "a", 80, false), ("a:8080", "a", 8080, false),
        ("https://a/b", "a", 443, true),
    ])
    func serverURLs(url: String, host: String, port: Int, isTLS: Bool) throws {
        let parsed = try ClusterAccess.parse(server: url)
        #expect(parsed.endpoint == .tcp(host: host, port: port))
        #expect(parsed.isTLS == isTLS)
    }

    @Test(arguments: ["", "https://", "https://a:99999", "ftp://a"])
    func badServerURLs(url: String) {
        #expect(throws: KubeConfigError.self) { try ClusterAccess.parse(server: url) }
    }
}
