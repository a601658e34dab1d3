// The Pod Security Standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/ as a list of checks.

import KubeWire

enum PodSecurityLevel: String, Sendable, Comparable {
    case privileged, baseline, restricted
    private var rank: Int { self == .privileged ? 0 : self == .baseline ? 1 : 2 }
    static func < (a: PodSecurityLevel, b: PodSecurityLevel) -> Bool { a.rank < b.rank }
}

/// Each check answers `reason (detail)`, or nil when the pod is fine.
enum PodSecurityChecks {
    /// Faults of a pod spec at a level, as upstream lists them.
    static func faults(_ pod: JSON, level: PodSecurityLevel) -> [String] {
        var out: [String?] = []
        if level >= .baseline { out += baseline(pod) }
        if level >= .restricted { out += restricted(pod) }
        return out.compactMap { $0 }
    }

    private static func containers(_ pod: JSON) -> [JSON] {
        ["initContainers", "containers", "ephemeralContainers"].flatMap { pod.spec[$0].elements }
    }
    private static func names(_ list: [JSON]) -> String {
        let quoted: String = list.map { "\"\($0.name.text)\"" }.joined(separator: ", ")
        return (list.count == 1 ? "container " : "containers ") + quoted
    }
    private static func quoted(_ list: [String]) -> String { list.map { "\"\($0)\"" }.joined(separator: ", ") }

    // MARK: baseline

    private static func baseline(_ pod: JSON) -> [String?] {
        [
            hostNamespaces(pod), privileged(pod), capabilities(pod), hostPath(pod), hostPorts(pod), appArmor(pod),
            seLinux(pod), procMount(pod), seccompBaseline(pod), sysctls(pod),
        ]
    }

    private static func hostNamespaces(_ pod: JSON) -> String? {
        let on: [String] = ["hostNetwork", "hostPID", "hostIPC"].filter { pod.spec[$0].isTrue }
        return on.isEmpty ? nil : "host namespaces (\(on.map { "\($0)=true" }.joined(separator: ", ")))"
    }
    private static func privileged(_ pod: JSON) -> String? {
        let bad: [JSON] = containers(pod).filter { $0.securityContext.privileged.isTrue }
        return bad.isEmpty ? nil : "privileged (\(names(bad)) must not set securityContext.privileged=true)"
    }
    private static let baselineCapabilities: Set<String> = [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    ]
    private static func capabilities(_ pod: JSON) -> String? {
        var list: [JSON] = []
        var found: Set<String> = []
        for c in containers(pod) {
            let extra: [String] = c.securityContext.capabilities.add.strings.filter { !baselineCapabilities.contains($0) }
            if extra.isEmpty { continue }
            list.append(c)
            found.formUnion(extra)
        }
        return list.isEmpty
            ? nil
            : "non-default capabilities (\(names(list)) must not include \(quoted(found.sorted())) in securityContext.capabilities.add)"
    }
    private static func hostPath(_ pod: JSON) -> String? {
        let bad: [String] = pod.spec.volumes.elements.filter { $0.hostPath.exists }.map { $0.name.text }
        return bad.isEmpty ? nil : "hostPath volumes (volume\(bad.count > 1 ? "s" : "") \(quoted(bad)))"
    }
    private static func hostPorts(_ pod: JSON) -> String? {
        var list: [JSON] = []
        var ports: Set<Int> = []
        for c in containers(pod) {
            let own: [Int] = c.ports.elements.compactMap { $0.hostPort.asInt }.filter { $0 != 0 }
            if own.isEmpty { continue }
            list.append(c)
            ports.formUnion(own)
        }
        let text: String = ports.sorted().map { String($0) }.joined(separator: ", ")
        return list.isEmpty
            ? nil : "hostPort (\(names(list)) use\(list.count == 1 ? "s" : "") hostPort\(ports.count > 1 ? "s" : "") \(text))"
    }
    private static func appArmor(_ pod: JSON) -> String? {
        let all: [JSON] = [pod.spec.securityContext] + containers(pod).map { $0.securityContext }
        let isBad: Bool = all.contains { $0.appArmorProfile.type.text == "Unconfined" }
        return isBad ? "forbidden AppArmor profile (pod or containers must not set AppArmor profile type to \"Unconfined\")" : nil
    }
    private static func seLinux(_ pod: JSON) -> String? {
        let types: Set<String> = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"]
        let all: [JSON] = [pod.spec.securityContext] + containers(pod).map { $0.securityContext }
        let bad: [String] = all.map { $0.seLinuxOptions.type.text }.filter { !types.contains($0) }
        let others: Bool = all.contains { !$0.seLinuxOptions.user.text.isEmpty || !$0.seLinuxOptions.role.text.isEmpty }
        if bad.isEmpty, !others { return nil }
        return "seLinuxOptions (pod or containers set forbidden securityContext.seLinuxOptions: "
            + (bad.isEmpty ? "user or role may not be set" : "type \(quoted(bad))") + ")"
    }
    private static func procMount(_ pod: JSON) -> String? {
        let bad: [JSON] = containers(pod).filter { !["", "Default"].contains($0.securityContext.procMount.text) }
        return bad.isEmpty ? nil : "procMount (\(names(bad)) must not set securityContext.procMount to \"Unmasked\")"
    }
    private static func seccompBaseline(_ pod: JSON) -> String? {
        let podBad: Bool = pod.spec.securityContext.seccompProfile.type.text == "Unconfined"
        let bad: [JSON] = containers(pod).filter { $0.securityContext.seccompProfile.type.text == "Unconfined" }
        if !podBad, bad.isEmpty { return nil }
        let who: String = [podBad ? "pod" : "", bad.isEmpty ? "" : names(bad)].filter { !$0.isEmpty }.joined(separator: " and ")
        return "seccompProfile (\(who) must not set securityContext.seccompProfile.type to \"Unconfined\")"
    }
    private static let safeSysctls: Set<String> = [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    ]
    private static func sysctls(_ pod: JSON) -> String? {
        let bad: [String] = pod.spec.securityContext.sysctls.elements.map { $0.name.text }.filter {
            !safeSysctls.contains($0)
        }
        return bad.isEmpty ? nil : "forbidden sysctls (\(bad.joined(separator: ", ")))"
    }

