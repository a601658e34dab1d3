// Which kernel parameters a pod may set: those namespaced and harmless to its neighbours, and those the node allows.

import KubeWire

enum SysctlRules {
    /// Upstream's safe set.
    static let safe: Set<String> = [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    ]

    /// `allowed` are names and prefixes that end in `*` (--allowed-unsafe-sysctls).
    static func refusal(of pod: JSON, allowed: [String] = []) -> PodRefusal? {
        for s in pod.spec.securityContext.sysctls.elements {
            let name: String = normalized(s.name.text)
            if let why = fault(name, pod, allowed) {
                return PodRefusal(reason: "SysctlForbidden", message: "forbidden sysctl: \(why)")
            }
        }
        return nil
    }

    private static func fault(_ name: String, _ pod: JSON, _ allowed: [String]) -> String? {
        let isNet: Bool = name.hasPrefix("net.")
        let isIPC: Bool = name.hasPrefix("kernel.shm") || name.hasPrefix("kernel.msg") || name.hasPrefix("fs.mqueue.")
            || name == "kernel.sem"
        if isNet, pod.spec.hostNetwork.isTrue { return "\"\(name)\" not allowed with host net enabled" }
        if isIPC, pod.spec.hostIPC.isTrue { return "\"\(name)\" not allowed with host ipc enabled" }
        if safe.contains(name) { return nil }
        let isAllowed: Bool = allowed.contains { a in
            a.hasSuffix("*") ? name.hasPrefix(a.dropLast()) : name == a
        }
        return isAllowed ? nil : "\"\(name)\" not allowlisted"
    }

    /// `net/ipv4/ip_forward` is another way to write `net.ipv4.ip_forward`; the first separator says which it is.
    static func normalized(_ name: String) -> String {
        guard let first = name.first(where: { $0 == "." || $0 == "/" }), first == "/" else { return name }
        return String(name.map { $0 == "/" ? "." : $0 == "." ? "/" : $0 })
    }
}
