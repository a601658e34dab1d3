// From a Service and its pods to endpoints and ports: what EndpointSlices and Endpoints have in common. Pure.

import KubeClient
import KubeModel
import KubeWire

enum ServicePods {
    /// `spec.selector`; nil for services whose endpoints somebody else keeps.
    static func selector(_ service: JSON) -> LabelSelector? {
        guard service.spec.type.text != "ExternalName" else { return nil }
        let labels: [String: String] = service.spec.selector.stringMap
        return labels.isEmpty ? nil : LabelSelector(matching: labels)
    }

    static func isHeadless(_ service: JSON) -> Bool { service.spec.clusterIP.text == "None" }

    /// Not complete, and it has an address.
    static func belongs(_ pod: JSON, withTerminating: Bool) -> Bool {
        if Pod.isTerminal(pod) { return false }
        if pod.status.podIP.text.isEmpty, pod.status.podIPs.elements.isEmpty { return false }
        return withTerminating || !pod.metadata.deletionTimestamp.exists
    }

    static func addresses(_ pod: JSON) -> [String] {
        let all: [String] = pod.status.podIPs.elements.map { $0.ip.text }.filter { !$0.isEmpty }
        return all.isEmpty ? [pod.status.podIP.text].filter { !$0.isEmpty } : all
    }

    static func isIPv6(_ address: String) -> Bool { address.utf8.contains(UInt8(ascii: ":")) }

    static func targetRef(_ pod: JSON) -> JSON {
        [
            "kind": "Pod", "namespace": pod.metadata.namespace, "name": pod.metadata.name, "uid": pod.metadata.uid,
        ]
    }

    static func hostname(_ pod: JSON, _ service: JSON) -> String? {
        let hostname: String = pod.spec.hostname.text
        return !hostname.isEmpty && pod.spec.subdomain == service.metadata.name ? hostname : nil
    }

    /// The port numbers behind a service's ports on one pod; a named port that the pod lacks is left out.
    static func ports(_ service: JSON, _ pod: JSON) -> [JSON] {
        var out: [JSON] = []
        for port in service.spec.ports.elements {
            guard let number = number(port, pod) else { continue }
            var p: JSON = [:]
            p.name = .string(port.name.text)
            p.protocol = .string(port.protocol.asString ?? "TCP")
            p.port = JSON(number)
            p.appProtocol = port.appProtocol
            out.append(p)
        }
        return out
    }

    private static func number(_ port: JSON, _ pod: JSON) -> Int? {
        guard let name = port.targetPort.asString else {
            if let n = port.targetPort.asInt, n != 0 { return n }
            return port.port.asInt
        }
        let wanted: String = port.protocol.asString ?? "TCP"
        let sidecars: [JSON] = pod.spec.initContainers.elements.filter { $0.restartPolicy.text == "Always" }
        for container in pod.spec.containers.elements + sidecars {
            for p in container.ports.elements where p.name.text == name && (p.protocol.asString ?? "TCP") == wanted {
                return p.containerPort.asInt
            }
        }
        return nil
    }

    /// Whether a change of a pod can change endpoints.
    static func matters(_ old: JSON, _ new: JSON) -> Bool {
        old.metadata.labels != new.metadata.labels || old.status.podIPs != new.status.podIPs
            || old.status.podIP != new.status.podIP || Pod.isReady(old) != Pod.isReady(new)
            || old.metadata.deletionTimestamp.exists != new.metadata.deletionTimestamp.exists
            || Pod.isTerminal(old) != Pod.isTerminal(new) || old.spec.nodeName != new.spec.nodeName
            || old.spec.hostname != new.spec.hostname || old.metadata.uid != new.metadata.uid
    }

    /// Wires pods to the services that select them.
    static func watch(_ pods: Informer, _ services: Informer, _ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        services.onChange { old, new in if let object = new ?? old { enqueue(ObjectKey(of: object)) } }
        pods.onChange { old, new in
            if let old, let new, !matters(old, new) { return }
            guard let pod = new ?? old else { return }
            for service in services.list(namespace: pod.metadata.namespace.text) {
                guard let selector = selector(service) else { continue }
                if selector.matches(object: pod) || (old.map { selector.matches(object: $0) } ?? false) {
                    enqueue(ObjectKey(of: service))
                }
            }
        }
    }
}
