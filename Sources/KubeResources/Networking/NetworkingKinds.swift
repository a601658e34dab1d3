// networking.k8s.io: ingresses, policies, address objects.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum NetworkingKinds {
    private static let ingresses: RuledStrategy = RuledStrategy(hasStatus: true, keepsGeneration: true) { o, out in
        let spec: JSON = o.spec
        if spec.rules.elements.isEmpty, !spec.defaultBackend.exists {
            out.invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")
        }
        if spec.defaultBackend.exists { backend(spec.defaultBackend, at: "spec.defaultBackend", &out) }
        if let name = spec.ingressClassName.asString {
            out.name("spec.ingressClassName", name, NameRules.dns1123Subdomain)
        }
        for (i, t) in spec.tls.elements.enumerated() {
            for (j, h) in t.hosts.strings.enumerated() { host(h, at: "spec.tls[\(i)].hosts[\(j)]", &out) }
        }
        for (i, r) in spec.rules.elements.enumerated() {
            let at: String = "spec.rules[\(i)]"
            if let h = r.host.asString, !h.isEmpty {
                if IPAddress(h) != nil { out.invalid(at + ".host", r.host, "must be a DNS name, not an IP address") }
                host(h, at: at + ".host", &out)
            }
            guard r.http.exists else { continue }
            if r.http.paths.elements.isEmpty { out.required(at + ".http.paths") }
            for (j, p) in r.http.paths.elements.enumerated() { path(p, at: "\(at).http.paths[\(j)]", &out) }
        }
    }

    private static func host(_ h: String, at: String, _ out: inout Faults) {
        out.name(at, h.hasPrefix("*.") ? String(h.dropFirst(2)) : h, NameRules.dns1123Subdomain)
    }

    private static func path(_ p: JSON, at: String, _ out: inout Faults) {
        let kinds: [String] = ["Exact", "ImplementationSpecific", "Prefix"]
        if !p.pathType.exists {
            out.required(at + ".pathType", "pathType must be specified")
        } else if !kinds.contains(p.pathType.text) {
            out.notSupported(at + ".pathType", p.pathType, kinds)
        } else if p.pathType.text != "ImplementationSpecific" {
            if !p.path.text.hasPrefix("/") { out.invalid(at + ".path", p.path, "must be an absolute path") }
            for bad in ["//", "/./", "/../", "%2f", "%2F"] where p.path.text.contains(bad) {
                out.invalid(at + ".path", p.path, "must not contain '\(bad)'")
            }
        } else if !p.path.text.isEmpty, !p.path.text.hasPrefix("/") {
            out.invalid(at + ".path", p.path, "must be an absolute path")
        }
        backend(p.backend, at: at + ".backend", &out)
    }

    private static func backend(_ b: JSON, at: String, _ out: inout Faults) {
        if b.service.exists, b.resource.exists {
            return out.invalid(at, "", "cannot set both resource and service backends")
        }
        if b.resource.exists { return }
        if !b.service.exists {
            return out.required(at, "cannot have both resource and service backends empty")
        }
        if b.service.name.text.isEmpty {
            out.required(at + ".service.name")
        } else {
            out.name(at + ".service.name", b.service.name.text, NameRules.dns1035Label)
        }
        let number: Int = b.service.port.number.asInt ?? 0
        let name: String = b.service.port.name.text
        if number != 0, !name.isEmpty {
            out.invalid(at, "", "cannot set both port name & port number")
        } else if !name.isEmpty {
            out.name(at + ".service.port.name", name, NameRules.portName)
        } else if number == 0 {
            out.required(at, "port name or number is required")
        } else {
            out.port(at + ".service.port.number", b.service.port.number)
        }
    }

    private static let policies: RuledStrategy = RuledStrategy(keepsGeneration: true) { o, out in
        LabelRules.selector(o.spec.podSelector, at: "spec.podSelector", &out)
        for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
            for (i, r) in o.spec[rules].elements.enumerated() {
                let at: String = "spec.\(rules)[\(i)]"
                for (j, p) in r.ports.elements.enumerated() { policyPort(p, at: "\(at).ports[\(j)]", &out) }
                for (j, p) in r[peers].elements.enumerated() { peer(p, at: "\(at).\(peers)[\(j)]", &out) }
            }
        }
        let types: [JSON] = o.spec.policyTypes.elements
        if types.count > 2 {
            out.invalid("spec.policyTypes", o.spec.policyTypes, "may not specify more than two policyTypes")
        }
        for (i, t) in types.enumerated() where !["Ingress", "Egress"].contains(t.text) {
            out.notSupported("spec.policyTypes[\(i)]", t, ["Ingress", "Egress"])
        }
    }

    private static func policyPort(_ p: JSON, at: String, _ out: inout Faults) {
        out.oneOf(at + ".protocol", p["protocol"], ["SCTP", "TCP", "UDP"], isRequired: false)
        if p.port.exists { ProbeRules.portOrName(p.port, at: at + ".port", &out) }
        guard let end = p.endPort.asInt else { return }
        guard let start = p.port.asInt else {
            return out.invalid(at + ".endPort", p.endPort, p.port.exists ? "may not be specified when `port` is non-numeric" : "may not be specified when `port` is not specified")
        }
        if end < start { out.invalid(at + ".endPort", p.endPort, "must be greater than or equal to `port`") }
        out.port(at + ".endPort", p.endPort)
    }

    private static func peer(_ p: JSON, at: String, _ out: inout Faults) {
        LabelRules.selector(p.podSelector, at: at + ".podSelector", &out)
        LabelRules.selector(p.namespaceSelector, at: at + ".namespaceSelector", &out)
        if !p.podSelector.exists, !p.namespaceSelector.exists, !p.ipBlock.exists {
            out.required(at, "must specify a peer")
        } else if p.ipBlock.exists, p.podSelector.exists || p.namespaceSelector.exists {
            out.forbidden(at, "may not specify both ipBlock and another peer")
        }
        guard p.ipBlock.exists else { return }
        let text: String = p.ipBlock.cidr.text
        if text.isEmpty { return out.required(at + ".ipBlock.cidr") }
        guard let block = CIDR(text) else { return out.invalid(at + ".ipBlock.cidr", p.ipBlock.cidr, CIDR.complaint) }
        for (i, e) in p.ipBlock["except"].elements.enumerated() {
            let here: String = "\(at).ipBlock.except[\(i)]"
            guard let inner = CIDR(e.text) else {
                out.invalid(here, e, CIDR.complaint)
                continue
            }
            if !block.contains(inner.first) || inner.bits <= block.bits {
                out.invalid(here, e, "must be a strict subset of `cidr`")
            }
        }
    }

    private static let classes: RuledStrategy = RuledStrategy(
        keepsGeneration: true,
        updating: { new, old, out in out.immutable("spec.controller", new.spec.controller, old.spec.controller) }
    ) { o, out in
        let name: String = o.spec.controller.text
        if name.isEmpty { return out.required("spec.controller") }
        if name.utf8.count > 250 { out.tooLong("spec.controller", maxLength: 250) }
        let parts: [Substring] = name.split(separator: "/")
        if parts.count < 2 {
            out.invalid(
                "spec.controller", o.spec.controller,
                "must be a domain-prefixed path (such as \"acme.io/foo\")")
        }
    }

    private static let addresses: RuledStrategy = RuledStrategy(
        nameRule: .custom,
        updating: { new, old, out in out.immutable("spec.parentRef", new.spec.parentRef, old.spec.parentRef) }
    ) { o, out in
        out.name("metadata.name", o.meta.name, IPAddress.check)
        if !o.spec.parentRef.exists { return out.required("spec.parentRef") }
        for f in ["resource", "name"] where o.spec.parentRef[f].text.isEmpty { out.required("spec.parentRef.\(f)") }
    }

    private static let ranges: RuledStrategy = RuledStrategy(
        hasStatus: true,
        updating: { new, old, out in out.immutable("spec.cidrs", new.spec.cidrs, old.spec.cidrs) }
    ) { o, out in
        if o.spec.cidrs.elements.isEmpty { out.required("spec.cidrs", "at least one CIDR required") }
        for (i, c) in o.spec.cidrs.strings.enumerated() { out.name("spec.cidrs[\(i)]", c, CIDR.check) }
    }

    static let entries: [Entry] = [
        Entry(API.ingresses, ingresses), Entry(API.networkPolicies, policies), Entry(API.ingressClasses, classes),
        Entry(API.ipAddresses, addresses), Entry(API.serviceCIDRs, ranges),
    ]
}
