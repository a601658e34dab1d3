// What a pod shares with its host, and what it asks for as a whole.

import KubeModel
import KubeWire

enum HostRules {
    static func check(_ spec: JSON, at path: String, _ out: inout Faults) {
        if spec.hostUsers.asBool == false {
            for field in ["hostNetwork", "hostPID", "hostIPC"] where spec[field].isTrue {
                out.forbidden("\(path).\(field)", "when `hostUsers` is false")
            }
        }
        sysctls(spec, at: path + ".securityContext.sysctls", &out)
        podLevel(spec, at: path + ".resources", &out)
        out.oneOf(
            path + ".securityContext.seLinuxChangePolicy", spec.securityContext.seLinuxChangePolicy,
            ["MountOption", "Recursive"], isRequired: false)
    }

    private static let nameBytesMax: Int = 253

    /// Segments of lower-case letters, digits, `-` and `_`, joined by dots or slashes.
    private static func isSysctl(_ name: String) -> Bool {
        func isPlain(_ c: UInt8) -> Bool { (97...122).contains(c) || (48...57).contains(c) }
        return name.utf8.count <= nameBytesMax
            && name.utf8.split(omittingEmptySubsequences: false, whereSeparator: { $0 == 46 || $0 == 47 }).allSatisfy {
                part in
                guard let first = part.first, let last = part.last else { return false }
                return isPlain(first) && isPlain(last) && part.allSatisfy { isPlain($0) || $0 == 45 || $0 == 95 }
            }
    }

    private static func sysctls(_ spec: JSON, at path: String, _ out: inout Faults) {
        for (i, s) in spec.securityContext.sysctls.elements.enumerated() where !s.name.text.isEmpty {
            let at: String = "\(path)[\(i)].name"
            if !isSysctl(s.name.text) {
                out.invalid(
                    at, s.name,
                    "must have at most \(nameBytesMax) characters and match regex "
                        + "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$")
            }
            let name: String = String(s.name.text.map { $0 == "/" ? "." : $0 })
            if spec.hostNetwork.isTrue, name.hasPrefix("net.") {
                out.invalid(at, s.name, "may not be specified when 'hostNetwork' is true")
            }
            let isShared: Bool =
                ["kernel.shm", "kernel.msg", "fs.mqueue."].contains { name.hasPrefix($0) } || name == "kernel.sem"
            if spec.hostIPC.isTrue, isShared {
                out.invalid(at, s.name, "may not be specified when 'hostIPC' is true")
            }
        }
    }

    /// KEP-2837: cpu, memory and huge pages of the pod, not less than its containers ask for.
    private static func podLevel(_ spec: JSON, at path: String, _ out: inout Faults) {
        let resources: JSON = spec.resources
        guard resources.exists else { return }
        for part in ["limits", "requests"] {
            for (name, value) in resources[part].fields {
                let at: String = "\(path).\(part)[\(name)]"
                if !["cpu", "memory"].contains(name), !name.hasPrefix("hugepages-") {
                    out.notSupported(at, .string(name), ["cpu", "hugepages-", "memory"])
                }
                ResourceRules.value(value, at: at, &out)
            }
        }
        for (name, value) in resources.requests.fields {
            guard let request = ResourceRules.quantity(value) else { continue }
            if let limit = ResourceRules.quantity(resources.limits[name]), limit < request {
                out.invalid(
                    "\(path).requests[\(name)]", value, "must be less than or equal to \(name) limit of \(limit)")
            }
            var bare: JSON = ["spec": spec]
            bare.spec.resources = .null
            if let sum = ResourceRules.quantity(PodTotals.of(bare, "requests")[name]), request < sum {
                out.invalid(
                    "\(path).requests[\(name)]", value,
                    "must be greater than or equal to aggregate container requests of \(sum)")
            }
        }
        if !resources.claims.elements.isEmpty {
            out.forbidden(path + ".claims", "claims may not be set for Resources at pod-level")
        }
    }
}
