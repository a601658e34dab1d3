// The environment of a container: service variables, envFrom, env with its references and expansions.

import KubeAPI
import KubeModel
import KubeWire

/// Why a container's configuration cannot be made; the reason is CreateContainerConfigError.
struct ConfigFault: Error, Sendable, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// What fields and references resolve against.
struct EnvironmentFacts: Sendable {
    var pod: JSON
    var podIPs: [String]
    var hostIPs: [String]
    var nodeName: String
    /// The node's allocatable: what an absent limit stands for.
    var allocatable: JSON
    /// Services of the pod's namespace and `default/kubernetes`.
    var services: [JSON]
    var objects: NodeObjects
}

struct Environment: Sendable {
    private(set) var pairs: [(name: String, value: String)] = []

    private mutating func set(_ name: String, _ value: String) {
        if let i = pairs.firstIndex(where: { $0.name == name }) {
            pairs[i].value = value
        } else {
            pairs.append((name, value))
        }
    }
    subscript(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// In upstream's order of precedence: env over envFrom over services.
    static func make(_ container: JSON, _ facts: EnvironmentFacts) async throws -> Environment {
        var own: Environment = Environment()
        for source in container.envFrom.elements { try await own.add(from: source, facts) }
        let services: [String: String] = ServiceVariables.make(facts.services, pod: facts.pod)
        for e in container.env.elements {
            let name: String = e.name.text
            if let text = e.value.asString {
                own.set(name, Expansion.expand(text) { own[$0] ?? services[$0] })
            } else if e.valueFrom.exists {
                if let value = try await own.value(e.valueFrom, container, facts) { own.set(name, value) }
            } else {
                own.set(name, "")
            }
        }
        for (name, value) in services.sorted(by: { $0.key < $1.key }) where own[name] == nil { own.set(name, value) }
        return own
    }

    private mutating func add(from source: JSON, _ facts: EnvironmentFacts) async throws {
        let namespace: String = facts.pod.meta.namespace
        let prefix: String = source.prefix.text
        if source.configMapRef.exists {
            let name: String = source.configMapRef.name.text
            guard let map = try await facts.objects.get(API.configMaps, namespace, name) else {
                if source.configMapRef.optional.isTrue { return }
                throw ConfigFault("configmap \"\(name)\" not found")
            }
            for (key, value) in map.data.stringMap.sorted(by: { $0.key < $1.key }) { set(prefix + key, value) }
        }
        if source.secretRef.exists {
            let name: String = source.secretRef.name.text
            guard let secret = try await facts.objects.get(API.secrets, namespace, name) else {
                if source.secretRef.optional.isTrue { return }
                throw ConfigFault("secret \"\(name)\" not found")
            }
            for (key, value) in secret.data.stringMap.sorted(by: { $0.key < $1.key }) {
                set(prefix + key, String(decoding: Base64.decode(value) ?? [], as: UTF8.self))
            }
        }
    }

    /// nil: leave the variable out.
    private func value(_ from: JSON, _ container: JSON, _ facts: EnvironmentFacts) async throws -> String? {
        let namespace: String = facts.pod.meta.namespace
        if from.fieldRef.exists {
            return try DownwardAPI.field(from.fieldRef.fieldPath.text, facts)
        }
        if from.resourceFieldRef.exists {
            return try DownwardAPI.resource(from.resourceFieldRef, container: container, facts)
        }
        if from.configMapKeyRef.exists {
            let name: String = from.configMapKeyRef.name.text
            let key: String = from.configMapKeyRef.key.text
            let isOptional: Bool = from.configMapKeyRef.optional.isTrue
            guard let map = try await facts.objects.get(API.configMaps, namespace, name) else {
                if isOptional { return nil }
                throw ConfigFault("configmap \"\(name)\" not found")
            }
            if let value = map.data[key].asString { return value }
            if isOptional { return nil }
            throw ConfigFault("couldn't find key \(key) in ConfigMap \(namespace)/\(name)")
        }
        if from.secretKeyRef.exists {
            let name: String = from.secretKeyRef.name.text
            let key: String = from.secretKeyRef.key.text
            let isOptional: Bool = from.secretKeyRef.optional.isTrue
            guard let secret = try await facts.objects.get(API.secrets, namespace, name) else {
                if isOptional { return nil }
                throw ConfigFault("secret \"\(name)\" not found")
            }
            if let value = secret.data[key].asString {
                return String(decoding: Base64.decode(value) ?? [], as: UTF8.self)
            }
            if isOptional { return nil }
            throw ConfigFault("couldn't find key \(key) in Secret \(namespace)/\(name)")
        }
        return ""
    }
}

/// `WEB_SERVICE_HOST` and Docker's link variables.
enum ServiceVariables {
    static func make(_ services: [JSON], pod: JSON) -> [String: String] {
        var out: [String: String] = [:]
        let linksAll: Bool = pod.spec.enableServiceLinks.asBool ?? true
        for s in services {
            let ip: String = s.spec.clusterIP.text
            let isMaster: Bool = s.meta.namespace == "default" && s.meta.name == "kubernetes"
            guard !ip.isEmpty, ip != "None", isMaster || (linksAll && s.meta.namespace == pod.meta.namespace) else {
                continue
            }
            let name: String = variable(s.meta.name)
            let ports: [JSON] = s.spec.ports.elements
            guard let first = ports.first?.port.asInt else { continue }
            out["\(name)_SERVICE_HOST"] = ip
            out["\(name)_SERVICE_PORT"] = "\(first)"
            for p in ports where !p.name.text.isEmpty {
                out["\(name)_SERVICE_PORT_\(variable(p.name.text))"] = "\(p.port.asInt ?? 0)"
            }
            let host: String = ip.contains(":") ? "[\(ip)]" : ip
            for (i, p) in ports.enumerated() {
                let scheme: String = (p["protocol"].asString ?? "TCP").lowercased()
                let port: Int = p.port.asInt ?? 0
                if i == 0 { out["\(name)_PORT"] = "\(scheme)://\(host):\(port)" }
                let prefix: String = "\(name)_PORT_\(port)_\(scheme.uppercased())"
                out[prefix] = "\(scheme)://\(host):\(port)"
                out["\(prefix)_PROTO"] = scheme
                out["\(prefix)_PORT"] = "\(port)"
                out["\(prefix)_ADDR"] = ip
            }
        }
        return out
    }

    private static func variable(_ name: String) -> String {
        String(name.uppercased().map { $0 == "-" ? "_" : $0 })
    }
}
