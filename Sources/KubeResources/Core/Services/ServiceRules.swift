// What a Service must look like.

import KubeModel
import KubeWire

enum ServiceRules {
    private static let types: [String] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]

    static func check(_ service: JSON, _ out: inout Faults) {
        let spec: JSON = service.spec
        let type: String = spec.type.text
        let isHeadless: Bool = spec.clusterIP.text == "None"
        if spec.ports.elements.isEmpty, !isHeadless, type != "ExternalName" { out.required("spec.ports") }
        if type == "LoadBalancer" || type == "NodePort", isHeadless {
            out.invalid(
                "spec.clusterIPs[0]", "None",
                "may not be set to 'None' for \(type == "NodePort" ? "NodePort" : "LoadBalancer") services")
        }
        if type == "ExternalName" { externalName(spec, &out) }
        ports(spec, &out)
        LabelRules.labels(spec.selector, at: "spec.selector", &out)
        out.oneOf("spec.sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"])
        if spec.sessionAffinity.text == "ClientIP" {
            out.range(
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds", spec.sessionAffinityConfig.clientIP.timeoutSeconds,
                1...86400)
        } else if spec.sessionAffinityConfig.exists, spec.sessionAffinity.text == "None" {
            out.forbidden(
                "spec.sessionAffinityConfig", "must not be set when session affinity is None")
        }
        for (i, ip) in spec.externalIPs.strings.enumerated() {
            out.name("spec.externalIPs[\(i)]", ip, IPAddress.check)
        }
        out.oneOf("spec.type", spec.type, types)
        loadBalancer(spec, &out)
        policies(spec, &out)
        addresses(spec, &out)
    }

    private static func externalName(_ spec: JSON, _ out: inout Faults) {
        if !spec.clusterIPs.elements.isEmpty {
            out.forbidden("spec.clusterIPs", "may not be set for ExternalName services")
        }
        let name: String = spec.externalName.text
        if name.isEmpty {
            out.required("spec.externalName")
        } else {
            out.name(
                "spec.externalName", name.hasSuffix(".") ? String(name.dropLast()) : name, NameRules.dns1123Subdomain)
        }
    }

    private static func ports(_ spec: JSON, _ out: inout Faults) {
        let list: [JSON] = spec.ports.elements
        var names: Set<String> = []
        var numbers: Set<String> = []
        var nodePorts: Set<String> = []
        for (i, p) in list.enumerated() {
            let at: String = "spec.ports[\(i)]"
            if p.name.text.isEmpty {
                if list.count > 1 { out.required(at + ".name") }
            } else {
                out.name(at + ".name", p.name.text, NameRules.dns1123Label)
                if !names.insert(p.name.text).inserted { out.duplicate(at + ".name", p.name) }
            }
            out.port(at + ".port", p.port.exists ? p.port : 0)
            out.oneOf(at + ".protocol", p["protocol"], ["SCTP", "TCP", "UDP"])
            ProbeRules.portOrName(p.targetPort, at: at + ".targetPort", &out)
            let key: String = "\(p["protocol"].text)/\(p.port.asInt ?? 0)"
            if !numbers.insert(key).inserted {
                out.duplicate(at, ["port": p.port, "protocol": p["protocol"]])
            }
            guard let node = p.nodePort.asInt, node != 0 else { continue }
            if spec.type.text == "ClusterIP" || spec.type.text == "ExternalName" {
                out.forbidden(at + ".nodePort", "may not be used when `type` is '\(spec.type.text)'")
            }
            if !nodePorts.insert("\(p["protocol"].text)/\(node)").inserted {
                out.duplicate(at + ".nodePort", p.nodePort)
            }
        }
    }

    private static func loadBalancer(_ spec: JSON, _ out: inout Faults) {
        let isBalancer: Bool = spec.type.text == "LoadBalancer"
        for (i, range) in spec.loadBalancerSourceRanges.strings.enumerated() {
            out.name("spec.loadBalancerSourceRanges[\(i)]", range.filter { $0 != " " }, CIDR.check)
        }
        if !isBalancer, !spec.loadBalancerSourceRanges.elements.isEmpty {
            out.forbidden("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'")
        }
        if let name = spec.loadBalancerClass.asString {
            if !isBalancer { out.forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'") }
            out.name("spec.loadBalancerClass", name, NameRules.qualifiedName)
        }
        if !isBalancer, spec.allocateLoadBalancerNodePorts.exists {
            out.forbidden("spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'")
        }
    }

    private static func policies(_ spec: JSON, _ out: inout Faults) {
        let isExternal: Bool =
            ["LoadBalancer", "NodePort"].contains(spec.type.text)
            || (spec.type.text == "ClusterIP" && !spec.externalIPs.elements.isEmpty)
        if spec.externalTrafficPolicy.text.isEmpty {
            if isExternal { out.required("spec.externalTrafficPolicy") }
        } else if !isExternal {
            out.invalid(
                "spec.externalTrafficPolicy", spec.externalTrafficPolicy,
                "may only be set for externally-accessible services")
        } else {
            out.oneOf("spec.externalTrafficPolicy", spec.externalTrafficPolicy, ["Cluster", "Local"])
        }
        out.oneOf(
            "spec.internalTrafficPolicy", spec.internalTrafficPolicy, ["Cluster", "Local"], isRequired: false)
        out.oneOf(
            "spec.trafficDistribution", spec.trafficDistribution,
            ["PreferClose", "PreferSameNode", "PreferSameZone"], isRequired: false)
    }

    private static func addresses(_ spec: JSON, _ out: inout Faults) {
        let ips: [String] = spec.clusterIPs.strings
        if !spec.clusterIP.text.isEmpty, let first = ips.first, first != spec.clusterIP.text {
            out.invalid("spec.clusterIP", spec.clusterIP, "first value in `spec.clusterIPs` must match `spec.clusterIP`")
        }
        for (i, ip) in ips.enumerated() where ip != "None" {
            out.name("spec.clusterIPs[\(i)]", ip, IPAddress.check)
        }
        if ips.contains("None"), ips.count > 1 {
            out.invalid("spec.clusterIPs", spec.clusterIPs, "'None' must be the first and only value")
        }
        if ips.count > 2 {
            out.invalid("spec.clusterIPs", spec.clusterIPs, "may only hold up to 2 values")
        }
        out.oneOf(
            "spec.ipFamilyPolicy", spec.ipFamilyPolicy, ["PreferDualStack", "RequireDualStack", "SingleStack"],
            isRequired: false)
        for (i, f) in spec.ipFamilies.elements.enumerated() where !["IPv4", "IPv6"].contains(f.text) {
            out.notSupported("spec.ipFamilies[\(i)]", f, ["IPv4", "IPv6"])
        }
    }

    static func checkUpdate(_ new: JSON, _ old: JSON, _ out: inout Faults) {
        check(new, &out)
        guard new.spec.type.text != "ExternalName", old.spec.type.text != "ExternalName" else { return }
        let before: [String] = old.spec.clusterIPs.strings
        let after: [String] = new.spec.clusterIPs.strings
        if let first = before.first, !first.isEmpty, first != after.first ?? first {
            out.invalid("spec.clusterIPs[0]", JSON(after), "may not change once set")
        }
        if let a = old.spec.ipFamilies[0].asString, let b = new.spec.ipFamilies[0].asString, a != b {
            out.invalid("spec.ipFamilies[0]", new.spec.ipFamilies, "may not change once set")
        }
        if new.spec.type.text == "LoadBalancer", old.spec.type.text == "LoadBalancer",
            new.spec.loadBalancerClass != old.spec.loadBalancerClass
        {
            out.invalid("spec.loadBalancerClass", new.spec.loadBalancerClass, "may not change once set")
        }
    }
}
