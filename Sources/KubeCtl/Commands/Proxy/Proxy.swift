// `proxy`: the API server on a local port, with this command's credentials added to every request.

import KubeBase
import KubeModel
import KubeNet
import KubeWire
import Logging

enum Proxy {
    static let command: Command = {
        var c: Command = Command("proxy", "Run a proxy to the Kubernetes API server")
        c.usage = "[--port=PORT] [--api-prefix=prefix]"
        c.examples = "      apus proxy --port=8080\n      curl http://localhost:8080/api/v1/pods"
        c.flags = [
            Flag("port", short: "p", .string, preset: "8001", "The port on which to run the proxy. Set to 0 to pick a random port."),
            Flag("address", .string, preset: "127.0.0.1", "The IP address on which to serve on."),
            Flag("unix-socket", short: "u", .string, "Unix socket on which to run the proxy."),
            Flag("api-prefix", .string, preset: "/", "Prefix to serve the proxied API under."),
            Flag("accept-hosts", .string, preset: "localhost,127.0.0.1,[::1]", "Names that requests may give as their host."),
            Flag("reject-methods", .list(commas: true), "Methods that the proxy should reject (example: POST,PUT,PATCH)."),
            Flag("disable-filter", .bool, "If true, disable request filtering. This is dangerous, use only in trusted networks."),
        ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        guard let port = try i.flags.int("port"), (0...65535).contains(port) else {
            throw UsageError("invalid port \(i.flags.string("port"))")
        }
        var prefix: String = i.flags.string("api-prefix")
        while prefix.hasSuffix("/") { prefix.removeLast() }
        let responder: ProxyResponder = ProxyResponder(
            connection: try i.session.connection(), prefix: prefix,
            hosts: i.flags.bool("disable-filter") ? nil : Set(i.flags.string("accept-hosts").split(separator: ",").map { String($0) }),
            rejected: Set(i.flags.list("reject-methods").map { $0.uppercased() }))
        var log: Logger = Logger(label: "proxy") { _ in SwiftLogNoOpLogHandler() }
        log.logLevel = .critical
        let server: HTTPServer = try HTTPServer(responder: responder, tls: nil, log: log)
        if i.flags.has("unix-socket") {
            try await server.listen(unixPath: i.flags.string("unix-socket"))
            i.console.line("Starting to serve on \(i.flags.string("unix-socket"))")
        } else {
            let address: String = i.flags.string("address")
            i.console.line("Starting to serve on \(address):\(try await server.listen(host: address, port: port))")
        }
        // Serves until the process is told to stop.
        let (forever, end): (AsyncStream<Void>, AsyncStream<Void>.Continuation) = AsyncStream<Void>.makeStream()
        for await _ in forever {}
        end.finish()
        await server.shutdown(graceSeconds: 0)
    }
}

/// Passes requests on. Foreign Host headers are refused, so that no web page can reach the cluster through the proxy,
/// and so are exec and attach, as kubectl does.
private struct ProxyResponder: HTTPResponder {
    let connection: Connection
    let prefix: String
    /// nil: anybody may ask.
    let hosts: Set<String>?
    let rejected: Set<String>

    /// Headers that belong to one connection only (RFC 9110, 7.6.1), and those that we set ourselves.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length",
        "authorization",
    ]

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        guard isAllowed(request) else { return HTTPResponse(status: 403, contentType: "text/plain; charset=utf-8", Array("Forbidden\n".utf8)) }
        guard prefix.isEmpty || request.path.hasPrefix(prefix + "/") else {
            return HTTPResponse(status: 404, contentType: "text/plain; charset=utf-8", Array("404 page not found\n".utf8))
        }
        var passed: HTTPRequest = request
        passed.path = String(request.path.dropFirst(prefix.count))
        passed.headers.pairs = request.headers.pairs.filter { !Self.hopByHop.contains($0.name.lowercased()) }
        do {
            let answer: HTTPClientResponse = try await connection.send(passed)
            var headers: Headers = Headers()
            headers.pairs = answer.headers.pairs.filter { !Self.hopByHop.contains($0.name.lowercased()) }
            let body: HTTPBody = answer.body
            return HTTPResponse(
                status: answer.status, headers: headers,
                body: .stream { writer in for try await chunk in body { try await writer.write(chunk) } })
        } catch {
            return HTTPResponse(status: 502, contentType: "text/plain; charset=utf-8", Array("\(error)\n".utf8))
        }
    }

    private func isAllowed(_ request: HTTPRequest) -> Bool {
        guard let hosts else { return true }
        if rejected.contains(request.method) { return false }
        let words: [Substring] = request.path.split(separator: "/")
        if words.contains("pods"), let last = words.last, last == "exec" || last == "attach" { return false }
        var host: Substring = (request.headers["Host"] ?? "")[...]
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") { host = host[..<colon] }
        return hosts.contains(String(host))
    }
}
