// The API over HTTP: one request per call, watches as lines of a chunked body.

import KubeBase
package import KubeModel
package import KubeNet
package import KubeWire
import Synchronization

/// One server as one user. Responses with Retry-After (429, and 5xx that say so) are tried again, as client-go does.
package final class HTTPTransport: APITransport {
    package static let retriesMax: Int = 10
    /// A list of everything in a large cluster fits; an endless body doesn't.
    package static let bodyBytesMax: Int = 1 << 30

    /// For upgrades (exec, port-forward) and raw paths; requests made by hand go through `authorized`.
    package var http: HTTPClient { client.withLock { $0 } }
    private let client: Mutex<HTTPClient>
    package let server: Endpoint
    /// What the server's URL has after the host, without a trailing slash.
    package let pathPrefix: String
    private let hostHeader: String
    private let scheme: String
    private let token: @Sendable () -> String?
    private let timeout: Duration?

    /// `token` is asked for with every request, since service-account tokens are renewed on disk.
    package init(
        server: Endpoint, tls: TLSClientOptions?, pathPrefix: String = "", timeout: Duration? = nil,
        token: @escaping @Sendable () -> String? = { nil }
    ) throws {
        client = Mutex(try HTTPClient(tls: tls))
        self.server = server
        self.pathPrefix = pathPrefix
        self.timeout = timeout
        self.token = token
        scheme = tls == nil ? "http" : "https"
        switch server {
        case .tcp(let host, let port): hostHeader = (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
        case .unix: hostHeader = "localhost"
        }
    }

    /// A renewed client certificate: later requests use it, those under way keep their connections.
    package func replaceTLS(_ tls: TLSClientOptions) throws {
        let new: HTTPClient = try HTTPClient(tls: tls)
        client.withLock { $0 = new }
    }

    /// The request with host, user agent, path prefix and credentials filled in.
    package func authorized(_ request: HTTPRequest) -> HTTPRequest {
        var r: HTTPRequest = request
        r.path = pathPrefix + r.path
        r.headers["Host"] = hostHeader
        if r.headers["User-Agent"] == nil { r.headers["User-Agent"] = "apus/v1.36" }
        if r.headers["Authorization"] == nil, let token = token() { r.headers["Authorization"] = "Bearer \(token)" }
        return r
    }

    /// Any request; answers status, headers and whole body. Throws only when no answer came.
    package func send(_ request: HTTPRequest) async throws(StatusError) -> HTTPClientResponse {
        let r: HTTPRequest = authorized(request)
        do {
            return try await http.send(r, to: server, timeout: timeout)
        } catch let error as StatusError {
            throw error
        } catch {
            throw .unreachable("\(Self.goName(r.method)) \"\(scheme)://\(hostHeader)\(r.path)\": \(error)")
        }
    }

    /// client-go names a request's method as `Get`, `Post`.
    private static func goName(_ method: String) -> String {
        method.prefix(1) + method.dropFirst().lowercased()
    }

    package func call(_ call: APICall) async throws(StatusError) -> JSON {
        let request: HTTPRequest = Self.request(call)
        for attempt in 0... {
            let response: HTTPClientResponse = try await send(request)
            let bytes: [UInt8] = try await Self.body(response)
            if (200..<300).contains(response.status) {
                return bytes.isEmpty ? .null : try Self.parse(bytes)
            }
            let isTransient: Bool = response.status == 429 || response.status >= 500
            guard isTransient, attempt < Self.retriesMax,
                let seconds = response.headers["Retry-After"].flatMap({ Int($0) }), (0...60).contains(seconds)
            else { throw Self.error(response, bytes) }
            do {
                try await Task.sleep(for: .seconds(seconds))
            } catch {
                throw Self.error(response, bytes)
            }
        }
        preconditionFailure("unreachable")
    }

    package func watch(_ call: APICall) async throws(StatusError) -> WatchStream {
        let response: HTTPClientResponse = try await send(Self.request(call))
        guard response.status == 200 else { throw Self.error(response, try await Self.body(response)) }
        let lines: WatchLines = WatchLines(response.body)
        return WatchStream(unfolding: { try await lines.next() })
    }

    package static func body(_ response: HTTPClientResponse) async throws(StatusError) -> [UInt8] {
        do {
            return try await response.body.collect(maxBytes: bodyBytesMax)
        } catch {
            throw .unreachable("unexpected error when reading response body: \(error)")
        }
    }

    private static func parse(_ bytes: [UInt8]) throws(StatusError) -> JSON {
        do {
            return try JSON.parse(bytes)
        } catch {
            throw .internalError("the server's answer is not JSON: \(error)")
        }
    }

    /// A Status body as it stands; other bodies in client-go's words.
    package static func error(_ response: HTTPClientResponse, _ bytes: [UInt8]) -> StatusError {
        if let status = try? JSON.parse(bytes), status.kind.text == "Status" {
            return StatusError(status: status, code: response.status)
        }
        let text: String = String(decoding: bytes.prefix(2048), as: UTF8.self)
        switch response.status {
        case 401:
            return .unauthorized("the server has asked for the client to provide credentials")
        case 404:
            return .noSuchResource
        default:
            let reason: String =
                switch response.status {
                case 400: "BadRequest"
                case 403: "Forbidden"
                case 405: "MethodNotAllowed"
                case 409: "Conflict"
                case 410: "Gone"
                case 413: "RequestEntityTooLarge"
                case 415: "UnsupportedMediaType"
                case 429: "TooManyRequests"
                case 503: "ServiceUnavailable"
                case 504: "Timeout"
                default: "InternalError"
                }
            let message: String =
                text.isEmpty
                ? "the server responded with the status code \(response.status) but did not return more information"
                : text
            return StatusError(code: response.status, reason: reason, message: message)
        }
    }

    package static func request(_ call: APICall) -> HTTPRequest {
        let method: String =
            switch call.verb {
            case .get, .list, .watch: "GET"
            case .create: "POST"
            case .update: "PUT"
            case .patch: "PATCH"
            case .delete, .deletecollection: "DELETE"
            }
        var query: [String: String] = call.query
        if call.verb == .watch { query["watch"] = "true" }
        var request: HTTPRequest = HTTPRequest(
            method: method, path: PercentEncoding.path(call.path), rawQuery: PercentEncoding.query(query))
        request.headers["Accept"] = "application/json"
        if call.body.exists {
            request.body = call.body.encoded()
            request.headers["Content-Type"] = call.verb == .patch ? call.patchType.rawValue : "application/json"
        }
        return request
    }
}

extension StatusError {
    /// No answer from the server: refused, reset, unknown host, TLS failure. Never sent by a server.
    package static func unreachable(_ message: String) -> StatusError {
        StatusError(code: 0, reason: "", message: message)
    }
    package var isUnreachable: Bool { code == 0 }
}

/// Splits a watch's body into events. One consumer only: the stream that owns it.
private final class WatchLines: @unchecked Sendable {
    private var chunks: HTTPBody.AsyncIterator
    private var buffer: [UInt8] = []
    private var at: Int = 0

    init(_ body: HTTPBody) { chunks = body.makeAsyncIterator() }

    func next() async throws -> WatchEvent? {
        while true {
            if let end = buffer[at...].firstIndex(of: 10) {
                let line: [UInt8] = Array(buffer[at..<end])
                at = end + 1
                if line.allSatisfy({ $0 == 32 || $0 == 13 }) { continue }
                return try Self.event(line)
            }
            buffer.removeFirst(at)
            at = 0
            guard let chunk = try await chunks.next() else {
                return buffer.isEmpty ? nil : try Self.last(&buffer)
            }
            buffer.append(contentsOf: chunk)
        }
    }

    private static func last(_ buffer: inout [UInt8]) throws -> WatchEvent? {
        defer { buffer = [] }
        return try event(buffer)
    }

    private static func event(_ line: [UInt8]) throws -> WatchEvent? {
        let json: JSON = try JSON.parse(line)
        guard let kind = WatchEvent.Kind(rawValue: json.type.text) else {
            throw StatusError.internalError("unknown watch event type \"\(json.type.text)\"")
        }
        if kind == .error { throw StatusError(status: json.object, code: 500) }
        return WatchEvent(kind: kind, object: json.object)
    }
}
