// The webhook backend: batches as audit.k8s.io/v1 EventList, POSTed to the server of a kubeconfig file.

import KubeModel
import KubeNet
import KubeWire

package final class AuditWebhook: AuditBackend {
    /// Upstream's `--audit-webhook-initial-backoff`, doubled a few times; a batch that still fails is lost and counted.
    private static let pauses: [Duration] = [.zero, .seconds(10), .seconds(15), .seconds(22), .seconds(34)]
    /// Of one POST.
    private static let timeout: Duration = .seconds(30)

    package let name: String = "webhook"
    private let client: HTTPClient
    private let endpoint: Endpoint
    private let request: HTTPRequest

    /// `read` reads files that the kubeconfig names.
    package init(kubeconfig: String, read: (String) throws -> [UInt8]) throws {
        let config: JSON = try YAML.parse(kubeconfig).first ?? .null
        let context: JSON =
            config.contexts.elements.first { $0.name == config["current-context"] }?.context
            ?? config.contexts.elements.first?.context ?? .null
        let cluster: JSON =
            config.clusters.elements.first { $0.name == context.cluster }?.cluster
            ?? config.clusters.elements.first?.cluster ?? .null
        let user: JSON =
            config.users.elements.first { $0.name == context.user }?.user ?? config.users.elements.first?.user ?? .null
        guard let url = OutboundURL(cluster.server.text) else {
            throw AuditPolicyError(description: "invalid server \"\(cluster.server.text)\"")
        }
        func text(_ object: JSON, _ field: String) throws -> String? {
            if let data = object[field + "-data"].asString, let bytes = Base64.decode(data) {
                return String(decoding: bytes, as: UTF8.self)
            }
            return try object[field].asString.map { String(decoding: try read($0), as: UTF8.self) }
        }
        let tls: TLSClientOptions = TLSClientOptions(
            caPEM: try text(cluster, "certificate-authority"), certificatePEM: try text(user, "client-certificate"),
            keyPEM: try text(user, "client-key"), serverName: cluster["tls-server-name"].asString,
            insecureSkipVerify: cluster["insecure-skip-tls-verify"].isTrue)
        client = try HTTPClient(tls: url.isTLS ? tls : nil)
        endpoint = .tcp(host: url.host, port: url.port)
        var request: HTTPRequest = HTTPRequest(
            method: "POST", path: url.path.isEmpty ? "/" : url.path, rawQuery: url.query,
            headers: ["Content-Type": "application/json", "User-Agent": "kube-apiserver"])
        if let token = user.token.asString { request.headers["Authorization"] = "Bearer \(token)" }
        self.request = request
    }

    package func write(_ events: [[UInt8]]) async throws {
        var body: [UInt8] = Array(
            "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},\"items\":[".utf8)
        for (i, event) in events.enumerated() {
            if i > 0 { body.append(UInt8(ascii: ",")) }
            body += event
        }
        body += Array("]}".utf8)
        var post: HTTPRequest = request
        post.body = body
        var failure: any Error = AuditPolicyError(description: "nothing was sent")
        for pause in AuditWebhook.pauses {
            if pause > .zero { try await Task.sleep(for: pause) }
            do {
                let answer: HTTPClientResponse = try await client.send(
                    post, to: endpoint, timeout: AuditWebhook.timeout)
                answer.body.cancel()
                if (200..<300).contains(answer.status) { return }
                failure = AuditPolicyError(description: "the server answered \(answer.status)")
                // What it will not take now it will not take later.
                if answer.status < 500, answer.status != 429 { break }
            } catch {
                failure = error
            }
        }
        throw failure
    }
}
