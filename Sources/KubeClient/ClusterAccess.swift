// How to reach one cluster as one user: what a context of a kubeconfig comes down to.

import KubeBase
package import KubeNet
import KubeWire

/// What the command line may say over the file: kubectl's global flags.
package struct AccessOverrides: Sendable {
    package var context: String = ""
    package var cluster: String = ""
    package var user: String = ""
    package var server: String = ""
    package var token: String = ""
    package var namespace: String = ""
    package var certificateAuthority: String = ""
    package var clientCertificate: String = ""
    package var clientKey: String = ""
    package var tlsServerName: String = ""
    package var insecureSkipTLSVerify: Bool = false
    package init() {}
}

package struct ClusterAccess: Sendable {
    package var contextName: String
    /// The context's namespace, or `default`.
    package var namespace: String
    package var server: Endpoint
    package var isTLS: Bool
    package var pathPrefix: String
    package var tls: TLSClientOptions
    package var token: String?
    /// Read again for every request.
    package var tokenFile: String?

    package func transport(timeout: Duration? = nil) throws -> HTTPTransport {
        let (fixed, file): (String?, String?) = (token, tokenFile)
        return try HTTPTransport(
            server: server, tls: isTLS ? tls : nil, pathPrefix: pathPrefix, timeout: timeout,
            token: {
                if let fixed { return fixed }
                guard let file, let bytes = try? LocalFile.read(file) else { return nil }
                return String(decoding: bytes, as: UTF8.self).trimmingSpace
            })
    }

    /// `folder` is where relative paths of the file start.
    package init(
        _ config: KubeConfig, folder: String, overrides: AccessOverrides = AccessOverrides()
    ) throws(KubeConfigError) {
        contextName = overrides.context.isEmpty ? config.currentContext : overrides.context
        let context: JSON = config.context(contextName)
        if !contextName.isEmpty, !context.exists {
            if !overrides.context.isEmpty || overrides.server.isEmpty {
                throw KubeConfigError(
                    overrides.context.isEmpty
                        ? "current-context \"\(contextName)\" does not exist"
                        : "context \"\(contextName)\" does not exist")
            }
        }
        namespace = overrides.namespace.isEmpty ? context.namespace.text : overrides.namespace
        if namespace.isEmpty { namespace = "default" }
        let clusterName: String = overrides.cluster.isEmpty ? context.cluster.text : overrides.cluster
        let cluster: JSON = config.cluster(clusterName)
        if !clusterName.isEmpty, !cluster.exists, overrides.server.isEmpty {
            throw KubeConfigError("cluster \"\(clusterName)\" does not exist")
        }
        let userName: String = overrides.user.isEmpty ? context.user.text : overrides.user
        let user: JSON = config.user(userName)
        if !userName.isEmpty, !user.exists { throw KubeConfigError("auth info \"\(userName)\" does not exist") }
        if user.exec.exists { throw KubeConfigError("user \"\(userName)\": exec credential plugins are not supported") }

        let url: String = overrides.server.isEmpty ? cluster.server.text : overrides.server
        guard !url.isEmpty else {
            throw KubeConfigError("no server found for cluster \"\(clusterName.isEmpty ? contextName : clusterName)\"")
        }
        (server, isTLS, pathPrefix) = try Self.parse(server: url)
        tls = TLSClientOptions()
        tls.caPEM = try Self.pem(cluster, "certificate-authority", folder, overrides.certificateAuthority)
        tls.certificatePEM = try Self.pem(user, "client-certificate", folder, overrides.clientCertificate)
        tls.keyPEM = try Self.pem(user, "client-key", folder, overrides.clientKey)
        tls.serverName =
            overrides.tlsServerName.isEmpty ? cluster["tls-server-name"].asString : overrides.tlsServerName
        tls.insecureSkipVerify = overrides.insecureSkipTLSVerify || cluster["insecure-skip-tls-verify"].isTrue
        token = overrides.token.isEmpty ? user.token.asString : overrides.token
        tokenFile = user.tokenFile.asString.map { Self.absolute($0, folder) }
    }

    /// From inside a pod: the service account's token and the API's service. nil when this is no pod.
    package static func inCluster(environment: [String: String]) throws(KubeConfigError) -> ClusterAccess? {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
            let port = environment["KUBERNETES_SERVICE_PORT"].flatMap({ Int($0) })
        else { return nil }
        let folder: String = "/var/run/secrets/kubernetes.io/serviceaccount"
        guard let ca = try LocalFile.read(folder + "/ca.crt") else { return nil }
        var config: KubeConfig = KubeConfig()
        let shown: String = host.contains(":") ? "[\(host)]" : host
        config.set(
            "clusters", "in-cluster",
            ["server": .string("https://\(shown):\(port)"), "certificate-authority-data": .string(Base64.encode(ca))])
        config.set("users", "in-cluster", ["tokenFile": .string(folder + "/token")])
        let namespace: [UInt8]? = try LocalFile.read(folder + "/namespace")
        config.set(
            "contexts", "in-cluster",
            [
                "cluster": "in-cluster", "user": "in-cluster",
                "namespace": .string(String(decoding: namespace ?? [], as: UTF8.self).trimmingSpace),
            ])
        config.currentContext = "in-cluster"
        return try ClusterAccess(config, folder: folder)
    }

    private static func absolute(_ path: String, _ folder: String) -> String {
        path.hasPrefix("/") ? path : folder + "/" + path
    }

    /// `<name>-data` (base64) wins over the file `<name>`, a flag over both.
    private static func pem(
        _ from: JSON, _ name: String, _ folder: String, _ flag: String
    ) throws(KubeConfigError) -> String? {
        if flag.isEmpty, let data = from[name + "-data"].asString {
            guard let bytes = Base64.decode(data) else { throw KubeConfigError("\(name)-data is not base64") }
            return String(decoding: bytes, as: UTF8.self)
        }
        let path: String = flag.isEmpty ? from[name].text : flag
        guard !path.isEmpty else { return nil }
        let file: String = flag.isEmpty ? absolute(path, folder) : path
        guard let bytes = try LocalFile.read(file) else {
            throw KubeConfigError("unable to read \(name) \(file): no such file or directory")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `https://127.0.0.1:6443/prefix`; a bare `host:port` is plain HTTP, as in kubectl.
    package static func parse(
        server url: String
    ) throws(KubeConfigError) -> (endpoint: Endpoint, isTLS: Bool, pathPrefix: String) {
        var rest: Substring = url[...]
        var isTLS: Bool = false
        if rest.hasPrefix("https://") {
            isTLS = true
            rest = rest.dropFirst(8)
        } else if rest.hasPrefix("http://") {
            rest = rest.dropFirst(7)
        } else if rest.contains("://") {
            throw KubeConfigError("server \"\(url)\": the scheme must be http or https")
        }
        let slash: Substring.Index = rest.firstIndex(of: "/") ?? rest.endIndex
        var prefix: String = String(rest[slash...])
        while prefix.hasSuffix("/") { prefix.removeLast() }
        var authority: Substring = rest[..<slash]
        var port: Int = isTLS ? 443 : 80
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]"),
            authority.hasPrefix("[") || authority[..<colon].firstIndex(of: ":") == nil
        {
            guard let given = Int(authority[authority.index(after: colon)...]), (1...65535).contains(given) else {
                throw KubeConfigError("server \"\(url)\": invalid port")
            }
            port = given
            authority = authority[..<colon]
        }
        var host: String = String(authority)
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { throw KubeConfigError("server \"\(url)\": no host") }
        return (.tcp(host: host, port: port), isTLS, prefix)
    }
}

extension String {
    package var trimmingSpace: String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
