// The node API on port 10250: logs, exec, attach, port-forward, figures; for clients that the cluster's CA vouches for.

import KubeBase
import KubeNet
import KubeWire
import Logging

struct NodeServer: Sendable {
    let port: Int
    private let server: HTTPServer

    /// nil when the options name no certificate.
    static func start(_ node: NodeContext) async throws -> NodeServer? {
        guard let tls = node.options.tls else { return nil }
        let server: HTTPServer = try HTTPServer(responder: NodeAPI(node: node), tls: tls, log: node.log)
        let port: Int = try await server.listen(host: node.options.listenHost, port: node.options.port)
        return NodeServer(port: port, server: server)
    }

    private init(port: Int, server: HTTPServer) {
        self.port = port
        self.server = server
    }

    func replaceCertificate(_ tls: TLSServerOptions) throws { try server.replaceCertificate(tls) }
    func stop() async { await server.shutdown(graceSeconds: 1) }
}
