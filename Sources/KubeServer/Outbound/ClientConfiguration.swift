// Whom the server calls: admissionregistration's and apiextensions' WebhookClientConfig, and clusters of kubeconfig files.

package import KubeWire

/// A URL, or a service of this cluster; with what is needed to trust it and to be trusted.
package struct ClientConfiguration: Sendable, Hashable {
    package struct Service: Sendable, Hashable {
        package var namespace: String
        package var name: String
        package var port: Int
        /// Empty or with its slash.
        package var path: String
        package init(namespace: String, name: String, port: Int = 443, path: String = "") {
            self.namespace = namespace
            self.name = name
            self.port = port
            self.path = path.isEmpty || path.hasPrefix("/") ? path : "/" + path
        }
    }
    package enum Target: Sendable, Hashable {
        case url(OutboundURL)
        case service(Service)
    }

    package var target: Target
    /// nil: the machine's own list of authorities.
    package var authorityPEM: String?
    package var certificatePEM: String?
    package var keyPEM: String?
    package var bearerToken: String = ""
    package var serverName: String?
    package var skipsVerification: Bool = false

    package init(_ target: Target, authorityPEM: String? = nil) {
        self.target = target
        self.authorityPEM = authorityPEM
    }

    /// `{url | service, caBundle}`; nil when it names nobody that can be called.
    package init?(webhook json: JSON) {
        if json.service.exists {
            target = .service(
                Service(
                    namespace: json.service.namespace.text, name: json.service.name.text,
                    port: json.service["port"].asInt ?? 443, path: json.service["path"].text))
        } else if let url = OutboundURL(json.url.text) {
            target = .url(url)
        } else {
            return nil
        }
        if let bytes = Base64.decode(json.caBundle.text), !bytes.isEmpty {
            authorityPEM = String(decoding: bytes, as: UTF8.self)
        }
    }

    /// As messages show it: `https://name.namespace.svc:443/path`.
    package var url: String {
        switch target {
        case .url(let url): url.description
        case .service(let s): "https://\(s.name).\(s.namespace).svc:\(s.port)\(s.path)"
        }
    }
}
