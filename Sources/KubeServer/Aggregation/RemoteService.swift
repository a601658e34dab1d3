// An APIService that another server answers: what its object says, and why it may not be reachable.

import KubeModel
import KubeNet
import KubeWire

/// apiregistration.k8s.io/v1 APIService with a `spec.service`.
struct RemoteService: Sendable, Equatable {
    static let portDefault: Int = 443

    var name: String
    var version: GroupVersion
    var groupPriority: Int
    var versionPriority: Int
    var serviceNamespace: String
    var serviceName: String
    var port: Int
    /// PEM; empty: the machine's own list of authorities.
    var authorityPEM: String
    var skipsVerification: Bool

    /// nil: a local one, served by this process.
    init?(_ object: JSON) {
        let spec: JSON = object.spec
        guard spec.service.exists else { return nil }
        name = object.meta.name
        version = GroupVersion(group: spec.group.text, version: spec.version.text)
        groupPriority = spec.groupPriorityMinimum.asInt ?? 1
        versionPriority = spec.versionPriority.asInt ?? 1
        serviceNamespace = spec.service.namespace.text
        serviceName = spec.service.name.text
        port = spec.service.port.asInt ?? Self.portDefault
        authorityPEM = String(decoding: Base64.decode(spec.caBundle.text) ?? [], as: UTF8.self)
        skipsVerification = spec.insecureSkipTLSVerify.isTrue
    }

    /// The name that the server's certificate must have.
    var serverName: String { "\(serviceName).\(serviceNamespace).svc" }
    var path: String { "/apis/\(version.group)/\(version.version)" }

    /// As `Available` says it.
    static func isAvailable(_ object: JSON) -> Bool {
        object.status.conditions.elements.contains { $0.type.text == "Available" && $0.status.text == "True" }
    }
}

/// A value of the `Available` condition.
struct Availability: Sendable, Equatable {
    var isAvailable: Bool
    var reason: String
    var message: String

    static let passed: Availability = Availability(
        isAvailable: true, reason: "Passed", message: "all checks passed")

    static func failed(_ reason: String, _ message: String) -> Availability {
        Availability(isAvailable: false, reason: reason, message: message)
    }

    /// Writes the condition; false when it says this already.
    func write(to object: inout JSON, now: String) -> Bool {
        let conditions: [JSON] = object.status.conditions.elements
        let old: JSON = conditions.first { $0.type.text == "Available" } ?? .null
        let status: String = isAvailable ? "True" : "False"
        let isSame: Bool = old.status.text == status
        if isSame, old.reason.text == reason, old.message.text == message { return false }
        let since: JSON = isSame ? old.lastTransitionTime : .string(now)
        let new: JSON = [
            "lastTransitionTime": since, "message": .string(message), "reason": .string(reason),
            "status": .string(status), "type": "Available",
        ]
        object.status.conditions = .array(conditions.filter { $0.type.text != "Available" } + [new])
        return true
    }
}

/// Pure: the addresses that answer for a remote service, or why there are none.
enum ServiceRoute: Equatable {
    case endpoints([Endpoint])
    case none(Availability)

    init(_ remote: RemoteService, service: JSON?, slices: [JSON]) {
        let place: String = "service/\(remote.serviceName) in \"\(remote.serviceNamespace)\""
        guard let service else {
            self = .none(.failed("ServiceNotFound", "\(place) is not present"))
            return
        }
        if service.spec.type.text == "ExternalName" {
            self = .endpoints([.tcp(host: service.spec.externalName.text, port: remote.port)])
            return
        }
        guard let port = service.spec.ports.elements.first(where: { $0.port.asInt == remote.port }) else {
            self = .none(.failed("ServicePortError", "\(place) is not listening on port \(remote.port)"))
            return
        }
        if slices.isEmpty {
            self = .none(.failed("EndpointsNotFound", "cannot find endpointslices for \(place)"))
            return
        }
        let found: [Endpoint] = ServiceAddress.ready(slices, portName: port.name.text)
        if found.isEmpty {
            let words: String = "endpoints for \(place) have no addresses with port name \"\(port.name.text)\""
            self = .none(.failed("MissingEndpoints", words))
        } else {
            self = .endpoints(found)
        }
    }
}
