// Pod Security admission (KEP-2579): the namespace's labels say which level is enforced, warned about, noted.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

package struct PodSecurity: AdmissionPlugin {
    package let name: String = "PodSecurity"
    package init() {}

    private static let prefix: String = "pod-security.kubernetes.io/"

    /// The level and version of a mode; `privileged` when the namespace says nothing.
    private static func level(_ ns: JSON, _ mode: String) -> (level: PodSecurityLevel, version: String) {
        let labels: JSON = ns.metadata.labels
        let level: PodSecurityLevel = PodSecurityLevel(rawValue: labels[prefix + mode].text) ?? .privileged
        return (level, labels[prefix + mode + "-version"].asString ?? "latest")
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
        if request.resource == API.namespaces, request.operation != .delete { return try checkLabels(request) }
        guard request.operation == .create || request.operation == .update,
            ["", "ephemeralcontainers"].contains(request.subresource), let pod = Self.pod(request),
            let ns = request.context.registry.get(API.namespaces, namespace: "", name: request.namespace)
        else { return }
        let isPod: Bool = request.resource == API.pods
        if isPod, request.operation == .update, request.subresource.isEmpty {
            // Only images and tolerations can change: nothing that the checks look at.
            return
        }
        let enforced: (level: PodSecurityLevel, version: String) = Self.level(ns, "enforce")
        if isPod {
            let faults: [String] = PodSecurityChecks.faults(pod, level: enforced.level)
            if !faults.isEmpty {
                throw .forbidden(
                    API.pods.groupResource, request.name,
                    "violates PodSecurity \"\(enforced.level.rawValue):\(enforced.version)\": "
                        + faults.joined(separator: ", "))
            }
        }
        let warned: (level: PodSecurityLevel, version: String) = Self.level(ns, "warn")
        let faults: [String] = PodSecurityChecks.faults(pod, level: warned.level)
        if !faults.isEmpty {
            request.context.warn(
                "would violate PodSecurity \"\(warned.level.rawValue):\(warned.version)\": "
                    + faults.joined(separator: ", "))
        }
    }

    private func checkLabels(_ request: AdmissionRequest) throws(StatusError) {
        var out: Faults = Faults()
        let levels: [String] = ["privileged", "baseline", "restricted"]
        for mode in ["audit", "enforce", "warn"] {
            let value: JSON = request.object.metadata.labels[Self.prefix + mode]
            if value.exists, !levels.contains(value.text) {
                out.invalid(
                    "metadata.labels[\(Self.prefix)\(mode)]", value, "must be one of privileged, baseline, restricted")
            }
        }
        if !out.list.isEmpty { throw .invalid(kind: GroupKind(group: "", kind: "Namespace"), name: request.name, out.list) }
    }
}
