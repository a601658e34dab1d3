// Health-check ports: what load balancers ask to find the nodes that serve a Service themselves, and the proxy's own.

import KubeAPI
import KubeBase
package import KubeClient
package import KubeModel
import KubeNet
package import KubeWire
import Logging
import Synchronization

/// Listens on `healthCheckNodePort` of each Service with externalTrafficPolicy Local (answers 200 while this node has a
/// ready endpoint, else 503), and on 10256 for the proxy itself.
package final class HealthChecks: Component {
    package static let proxyPort: Int = 10256

    package let name: String = "proxy-health"
    private let host: String
    private let nodeName: String
    private let services: Informer
    private let slices: Informer
    private let facts: Mutex<[Int: HealthCheck]> = Mutex([:])
    private let news: Wakeup = Wakeup()
    private let log: Logger = .component("proxy.health")

    /// `informers` are run by whoever made them.
    package init(informers: InformerSet, host: String, nodeName: String) {
        self.host = host
        self.nodeName = nodeName
        services = informers[API.services]
        slices = informers[API.endpointSlices]
    }

    package func run() async throws {
        let news: Wakeup = news
        services.onChange { old, new in
            if [old, new].contains(where: { ($0?.spec.healthCheckNodePort.asInt ?? 0) != 0 }) { news.raise() }
        }
        slices.onChange { _, _ in news.raise() }
        for informer in [services, slices] { await informer.waitForSync() }
        var open: [Int: HTTPServer] = [:]
        if let own = await listen(Self.proxyPort) { open[Self.proxyPort] = own }
        while !Task.isCancelled {
            let wanted: [Int: HealthCheck] = HealthCheck.all(services.list(), slices, nodeName: nodeName)
            facts.withLock { $0 = wanted }
            for (port, server) in open where wanted[port] == nil && port != Self.proxyPort {
                await server.shutdown(graceSeconds: 0)
                open[port] = nil
            }
            for port in wanted.keys where open[port] == nil {
                if let server = await listen(port) { open[port] = server }
            }
            await news.wait()
        }
        for server in open.values { await server.shutdown(graceSeconds: 0) }
    }

    private func listen(_ port: Int) async -> HTTPServer? {
        do {
            let server: HTTPServer = try HTTPServer(responder: Answer(port: port, checks: self), tls: nil, log: log)
            _ = try await server.listen(host: host, port: port)
            return server
        } catch {
            log.error("health check port \(port) cannot be had: \(error)")
            return nil
        }
    }

    private struct Answer: HTTPResponder {
        let port: Int
        let checks: HealthChecks

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            if port == HealthChecks.proxyPort {
                let now: String = Timestamp.now.rfc3339Nano
                let body: JSON = ["lastUpdated": .string(now), "currentTime": .string(now), "nodeEligible": true]
                guard ["/healthz", "/livez"].contains(request.path) else {
                    return HTTPResponse(status: 404, contentType: "text/plain; charset=utf-8", Array("not found".utf8))
                }
                return HTTPResponse(contentType: "application/json", body.encoded())
            }
            guard let check = checks.facts.withLock({ $0[port] }) else {
                return HTTPResponse(status: 503, contentType: "text/plain; charset=utf-8", [])
            }
            return HTTPResponse(
                status: check.localEndpoints > 0 ? 200 : 503, contentType: "application/json", check.body.encoded())
        }
    }
}

/// One Service's port and how many endpoints of it are on this node.
package struct HealthCheck: Sendable, Equatable {
    package var service: ObjectKey
    package var localEndpoints: Int

    package var body: JSON {
        [
            "service": ["namespace": .string(service.namespace), "name": .string(service.name)],
            "localEndpoints": JSON(localEndpoints), "serviceProxyHealthy": true,
        ]
    }

    static func all(_ services: [JSON], _ slices: Informer, nodeName: String) -> [Int: HealthCheck] {
        var out: [Int: HealthCheck] = [:]
        for s in services {
            guard let port = s.spec.healthCheckNodePort.asInt, port != 0 else { continue }
            let key: ObjectKey = ObjectKey(of: s)
            let mine: [JSON] = slices.list(namespace: key.namespace).filter {
                $0.metadata.labels["kubernetes.io/service-name"].text == key.name
            }
            out[port] = HealthCheck(service: key, localEndpoints: localEndpoints(mine, nodeName: nodeName))
        }
        return out
    }

    package static func localEndpoints(_ slices: [JSON], nodeName: String) -> Int {
        let ready: [String] = slices.flatMap { $0.endpoints.elements }.filter {
            $0.nodeName.text == nodeName && $0.conditions.ready.asBool ?? true
        }.compactMap { $0.addresses.strings.first }
        return Set(ready).count
    }
}
