// The aggregated API servers of this cluster: followed, dialed, asked.

import KubeAPI
import KubeModel
import KubeNet
import KubeWire
import Synchronization

/// The table of group versions that other servers answer, beside what is known of each.
final class RemoteServices: Sendable {
    /// Until an aggregated server's first answer.
    static let headTimeout: Duration = .seconds(60)

    struct Entry: Sendable {
        var remote: RemoteService
        var isAvailable: Bool
        var documents: RemoteDocuments = RemoteDocuments()
    }
    struct State {
        var byVersion: [GroupVersion: Entry] = [:]
        /// Connections, made at first use, by the name of the APIService.
        var clients: [String: HTTPClient] = [:]
        var turns: Int = 0
        /// Services whose changes matter: `namespace/name`.
        var watched: Set<String> = []
    }

    let registry: Registry
    let state: Mutex<State> = Mutex(State())
    private let identity: Mutex<FrontProxyIdentity?>
    /// Something changed that the checks should see.
    let signals: AsyncStream<Void>
    let signal: AsyncStream<Void>.Continuation

    init(registry: Registry, identity: FrontProxyIdentity?) {
        self.registry = registry
        self.identity = Mutex(identity)
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: following

    func follow() {
        registry.onChange(API.apiServices) { [weak self] old, new in self?.changed(old, new) }
        registry.onChange(API.services) { [weak self] old, new in self?.touched((new ?? old)?.meta) }
        registry.onChange(API.endpointSlices) { [weak self] old, new in
            guard let self, let slice = new ?? old else { return }
            let service: String = slice.metadata.labels["kubernetes.io/service-name"].text
            touched(slice.meta.namespace + "/" + service)
        }
    }

    private func changed(_ old: JSON?, _ new: JSON?) {
        let before: RemoteService? = old.flatMap { RemoteService($0) }
        let after: RemoteService? = new.flatMap { RemoteService($0) }
        guard before != nil || after != nil else { return }
        let isAvailable: Bool = new.map { RemoteService.isAvailable($0) } ?? false
        let matters: Bool = state.withLock { s in
            if before != after {
                if let before {
                    s.byVersion[before.version] = nil
                    s.clients[before.name] = nil
                }
                if let after { s.byVersion[after.version] = Entry(remote: after, isAvailable: isAvailable) }
                s.watched = Set(s.byVersion.values.map { "\($0.remote.serviceNamespace)/\($0.remote.serviceName)" })
                return true
            }
            guard let after, s.byVersion[after.version]?.isAvailable != isAvailable else { return false }
            s.byVersion[after.version]?.isAvailable = isAvailable
            return true
        }
        guard matters else { return }
        registry.touch()
        signal.yield()
    }

    private func touched(_ meta: ObjectMeta?) {
        if let meta { touched(meta.namespace + "/" + meta.name) }
    }
    private func touched(_ service: String) {
        if state.withLock({ $0.watched.contains(service) }) { signal.yield() }
    }

    /// A renewed certificate; connections that stand keep the old one.
    func replaceIdentity(_ new: FrontProxyIdentity) {
        identity.withLock { $0 = new }
        state.withLock { $0.clients = [:] }
    }

    // MARK: asking

    var all: [Entry] { state.withLock { Array($0.byVersion.values) } }
    func entry(_ version: GroupVersion) -> Entry? { state.withLock { $0.byVersion[version] } }

    /// The service that answers a path: `/apis/GROUP/VERSION` and what is below it.
    func entry(path: String) -> Entry? {
        if state.withLock({ $0.byVersion.isEmpty }) { return nil }
        let parts: [Substring] = path.split(separator: "/", maxSplits: 3)
        guard parts.count >= 3, parts[0] == "apis" else { return nil }
        return entry(GroupVersion(group: String(parts[1]), version: String(parts[2])))
    }

    func route(_ remote: RemoteService) -> ServiceRoute {
        let service: JSON? = registry.get(API.services, namespace: remote.serviceNamespace, name: remote.serviceName)
        let slices: [JSON] = ServiceAddress.slices(
            of: remote.serviceName, namespace: remote.serviceNamespace, registry)
        return ServiceRoute(remote, service: service, slices: slices)
    }

    /// A connection pool and the next address in turn. Throws when nobody is there or the authority is unusable.
    func line(_ remote: RemoteService) throws -> (client: HTTPClient, endpoint: Endpoint) {
        let endpoints: [Endpoint]
        switch route(remote) {
        case .endpoints(let some): endpoints = some
        case .none(let why): throw NetError(.refused, why.message)
        }
        let turn: Int = state.withLock { s in
            s.turns &+= 1
            return s.turns
        }
        return (try client(remote), endpoints[turn % endpoints.count])
    }

    private func client(_ remote: RemoteService) throws -> HTTPClient {
        if let known = state.withLock({ $0.clients[remote.name] }) { return known }
        let proxy: FrontProxyIdentity? = identity.withLock { $0 }
        let made: HTTPClient = try HTTPClient(
            tls: TLSClientOptions(
                caPEM: remote.authorityPEM.isEmpty ? nil : remote.authorityPEM, certificatePEM: proxy?.certificatePEM,
                keyPEM: proxy?.keyPEM, serverName: remote.serverName, insecureSkipVerify: remote.skipsVerification))
        state.withLock { s in
            if s.byVersion[remote.version]?.remote == remote { s.clients[remote.name] = made }
        }
        return made
    }

    /// The server's own question to an aggregated one.
    func ask(
        _ remote: RemoteService, _ path: String, headers: Headers = Headers(), timeout: Duration, maxBytes: Int = 16 << 20
    ) async throws -> (status: Int, headers: Headers, body: [UInt8]) {
        let (client, endpoint): (HTTPClient, Endpoint) = try line(remote)
        let plain: HTTPRequest = HTTPRequest(method: "GET", path: path, headers: headers)
        let answer: HTTPClientResponse = try await client.send(
            RemoteIdentity.onward(plain, as: RemoteIdentity.aggregator), to: endpoint, timeout: timeout)
        return (answer.status, answer.headers, try await answer.body.collect(maxBytes: maxBytes))
    }

    /// A client's request, passed on as it is; its answer streamed, an upgrade spliced.
    func forward(_ request: HTTPRequest, _ entry: Entry, as user: UserInfo) async -> HTTPResponse {
        guard entry.isAvailable else { return RemoteServices.unavailable("service unavailable") }
        let onward: HTTPRequest = RemoteIdentity.onward(request, as: user)
        do {
            let (client, endpoint): (HTTPClient, Endpoint) = try line(entry.remote)
            guard request.headers["Upgrade"] != nil else {
                return NodeAgentClient.relayed(
                    try await client.send(onward, to: endpoint, timeout: RemoteServices.headTimeout))
            }
            let (answer, stream): (HTTPClientResponse, (any ByteStream)?) = try await client.upgrade(
                onward, to: endpoint, timeout: RemoteServices.headTimeout)
            guard let stream else { return NodeAgentClient.relayed(answer) }
            return HTTPResponse(
                status: 101, headers: answer.headers, body: .upgrade { near in await splice(near, stream) })
        } catch {
            return RemoteServices.unavailable("error trying to reach service: \(error)")
        }
    }

    /// As upstream's proxy answers: plain text.
    private static func unavailable(_ words: String) -> HTTPResponse {
        var response: HTTPResponse = HTTPResponse(
            status: 503, contentType: "text/plain; charset=utf-8", Array((words + "\n").utf8))
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
    }
}
