// A PodSpec as a whole; templates of workloads take the same road.

import KubeModel
package import KubeWire

package enum PodSpecRules {
    package static func check(_ spec: JSON, at path: String, _ out: inout Faults) {
        var names: PodNames = PodNames()
        names.isHostNetwork = spec.hostNetwork.isTrue
        VolumeRules.check(spec.volumes, at: path + ".volumes", &names, &out)
        claims(spec, at: path, &names, &out)
        if spec.containers.elements.isEmpty { out.required(path + ".containers") }
        ContainerRules.check(spec.containers, role: .regular, at: path + ".containers", &names, &out)
        ContainerRules.check(spec.initContainers, role: .initialising, at: path + ".initContainers", &names, &out)
        ContainerRules.check(
            spec.ephemeralContainers, role: .ephemeral, at: path + ".ephemeralContainers", &names, &out)
        out.oneOf(path + ".restartPolicy", spec.restartPolicy, ["Always", "OnFailure", "Never"])
        out.oneOf(
            path + ".dnsPolicy", spec.dnsPolicy, ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"])
        LabelRules.labels(spec.nodeSelector, at: path + ".nodeSelector", &out)
        SecurityRules.pod(spec.securityContext, at: path + ".securityContext", &out)
        HostRules.check(spec, at: path, &out)
        if spec.shareProcessNamespace.isTrue, spec.hostPID.isTrue {
            out.invalid(path, "true", "ShareProcessNamespace and HostPID cannot both be enabled")
        }
        PlacementRules.affinity(spec.affinity, at: path + ".affinity", &out)
        dns(spec, at: path, &out)
        gates(spec, at: path, &out)
        PlacementRules.spread(spec.topologySpreadConstraints, at: path + ".topologySpreadConstraints", &out)
        simpleNames(spec, at: path, &out)
        out.range(path + ".activeDeadlineSeconds", spec.activeDeadlineSeconds, 1...2_147_483_647)
        PlacementRules.tolerations(spec.tolerations, at: path + ".tolerations", &out)
        aliases(spec.hostAliases, at: path + ".hostAliases", &out)
        if spec.os.exists { out.oneOf(path + ".os.name", spec.os.name, ["linux", "windows"]) }
        out.oneOf(
            path + ".preemptionPolicy", spec.preemptionPolicy, ["Never", "PreemptLowerPriority"], isRequired: false)
        ResourceRules.list(spec.overhead, at: path + ".overhead", &out)
    }

    private static func claims(_ spec: JSON, at path: String, _ names: inout PodNames, _ out: inout Faults) {
        for (i, c) in spec.resourceClaims.elements.enumerated() {
            let at: String = "\(path).resourceClaims[\(i)]"
            if c.name.text.isEmpty {
                out.required(at + ".name")
            } else {
                out.name(at + ".name", c.name.text, NameRules.dns1123Label)
                if !names.claims.insert(c.name.text).inserted { out.duplicate(at + ".name", c.name) }
            }
            let sources: Int = [c.resourceClaimName, c.resourceClaimTemplateName].filter { $0.exists }.count
            if sources != 1 {
                out.invalid(
                    at, c,
                    sources > 1
                        ? "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
                        : "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
            }
        }
    }

    private static func simpleNames(_ spec: JSON, at path: String, _ out: inout Faults) {
        let subdomains: [String] = [
            "serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName",
        ]
        for field in subdomains where !spec[field].text.isEmpty {
            out.name("\(path).\(field)", spec[field].text, NameRules.dns1123Subdomain)
        }
        for field in ["hostname", "subdomain"] where !spec[field].text.isEmpty {
            out.name("\(path).\(field)", spec[field].text, NameRules.dns1123Label)
        }
        for (i, s) in spec.imagePullSecrets.elements.enumerated() where s.name.text.isEmpty {
            out.required("\(path).imagePullSecrets[\(i)].name")
        }
        if spec.schedulerName.exists, spec.schedulerName.text.isEmpty { out.required(path + ".schedulerName") }
    }

    private static func dns(_ spec: JSON, at path: String, _ out: inout Faults) {
        let config: JSON = spec.dnsConfig
        let at: String = path + ".dnsConfig"
        if spec.dnsPolicy.text == "None" {
            if !config.exists {
                return out.required(at, "must provide `dnsConfig` when `dnsPolicy` is None")
            }
            if config.nameservers.elements.isEmpty {
                out.required(
                    at + ".nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")
            }
        }
        if config.nameservers.elements.count > 3 {
            out.invalid(at + ".nameservers", config.nameservers, "must not have more than 3 nameservers")
        }
        for (i, ns) in config.nameservers.strings.enumerated() {
            out.name("\(at).nameservers[\(i)]", ns, IPAddress.check)
        }
        if config.searches.elements.count > 32 {
            out.invalid(at + ".searches", config.searches, "must not have more than 32 search paths")
        }
        for (i, o) in config.options.elements.enumerated() where o.name.text.isEmpty {
            out.required("\(at).options[\(i)]", "must not be empty")
        }
    }

    private static func gates(_ spec: JSON, at path: String, _ out: inout Faults) {
        for (i, g) in spec.readinessGates.elements.enumerated() {
            out.name("\(path).readinessGates[\(i)].conditionType", g.conditionType.text, NameRules.qualifiedName)
        }
        var seen: Set<String> = []
        for (i, g) in spec.schedulingGates.elements.enumerated() {
            out.name("\(path).schedulingGates[\(i)].name", g.name.text, NameRules.qualifiedName)
            if !seen.insert(g.name.text).inserted { out.duplicate("\(path).schedulingGates[\(i)].name", g.name) }
        }
    }

    private static func aliases(_ list: JSON, at path: String, _ out: inout Faults) {
        for (i, a) in list.elements.enumerated() {
            out.name("\(path)[\(i)].ip", a.ip.text, IPAddress.check)
            for h in a.hostnames.strings { out.name("\(path)[\(i)].hostnames", h, NameRules.dns1123Subdomain) }
        }
    }
}
