// The controls that the Restricted level adds, in upstream's words.

import KubeWire

enum RestrictedChecks {
    static func all(_ v: PodSecurityView, minor: Int) -> [PodSecurityFault?] {
        // Linux' controls say nothing about pods that declare Windows (since v1.25).
        let isLinux: Bool = !v.isWindows || minor < 25
        return [
            isLinux && minor >= 8 ? escalation(v) : nil, isLinux && minor >= 22 ? capabilities(v) : nil, volumes(v),
            nonRoot(v), minor >= 23 ? rootUser(v) : nil, isLinux && minor >= 19 ? seccomp(v) : nil,
        ]
    }

    private static func escalation(_ v: PodSecurityView) -> PodSecurityFault? {
        let bad: [JSON] = v.containers { $0.allowPrivilegeEscalation.asBool != false }
        return bad.isEmpty
            ? nil
            : PodSecurityFault(
                reason: "allowPrivilegeEscalation != false",
                detail: "\(PodSecurityView.names(bad)) must set securityContext.allowPrivilegeEscalation=false")
    }

    private static func capabilities(_ v: PodSecurityView) -> PodSecurityFault? {
        func extra(_ s: JSON) -> [String] { s.capabilities.add.strings.filter { $0 != "NET_BIND_SERVICE" } }
        let missing: [JSON] = v.containers { !$0.capabilities.drop.strings.contains("ALL") }
        let adding: [JSON] = v.containers { !extra($0).isEmpty }
        var parts: [String] = []
        if !missing.isEmpty {
            parts.append("\(PodSecurityView.names(missing)) must set securityContext.capabilities.drop=[\"ALL\"]")
        }
        if !adding.isEmpty {
            let found: [String] = Set(adding.flatMap { extra($0.securityContext) }).sorted()
            parts.append(
                "\(PodSecurityView.names(adding)) must not include \(PodSecurityView.quoted(found)) in "
                    + "securityContext.capabilities.add")
        }
        return parts.isEmpty
            ? nil : PodSecurityFault(reason: "unrestricted capabilities", detail: parts.joined(separator: "; "))
    }

    private static let volumeKinds: Set<String> = [
        "name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
        "projected", "secret",
    ]

    private static func volumes(_ v: PodSecurityView) -> PodSecurityFault? {
        var names: [String] = []
        var kinds: Set<String> = []
        for volume in v.spec.volumes.elements {
            let extra: [String] = volume.fields.pairs.filter { $0.value.exists && !volumeKinds.contains($0.key) }.map {
                $0.key
            }
            if extra.isEmpty { continue }
            names.append(volume.name.text)
            kinds.formUnion(extra)
        }
        if names.isEmpty { return nil }
        let many: String = PodSecurityView.plural("volume ", "volumes ", names.count) + PodSecurityView.quoted(names)
        let use: String = PodSecurityView.plural("uses", "use", names.count)
        let noun: String = PodSecurityView.plural("restricted volume type", "restricted volume types", kinds.count)
        return PodSecurityFault(
            reason: "restricted volume types",
            detail: "\(many) \(use) \(noun) \(PodSecurityView.quoted(kinds.sorted()))")
    }

    private static func nonRoot(_ v: PodSecurityView) -> PodSecurityFault? {
        let reason: String = "runAsNonRoot != true"
        if let setters = v.setters({ $0.runAsNonRoot.asBool == false }) {
            return PodSecurityFault(
                reason: reason, detail: "\(setters) must not set securityContext.runAsNonRoot=false")
        }
        if v.context.runAsNonRoot.isTrue { return nil }
        let silent: [JSON] = v.containers { $0.runAsNonRoot.asBool == nil }
        return silent.isEmpty
            ? nil
            : PodSecurityFault(
                reason: reason,
                detail: "pod or \(PodSecurityView.names(silent)) must set securityContext.runAsNonRoot=true")
    }

    private static func rootUser(_ v: PodSecurityView) -> PodSecurityFault? {
        guard let setters = v.setters({ $0.runAsUser.asInt == 0 }) else { return nil }
        return PodSecurityFault(reason: "runAsUser=0", detail: "\(setters) must not set runAsUser=0")
    }

    private static func seccomp(_ v: PodSecurityView) -> PodSecurityFault? {
        func isBad(_ s: JSON) -> Bool {
            s.seccompProfile.exists && !["RuntimeDefault", "Localhost"].contains(s.seccompProfile.type.text)
        }
        if let setters = v.setters(isBad) {
            return PodSecurityFault(
                reason: "seccompProfile",
                detail: "\(setters) must not set securityContext.seccompProfile.type to "
                    + v.values({ $0.seccompProfile.type.text }, isBad))
        }
        if v.context.seccompProfile.exists { return nil }
        let silent: [JSON] = v.containers { !$0.seccompProfile.exists }
        return silent.isEmpty
            ? nil
            : PodSecurityFault(
                reason: "seccompProfile",
                detail: "pod or \(PodSecurityView.names(silent)) must set securityContext.seccompProfile.type to "
                    + "\"RuntimeDefault\" or \"Localhost\"")
    }
}
