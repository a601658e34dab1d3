// Servers named by a kubeconfig file: what token, access and audit webhooks are configured with.

import KubeWire

extension ClientConfiguration {
    package struct KubeconfigFault: Error, CustomStringConvertible {
        package let description: String
    }

    /// The current context of a kubeconfig; `read` reads files that it names.
    package init(kubeconfig text: String, read: (String) throws -> [UInt8]) throws {
        let config: JSON = try YAML.parse(text).first ?? .null
        func entry(_ list: String, _ member: String, _ name: String) -> JSON {
            let all: [JSON] = config[list].elements
            return (all.first { $0.name.text == name } ?? all.first ?? .null)[member]
        }
        let context: JSON = entry("contexts", "context", config["current-context"].text)
        let cluster: JSON = entry("clusters", "cluster", context.cluster.text)
        let user: JSON = entry("users", "user", context.user.text)
        guard let url = OutboundURL(cluster.server.text) else {
            throw KubeconfigFault(description: "invalid server \(JSON(cluster.server.text))")
        }
        func pem(_ object: JSON, _ field: String) throws -> String? {
            if let data = object[field + "-data"].asString, let bytes = Base64.decode(data) {
                return String(decoding: bytes, as: UTF8.self)
            }
            return try object[field].asString.map { String(decoding: try read($0), as: UTF8.self) }
        }
        self.init(.url(url), authorityPEM: try pem(cluster, "certificate-authority"))
        certificatePEM = try pem(user, "client-certificate")
        keyPEM = try pem(user, "client-key")
        serverName = cluster["tls-server-name"].asString
        skipsVerification = cluster["insecure-skip-tls-verify"].isTrue
        bearerToken = user.token.text
        if bearerToken.isEmpty, let file = user.tokenFile.asString {
            bearerToken = String(decoding: try read(file), as: UTF8.self).filter { !$0.isWhitespace }
        }
    }
}
