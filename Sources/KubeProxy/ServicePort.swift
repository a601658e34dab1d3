// What the proxy must know of a Service's port and of the endpoints behind it.

package import KubeModel
package import KubeWire

/// An address that serves a port.
package struct Endpoint: Sendable, Equatable, Comparable, Hashable {
    package var address: String
    package var port: Int
    package var isReady: Bool
    package var isServing: Bool
    package var isTerminating: Bool
    /// On this node.
    package var isLocal: Bool
    /// Zones and nodes that the EndpointSlice's hints give it to.
    package var zones: [String]
    package var nodes: [String]

    package static func < (a: Endpoint, b: Endpoint) -> Bool { (a.address, a.port) < (b.address, b.port) }
}

/// One port of one Service, with the rules that its spec asks for.
package struct ServicePort: Sendable, Equatable {
    package var service: ObjectKey
    package var portName: String
    /// `tcp`, `udp`, `sctp`
    package var transport: String
    package var port: Int
    /// 0: none
    package var nodePort: Int
    package var clusterIP: String
    /// External and load balancer addresses; the latter obey `sourceRanges`.
    package var externalIPs: [String]
    package var loadBalancerIPs: [String]
    package var sourceRanges: [String]
    /// nil: none
    package var affinitySeconds: Int?
    package var isInternalLocal: Bool
    package var isExternalLocal: Bool

    /// `default/web:http`, as events and logs name it.
    package var name: String { portName.isEmpty ? "\(service)" : "\(service):\(portName)" }

    /// The ports of a Service that a proxy serves; none for headless and ExternalName Services and for those given to
    /// another proxy (label `service.kubernetes.io/service-proxy-name`).
    package static func list(_ service: JSON) -> [ServicePort] {
        let spec: JSON = service.spec
        let labels: JSON = service.metadata.labels
        let addresses: [String] = spec.clusterIPs.exists ? spec.clusterIPs.strings : [spec.clusterIP.text]
        guard spec.type.text != "ExternalName", !labels["service.kubernetes.io/service-proxy-name"].exists,
            !labels["service.kubernetes.io/headless"].exists,
            let clusterIP: String = addresses.first(where: isIPv4)
        else { return [] }
        let ingress: [String] = service.status.loadBalancer.ingress.elements
            .filter { $0.ipMode.text != "Proxy" }.map { $0.ip.text }.filter(isIPv4)
        let affinity: Int? =
            spec.sessionAffinity.text == "ClientIP"
            ? spec.sessionAffinityConfig.clientIP.timeoutSeconds.asInt ?? 10800 : nil
        return spec.ports.elements.map { port in
            ServicePort(
                service: ObjectKey(of: service), portName: port.name.text,
                transport: (port["protocol"].asString ?? "TCP").lowercased(), port: port.port.asInt ?? 0,
                nodePort: port.nodePort.asInt ?? 0, clusterIP: clusterIP,
                externalIPs: spec.externalIPs.strings.filter(isIPv4), loadBalancerIPs: ingress,
                sourceRanges: spec.loadBalancerSourceRanges.strings, affinitySeconds: affinity,
                isInternalLocal: spec.internalTrafficPolicy.text == "Local",
                isExternalLocal: spec.externalTrafficPolicy.text == "Local")
        }
    }

    package static func isIPv4(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 == 46 || ($0 >= 48 && $0 <= 57) } && text.utf8.count { $0 == 46 } == 3
    }

    /// The endpoints of this port in the Service's EndpointSlices, each once.
    package func endpoints(in slices: [JSON], nodeName: String) -> [Endpoint] {
        var found: [String: Endpoint] = [:]
        for slice in slices where slice.addressType.text == "IPv4" {
            let ports: [JSON] = slice.ports.elements.filter {
                $0.name.text == portName && ($0["protocol"].asString ?? "TCP").lowercased() == transport
            }
            for number in ports.compactMap({ $0.port.asInt }) {
                for e in slice.endpoints.elements {
                    guard let address: String = e.addresses.elements.first?.asString else { continue }
                    let conditions: JSON = e.conditions
                    let endpoint: Endpoint = Endpoint(
                        address: address, port: number, isReady: conditions.ready.asBool ?? true,
                        isServing: conditions.serving.asBool ?? conditions.ready.asBool ?? true,
                        isTerminating: conditions.terminating.isTrue, isLocal: e.nodeName.text == nodeName,
                        zones: e.hints.forZones.elements.map { $0.name.text },
                        nodes: e.hints.forNodes.elements.map { $0.name.text })
                    let key: String = "\(address):\(number)"
                    // The same address may stand in two slices while one is being rewritten: a ready one wins.
                    if let known: Endpoint = found[key], known.isReady { continue }
                    found[key] = endpoint
                }
            }
        }
        return found.values.sorted()
    }
}

/// Where traffic to a port may go, as k8s.io/kubernetes/pkg/proxy's topology rules say (KEP-1669, KEP-2433).
package struct Destinations: Sendable, Equatable {
    /// For traffic of policy Cluster.
    package var cluster: [Endpoint]
    /// For traffic of policy Local.
    package var local: [Endpoint]
    package var hasAny: Bool

    /// Ready endpoints; when none is, those that still serve while they terminate. `zone` and `nodeName` filter by
    /// hints, unless an endpoint lacks hints or none would be left.
    package init(_ all: [Endpoint], nodeName: String, zone: String) {
        func usable(_ list: [Endpoint]) -> [Endpoint] {
            let ready: [Endpoint] = list.filter { $0.isReady }
            return ready.isEmpty ? list.filter { $0.isServing && $0.isTerminating } : ready
        }
        let everywhere: [Endpoint] = usable(all)
        var near: [Endpoint] = []
        if !everywhere.isEmpty, everywhere.allSatisfy({ !$0.nodes.isEmpty }) {
            near = everywhere.filter { $0.nodes.contains(nodeName) }
        }
        if near.isEmpty, !zone.isEmpty, everywhere.allSatisfy({ !$0.zones.isEmpty }) {
            near = everywhere.filter { $0.zones.contains(zone) }
        }
        cluster = near.isEmpty ? everywhere : near
        local = usable(all.filter { $0.isLocal })
        hasAny = !all.isEmpty
    }
}
