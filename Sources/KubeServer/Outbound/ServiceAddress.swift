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
        var found: [Endpoint] = []
        for slice in slices {
            guard
                let number = slice.ports.elements.first(where: { $0.name.text == declared.name.text })?.port.asInt
            else { continue }
            for endpoint in slice.endpoints.elements where endpoint.conditions.ready != false {
                if let host = endpoint.addresses.strings.first { found.append(.tcp(host: host, port: number)) }
            }
        }
        if found.isEmpty { throw Missing(description: "no endpoints available for service \"\(name)\"") }
        return found
    }

    package static func candidates(
        _ service: ClientConfiguration.Service, _ registry: any ObjectRegistry
    ) throws(Missing) -> [Endpoint] {
        let slices: [JSON] = registry.list(API.endpointSlices, namespace: service.namespace).filter {
            $0.metadata.labels["kubernetes.io/service-name"].text == service.name
        }
        return try candidates(
            name: service.name, port: service.port,
            service: registry.get(API.services, namespace: service.namespace, name: service.name), slices: slices)
    }
}
