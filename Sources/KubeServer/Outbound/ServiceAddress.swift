// Where the server reaches a service of its cluster: a ready address behind it, without the way through a proxy.

import KubeAPI
import KubeModel
package import KubeNet
package import KubeWire

/// Pure: a Service and its EndpointSlices to addresses. The words are those of upstream's service resolvers.
package enum ServiceAddress {
    package struct Missing: Error, Hashable, CustomStringConvertible {
        package var description: String
    }

    package static func candidates(
        name: String, port: Int, service: JSON?, slices: [JSON]
    ) throws(Missing) -> [Endpoint] {
        guard let service else { throw Missing(description: "service \"\(name)\" not found") }
        if service.spec.type.text == "ExternalName" {
            return [.tcp(host: service.spec.externalName.text, port: port)]
        }
        guard let declared = service.spec.ports.elements.first(where: { $0.port.asInt == port }) else {
            throw Missing(description: "no service port \(port) found for service \"\(name)\"")
        }
        let found: [Endpoint] = ready(slices, portName: declared.name.text)
        if found.isEmpty { throw Missing(description: "no endpoints available for service \"\(name)\"") }
        return found
    }

    package static func candidates(
        _ service: ClientConfiguration.Service, _ registry: any ObjectRegistry
    ) throws(Missing) -> [Endpoint] {
        return try candidates(
            name: service.name, port: service.port,
            service: registry.get(API.services, namespace: service.namespace, name: service.name),
            slices: slices(of: service.name, namespace: service.namespace, registry))
    }

    /// Of every endpoint that does not say that it isn't ready, the first address.
    static func ready(_ slices: [JSON], portName: String) -> [Endpoint] {
        slices.flatMap { slice -> [Endpoint] in
            guard let port = slice.ports.elements.first(where: { $0.name.text == portName })?.port.asInt else { return [] }
            return slice.endpoints.elements.filter { $0.conditions.ready != false }.flatMap { endpoint in
                endpoint.addresses.strings.prefix(1).map { Endpoint.tcp(host: $0, port: port) }
            }
        }
    }

    static func slices(of service: String, namespace: String, _ registry: any ObjectRegistry) -> [JSON] {
        registry.list(API.endpointSlices, namespace: namespace).filter {
            $0.metadata.labels["kubernetes.io/service-name"].text == service
        }
    }
}
