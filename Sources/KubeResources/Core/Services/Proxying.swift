// `pods/proxy`, `services/proxy` and `nodes/proxy`: any HTTP request to an endpoint, through the API server.

import KubeAPI
import KubeModel
import KubeNet
import KubeServer
import KubeWire

enum EndpointProxy {
    /// Of one hop only (RFC 9110 section 7.6.1).
    private static let hops: [String] = [
        "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade",
    ]

    /// What stands behind `…/proxy` in the path, exactly: `/`, `//x`, `/a/` or nothing.
    static func rest(of path: String) -> String {
        let segments: Int = path.hasPrefix("/api/v1/namespaces/") ? 7 : 5
        var seen: Int = 0
        var isInside: Bool = false
        for i in path.utf8.indices {
            if path.utf8[i] == UInt8(ascii: "/") {
                if isInside, seen == segments { return String(path[i...]) }
                isInside = false
            } else if !isInside {
                isInside = true
                seen += 1
            }
        }
        return ""
    }

    /// A request without any path is sent back to itself with a slash, so that relative links work; else nil.
    static func redirect(_ request: HTTPRequest) -> HTTPResponse? {
        guard rest(of: request.path).isEmpty, ["GET", "HEAD"].contains(request.method),
            request.headers["Upgrade"] == nil
        else { return nil }
        let query: String = request.rawQuery.isEmpty ? "" : "?" + request.rawQuery
        return HTTPResponse(status: 301, headers: ["Location": request.path + "/" + query])
    }

    /// The request as it goes on.
    static func onward(_ request: HTTPRequest, upgrades: Bool) -> HTTPRequest {
        var out: HTTPRequest = request
        out.path = rest(of: request.path)
        if out.path.isEmpty { out.path = "/" }
        out.headers["Authorization"] = nil
        // Pages come plain, so that their links can be rewritten.
        out.headers["Accept-Encoding"] = nil
        if out.stream == nil { out.headers["Content-Length"] = nil }
        out.headers.pairs.removeAll { $0.name.lowercased().hasPrefix("impersonate-") }
        if !upgrades { for hop in hops { out.headers[hop] = nil } }
        out.headers["X-Forwarded-Uri"] = request.path
        let client: String = clientAddress(request.remoteAddress)
        if !client.isEmpty {
            out.headers["X-Forwarded-For"] = (request.headers.all("X-Forwarded-For") + [client]).joined(separator: ", ")
        }
        out.peer = nil
        return out
    }

    private static func clientAddress(_ remote: String) -> String {
        guard let colon = remote.lastIndex(of: ":") else { return remote }
        let host: Substring = remote[..<colon]
        return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host)
    }

    static func forward(_ call: SubresourceCall, to target: ProxyTarget) async throws(StatusError) -> SubresourceAnswer
    {
        guard let request = call.http else { throw .badRequest("this request needs an HTTP connection") }
        if let answer = redirect(request) { return .http(answer) }
        let endpoint: Endpoint = .tcp(host: target.host, port: target.port)
        let upgrades: Bool = request.headers["Upgrade"] != nil
        let onward: HTTPRequest = onward(request, upgrades: upgrades)
        do {
            let client: HTTPClient = try HTTPClient(
                tls: target.isTLS ? TLSClientOptions(insecureSkipVerify: true) : nil)
            guard upgrades else {
                let answer: HTTPClientResponse = try await client.send(onward, to: endpoint)
                return .http(
                    relayed(answer, links(request, hostPort(target.host, target.port))) { await client.shutdown() })
            }
            let (answer, stream): (HTTPClientResponse, (any ByteStream)?) = try await client.upgrade(
                onward, to: endpoint)
            guard let stream else { return .http(relayed(answer, nil) { await client.shutdown() }) }
            return .http(
                HTTPResponse(
                    status: 101, headers: answer.headers,
                    body: .upgrade { near in
                        await splice(near, stream)
                        await client.shutdown()
                    }))
        } catch {
            throw .serviceUnavailable("error trying to reach service: \(error)")
        }
    }

    static func links(_ request: HTTPRequest, _ authority: String) -> ProxiedLinks {
        let rest: String = rest(of: request.path)
        return ProxiedLinks(
            prefix: String(request.path.dropLast(rest.count)), serverAuthority: authority,
            requestAuthority: request.headers["Host"] ?? "")
    }

    /// The answer as it comes; redirects and pages lead back through the proxy.
    static func relayed(
        _ answer: HTTPClientResponse, _ links: ProxiedLinks?, whenDone: @escaping @Sendable () async -> Void
    ) -> HTTPResponse {
        var headers: Headers = answer.headers
        // The server dates its answers itself.
        for hop in hops + ["Content-Length", "Date"] { headers[hop] = nil }
        var rewriter: HTMLRewriter?
        if let links {
            if let location = headers["Location"] {
                headers["Location"] = links.rewritten(location)
            } else if isPage(headers) {
                rewriter = HTMLRewriter(links)
            }
        }
        if rewriter == nil, let length = answer.headers["Content-Length"] { headers["Content-Length"] = length }
        let first: HTMLRewriter? = rewriter
        return HTTPResponse(
            status: answer.status, headers: headers,
            body: .stream { writer in
                var page: HTMLRewriter? = first
                do {
                    for try await chunk in answer.body { try await writer.write(page?.feed(chunk) ?? chunk) }
                    if let left = page?.end() { try await writer.write(left) }
                    await whenDone()
                } catch {
                    answer.body.cancel()
                    await whenDone()
                    throw error
                }
            })
    }

    private static func isPage(_ headers: Headers) -> Bool {
        let type: Substring = (headers["Content-Type"] ?? "").split(separator: ";").first ?? ""
        return type.lowercased().filter { $0 != " " } == "text/html" && headers["Content-Encoding"] == nil
    }
}

