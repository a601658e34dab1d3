// The Endpoints object of a Service: the older form of EndpointSlices, still read by many. Pure.

import KubeModel
import KubeWire

enum EndpointsPlan {
    static let addressesMax: Int = 1000
    static let managedBy: String = "endpoints.kubernetes.io/managed-by"
    static let managerName: String = "endpoint-controller"
    static let overCapacity: String = "endpoints.kubernetes.io/over-capacity"

    private struct Subset {
        var ready: [JSON] = []
        var notReady: [JSON] = []
    }

    /// What must stand there; `present` keeps its own annotations.
    static func make(service: JSON, pods: [JSON], present: JSON?) -> JSON {
        let publishes: Bool = service.spec.publishNotReadyAddresses.isTrue
        var subsets: [JSON: Subset] = [:]
        var count: Int = 0
        var isOver: Bool = false
        // Ready addresses have first claim on the room there is.
        let sorted: [JSON] = pods.filter { ServicePods.belongs($0, withTerminating: publishes) }.sorted { a, b in
            let (x, y): (Bool, Bool) = (Pod.isReady(a), Pod.isReady(b))
            return x == y ? a.metadata.name.text < b.metadata.name.text : x
        }
        let isIPv6: Bool =
            service.spec.ipFamilies.strings.first.map { $0 == "IPv6" }
            ?? ServicePods.isIPv6(service.spec.clusterIP.text)
        for pod in sorted {
            guard let address = ServicePods.addresses(pod).first(where: { ServicePods.isIPv6($0) == isIPv6 }) else {
                continue
            }
            let ports: [JSON] = ServicePods.ports(service, pod)
            if ports.isEmpty, !service.spec.ports.elements.isEmpty { continue }
            if count == addressesMax {
                isOver = true
                break
            }
            count += 1
            var entry: JSON = ["ip": .string(address)]
            if let hostname = ServicePods.hostname(pod, service) { entry.hostname = .string(hostname) }
            if !pod.spec.nodeName.text.isEmpty { entry.nodeName = pod.spec.nodeName }
            entry.targetRef = ServicePods.targetRef(pod)
            let key: JSON = .array(ports.map { trimmed($0) })
            if Pod.isReady(pod) || publishes {
                subsets[key, default: Subset()].ready.append(entry)
            } else {
                subsets[key, default: Subset()].notReady.append(entry)
            }
        }
        var object: JSON = present ?? ["apiVersion": "v1", "kind": "Endpoints"]
        object.metadata.name = service.metadata.name
        object.metadata.namespace = service.metadata.namespace
        var labels: [String: String] = service.metadata.labels.stringMap
        labels[managedBy] = managerName
        labels[EndpointSlicePlan.headless] = ServicePods.isHeadless(service) ? "" : nil
        object.metadata.labels = JSON(labels)
        object.metadata.annotations[overCapacity] = isOver ? "truncated" : .null
        let list: [JSON] = subsets.sorted { $0.key.description < $1.key.description }.map { ports, subset in
            var s: JSON = [:]
            if !subset.ready.isEmpty { s.addresses = .array(subset.ready.sorted { $0.ip.text < $1.ip.text }) }
            if !subset.notReady.isEmpty {
                s.notReadyAddresses = .array(subset.notReady.sorted { $0.ip.text < $1.ip.text })
            }
            if !ports.elements.isEmpty { s.ports = ports }
            return s
        }
        object.subsets = list.isEmpty ? .null : .array(list)
        return object
    }

    /// An unnamed port has no name here.
    private static func trimmed(_ port: JSON) -> JSON {
        var p: JSON = port
        if p.name.text.isEmpty { p.name = .null }
        return p
    }

    static func same(_ a: JSON, _ b: JSON) -> Bool {
        a.metadata.labels.stringMap == b.metadata.labels.stringMap
            && a.metadata.annotations[overCapacity] == b.metadata.annotations[overCapacity]
            && Canonical.equal(a.subsets, b.subsets)
    }
}
