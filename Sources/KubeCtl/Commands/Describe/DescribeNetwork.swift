// `describe service`.

import KubeModel
import KubeWire

enum DescribeNetwork {
    static func service(_ s: JSON, slices: [JSON], into w: inout DescribeWriter) {
        w.field("Name", s.meta.name)
        w.field("Namespace", s.meta.namespace)
        w.map("Labels", s.meta.labels)
        w.annotations(s.meta.annotations)
        w.field("Selector", s.spec.selector.fields.isEmpty ? "<none>" : s.spec.selector.stringMap.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
        w.field("Type", s.spec.type.text)
        if s.spec.ipFamilyPolicy.exists { w.field("IP Family Policy", s.spec.ipFamilyPolicy.text) }
        if s.spec.ipFamilies.exists { w.field("IP Families", s.spec.ipFamilies.strings.joined(separator: ",")) }
        w.field("IP", s.spec.clusterIP.text)
        w.field("IPs", s.spec.clusterIPs.strings.isEmpty ? "<none>" : s.spec.clusterIPs.strings.joined(separator: ","))
        if !s.spec.externalIPs.elements.isEmpty { w.field("External IPs", s.spec.externalIPs.strings.joined(separator: ",")) }
        if s.spec.externalName.exists { w.field("External Name", s.spec.externalName.text) }
        if !s.status.loadBalancer.ingress.elements.isEmpty {
            w.field("LoadBalancer Ingress", s.status.loadBalancer.ingress.elements.map { $0.ip.asString ?? $0.hostname.text }.joined(separator: ", "))
        }
        for port in s.spec.ports.elements {
            let name: String = port.name.asString ?? "<unset>"
            w.add(0, "Port:", "\(name)", "\(port.port.asInt ?? 0)/\(port["protocol"].text)")
            w.field("TargetPort", "\(JSONPath.shown(port.targetPort))/\(port["protocol"].text)")
            if let node = port.nodePort.asInt { w.add(0, "NodePort:", name, "\(node)/\(port["protocol"].text)") }
            w.field("Endpoints", endpoints(port, slices))
        }
        w.field("Session Affinity", s.spec.sessionAffinity.text)
        if s.spec.externalTrafficPolicy.exists { w.field("External Traffic Policy", s.spec.externalTrafficPolicy.text) }
        if s.spec.internalTrafficPolicy.exists { w.field("Internal Traffic Policy", s.spec.internalTrafficPolicy.text) }
    }

    /// At most three addresses, then how many more, as kubectl prints.
    private static func endpoints(_ port: JSON, _ slices: [JSON]) -> String {
        var all: [String] = []
        for slice in slices {
            guard let found = slice.ports.elements.first(where: { $0.name.text == port.name.text }) else { continue }
            for endpoint in slice.endpoints.elements where endpoint.conditions.ready.asBool ?? true {
                all += endpoint.addresses.strings.map { "\($0):\(found.port.asInt ?? 0)" }
            }
        }
        if all.count > 3 { return all.prefix(3).joined(separator: ",") + " + \(all.count - 3) more..." }
        return all.joined(separator: ",")
    }
}
