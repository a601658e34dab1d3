// From the objects of the cluster to the routing table, the certificates and what is wrong with each Ingress.

package import KubeModel
import KubeNet
package import KubeWire
import KubeAPI

/// What the plan looks at.
package struct IngressView: Sendable {
    package var ingresses: [JSON]
    package var classes: [JSON]
    package var service: @Sendable (_ namespace: String, _ name: String) -> JSON?
    /// EndpointSlices of a Service.
    package var slices: @Sendable (_ namespace: String, _ service: String) -> [JSON]
    /// Secrets of type kubernetes.io/tls.
    package var secret: @Sendable (_ namespace: String, _ name: String) -> JSON?

    package init(
        ingresses: [JSON], classes: [JSON], service: @escaping @Sendable (String, String) -> JSON?,
        slices: @escaping @Sendable (String, String) -> [JSON], secret: @escaping @Sendable (String, String) -> JSON?
    ) {
        self.ingresses = ingresses
        self.classes = classes
        self.service = service
        self.slices = slices
        self.secret = secret
    }
}

/// Something that an Ingress asks for and we can't give; shown as an event.
package struct IngressFault: Sendable, Hashable {
    package var reason: String
    package var message: String
}

/// A certificate for some hosts; the empty host: for clients that ask for none that is known.
package struct CertificateUse: Sendable, Equatable {
    package var hosts: [String]
    package var ingress: ObjectKey
    package var secret: ObjectKey
    package var certificatePEM: String
    package var keyPEM: String
}

