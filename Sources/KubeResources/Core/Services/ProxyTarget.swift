// Whom `pods/x/proxy`, `services/x/proxy` and `nodes/x/proxy` mean: `name`, `name:port`, `scheme:name:port`.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

/// The name in a proxy's path, taken apart: k8s.io/apimachinery/pkg/util/net.SplitSchemeNamePort.
struct ProxyName: Equatable {
    var scheme: String = ""
    var name: String
    var port: String = ""

    /// nil: no such form.
    init?(_ text: String) {
        let parts: [String] = text.split(separator: ":", omittingEmptySubsequences: false).map { String($0) }
        switch parts.count {
        case 1: name = parts[0]
        case 2: (name, port) = (parts[0], parts[1])
        case 3: (scheme, name, port) = (parts[0], parts[1], parts[2])
        default: return nil
        }
        guard ["", "http", "https"].contains(scheme), !name.isEmpty else { return nil }
    }
}

/// Where a proxied request goes.
struct ProxyTarget: Equatable {
    var isTLS: Bool
    var host: String
    var port: Int

    /// A pod's first address, and the port: a number, a container port's name, or the first one declared.
    static func pod(_ pod: JSON, _ name: ProxyName) throws(StatusError) -> ProxyTarget {
        let ports: [JSON] = (pod.spec.initContainers.elements + pod.spec.containers.elements).flatMap {
            $0.ports.elements
        }
        let standard: Int = name.scheme == "https" ? 443 : 80
        let port: Int?
        if name.port.isEmpty {
            port = pod.spec.containers.elements.lazy.compactMap { $0.ports[0].containerPort.asInt }.first ?? standard
        } else {
            port = Int(name.port) ?? ports.first { $0.name.text == name.port }?.containerPort.asInt
        }
        let host: String = pod.status.podIPs[0].ip.asString ?? pod.status.podIP.text
        guard isProxyable(host) else { throw .badRequest("address not allowed") }
        guard let port, (1...65535).contains(port) else {
            throw .serviceUnavailable(
                "error trying to reach service: dial tcp: lookup tcp/\(name.port): unknown port")
        }
        return ProxyTarget(isTLS: name.scheme == "https", host: host, port: port)
    }

    /// All ready addresses behind the service's port, named by number or name.
    static func service(
        _ service: JSON, _ slices: [JSON], _ name: ProxyName, asked: String
    ) throws(StatusError) -> [ProxyTarget] {
        var wanted: String = name.port
        if let number = Int(name.port) {
            guard let port = service.spec.ports.elements.first(where: { $0.port.asInt == number }) else {
                throw .serviceUnavailable("no service port \(number) found for service \"\(name.name)\"")
            }
            wanted = port.name.text
        }
        // Without a port, a service's only one is meant whatever it is called.
        let ports: [JSON] = service.spec.ports.elements
        if name.port.isEmpty, ports.count == 1 { wanted = ports[0].name.text }
        var found: [ProxyTarget] = []
        for slice in slices {
            guard let port = slice.ports.elements.first(where: { $0.name.text == wanted })?.port.asInt else { continue }
            for endpoint in slice.endpoints.elements where endpoint.conditions.ready != false {
                for host in endpoint.addresses.strings where isProxyable(host) {
                    found.append(ProxyTarget(isTLS: name.scheme == "https", host: host, port: port))
                }
            }
        }
        if found.isEmpty { throw .serviceUnavailable("no endpoints available for service \"\(asked)\"") }
        return found
    }

    /// Global unicast only: the API server's own addresses are nobody's pod.
    private static func isProxyable(_ host: String) -> Bool {
        guard IPAddress(host) != nil else { return false }
        let local: [String] = ["127.", "169.254.", "0.", "fe80:", "ff0"]
        return host != "::1" && host != "::" && !local.contains { host.lowercased().hasPrefix($0) }
    }
}
