// Whether a pod's own wishes allow a node: name, nodeSelector, required node affinity, taints. Pure.

package import KubeWire

package enum NodeFit {
    /// spec.nodeSelector and the required part of node affinity.
    package static func matches(_ podSpec: JSON, _ node: JSON) -> Bool {
        let labels: [String: String] = node.metadata.labels.stringMap
        for (key, value) in podSpec.nodeSelector.stringMap where labels[key] != value { return false }
        let required: JSON = podSpec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
        guard required.exists else { return true }
        return required.nodeSelectorTerms.elements.contains { term($0, node, labels) }
    }

    /// An empty term matches nothing.
    private static func term(_ term: JSON, _ node: JSON, _ labels: [String: String]) -> Bool {
        let (expressions, fields): ([JSON], [JSON]) = (term.matchExpressions.elements, term.matchFields.elements)
        if expressions.isEmpty, fields.isEmpty { return false }
        return expressions.allSatisfy { requirement($0, labels[$0.key.text]) }
            && fields.allSatisfy { $0.key.text == "metadata.name" && requirement($0, node.metadata.name.text) }
    }

    private static func requirement(_ r: JSON, _ value: String?) -> Bool {
        switch r.operator.text {
        case "In": return value.map { r.values.strings.contains($0) } ?? false
        case "NotIn": return value.map { !r.values.strings.contains($0) } ?? true
        case "Exists": return value != nil
        case "DoesNotExist": return value == nil
        case "Gt", "Lt":
            guard let v = value.flatMap({ Int64($0) }), let bound = r.values.strings.first.flatMap({ Int64($0) }) else {
                return false
            }
            return r.operator.text == "Gt" ? v > bound : v < bound
        default: return false
        }
    }

    /// The first taint of these effects that is not tolerated.
    package static func untolerated(_ taints: [JSON], _ tolerations: [JSON], effects: Set<String>) -> JSON? {
        taints.first { taint in
            effects.contains(taint.effect.text) && !tolerations.contains { tolerates($0, taint) }
        }
    }

    /// core/v1 Toleration.ToleratesTaint
    package static func tolerates(_ toleration: JSON, _ taint: JSON) -> Bool {
        let effect: String = toleration.effect.text
        if !effect.isEmpty, effect != taint.effect.text { return false }
        let key: String = toleration.key.text
        if !key.isEmpty, key != taint.key.text { return false }
        switch toleration.operator.text {
        case "", "Equal": return toleration.value.text == taint.value.text
        case "Exists": return true
        default: return false
        }
    }
}
