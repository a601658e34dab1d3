// NodePorts of a sandbox's cluster on this machine's 127.0.0.1: what `curl localhost:30080` expects.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeNet
import KubeWire
import Logging
import Synchronization

/// One listener for each TCP node port; each connection is copied to a ready node. The Service sees the node's bridge as
/// the client. Ports that something else on this machine holds are left to it. UDP and SCTP are not relayed: use a
/// node's own address.
final class NodePortRelay: Component {
    let name: String = "node port relay"
    private let services: Informer
    private let nodes: Informer
    private let slices: Informer
    private let turn: Atomic<Int> = Atomic(0)
    private let news: Wakeup = Wakeup()
    private let log: Logger = .component("relay.nodeports")

    init(informers: InformerSet) {
        services = informers[API.services]
        nodes = informers[API.nodes]
        slices = informers[API.endpointSlices]
        let news: Wakeup = news
        services.onChange { old, new in
            if Self.ports(old ?? .null) != Self.ports(new ?? .null) { news.raise() }
        }
    }

    /// The TCP node ports of a Service.
    static func ports(_ service: JSON) -> Set<Int> {
        Set(
            service.spec.ports.elements.filter { ($0["protocol"].asString ?? "TCP") == "TCP" }
                .compactMap { $0.nodePort.asInt }.filter { $0 > 0 })
    }

    func run() async throws {
        for informer in [services, nodes, slices] { await informer.waitForSync() }
        var open: [Int: TCPListener] = [:]
        var refused: Set<Int> = []
        while !Task.isCancelled {
            let wanted: Set<Int> = Set(services.list().flatMap { Self.ports($0) })
            for (port, listener) in open where !wanted.contains(port) {
                await listener.close()
                open[port] = nil
            }
            refused.formIntersection(wanted)
            for port in wanted.subtracting(refused) where open[port] == nil {
                do {
                    open[port] = try await TCP.listen(host: "127.0.0.1", port: port) { [weak self] stream in
                        await self?.relay(stream, port)
                    }
                } catch {
                    refused.insert(port)
                    log.info("node port \(port) is not on 127.0.0.1: \(error)")
                }
            }
            await news.wait()
        }
        for listener in open.values { await listener.close() }
    }

    private func relay(_ stream: any ByteStream, _ port: Int) async {
        let able: [String] = targets(port)
        let start: Int = turn.wrappingAdd(1, ordering: .relaxed).newValue
        for i in able.indices {
            let host: String = able[(start &+ i) % able.count]
            guard let other = try? await TCP.connect(to: .tcp(host: host, port: port), timeout: .seconds(2)) else {
                continue
            }
            return await splice(stream, other)
        }
        await stream.close()
    }

    /// Addresses of ready nodes; with policy Local those that have an endpoint.
    private func targets(_ port: Int) -> [String] {
        guard let service = services.list().first(where: { Self.ports($0).contains(port) }) else { return [] }
        let isLocal: Bool = service.spec.externalTrafficPolicy.text == "Local"
        let serving: Set<String> =
            !isLocal
            ? []
            : Set(
                slices.list(namespace: service.metadata.namespace.text)
                    .filter { $0.metadata.labels["kubernetes.io/service-name"] == service.metadata.name }
                    .flatMap { $0.endpoints.elements }.filter { $0.conditions.ready.asBool ?? true }
                    .map { $0.nodeName.text })
        return nodes.list().filter { n in
            (!isLocal || serving.contains(n.metadata.name.text))
                && n.status.conditions.elements.contains { $0.type.text == "Ready" && $0.status.text == "True" }
        }.compactMap { n in
            n.status.addresses.elements.first { $0.type.text == "InternalIP" }?.address.asString
        }.sorted()
    }
}
