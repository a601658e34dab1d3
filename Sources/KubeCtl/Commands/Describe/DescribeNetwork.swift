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

    private static func head(_ o: JSON, into w: inout DescribeWriter) {
        w.field("Name", o.meta.name)
        w.field("Namespace", o.meta.namespace)
        w.map("Labels", o.meta.labels)
        w.annotations(o.meta.annotations)
    }

    private static func ports(_ ports: [JSON], level: Int, into w: inout DescribeWriter) {
        w.table(level, ["Name", "Port", "Protocol"], ports.map {
            [$0.name.text.isEmpty ? "<unset>" : $0.name.text, $0.port.asInt.map { "\($0)" } ?? "<unset>", $0["protocol"].text]
        })
    }

    static func slice(_ s: JSON, into w: inout DescribeWriter) {
        head(s, into: &w)
        w.field("AddressType", s.addressType.text)
        if s.ports.elements.isEmpty { w.field("Ports", "<unset>") } else {
            w.add(0, "Ports:")
            ports(s.ports.elements, level: 1, into: &w)
        }
        if s.endpoints.elements.isEmpty { return w.field("Endpoints", "<none>") }
        w.add(0, "Endpoints:")
        for e in s.endpoints.elements {
            w.add(1, "- Addresses:", e.addresses.strings.joined(separator: ","))
            w.add(2, "Conditions:")
            w.field("Ready", e.conditions.ready.exists ? "\(e.conditions.ready.isTrue)" : "<unset>", level: 3)
            w.field("Hostname", e.hostname.asString ?? "<unset>", level: 2)
            if e.targetRef.exists { w.field("TargetRef", "\(e.targetRef.kind.text)/\(e.targetRef.name.text)", level: 2) }
            w.field("NodeName", e.nodeName.asString ?? "<unset>", level: 2)
            w.field("Zone", e.zone.asString ?? "<unset>", level: 2)
        }
    }

    static func endpoints(_ o: JSON, into w: inout DescribeWriter) {
        head(o, into: &w)
        w.add(0, "Subsets:")
        for s in o.subsets.elements {
            for (key, label) in [("addresses", "Addresses"), ("notReadyAddresses", "NotReadyAddresses")] {
                let all: [String] = s[key].elements.map { $0.ip.text }
                w.field(label, all.isEmpty ? "<none>" : all.joined(separator: ","), level: 1)
            }
            if !s.ports.elements.isEmpty {
                w.add(1, "Ports:")
                ports(s.ports.elements, level: 2, into: &w)
            }
            w.add(0, "")
        }
    }

    static func ingress(_ o: JSON, into w: inout DescribeWriter) {
        w.field("Name", o.meta.name)
        w.map("Labels", o.meta.labels)
        w.field("Namespace", o.meta.namespace)
        w.field("Address", o.status.loadBalancer.ingress.elements.map { $0.ip.asString ?? $0.hostname.text }.joined(separator: ","))
        w.field("Ingress Class", o.spec.ingressClassName.asString ?? "<none>")
        func backend(_ b: JSON) -> String {
            let port: JSON = b.service.port
            return "\(b.service.name.text):\(port.name.asString ?? "\(port.number.asInt ?? 0)")"
        }
        w.field("Default backend", o.spec.defaultBackend.exists ? backend(o.spec.defaultBackend) : "<default>")
        if !o.spec.tls.elements.isEmpty {
            w.add(0, "TLS:")
            for t in o.spec.tls.elements {
                let hosts: String = t.hosts.strings.joined(separator: ",")
                w.add(1, t.secretName.exists ? "\(t.secretName.text) terminates \(hosts)" : "SNI routes \(hosts)")
            }
        }
        w.add(0, "Rules:")
        w.add(1, "Host", "Path", "Backends")
        w.add(1, "----", "----", "--------")
        for rule in o.spec.rules.elements {
            w.add(1, rule.host.asString ?? "*", "")
            for path in rule.http.paths.elements { w.add(1, "", path.path.text, backend(path.backend)) }
        }
        if o.spec.rules.elements.isEmpty { w.add(1, "*", "*", o.spec.defaultBackend.exists ? backend(o.spec.defaultBackend) : "<default>") }
    }
}
