// Requests to the API server as the command line sends them.

import KubeBase
import KubeClient
package import KubeModel
package import KubeNet
package import KubeWire

/// One server and one identity.
package final class Connection: Sendable {
    package let settings: ConnectionSettings
    private let transport: HTTPTransport
    private let console: Console

    package init(settings: ConnectionSettings, console: Console) throws {
        self.settings = settings
        self.console = console
        transport = try settings.access.transport(timeout: settings.timeout)
    }

    private var hostName: String {
        switch settings.access.server {
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix(let path): path
        }
    }

    /// `https://127.0.0.1:6443`
    package var serverURL: String {
        (settings.access.isTLS ? "https://" : "http://") + hostName + settings.access.pathPrefix
    }

    package func close() async { await transport.http.shutdown() }

    /// A request with the connection's identity.
    package func request(
        _ method: String, _ path: String, query: [(String, String)] = [], body: [UInt8] = [], contentType: String = "",
        accept: String = "application/json"
    ) -> HTTPRequest {
        var headers: Headers = ["Accept": accept]
        if !contentType.isEmpty { headers["Content-Type"] = contentType }
        if !settings.impersonateUser.isEmpty { headers["Impersonate-User"] = settings.impersonateUser }
        for group in settings.impersonateGroups { headers.add("Impersonate-Group", group) }
        let encoded: String = query.map {
            PercentEncoding.encode($0.0, keeping: "") + "=" + PercentEncoding.encode($0.1, keeping: "")
        }.joined(separator: "&")
        return HTTPRequest(
            method: method, path: PercentEncoding.path(path), rawQuery: encoded, headers: headers, body: body)
    }

    /// The response, whatever its status; connection failures in kubectl's words.
    package func send(_ request: HTTPRequest) async throws -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            response = try await transport.send(request)
        } catch {
            try Task.checkCancellation()
            throw unreachable(error)
        }
        for warning in response.headers.all("Warning") { console.note("Warning: " + Self.warningText(warning)) }
        return response
    }

    /// A streaming subresource, opened by `open` with the GET of it, credentials filled in; a refusal becomes its Status.
    package func stream<T: Sendable>(
        _ path: String, query: [(String, String)] = [],
        _ open: (HTTPClient, HTTPRequest, Endpoint) async throws -> T
    ) async throws -> T {
        do {
            return try await open(transport.http, transport.authorized(request("GET", path, query: query, accept: "*/*")), transport.server)
        } catch let refusal as RemoteRefusal {
            guard refusal.body.kind.text == "Status" else { throw UsageError("\(refusal)") }
            throw StatusError(status: refusal.body, code: refusal.status)
        } catch let error as NetError where error.kind == .refused || error.kind == .tls {
            throw unreachable(error)
        }
    }

    private func unreachable(_ error: any Error) -> StatusError {
        let text: String = "\(error)"
        let isRefused: Bool = text.lowercased().contains("refused")
        return StatusError(
            code: 0, reason: "ServerUnreachable",
            message: isRefused
                ? "The connection to the server \(hostName) was refused - did you specify the right host or port?"
                : "Unable to connect to the server: \(text)")
    }

    /// `299 - "text"` → text
    private static func warningText(_ header: String) -> String {
        guard let start = header.firstIndex(of: "\""), let end = header.lastIndex(of: "\""), start < end else {
            return header
        }
        return String(header[header.index(after: start)..<end]).replacing("\\\"", with: "\"")
    }

    /// The body as bytes; a status of 400 and more becomes a `StatusError`.
    package func bytes(_ request: HTTPRequest) async throws -> [UInt8] {
        let response: HTTPClientResponse = try await send(request)
        let body: [UInt8] = try await response.body.collect(maxBytes: 1 << 30)
        if response.status >= 400 { throw HTTPTransport.error(response, body) }
        return body
    }

    /// The error of a response of status 400 and more.
    package func failure(_ response: HTTPClientResponse, _ body: [UInt8]) -> StatusError {
        HTTPTransport.error(response, body)
    }

    /// The body as JSON.
    package func json(_ request: HTTPRequest) async throws -> JSON {
        let body: [UInt8] = try await bytes(request)
        return body.isEmpty ? .null : try JSON.parse(body)
    }

    package func get(
        _ path: String, query: [(String, String)] = [], accept: String = "application/json"
    ) async throws -> JSON { try await json(request("GET", path, query: query, accept: accept)) }

    package func send(
        _ method: String, _ path: String, query: [(String, String)] = [], _ body: JSON,
        contentType: String = "application/json"
    ) async throws -> JSON {
        try await json(
            request(method, path, query: query, body: body.isNull ? [] : body.encoded(), contentType: contentType))
    }

    /// The JSON documents of a stream, one a line (watch events).
    package func watch(
        _ path: String, query: [(String, String)], accept: String = "application/json",
        _ onEvent: (JSON) async throws -> Bool
    ) async throws {
        let response: HTTPClientResponse = try await send(request("GET", path, query: query, accept: accept))
        if response.status >= 400 {
            throw HTTPTransport.error(response, try await response.body.collect(maxBytes: 1 << 20))
        }
        var pending: [UInt8] = []
        for try await chunk in response.body {
            pending += chunk
            while let end = pending.firstIndex(of: 10) {
                let line: [UInt8] = Array(pending[..<end])
                pending.removeSubrange(...end)
                if !line.isEmpty, !(try await onEvent(try JSON.parse(line))) { return }
            }
        }
    }
}
