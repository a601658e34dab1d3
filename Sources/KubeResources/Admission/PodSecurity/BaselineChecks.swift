// The controls of the Baseline level, in upstream's words.

import KubeWire

enum BaselineChecks {
    static func appArmor(_ v: PodSecurityView) -> PodSecurityFault? {
        func isBad(_ s: JSON) -> Bool {
            s.appArmorProfile.exists && !["RuntimeDefault", "Localhost"].contains(s.appArmorProfile.type.text)
        }
        var details: [String] = []
        var count: Int = 0
        if let setters = v.setters(isBad) {
            count += 1
            details.append(
                "\(setters) must not set AppArmor profile type to "
                    + v.values({ $0.appArmorProfile.type.text }, isBad))
        }
        let prefix: String = "container.apparmor.security.beta.kubernetes.io/"
        let marks: [String] = v.pod.metadata.annotations.stringMap.filter { key, value in
            key.hasPrefix(prefix) && !value.isEmpty && value != "runtime/default" && !value.hasPrefix("localhost/")
        }.map { "\($0.key)=\"\($0.value)\"" }.sorted()
        count += marks.count
        if !marks.isEmpty {
            details.append(
                PodSecurityView.plural("annotation ", "annotations ", marks.count) + marks.joined(separator: ", "))
        }
        if details.isEmpty { return nil }
        return PodSecurityFault(
            reason: PodSecurityView.plural("forbidden AppArmor profile", "forbidden AppArmor profiles", count),
            detail: details.joined(separator: " and "))
    }

    private static let usualCapabilities: Set<String> = [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    ]

    static func capabilities(_ v: PodSecurityView) -> PodSecurityFault? {
        func extra(_ s: JSON) -> [String] { s.capabilities.add.strings.filter { !usualCapabilities.contains($0) } }
        let bad: [JSON] = v.containers { !extra($0).isEmpty }
        if bad.isEmpty { return nil }
        let found: Set<String> = Set(bad.flatMap { extra($0.securityContext) })
        return PodSecurityFault(
            reason: "non-default capabilities",
            detail: "\(PodSecurityView.names(bad)) must not include \(PodSecurityView.quoted(found.sorted())) in "
                + "securityContext.capabilities.add")
    }

    static func hostNamespaces(_ v: PodSecurityView) -> PodSecurityFault? {
        let on: [String] = ["hostNetwork", "hostPID", "hostIPC"].filter { v.spec[$0].isTrue }.map { "\($0)=true" }
        return on.isEmpty ? nil : PodSecurityFault(reason: "host namespaces", detail: on.joined(separator: ", "))
    }

    static func hostPath(_ v: PodSecurityView) -> PodSecurityFault? {
        let bad: [String] = v.spec.volumes.elements.filter { $0.hostPath.exists }.map { $0.name.text }
        return bad.isEmpty
            ? nil
            : PodSecurityFault(
                reason: "hostPath volumes",
                detail: PodSecurityView.plural("volume ", "volumes ", bad.count) + PodSecurityView.quoted(bad))
    }

    static func hostPorts(_ v: PodSecurityView) -> PodSecurityFault? {
        func own(_ c: JSON) -> [Int] { c.ports.elements.compactMap { $0.hostPort.asInt }.filter { $0 != 0 } }
        let bad: [JSON] = v.containers.filter { !own($0).isEmpty }
        if bad.isEmpty { return nil }
        // Sorted as texts, as upstream's set of strings is.
        let ports: [String] = Set(bad.flatMap { own($0) }.map { String($0) }).sorted()
        let use: String = PodSecurityView.plural("uses", "use", bad.count)
        let noun: String = PodSecurityView.plural("hostPort", "hostPorts", ports.count)
        return PodSecurityFault(
            reason: "hostPort", detail: "\(PodSecurityView.names(bad)) \(use) \(noun) \(ports.joined(separator: ", "))")
    }

    /// Since v1.34: probes and hooks may not be sent to other hosts (they come from the node).
    static func probeHosts(_ v: PodSecurityView) -> PodSecurityFault? {
        func hosts(_ c: JSON) -> [String] {
            let handlers: [JSON] = [
                c.livenessProbe, c.readinessProbe, c.startupProbe, c.lifecycle.postStart, c.lifecycle.preStop,
            ]
            return handlers.flatMap { [$0.httpGet.host.text, $0.tcpSocket.host.text] }.filter { !$0.isEmpty }
        }
        let bad: [JSON] = v.containers.filter { !hosts($0).isEmpty }
        if bad.isEmpty { return nil }
        let found: [String] = Set(bad.flatMap { hosts($0) }).sorted()
        let use: String = PodSecurityView.plural("uses", "use", bad.count)
        let noun: String = PodSecurityView.plural("probe or lifecycle host", "probe or lifecycle hosts", found.count)
        return PodSecurityFault(
            reason: "probe or lifecycle host",
            detail: "\(PodSecurityView.names(bad)) \(use) \(noun) \(PodSecurityView.quoted(found))")
    }

