// The proxy: takes a request where the routing table says and brings the answer back, both as they come.

package import KubeNet
import Synchronization

/// Shared by the listeners; its table is replaced while it runs. Requests that are open when their endpoint leaves the
/// table finish there.
package final class IngressProxy: Sendable {
    private struct State {
        var table: RoutingTable = RoutingTable()
        var balancer: Balancer = Balancer()
    }
    private let state: Mutex<State> = Mutex(State())
    private let plain: HTTPClient
    /// Towards endpoints with TLS, whose certificates are not verified (as ingress-nginx does): the addresses of pods
    /// are the cluster's own.
    private let secure: HTTPClient
    /// From the end of the request to the head of its answer (nginx's proxy_read_timeout).
    package static let answerTimeout: Duration = .seconds(60)
    /// Room for one lost packet: the address of a pod that has just gone may answer nothing at all.
    package static let connectTimeout: Duration = .seconds(2)

    package init() throws {
        plain = try HTTPClient(tls: nil, connectTimeout: Self.connectTimeout, repeatsLost: false)
        secure = try HTTPClient(
            tls: TLSClientOptions(insecureSkipVerify: true), connectTimeout: Self.connectTimeout, repeatsLost: false)
    }

    /// Idle connections to endpoints that are gone are closed.
    package func replace(_ table: RoutingTable) {
        state.withLock { $0.table = table }
        let known: Set<Endpoint> = Set(table.endpoints.values.joined())
        plain.keepOnly(known)
        secure.keepOnly(known)
    }

    package func shutdown() async {
        await plain.shutdown()
        await secure.shutdown()
    }

    fileprivate var table: RoutingTable { state.withLock { $0.table } }

    fileprivate func client(_ isSecure: Bool) -> HTTPClient { isSecure ? secure : plain }

    fileprivate func pick(_ endpoints: [Endpoint], _ tried: Set<Endpoint>) -> Lease? {
        state.withLock { $0.balancer.pick(endpoints, avoiding: tried) }.map { Lease($0, self) }
    }

    fileprivate func release(_ endpoint: Endpoint) { state.withLock { $0.balancer.release(endpoint) } }
}

/// A request's place at an endpoint; given back when nobody holds it any longer.
private final class Lease: Sendable {
    let endpoint: Endpoint
    private let proxy: IngressProxy
    init(_ endpoint: Endpoint, _ proxy: IngressProxy) {
        self.endpoint = endpoint
        self.proxy = proxy
    }
    deinit { proxy.release(endpoint) }
}

/// One listener's side of the proxy.
package struct IngressResponder: HTTPResponder {
    package let proxy: IngressProxy
    /// `http` or `https`, and the port that clients came to.
    package let scheme: String
    package let port: Int
    /// Bodies up to this many bytes are sent in one piece with their head.
    static let wholeBytesMax: Int = 16 << 10
    /// Connections lost by one request before an endpoint counts as tried.
    static let lossesMax: Int = 3

    package init(proxy: IngressProxy, scheme: String, port: Int) {
        self.proxy = proxy
        self.scheme = scheme
        self.port = port
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        let host: String = request.headers["Host"] ?? ""
        let upgrades: Bool = ForwardedHeaders.asksUpgrade(request)
        var onward: HTTPRequest = HTTPRequest(
            method: request.method, path: request.path, rawQuery: request.rawQuery,
            headers: ForwardedHeaders.onward(request, scheme: scheme, port: port, upgrades: upgrades),
            body: request.body)
        onward.stream = request.stream
        var tried: Set<Endpoint> = []
        var failure: NetError?
        var losses: Int = 0
        // The table is looked at for each try: an endpoint may have just left it.
        while true {
            let endpoints: [Endpoint]
            let client: HTTPClient
            let table: RoutingTable = proxy.table
            switch table.route(host: host, path: request.path) {
            case .noRule: return respond(toFailure: 404, message: "")
            case .unavailable: return respond(toFailure: 503, message: "")
            case .backend(let key, let known):
                endpoints = known
                client = proxy.client(table.secure.contains(key))
            }
            guard let lease = proxy.pick(endpoints, tried) else { break }
            do {
                return try await upgrades ? upgrade(onward, lease, client) : forward(onward, lease, client)
            } catch let error as NetError {
                failure = error
                // A kept connection may just have been closed: the endpoint, if it is still one, gets new chances.
                losses += 1
                if error.kind != .closed || losses > Self.lossesMax { tried.insert(lease.endpoint) }
                if !Self.mayRepeat(onward, after: error, upgrades: upgrades) { break }
            } catch { break }
        }
        return respond(toFailure: failure?.kind == .timeout ? 504 : 502, message: "")
    }

    /// Another endpoint may be asked when the first did not get the request, or when asking twice does no harm.
    static func mayRepeat(_ request: HTTPRequest, after error: NetError, upgrades: Bool) -> Bool {
        if error.message.hasPrefix("dial ") { return true }
        guard error.kind == .closed, !upgrades, request.stream == nil else { return false }
        return ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"].contains(request.method)
    }

    private func forward(
        _ request: HTTPRequest, _ lease: Lease, _ client: HTTPClient
    ) async throws -> HTTPResponse {
        let answer: HTTPClientResponse = try await client.send(
            request, to: lease.endpoint, timeout: IngressProxy.answerTimeout)
        return try await response(answer, request, lease)
    }

    private func upgrade(
        _ request: HTTPRequest, _ lease: Lease, _ client: HTTPClient
    ) async throws -> HTTPResponse {
        let (answer, stream) = try await client.upgrade(
            request, to: lease.endpoint, timeout: IngressProxy.answerTimeout)
        guard let stream else { return try await response(answer, request, lease) }
        var headers: Headers = ForwardedHeaders.endToEnd(answer.headers)
        headers["Upgrade"] = answer.headers["Upgrade"]
        return HTTPResponse(
            status: 101, headers: headers,
            body: .upgrade { client in
                await splice(client, stream)
                withExtendedLifetime(lease) {}
            })
    }

    private func response(
        _ answer: HTTPClientResponse, _ request: HTTPRequest, _ lease: Lease
    ) async throws -> HTTPResponse {
        var response: HTTPResponse = HTTPResponse(
            status: answer.status, headers: ForwardedHeaders.endToEnd(answer.headers))
        let length: Int? = answer.headers["Content-Length"].flatMap { Int($0) }
        if request.method == "HEAD" || answer.status == 204 || answer.status == 304
            || length.map({ $0 <= Self.wholeBytesMax }) == true
        {
            response.body = .bytes(try await answer.body.collect(maxBytes: Self.wholeBytesMax))
            withExtendedLifetime(lease) {}
            return response
        }
        response.body = .stream { writer in
            for try await chunk in answer.body { try await writer.write(chunk) }
            withExtendedLifetime(lease) {}
        }
        return response
    }

    private static let titles: [Int: String] = [
        400: "Bad Request", 404: "Not Found", 408: "Request Time-out", 431: "Request Header Fields Too Large",
        502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out",
    ]

    /// A page of our own.
    package func respond(toFailure status: Int, message: String) -> HTTPResponse {
        let title: String = "\(status) \(Self.titles[status] ?? "Error")"
        let page: String = """
            <html>
            <head><title>\(title)</title></head>
            <body>
            <center><h1>\(title)</h1></center>
            <hr><center>apus</center>
            </body>
            </html>

            """
        return HTTPResponse(status: status, contentType: "text/html", Array(page.utf8))
    }
}
