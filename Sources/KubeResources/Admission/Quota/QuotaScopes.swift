// Which objects a quota counts: its scopes and scope selector.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire

enum QuotaScopes {
    private typealias Term = (scope: String, op: String, values: [String])

    static func match(_ quota: JSON, _ resource: GroupVersionResource, _ o: JSON, now: Timestamp) -> Bool {
        var terms: [Term] = quota.spec.scopes.strings.map { ($0, "Exists", []) }
        for e in quota.spec.scopeSelector.matchExpressions.elements {
            terms.append((e.scopeName.text, e["operator"].text, e.values.strings))
        }
        if terms.isEmpty { return true }
        switch resource {
        case API.pods: return terms.allSatisfy { pod($0, o) }
        case API.persistentVolumeClaims: return terms.allSatisfy { claim($0, o) }
        default: return false
        }
    }

    private static func pod(_ term: Term, _ o: JSON) -> Bool {
        switch term.scope {
        case "Terminating": return isTerminating(o)
        case "NotTerminating": return !isTerminating(o)
        case "BestEffort": return QualityOfService.of(o.spec) == "BestEffort"
        case "NotBestEffort": return QualityOfService.of(o.spec) != "BestEffort"
        case "CrossNamespacePodAffinity": return reachesOut(o.spec.affinity)
        case "PriorityClass": return matches(term, [o.spec.priorityClassName.text])
        default: return false
        }
    }

    private static func isTerminating(_ o: JSON) -> Bool { (o.spec.activeDeadlineSeconds.asInt ?? -1) >= 0 }

    private static func matches(_ term: Term, _ names: [String]) -> Bool {
        let given: [String] = names.filter { !$0.isEmpty }
        return switch term.op {
        case "In": given.contains { term.values.contains($0) }
        case "NotIn": !given.contains { term.values.contains($0) }
        case "DoesNotExist": given.isEmpty
        default: !given.isEmpty
        }
    }

    /// Affinity terms that look into other namespaces.
    private static func reachesOut(_ affinity: JSON) -> Bool {
        ["podAffinity", "podAntiAffinity"].contains { kind in
            let required: [JSON] = affinity[kind].requiredDuringSchedulingIgnoredDuringExecution.elements
            let preferred: [JSON] = affinity[kind].preferredDuringSchedulingIgnoredDuringExecution.elements.map {
                $0.podAffinityTerm
            }
            return (required + preferred).contains { !$0.namespaces.elements.isEmpty || $0.namespaceSelector.exists }
        }
    }

    private static func claim(_ term: Term, _ o: JSON) -> Bool {
        guard term.scope == "VolumeAttributesClass" else { return false }
        return matches(
            term,
            [
                o.spec.volumeAttributesClassName.text, o.status.currentVolumeAttributesClassName.text,
                o.status.modifyVolumeStatus.targetVolumeAttributesClassName.text,
            ])
    }
}