    static func privileged(_ v: PodSecurityView) -> PodSecurityFault? {
        let bad: [JSON] = v.containers { $0.privileged.isTrue }
        return bad.isEmpty
            ? nil
            : PodSecurityFault(
                reason: "privileged",
                detail: "\(PodSecurityView.names(bad)) must not set securityContext.privileged=true")
    }

    static func procMount(_ v: PodSecurityView) -> PodSecurityFault? {
        func isBad(_ s: JSON) -> Bool { !["", "Default"].contains(s.procMount.text) }
        let bad: [JSON] = v.containers(where: isBad)
        if bad.isEmpty { return nil }
        let values: [String] = Set(bad.map { $0.securityContext.procMount.text }).sorted()
        return PodSecurityFault(
            reason: "procMount",
            detail: "\(PodSecurityView.names(bad)) must not set securityContext.procMount to "
                + PodSecurityView.quoted(values))
    }

    static func seLinux(_ v: PodSecurityView, minor: Int) -> PodSecurityFault? {
        var types: Set<String> = ["", "container_t", "container_init_t", "container_kvm_t"]
        if minor >= 31 { types.insert("container_engine_t") }
        func isBad(_ s: JSON) -> Bool {
            let o: JSON = s.seLinuxOptions
            return !types.contains(o.type.text) || !o.user.text.isEmpty || !o.role.text.isEmpty
        }
        guard let setters = v.setters(isBad) else { return nil }
        let all: [JSON] = ([v.context] + v.containers.map { $0.securityContext }).map { $0.seLinuxOptions }
        var data: [String] = []
        let bad: [String] = Set(all.map { $0.type.text }.filter { !types.contains($0) }).sorted()
        if !bad.isEmpty {
            data.append(PodSecurityView.plural("type ", "types ", bad.count) + PodSecurityView.quoted(bad))
        }
        if all.contains(where: { !$0.user.text.isEmpty }) { data.append("user may not be set") }
        if all.contains(where: { !$0.role.text.isEmpty }) { data.append("role may not be set") }
        return PodSecurityFault(
            reason: "seLinuxOptions",
            detail: "\(setters) set forbidden securityContext.seLinuxOptions: \(data.joined(separator: "; "))")
    }

    static func seccomp(_ v: PodSecurityView, minor: Int) -> PodSecurityFault? {
        if minor < 19 { return seccompAnnotations(v) }
        func isBad(_ s: JSON) -> Bool {
            s.seccompProfile.exists && !["RuntimeDefault", "Localhost"].contains(s.seccompProfile.type.text)
        }
        guard let setters = v.setters(isBad) else { return nil }
        return PodSecurityFault(
            reason: "seccompProfile",
            detail: "\(setters) must not set securityContext.seccompProfile.type to "
                + v.values({ $0.seccompProfile.type.text }, isBad))
    }

    private static func seccompAnnotations(_ v: PodSecurityView) -> PodSecurityFault? {
        let marks: [String] = v.pod.metadata.annotations.stringMap.filter { key, value in
            (key == "seccomp.security.alpha.kubernetes.io/pod"
                || key.hasPrefix("container.seccomp.security.alpha.kubernetes.io/"))
                && !["runtime/default", "docker/default"].contains(value) && !value.hasPrefix("localhost/")
        }.map { "\($0.key)=\"\($0.value)\"" }.sorted()
        return marks.isEmpty
            ? nil
            : PodSecurityFault(
                reason: "seccompProfile",
                detail: "forbidden " + PodSecurityView.plural("annotation ", "annotations ", marks.count)
                    + marks.joined(separator: ", "))
    }

    /// Sysctls that are namespaced and safe, with the minor version that allowed them first.
    private static let safeSysctls: [String: Int] = [
        "kernel.shm_rmid_forced": 0, "net.ipv4.ip_local_port_range": 0, "net.ipv4.tcp_syncookies": 0,
        "net.ipv4.ping_group_range": 0, "net.ipv4.ip_unprivileged_port_start": 0,
        "net.ipv4.ip_local_reserved_ports": 27, "net.ipv4.tcp_keepalive_time": 29, "net.ipv4.tcp_fin_timeout": 29,
        "net.ipv4.tcp_keepalive_intvl": 29, "net.ipv4.tcp_keepalive_probes": 29, "net.ipv4.tcp_rmem": 32,
        "net.ipv4.tcp_wmem": 32,
    ]

    static func sysctls(_ v: PodSecurityView, minor: Int) -> PodSecurityFault? {
        let bad: [String] = v.context.sysctls.elements.map { $0.name.text }.filter {
            safeSysctls[$0].map { $0 > minor } ?? true
        }
        return bad.isEmpty ? nil : PodSecurityFault(reason: "forbidden sysctls", detail: bad.joined(separator: ", "))
    }

    static func hostProcess(_ v: PodSecurityView) -> PodSecurityFault? {
        guard let setters = v.setters({ $0.windowsOptions.hostProcess.isTrue }) else { return nil }
        return PodSecurityFault(
            reason: "hostProcess", detail: "\(setters) must not set securityContext.windowsOptions.hostProcess=true")
    }
}