struct PodProxy: SubresourceHandler {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        guard let name = ProxyName(call.context.name) else {
            throw .badRequest("invalid pod request \"\(call.context.name)\"")
        }
        guard let pod = call.registry.get(API.pods, namespace: call.context.namespace, name: name.name) else {
            throw .notFound(API.pods.groupResource, name.name)
        }
        return try await EndpointProxy.forward(call, to: try ProxyTarget.pod(pod, name))
    }
}

struct ServiceProxy: SubresourceHandler {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let asked: String = call.context.name
        guard let name = ProxyName(asked) else { throw .badRequest("invalid service request \"\(asked)\"") }
        let namespace: String = call.context.namespace
        guard let service = call.registry.get(API.services, namespace: namespace, name: name.name) else {
            throw .notFound(API.services.groupResource, name.name)
        }
        let slices: [JSON] = call.registry.list(API.endpointSlices, namespace: namespace).filter {
            $0.metadata.labels["kubernetes.io/service-name"].text == name.name
        }
        let all: [ProxyTarget] = try ProxyTarget.service(service, slices, name, asked: asked)
        return try await EndpointProxy.forward(call, to: all[Int.random(in: 0..<all.count)])
    }
}

/// `nodes/NAME/proxy/…`: the agent's own pages by the server's certificate; another port is anybody's.
struct NodeProxy: SubresourceHandler {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        guard let name = ProxyName(call.context.name) else {
            throw .badRequest("invalid node request \"\(call.context.name)\"")
        }
        guard let node = call.registry.get(API.nodes, namespace: "", name: name.name) else {
            throw .notFound(API.nodes.groupResource, name.name)
        }
        let agentPort: Int = node.status.daemonEndpoints.kubeletEndpoint["Port"].asInt ?? 10250
        if !name.port.isEmpty, name.port != String(agentPort) {
            let address: String? = node.status.addresses.elements.first { $0.type.text == "InternalIP" }?.address
                .asString
            guard let address, let port = Int(name.port), (1...65535).contains(port) else {
                throw .badRequest("address not allowed")
            }
            return try await EndpointProxy.forward(
                call, to: ProxyTarget(isTLS: name.scheme == "https", host: address, port: port))
        }
        guard let request = call.http else { throw .badRequest("this request needs an HTTP connection") }
        if let answer = EndpointProxy.redirect(request) { return .http(answer) }
        guard let agents = call.registry.nodeAgents else {
            throw .serviceUnavailable("no connection to node agents is configured")
        }
        let upgrades: Bool = request.headers["Upgrade"] != nil
        var answer: HTTPResponse = try await agents.forward(
            EndpointProxy.onward(request, upgrades: upgrades), node: node)
        if let location = answer.headers["Location"] {
            answer.headers["Location"] = EndpointProxy.links(request, "").rewritten(location)
        }
        return .http(answer)
    }
}