    // MARK: restricted

    private static func restricted(_ pod: JSON) -> [String?] {
        [escalation(pod), dropped(pod), volumes(pod), nonRoot(pod), rootUser(pod), seccompRestricted(pod)]
    }

    private static func escalation(_ pod: JSON) -> String? {
        let bad: [JSON] = containers(pod).filter { $0.securityContext.allowPrivilegeEscalation.asBool != false }
        return bad.isEmpty
            ? nil
            : "allowPrivilegeEscalation != false (\(names(bad)) must set securityContext.allowPrivilegeEscalation=false)"
    }
    private static func dropped(_ pod: JSON) -> String? {
        let missing: [JSON] = containers(pod).filter { !$0.securityContext.capabilities.drop.strings.contains("ALL") }
        let added: [JSON] = containers(pod).filter {
            $0.securityContext.capabilities.add.strings.contains { $0 != "NET_BIND_SERVICE" }
        }
        if missing.isEmpty, added.isEmpty { return nil }
        var parts: [String] = []
        if !missing.isEmpty { parts.append("\(names(missing)) must set securityContext.capabilities.drop=[\"ALL\"]") }
        if !added.isEmpty {
            let found: Set<String> = Set(
                added.flatMap { $0.securityContext.capabilities.add.strings }.filter { $0 != "NET_BIND_SERVICE" })
            parts.append("\(names(added)) must not include \(quoted(found.sorted())) in securityContext.capabilities.add")
        }
        return "unrestricted capabilities (\(parts.joined(separator: "; ")))"
    }
    private static let volumeKinds: Set<String> = [
        "name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
        "projected", "secret",
    ]
    private static func volumes(_ pod: JSON) -> String? {
        var names: [String] = []
        var kinds: Set<String> = []
        for v in pod.spec.volumes.elements {
            let extra: [String] = v.fields.keys.filter { !volumeKinds.contains($0) }
            if extra.isEmpty { continue }
            names.append(v.name.text)
            kinds.formUnion(extra)
        }
        return names.isEmpty
            ? nil
            : "restricted volume types (volume\(names.count > 1 ? "s" : "") \(quoted(names)) use\(names.count > 1 ? "" : "s") restricted volume type\(kinds.count > 1 ? "s" : "") \(quoted(kinds.sorted())))"
    }
    private static func nonRoot(_ pod: JSON) -> String? {
        let podValue: Bool? = pod.spec.securityContext.runAsNonRoot.asBool
        let explicit: [JSON] = containers(pod).filter { $0.securityContext.runAsNonRoot.asBool == false }
        if !explicit.isEmpty {
            return "runAsNonRoot != true (\(names(explicit)) must not set securityContext.runAsNonRoot=false)"
        }
        let implicit: [JSON] = containers(pod).filter { $0.securityContext.runAsNonRoot.asBool == nil }
        if podValue == true || implicit.isEmpty { return nil }
        return podValue == false
            ? "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)"
            : "runAsNonRoot != true (pod or \(names(implicit)) must set securityContext.runAsNonRoot=true)"
    }
    private static func rootUser(_ pod: JSON) -> String? {
        let podBad: Bool = pod.spec.securityContext.runAsUser.asInt == 0
        let bad: [JSON] = containers(pod).filter { $0.securityContext.runAsUser.asInt == 0 }
        if !podBad, bad.isEmpty { return nil }
        let who: String = [podBad ? "pod" : "", bad.isEmpty ? "" : names(bad)].filter { !$0.isEmpty }.joined(separator: " and ")
        return "runAsUser=0 (\(who) must not set runAsUser=0)"
    }
    private static func seccompRestricted(_ pod: JSON) -> String? {
        let fine: Set<String> = ["RuntimeDefault", "Localhost"]
        let podType: String = pod.spec.securityContext.seccompProfile.type.text
        let implicit: [JSON] = containers(pod).filter { $0.securityContext.seccompProfile.type.text.isEmpty }
        if fine.contains(podType) || implicit.isEmpty { return nil }
        return "seccompProfile (pod or \(names(implicit)) must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
    }
}
