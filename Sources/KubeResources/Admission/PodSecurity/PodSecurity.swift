// Pod Security admission (KEP-2579): the namespace's labels say which level is enforced, warned about, noted.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

package struct PodSecurity: AdmissionPlugin {
    package let name: String = "PodSecurity"
    package init() {}

    private static let prefix: String = "pod-security.kubernetes.io/"
    /// Pods that a change of a namespace's level is checked against.
    private static let pagesMax: Int = 3000

    /// A level at a version of the standard.
    struct Policy: Equatable, CustomStringConvertible {
        var level: PodSecurityLevel = .privileged
        var version: String = "latest"
        /// 1.`minor`; the newest when "latest".
        var minor: Int { Int(version.dropFirst("v1.".count)) ?? .max }
        var description: String { "\(level.rawValue):\(version)" }

        init() {}
        /// What the namespace's labels say of a mode; `privileged` when they say nothing.
        init(_ ns: JSON, _ mode: String) {
            let labels: JSON = ns.metadata.labels
            level = PodSecurityLevel(rawValue: labels[prefix + mode].text) ?? .privileged
            version = labels[prefix + mode + "-version"].asString ?? "latest"
            if version != "latest", !PodSecurity.isVersion(version) { version = "latest" }
        }

        func faults(_ pod: JSON) -> [PodSecurityFault] {
            PodSecurityChecks.faults(pod, level: level, minor: minor)
        }
        func text(_ faults: [PodSecurityFault]) -> String {
            "violate PodSecurity \"\(self)\": " + faults.map { $0.description }.joined(separator: ", ")
        }
    }

    static func isVersion(_ text: String) -> Bool {
        text == "latest" || text.hasPrefix("v1.") && (Int(text.dropFirst(3)).map { $0 >= 0 } ?? false)
    }

    /// Where the pod is in the objects that hold a template.
    private static func pod(_ request: AdmissionRequest) -> JSON? {
        switch request.resource {
        case API.pods: request.object
        case API.deployments, API.replicaSets, API.statefulSets, API.daemonSets, API.replicationControllers, API.jobs:
            request.object.spec.template
        case API.cronJobs: request.object.spec.jobTemplate.spec.template
        case API.podTemplates: request.object.template
        default: nil
        }
    }

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        if request.resource == API.namespaces, request.subresource.isEmpty {
            return try namespace(request)
        }
        let isPod: Bool = request.resource == API.pods
        guard request.operation == .create || request.operation == .update,
            request.subresource.isEmpty || isPod && request.subresource == "ephemeralcontainers",
            let pod = Self.pod(request),
            let ns = request.context.registry.get(API.namespaces, namespace: "", name: request.namespace)
        else { return }
        if isPod {
            if request.operation == .update, request.subresource.isEmpty, !Self.isSignificant(request) { return }
            let enforced: Policy = Policy(ns, "enforce")
            request.context.annotate(Self.prefix + "enforce-policy", enforced.description)
            let faults: [PodSecurityFault] = enforced.faults(pod)
            if !faults.isEmpty {
                throw .forbidden(
                    API.pods.groupResource, request.name,
                    "violates" + enforced.text(faults).dropFirst("violate".count))
            }
        }
        let audited: Policy = Policy(ns, "audit")
        let noted: [PodSecurityFault] = audited.faults(pod)
        if !noted.isEmpty {
            request.context.annotate(Self.prefix + "audit-violations", "would " + audited.text(noted))
        }
        let warned: Policy = Policy(ns, "warn")
        let faults: [PodSecurityFault] = warned.faults(pod)
        if !faults.isEmpty { request.context.warn("would " + warned.text(faults)) }
    }

    /// Images are what of a pod may change and be worth another look.
    private static func isSignificant(_ request: AdmissionRequest) -> Bool {
        ["initContainers", "containers"].contains { list in
            request.object.spec[list].elements.map { $0.image }
                != request.oldObject.spec[list].elements.map { $0.image }
        }
    }

    // MARK: namespaces

    private func namespace(_ request: AdmissionRequest) throws(StatusError) {
        guard request.operation == .create || request.operation == .update else { return }
        var out: Faults = Faults()
        for mode in ["enforce", "audit", "warn"] {
            let level: JSON = request.object.metadata.labels[Self.prefix + mode]
            if level.exists, PodSecurityLevel(rawValue: level.text) == nil {
                out.invalid(
                    "metadata.labels[\(Self.prefix)\(mode)]", level, "must be one of privileged, baseline, restricted")
            }
            let version: JSON = request.object.metadata.labels["\(Self.prefix)\(mode)-version"]
            if version.exists, !Self.isVersion(version.text) {
                out.invalid(
                    "metadata.labels[\(Self.prefix)\(mode)-version]", version, "must be \"latest\" or \"v1.x\"")
            }
        }
        if !out.list.isEmpty, request.operation == .create || !Self.hadFaults(request.oldObject) {
            throw .invalid(kind: GroupKind(group: "", kind: "Namespace"), name: request.name, out.list)
        }
        if request.operation == .update { warnOfPods(request) }
    }

    /// A namespace that has bad labels already may be changed otherwise.
    private static func hadFaults(_ ns: JSON) -> Bool {
        ["enforce", "audit", "warn"].contains { mode in
            let level: JSON = ns.metadata.labels[prefix + mode]
            return level.exists && PodSecurityLevel(rawValue: level.text) == nil
        }
    }

    /// Tells which pods a stricter level would refuse, grouped by why.
    private func warnOfPods(_ request: AdmissionRequest) {
        let new: Policy = Policy(request.object, "enforce")
        let old: Policy = Policy(request.oldObject, "enforce")
        guard new != old, new.level != .privileged, new.level >= old.level || new.version != old.version else { return }
        var groups: [(faults: String, pods: [String])] = []
        let pods: [JSON] = request.context.registry.list(API.pods, namespace: request.object.meta.name)
        for pod in pods.prefix(Self.pagesMax) {
            let faults: [PodSecurityFault] = new.faults(pod)
            if faults.isEmpty { continue }
            let text: String = faults.map { $0.reason }.joined(separator: ", ")
            if let i = groups.firstIndex(where: { $0.faults == text }) {
                groups[i].pods.append(pod.meta.name)
            } else {
                groups.append((text, [pod.meta.name]))
            }
        }
        if groups.isEmpty { return }
        request.context.warn(
            "existing pods in namespace \"\(request.object.meta.name)\" violate the new PodSecurity enforce level \"\(new)\""
        )
        for group in groups.sorted(by: { $0.pods[0] < $1.pods[0] }) {
            let others: Int = group.pods.count - 1
            let suffix: String = others == 0 ? "" : others == 1 ? " (and 1 other pod)" : " (and \(others) other pods)"
            request.context.warn("\(group.pods.sorted()[0])\(suffix): \(group.faults)")
        }
    }
}
