// What the objects of a namespace use of the resources that quotas name. Pure.

import KubeAPI
import KubeModel
import KubeWire

enum QuotaUsage {
    /// The usage of one pod: `pods`, `requests.cpu`, `limits.memory`, … Finished pods use nothing but their count.
    static func pod(_ pod: JSON) -> [String: Quantity] {
        var use: [String: Quantity] = ["count/pods": Quantity(1)]
        if Pod.isTerminal(pod) { return use }
        use["pods"] = Quantity(1)
        for (kind, prefix) in [("requests", "requests."), ("limits", "limits.")] {
            for (resource, amount) in PodResources.sum(pod, kind) {
                use[prefix + resource] = amount
                // Without a prefix, requests are meant.
                if kind == "requests", ["cpu", "memory", "ephemeral-storage"].contains(resource) {
                    use[resource] = amount
                }
            }
        }
        return use
    }

    static func service(_ service: JSON) -> [String: Quantity] {
        var use: [String: Quantity] = ["services": Quantity(1), "count/services": Quantity(1)]
        let ports: Int64 = Int64(service.spec.ports.elements.count)
        switch service.spec.type.text {
        case "NodePort": use["services.nodeports"] = Quantity(ports)
        case "LoadBalancer":
            use["services.loadbalancers"] = Quantity(1)
            if service.spec.allocateLoadBalancerNodePorts.asBool ?? true { use["services.nodeports"] = Quantity(ports) }
        default: break
        }
        return use
    }

    static func claim(_ claim: JSON) -> [String: Quantity] {
        var use: [String: Quantity] = [
            "persistentvolumeclaims": Quantity(1), "count/persistentvolumeclaims": Quantity(1),
        ]
        let asked: Quantity = Quantity(claim.spec.resources.requests.storage) ?? .zero
        use["requests.storage"] = asked
        if let name = claim.spec.storageClassName.asString, !name.isEmpty {
            let prefix: String = name + ".storageclass.storage.k8s.io/"
            use[prefix + "persistentvolumeclaims"] = Quantity(1)
            use[prefix + "requests.storage"] = asked
        }
        return use
    }

    // MARK: Scopes

    /// Whether a pod falls under all scopes of a quota.
    static func isInScope(_ pod: JSON, _ quota: JSON) -> Bool {
        for scope in quota.spec.scopes.strings where !matches(pod, scope, "Exists", []) { return false }
        for e in quota.spec.scopeSelector.matchExpressions.elements
        where !matches(pod, e.scopeName.text, e.operator.text, e.values.strings) { return false }
        return true
    }

    static func hasScopes(_ quota: JSON) -> Bool {
        !quota.spec.scopes.elements.isEmpty || !quota.spec.scopeSelector.matchExpressions.elements.isEmpty
    }

    private static func matches(_ pod: JSON, _ scope: String, _ op: String, _ values: [String]) -> Bool {
        switch scope {
        case "Terminating": return pod.spec.activeDeadlineSeconds.exists
        case "NotTerminating": return !pod.spec.activeDeadlineSeconds.exists
        case "BestEffort": return isBestEffort(pod)
        case "NotBestEffort": return !isBestEffort(pod)
        case "CrossNamespacePodAffinity": return usesCrossNamespaceAffinity(pod)
        case "PriorityClass":
            let name: String = pod.spec.priorityClassName.text
            switch op {
            case "In": return values.contains(name)
            case "NotIn": return !values.contains(name)
            case "DoesNotExist": return name.isEmpty
            default: return !name.isEmpty
            }
        default: return false
        }
    }

    private static func isBestEffort(_ pod: JSON) -> Bool {
        (pod.spec.containers.elements + pod.spec.initContainers.elements).allSatisfy { container in
            ["requests", "limits"].allSatisfy { kind in
                container.resources[kind].fields.allSatisfy { $0.key != "cpu" && $0.key != "memory" }
            }
        }
    }

    private static func usesCrossNamespaceAffinity(_ pod: JSON) -> Bool {
        for kind in ["podAffinity", "podAntiAffinity"] {
            let affinity: JSON = pod.spec.affinity[kind]
            let terms: [JSON] =
                affinity.requiredDuringSchedulingIgnoredDuringExecution.elements
                + affinity.preferredDuringSchedulingIgnoredDuringExecution.elements.map { $0.podAffinityTerm }
            if terms.contains(where: { !$0.namespaces.elements.isEmpty || $0.namespaceSelector.exists }) { return true }
        }
        return false
    }
}
