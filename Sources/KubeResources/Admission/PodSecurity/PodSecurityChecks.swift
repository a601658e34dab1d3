// The Pod Security Standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/ as a list of checks.

import KubeWire

enum PodSecurityLevel: String, Sendable, Comparable, CaseIterable {
    case privileged, baseline, restricted
    private var rank: Int { self == .privileged ? 0 : self == .baseline ? 1 : 2 }
    static func < (a: PodSecurityLevel, b: PodSecurityLevel) -> Bool { a.rank < b.rank }
}

/// Why a pod is refused: `reason (detail)`.
struct PodSecurityFault: Sendable, Equatable, CustomStringConvertible {
    var reason: String
    var detail: String
    var description: String { detail.isEmpty ? reason : "\(reason) (\(detail))" }
}

/// Each check answers a fault, or nil when the pod is fine; in the order of the checks' names, baseline first.
enum PodSecurityChecks {
    /// Faults of a pod (or template) at a level, as the version 1.`minor` of the standard has it.
    static func faults(_ pod: JSON, level: PodSecurityLevel, minor: Int = .max) -> [PodSecurityFault] {
        guard level >= .baseline else { return [] }
        let isRestricted: Bool = level >= .restricted
        let view: PodSecurityView = PodSecurityView(pod)
        var out: [PodSecurityFault?] = [BaselineChecks.appArmor(view)]
        // The restricted checks of capabilities, volumes and seccomp stand for those of the baseline.
        if !isRestricted || minor < 22 { out.append(BaselineChecks.capabilities(view)) }
        out.append(BaselineChecks.hostNamespaces(view))
        if !isRestricted { out.append(BaselineChecks.hostPath(view)) }
        out.append(BaselineChecks.hostPorts(view))
        if minor >= 34 { out.append(BaselineChecks.probeHosts(view)) }
        out += [
            BaselineChecks.privileged(view), BaselineChecks.procMount(view), BaselineChecks.seLinux(view, minor: minor),
        ]
        if !isRestricted || minor < 19 { out.append(BaselineChecks.seccomp(view, minor: minor)) }
        out += [BaselineChecks.sysctls(view, minor: minor), BaselineChecks.hostProcess(view)]
        if isRestricted { out += RestrictedChecks.all(view, minor: minor) }
        return out.compactMap { $0 }
    }
}

/// A pod as the checks look at it.
struct PodSecurityView {
    let pod: JSON
    let containers: [JSON]
    var spec: JSON { pod.spec }
    var context: JSON { pod.spec.securityContext }
    var isWindows: Bool { pod.spec.os.name.text == "windows" }

    init(_ pod: JSON) {
        self.pod = pod
        containers = ["initContainers", "containers", "ephemeralContainers"].flatMap { pod.spec[$0].elements }
    }

    func containers(where isBad: (JSON) -> Bool) -> [JSON] { containers.filter { isBad($0.securityContext) } }

    /// `container "a"`, `containers "a", "b"`
    static func names(_ list: [JSON]) -> String {
        (list.count == 1 ? "container " : "containers ") + quoted(list.map { $0.name.text })
    }
    static func quoted(_ list: [String]) -> String { list.map { "\"\($0)\"" }.joined(separator: ", ") }
    static func plural(_ one: String, _ many: String, _ count: Int) -> String { count == 1 ? one : many }

    /// `pod and container "a"`: those whose security context is bad.
    func setters(_ isBad: (JSON) -> Bool) -> String? {
        var out: [String] = isBad(context) ? ["pod"] : []
        let bad: [JSON] = containers(where: isBad)
        if !bad.isEmpty { out.append(Self.names(bad)) }
        return out.isEmpty ? nil : out.joined(separator: " and ")
    }

    /// What the bad ones have there, sorted and quoted.
    func values(_ value: (JSON) -> String, _ isBad: (JSON) -> Bool) -> String {
        let all: [JSON] = [context] + containers.map { $0.securityContext }
        return Self.quoted(Set(all.filter { isBad($0) }.map { value($0) }).sorted())
    }
}
