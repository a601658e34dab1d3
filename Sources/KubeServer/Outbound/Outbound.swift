// The server as a client: webhooks, converters and reviewers are asked over pooled HTTPS connections.

package import KubeNet
package import KubeWire
import Synchronization

/// Why a call brought no answer, in the words of client-go's errors.
package struct OutboundError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
    /// The answer's status; 0: there was none.
    package var status: Int
    package init(_ description: String, status: Int = 0) {
        self.description = description
        self.status = status
    }
}

/// Keeps one pool of connections for each set of credentials, the least recently used ones are dropped.
package final class Outbound: Sendable {
    static let poolsMax: Int = 256
    /// Of one answer.
    package static let answerBytesMax: Int = 16 << 20

    private struct Key: Hashable {
        var authorityPEM: String?
        var certificatePEM: String?
        var keyPEM: String?
        var serverName: String?
        var skipsVerification: Bool
        var isTLS: Bool
    }
    private struct State {
        var clients: [Key: HTTPClient] = [:]
        /// Oldest use first.
        var order: [Key] = []
        var turns: Int = 0
    }
    private let state: Mutex<State> = Mutex(State())

    package init() {}

    /// POSTs a review (AdmissionReview, ConversionReview, TokenReview, SubjectAccessReview) and answers what came back.
    /// `timeout` is for all of it; nil: no limit. With `showsTimeout` the callee is told (`?timeout=10s`).
    package func post(
        _ review: JSON, to configuration: ClientConfiguration, timeout: Duration? = .seconds(30),
        showsTimeout: Bool = false, registry: any ObjectRegistry
    ) async throws(OutboundError) -> JSON {
        var request: HTTPRequest = HTTPRequest(
            method: "POST", path: "/",
            headers: [
                "Content-Type": "application/json", "Accept": "application/json, */*",
                "User-Agent": "kube-apiserver-admission",
            ])
        request.body = review.encoded()
        if showsTimeout, let timeout { request.rawQuery = "timeout=\(timeout.components.seconds)s" }
        let answer: (status: Int, headers: Headers, body: [UInt8]) = try await send(
            request, to: configuration, timeout: timeout, registry: registry)
        guard (200..<300).contains(answer.status) else { throw Outbound.refusal(answer.status, answer.body) }
        do {
            return try JSON.parse(answer.body)
        } catch {
            throw OutboundError("couldn't get version/kind; json parse error: \(error)", status: answer.status)
        }
    }

    /// Any request: the path and query of the configuration come before the request's own.
    package func send(
        _ request: HTTPRequest, to configuration: ClientConfiguration, timeout: Duration?, registry: any ObjectRegistry
    ) async throws(OutboundError) -> (status: Int, headers: Headers, body: [UInt8]) {
        var onward: HTTPRequest = request
        var shown: String = configuration.url
        if !onward.rawQuery.isEmpty { shown += (shown.contains("?") ? "&" : "?") + onward.rawQuery }
        let method: String = request.method.prefix(1) + request.method.dropFirst().lowercased()
        do {
            let (client, endpoint): (HTTPClient, Endpoint) = try line(configuration, &onward, registry)
            let limit: Duration? = timeout
            let ready: HTTPRequest = onward
            return try await Outbound.within(limit) {
                try await Outbound.exchange(client, ready, endpoint, limit)
            }
        } catch let error as NetError where error.kind == .timeout {
            throw OutboundError("\(method) \"\(shown)\": context deadline exceeded")
        } catch let error as NetError where error == Outbound.noEnd {
            throw OutboundError("\(method) \"\(shown)\": EOF")
        } catch is CancellationError {
            throw OutboundError("\(method) \"\(shown)\": context canceled")
        } catch {
            throw OutboundError("\(method) \"\(shown)\": \(error)")
        }
    }

    private static let noEnd: NetError = NetError(.closed, "unexpected EOF")

    /// Once more when a kept connection turns out to be closed: the callee may have been restarted meanwhile.
    private static func exchange(
        _ client: HTTPClient, _ request: HTTPRequest, _ endpoint: Endpoint, _ timeout: Duration?
    ) async throws -> (status: Int, headers: Headers, body: [UInt8]) {
        let answer: HTTPClientResponse
        do {
            answer = try await client.send(request, to: endpoint, timeout: timeout)
        } catch let error as NetError where error.kind == .closed {
            answer = try await client.send(request, to: endpoint, timeout: timeout)
        }
        return (answer.status, answer.headers, try await answer.body.collect(maxBytes: answerBytesMax))
    }

    /// The pool and the address, with the request's path and headers completed.
    private func line(
        _ c: ClientConfiguration, _ request: inout HTTPRequest, _ registry: any ObjectRegistry
    ) throws -> (HTTPClient, Endpoint) {
        let endpoint: Endpoint
        var key: Key = Key(
            authorityPEM: c.authorityPEM, certificatePEM: c.certificatePEM, keyPEM: c.keyPEM,
            serverName: c.serverName, skipsVerification: c.skipsVerification, isTLS: true)
        switch c.target {
        case .url(let url):
            key.isTLS = url.isTLS
            endpoint = .tcp(host: url.host, port: url.port)
            if !url.path.isEmpty { request.path = url.path }
            if !url.query.isEmpty {
                request.rawQuery = url.query + (request.rawQuery.isEmpty ? "" : "&" + request.rawQuery)
            }
            request.headers["Host"] = url.authority
        case .service(let service):
            let all: [Endpoint] = try ServiceAddress.candidates(service, registry)
            let turn: Int = state.withLock { s in
                s.turns &+= 1
                return s.turns
            }
            endpoint = all[turn % all.count]
            key.serverName = c.serverName ?? "\(service.name).\(service.namespace).svc"
            if !service.path.isEmpty { request.path = service.path }
            request.headers["Host"] = "\(service.name).\(service.namespace).svc:\(service.port)"
        }
        if !c.bearerToken.isEmpty { request.headers["Authorization"] = "Bearer " + c.bearerToken }
        return (try client(key), endpoint)
    }

    private func client(_ key: Key) throws -> HTTPClient {
        let known: HTTPClient? = state.withLock { s in
            guard let client = s.clients[key] else { return nil }
            if s.order.last != key {
                s.order.removeAll { $0 == key }
                s.order.append(key)
            }
            return client
        }
        if let known { return known }
        let made: HTTPClient = try HTTPClient(
            tls: key.isTLS
                ? TLSClientOptions(
                    caPEM: key.authorityPEM, certificatePEM: key.certificatePEM, keyPEM: key.keyPEM,
                    serverName: key.serverName, insecureSkipVerify: key.skipsVerification) : nil)
        state.withLock { s in
            s.clients[key] = made
            s.order.append(key)
            if s.order.count > Outbound.poolsMax { s.clients[s.order.removeFirst()] = nil }
        }
        return made
    }

    /// A limit to all of a call, its body included.
    private static func within<T: Sendable>(
        _ limit: Duration?, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        guard let limit else { return try await body() }
        return try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else {
                throw NetError(.timeout, "context deadline exceeded")
            }
            return value
        }
    }

    /// What client-go makes of an answer that is no success: its Status if it is one, else words for the code.
    static func refusal(_ status: Int, _ body: [UInt8]) -> OutboundError {
        if let json = try? JSON.parse(body), json.kind.text == "Status", let message = json.message.asString {
            return OutboundError(message, status: status)
        }
        let text: String = String(decoding: body.prefix(2048), as: UTF8.self)
        let words: String
        switch status {
        case 400: words = "the server rejected our request for an unknown reason"
        case 401: words = "the server has asked for the client to provide credentials"
        case 403: words = text.isEmpty ? "unknown" : text
        case 404: words = "the server could not find the requested resource"
        case 405: words = "the server does not allow this method on the requested resource"
        case 409: words = "the server reported a conflict"
        case 415: words = "the body of the request was in an unknown format"
        case 429: words = "the server has received too many requests and has asked us to try again later"
        case 500...: words = "an error on the server (\(JSON(trimmed(text)))) has prevented the request from succeeding"
        default: words = "the server responded with the status code \(status) but did not return more information"
        }
        return OutboundError(words, status: status)
    }

    private static func trimmed(_ text: String) -> String {
        let whole: Substring = text[...]
        guard let first = whole.firstIndex(where: { !$0.isWhitespace }),
            let last = whole.lastIndex(where: { !$0.isWhitespace })
        else { return "unknown" }
        return String(whole[first...last])
    }
}
