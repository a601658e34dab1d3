// Security contexts of pods and containers.

package import KubeWire

package enum SecurityRules {
    private static let ids: ClosedRange<Int64> = 0...2_147_483_647

    package static func pod(_ s: JSON, at: String, _ out: inout Faults) {
        for field in ["fsGroup", "runAsUser", "runAsGroup"] { out.range("\(at).\(field)", s[field], ids) }
        for (i, g) in s.supplementalGroups.elements.enumerated() { out.range("\(at).supplementalGroups[\(i)]", g, ids) }
        out.oneOf(
            at + ".fsGroupChangePolicy", s.fsGroupChangePolicy, ["Always", "OnRootMismatch"], isRequired: false)
        out.oneOf(
            at + ".supplementalGroupsPolicy", s.supplementalGroupsPolicy, ["Merge", "Strict"], isRequired: false)
        var seen: Set<String> = []
        for (i, sysctl) in s.sysctls.elements.enumerated() {
            let here: String = "\(at).sysctls[\(i)].name"
            if sysctl.name.text.isEmpty {
                out.required(here)
            } else if !seen.insert(sysctl.name.text).inserted {
                out.duplicate(here, sysctl.name)
            }
        }
        profile(s.seccompProfile, at: at + ".seccompProfile", &out)
        profile(s.appArmorProfile, at: at + ".appArmorProfile", &out)
    }

    package static func container(_ s: JSON, at: String, _ names: PodNames, _ out: inout Faults) {
        guard s.exists else { return }
        for field in ["runAsUser", "runAsGroup"] { out.range("\(at).\(field)", s[field], ids) }
        out.oneOf(at + ".procMount", s.procMount, ["Default", "Unmasked"], isRequired: false)
        profile(s.seccompProfile, at: at + ".seccompProfile", &out)
        profile(s.appArmorProfile, at: at + ".appArmorProfile", &out)
        if s.allowPrivilegeEscalation.asBool == false {
            if s.privileged.isTrue {
                out.invalid(
                    at, s, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
            }
            if s.capabilities.add.strings.contains(where: { $0 == "CAP_SYS_ADMIN" || $0 == "SYS_ADMIN" }) {
                out.invalid(
                    at, s, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")
            }
        }
    }

    private static func profile(_ p: JSON, at: String, _ out: inout Faults) {
        guard p.exists else { return }
        switch p.type.text {
        case "Localhost":
            if p.localhostProfile.text.isEmpty {
                out.required(at + ".localhostProfile", "must be set when seccomp type is Localhost")
            }
        case "RuntimeDefault", "Unconfined":
            if p.localhostProfile.exists {
                out.invalid(
                    at + ".localhostProfile", p.localhostProfile, "can only be set when seccomp type is Localhost")
            }
        case "": out.required(at + ".type", "type is required when profile is set")
        default: out.notSupported(at + ".type", p.type, ["Localhost", "RuntimeDefault", "Unconfined"])
        }
    }
}
