// Fields and resources of a pod as text: fieldRef and resourceFieldRef of variables and files.

import KubeModel
import KubeWire

enum DownwardAPI {
    /// `metadata.labels['app']`, `status.podIP`, …
    static func field(_ path: String, _ facts: EnvironmentFacts) throws(ConfigFault) -> String {
        let pod: JSON = facts.pod
        if let (map, key) = subscripted(path) {
            switch map {
            case "metadata.labels": return pod.metadata.labels[key].text
            case "metadata.annotations": return pod.metadata.annotations[key].text
            default: throw ConfigFault("fieldPath \"\(path)\" does not support subscript")
            }
        }
        switch path {
        case "metadata.name": return pod.meta.name
        case "metadata.namespace": return pod.meta.namespace
        case "metadata.uid": return pod.meta.uid
        case "metadata.labels": return lines(pod.meta.labels)
        case "metadata.annotations": return lines(pod.meta.annotations)
        case "spec.nodeName": return facts.nodeName
        case "spec.serviceAccountName": return pod.spec.serviceAccountName.asString ?? "default"
        case "status.hostIP": return facts.hostIPs.first ?? ""
        case "status.hostIPs": return facts.hostIPs.joined(separator: ",")
        case "status.podIP": return facts.podIPs.first ?? ""
        case "status.podIPs": return facts.podIPs.joined(separator: ",")
        default: throw ConfigFault("unsupported fieldPath: \(path)")
        }
    }

    private static func subscripted(_ path: String) -> (String, String)? {
        guard path.hasSuffix("']"), let open = path.firstIndex(of: "[") else { return nil }
        return (String(path[..<open]), String(path[open...].dropFirst(2).dropLast(2)))
    }

    /// `key="value"`, a line each, sorted.
    private static func lines(_ map: [String: String]) -> String {
        map.sorted { $0.key < $1.key }.map { key, value in
            "\(key)=\(String(decoding: JSON.string(value).encoded(), as: UTF8.self))"
        }.joined(separator: "\n")
    }

    /// In units of the divisor, rounded up. An absent limit is the node's allocatable.
    static func resource(_ ref: JSON, container: JSON, _ facts: EnvironmentFacts) throws(ConfigFault) -> String {
        var c: JSON = container
        if let name = ref.containerName.asString, !name.isEmpty {
            let all: [JSON] = facts.pod.spec.containers.elements + facts.pod.spec.initContainers.elements
            guard let found = all.first(where: { $0.name.text == name }) else {
                throw ConfigFault("container \"\(name)\" not found")
            }
            c = found
        }
        let path: String = ref.resource.text
        let parts: [Substring] = path.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, parts[0] == "limits" || parts[0] == "requests" else {
            throw ConfigFault("unsupported container resource : \(path)")
        }
        let name: String = String(parts[1])
        var quantity: Quantity? = Quantity(c.resources[String(parts[0])][name])
        if quantity == nil, parts[0] == "limits" { quantity = Quantity(facts.allocatable[name]) }
        if quantity == nil, parts[0] == "requests" { quantity = Quantity(c.resources.limits[name]) }
        let divisor: Quantity = Quantity(ref.divisor).flatMap { $0.milliValue == 0 ? nil : $0 } ?? Quantity(milli: 1000)
        let value: Quantity = quantity ?? Quantity(milli: 0)
        if name == "cpu" {
            return "\((value.milliValue + divisor.milliValue - 1) / max(divisor.milliValue, 1))"
        }
        let unit: Int64 = max(divisor.value, 1)
        return "\((value.value + unit - 1) / unit)"
    }
}