package struct IngressPlan: Sendable {
    package static let controller: String = "apus.dev/ingress"

    package var table: RoutingTable = RoutingTable()
    /// The first that names a host has it.
    package var certificates: [CertificateUse] = []
    /// The Ingresses that are ours, with their faults.
    package var faults: [ObjectKey: Set<IngressFault>] = [:]

    /// Older Ingresses win where two claim the same.
    package init(_ view: IngressView) {
        let ours: Set<String> = Set(
            view.classes.filter { $0.spec.controller.text == Self.controller }.map { $0.metadata.name.text })
        let mine: [JSON] = view.ingresses.filter { Self.isOurs($0, ours) }.sorted(by: Self.isOlder)
        for ingress in mine { add(ingress, view) }
        for host in table.rules.keys {
            // Stable: the older of two equals stays first.
            table.rules[host] = table.rules[host]!.enumerated().sorted { a, b in
                if a.element.precedes(b.element) { return true }
                if b.element.precedes(a.element) { return false }
                return a.offset < b.offset
            }.map { $0.element }
        }
    }

    /// By class, or by the annotation that was there before classes.
    static func isOurs(_ ingress: JSON, _ classes: Set<String>) -> Bool {
        let legacy: JSON = ingress.metadata.annotations["kubernetes.io/ingress.class"]
        guard let name = ingress.spec.ingressClassName.asString ?? legacy.asString else { return false }
        return classes.contains(name)
    }

    private static func isOlder(_ a: JSON, _ b: JSON) -> Bool {
        let (x, y) = (a.metadata.creationTimestamp.text, b.metadata.creationTimestamp.text)
        if x != y { return x < y }
        return (a.metadata.namespace.text, a.metadata.name.text) < (b.metadata.namespace.text, b.metadata.name.text)
    }

    private mutating func add(_ ingress: JSON, _ view: IngressView) {
        let key: ObjectKey = ObjectKey(of: ingress)
        faults[key] = []
        if ingress.spec.defaultBackend.exists {
            let backend: BackendKey? = resolve(ingress.spec.defaultBackend, key, view)
            if table.defaultBackend == nil { table.defaultBackend = backend }
        }
        for rule in ingress.spec.rules.elements {
            let host: String = rule.host.text.lowercased()
            let paths: [JSON] = rule.http.paths.elements
            if paths.isEmpty, ingress.spec.defaultBackend.exists {
                // All of a host's traffic goes to the default backend.
                table.rules[host, default: []].append(
                    RoutingTable.PathRule(
                        path: "", isExact: false, backend: Self.key(ingress.spec.defaultBackend, key.namespace)))
            }
            for path in paths {
                let isExact: Bool = path.pathType.text == "Exact"
                var text: String = path.path.text
                if !isExact { while text.hasSuffix("/") { text.removeLast() } }
                table.rules[host, default: []].append(
                    RoutingTable.PathRule(path: text, isExact: isExact, backend: resolve(path.backend, key, view)))
            }
        }
        for tls in ingress.spec.tls.elements { add(tls: tls, key, view) }
    }

    // MARK: backends

    private static func key(_ backend: JSON, _ namespace: String) -> BackendKey? {
        guard let name = backend.service.name.asString else { return nil }
        let port: JSON = backend.service.port
        let text: String = port.name.asString.flatMap { $0.isEmpty ? nil : $0 } ?? String(port.number.asInt ?? 0)
        return BackendKey(namespace: namespace, service: name, port: text)
    }

    private mutating func resolve(_ backend: JSON, _ ingress: ObjectKey, _ view: IngressView) -> BackendKey? {
        guard let key = Self.key(backend, ingress.namespace) else {
            fault(ingress, "Translate", "resource backends are not supported: \(backend.resource.kind.text)")
            return nil
        }
        guard let service = view.service(key.namespace, key.service) else {
            fault(ingress, "Translate", "could not find service \"\(key.namespace)/\(key.service)\"")
            return key
        }
        if service.spec.type.text == "ExternalName" {
            fault(
                ingress, "Translate",
                "service \"\(key.namespace)/\(key.service)\" is of type ExternalName, which is not supported")
            return key
        }
        let port: JSON? = service.spec.ports.elements.first {
            ($0["protocol"].asString ?? "TCP") == "TCP"
                && ($0.name.text == key.port || $0.port.asInt.map { String($0) } == key.port)
        }
        guard let port else {
            fault(
                ingress, "Translate",
                "could not find port \"\(key.port)\" in service \"\(key.namespace)/\(key.service)\"")
            return key
        }
        if port.appProtocol.text.lowercased() == "https" { table.secure.insert(key) }
        if table.endpoints[key] == nil {
            table.endpoints[key] = Self.addresses(view.slices(key.namespace, key.service), port: port.name.text)
        }
        return key
    }

    /// Ready addresses; those that still serve while they end when none is ready.
    private static func addresses(_ slices: [JSON], port name: String) -> [Endpoint] {
        var ready: Set<Endpoint> = []
        var ending: Set<Endpoint> = []
        for slice in slices where slice.addressType.text != "FQDN" {
            let port: JSON? = slice.ports.elements.first {
                $0.name.text == name && ($0["protocol"].asString ?? "TCP") == "TCP"
            }
            guard let number = port?.port.asInt else { continue }
            for endpoint in slice.endpoints.elements {
                guard let address = endpoint.addresses[0].asString else { continue }
                let place: Endpoint = .tcp(host: address, port: number)
                let state: JSON = endpoint.conditions
                if state.ready.asBool ?? true {
                    ready.insert(place)
                } else if state.serving.isTrue, state.terminating.isTrue {
                    ending.insert(place)
                }
            }
        }
        return (ready.isEmpty ? ending : ready).sorted { $0.description < $1.description }
    }

    // MARK: certificates

    private mutating func add(tls: JSON, _ ingress: ObjectKey, _ view: IngressView) {
        guard let name = tls.secretName.asString, !name.isEmpty else { return }
        let key: ObjectKey = ObjectKey(namespace: ingress.namespace, name: name)
        guard let secret = view.secret(key.namespace, name) else {
            return fault(ingress, "TLS", "could not find secret \"\(key.namespace)/\(name)\" of type kubernetes.io/tls")
        }
        func pem(_ field: String) -> String {
            String(decoding: Base64.decode(secret.data[field].text) ?? [], as: UTF8.self)
        }
        let hosts: [String] = tls.hosts.strings.map { $0.lowercased() }
        certificates.append(
            CertificateUse(
                hosts: hosts.isEmpty ? [""] : hosts, ingress: ingress, secret: key, certificatePEM: pem("tls.crt"),
                keyPEM: pem("tls.key")))
    }

    package mutating func fault(_ ingress: ObjectKey, _ reason: String, _ message: String) {
        faults[ingress, default: []].insert(IngressFault(reason: reason, message: message))
    }
}
