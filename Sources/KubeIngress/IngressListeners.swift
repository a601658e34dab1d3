// Where the proxy listens: one port for HTTP, one for HTTPS with the certificates of the Ingresses.

import KubeBase
import KubeCrypto
package import KubeNet
import Logging
import Synchronization

/// What `apus` was told about Ingress.
package struct IngressSettings: Sendable {
    package var host: String
    /// Preferred; another free one is taken when something else has it. 0: any.
    package var httpPort: Int
    package var httpsPort: Int
    package init(host: String = "127.0.0.1", httpPort: Int = 8080, httpsPort: Int = 8443) {
        self.host = host
        self.httpPort = httpPort
        self.httpsPort = httpsPort
    }
}

/// The addresses in use.
package struct IngressAddress: Sendable, Equatable {
    package var host: String
    package var httpPort: Int
    package var httpsPort: Int
    package init(host: String, httpPort: Int, httpsPort: Int) {
        self.host = host
        self.httpPort = httpPort
        self.httpsPort = httpsPort
    }
}

package final class IngressListeners: Sendable {
    package let proxy: IngressProxy
    private let names: ServerNames = ServerNames()
    private let http: HTTPServer
    private let https: HTTPServer
    private let responders: (http: LatePort, https: LatePort)
    private let log: Logger = .component("ingress")

    package init() throws {
        proxy = try IngressProxy()
        responders = (LatePort(proxy, "http"), LatePort(proxy, "https"))
        let authority: CertificateAuthority = try CertificateAuthority.create(
            commonName: "Kubernetes Ingress Controller Fake Certificate", validity: .seconds(365 * 86400))
        let own = try authority.issue(
            CertificateRequest(
                commonName: "Kubernetes Ingress Controller Fake Certificate", dnsNames: ["ingress.local"],
                isServer: true, isClient: false, validity: .seconds(365 * 86400)))
        var tls: TLSServerOptions = TLSServerOptions(
            certificatePEM: own.certificatePEM, keyPEM: own.keyPEM, clientCAPEM: nil)
        tls.names = names
        http = try HTTPServer(responder: responders.http, tls: nil, streamsBodies: { _ in true }, log: .component("ingress.http"))
        https = try HTTPServer(
            responder: responders.https, tls: tls, streamsBodies: { _ in true }, log: .component("ingress.https"))
    }

    package func listen(_ settings: IngressSettings) async throws -> IngressAddress {
        let plain: Int = try await listen(http, settings.host, settings.httpPort)
        responders.http.port.store(plain, ordering: .relaxed)
        let secure: Int = try await listen(https, settings.host, settings.httpsPort)
        responders.https.port.store(secure, ordering: .relaxed)
        return IngressAddress(host: settings.host, httpPort: plain, httpsPort: secure)
    }

    private func listen(_ server: HTTPServer, _ host: String, _ port: Int) async throws -> Int {
        do { return try await server.listen(host: host, port: port) } catch let error as NetError
        {
            guard error.kind == .addressInUse, port != 0 else { throw error }
            log.notice("\(error); taking another port")
            return try await server.listen(host: host, port: 0)
        }
    }

    /// By host in lower case; a wildcard's key begins with `*.`, the empty one is for all others.
    package func replace(certificates: [String: TLSKeyPair]) {
        names.replace { name in
            if let exact = certificates[name], !name.isEmpty { return exact }
            if let dot = name.firstIndex(of: "."), let wild = certificates["*" + name[dot...]] { return wild }
            return certificates[""]
        }
    }

    package func shutdown() async {
        await http.shutdown(graceSeconds: 1)
        await https.shutdown(graceSeconds: 1)
        await proxy.shutdown()
    }
}

/// Knows its port only when it listens.
private final class LatePort: HTTPResponder {
    let port: Atomic<Int> = Atomic(0)
    private let proxy: IngressProxy
    private let scheme: String
    init(_ proxy: IngressProxy, _ scheme: String) {
        self.proxy = proxy
        self.scheme = scheme
    }
    private var responder: IngressResponder {
        IngressResponder(proxy: proxy, scheme: scheme, port: port.load(ordering: .relaxed))
    }
    func respond(to request: HTTPRequest) async -> HTTPResponse { await responder.respond(to: request) }
    func respond(toFailure status: Int, message: String) -> HTTPResponse {
        responder.respond(toFailure: status, message: message)
    }
}
