// A pod as the runtime is told of it: CRI PodSandboxConfig.

import KubeBase
import KubeModel
import KubeWire

/// What the sandbox of a pod depends on besides the pod.
struct SandboxFacts: Sendable {
    var paths: PodPaths
    var cgroupParent: String
    var dns: CRIDNSConfig
    var overhead: CRILinuxContainerResources?
    var clusterDomain: String
}

extension CRIPodSandboxConfig {
    init(pod: JSON, attempt: Int, _ facts: SandboxFacts) {
        self.init()
        let meta: ObjectMeta = pod.meta
        metadata.name = meta.name
        metadata.uid = meta.uid
        metadata.namespace = meta.namespace
        metadata.attempt = UInt32(attempt)
        labels = meta.labels
        labels[Labels.podName] = meta.name
        labels[Labels.podNamespace] = meta.namespace
        labels[Labels.podUID] = meta.uid
        annotations = meta.annotations
        annotations["kubernetes.io/config.source"] = "api"
        if let created = meta.creationTimestamp { annotations["kubernetes.io/config.seen"] = created.rfc3339 }
        logDirectory = facts.paths.logs
        dnsConfig = facts.dns
        if !pod.spec.hostNetwork.isTrue {
            hostname = PodNames.sandboxHostname(pod, clusterDomain: facts.clusterDomain)
            portMappings = Self.portMappings(pod)
        }
        linux.cgroupParent = facts.cgroupParent
        if let overhead = facts.overhead { linux.overhead = overhead }
        linux.securityContext = Self.securityContext(pod)
        for s in pod.spec.securityContext.sysctls.elements {
            linux.sysctls[SysctlRules.normalized(s.name.text)] = s.value.text
        }
    }

    private static func portMappings(_ pod: JSON) -> [CRIPortMapping] {
        (pod.spec.initContainers.elements + pod.spec.containers.elements).flatMap { $0.ports.elements }.compactMap {
            p in
            guard let host = p.hostPort.asInt, host > 0 else { return nil }
            var m: CRIPortMapping = CRIPortMapping()
            m.hostPort = Int32(host)
            m.containerPort = Int32(p.containerPort.asInt ?? 0)
            m.hostIp = p.hostIP.text
            m.protocol = p["protocol"].text == "UDP" ? .udp : p["protocol"].text == "SCTP" ? .sctp : .tcp
            return m
        }
    }

    private static func securityContext(_ pod: JSON) -> CRILinuxSandboxSecurityContext {
        var s: CRILinuxSandboxSecurityContext = CRILinuxSandboxSecurityContext()
        let context: JSON = pod.spec.securityContext
        s.namespaceOptions = Namespaces.options(pod)
        if let user = context.runAsUser.asInt64 { s.runAsUser.value = user }
        if let group = context.runAsGroup.asInt64, context.runAsUser.exists { s.runAsGroup.value = group }
        s.supplementalGroups = context.supplementalGroups.elements.compactMap { $0.asInt64 }
        if let group = context.fsGroup.asInt64 { s.supplementalGroups.append(group) }
        let all: [JSON] = pod.spec.initContainers.elements + pod.spec.containers.elements
        s.privileged = all.contains { $0.securityContext.privileged.isTrue }
        s.seccomp = SecurityProfiles.seccomp(context.seccompProfile, fallback: .runtimeDefault)
        return s
    }
}

enum Namespaces {
    static func options(_ pod: JSON, target: String = "") -> CRINamespaceOption {
        var o: CRINamespaceOption = CRINamespaceOption()
        o.network = pod.spec.hostNetwork.isTrue ? .node : .pod
        o.ipc = pod.spec.hostIPC.isTrue ? .node : .pod
        o.pid = pod.spec.hostPID.isTrue ? .node : pod.spec.shareProcessNamespace.isTrue ? .pod : .container
        if !target.isEmpty {
            o.pid = .target
            o.targetID = target
        }
        return o
    }
}

enum SecurityProfiles {
    /// From a SeccompProfile; `fallback` when there is none.
    static func seccomp(_ profile: JSON, fallback: CRISecurityProfile.ProfileType) -> CRISecurityProfile {
        var p: CRISecurityProfile = CRISecurityProfile()
        switch profile.type.text {
        case "RuntimeDefault": p.profileType = .runtimeDefault
        case "Localhost":
            p.profileType = .localhost
            p.localhostRef = profile.localhostProfile.text
        case "Unconfined": p.profileType = .unconfined
        default: p.profileType = fallback
        }
        return p
    }
}

enum PodNames {
    /// At most 63 bytes, not ending in `-` or `.`.
    static func hostname(_ pod: JSON) -> String {
        var name: Substring = Substring(pod.spec.hostname.asString ?? pod.meta.name)
        name = name.prefix(63)
        while let last = name.last, last == "-" || last == "." { name.removeLast() }
        return String(name)
    }

    /// What hostname(1) prints in the pod: with setHostnameAsFQDN the whole name.
    static func sandboxHostname(_ pod: JSON, clusterDomain: String) -> String {
        if let override = pod.spec.hostnameOverride.asString { return override }
        guard pod.spec.setHostnameAsFQDN.isTrue, let full = fqdn(pod, clusterDomain: clusterDomain) else {
            return hostname(pod)
        }
        return full
    }

    /// `web-0.web.default.svc.cluster.local`; nil without a subdomain.
    static func fqdn(_ pod: JSON, clusterDomain: String) -> String? {
        let subdomain: String = pod.spec.subdomain.text
        if let override = pod.spec.hostnameOverride.asString { return override }
        guard !subdomain.isEmpty else { return nil }
        return "\(hostname(pod)).\(subdomain).\(pod.meta.namespace).svc.\(clusterDomain)"
    }

    /// The hosts file of a pod in its own network.
    static func hostsFile(_ pod: JSON, ips: [String], clusterDomain: String) -> String {
        var text: String = """
            # Kubernetes-managed hosts file.
            127.0.0.1\tlocalhost
            ::1\tlocalhost ip6-localhost ip6-loopback
            fe00::0\tip6-localnet
            fe00::0\tip6-mcastprefix
            fe00::1\tip6-allnodes
            fe00::2\tip6-allrouters

            """
        let full: String = fqdn(pod, clusterDomain: clusterDomain).map { "\($0)\t" } ?? ""
        for ip in ips { text += "\(ip)\t\(full)\(hostname(pod))\n" }
        return text + aliases(pod)
    }

    static func hostNetworkHostsFile(_ pod: JSON, node: String) -> String {
        "# Kubernetes-managed hosts file (host network).\n" + node + aliases(pod)
    }

    private static func aliases(_ pod: JSON) -> String {
        let list: [JSON] = pod.spec.hostAliases.elements
        guard !list.isEmpty else { return "" }
        let lines: [String] = list.map { "\($0.ip.text)\t\($0.hostnames.strings.joined(separator: "\t"))\n" }
        return "\n# Entries added by HostAliases.\n" + lines.joined()
    }
}
