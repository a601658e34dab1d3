// Requirements on nodes: node selector terms, taints and tolerations.

import KubeModel
package import KubeWire

/// v1.NodeSelectorTerm: all expressions and fields must match; a term without any matches nothing.
package struct NodeSelectorTerm: Sendable {
    private let labels: LabelSelector
    private let fields: [LabelSelector.Requirement]
    private let isEmpty: Bool

    package init(_ json: JSON) {
        labels = LabelSelector(requirements: Self.requirements(json.matchExpressions))
        fields = Self.requirements(json.matchFields)
        isEmpty = json.matchExpressions.elements.isEmpty && json.matchFields.elements.isEmpty
    }

    private static func requirements(_ list: JSON) -> [LabelSelector.Requirement] {
        let operators: [String: LabelSelector.Operator] = [
            "In": .isIn, "NotIn": .notIn, "Exists": .exists, "DoesNotExist": .doesNotExist, "Gt": .greaterThan,
            "Lt": .lessThan,
        ]
        return list.elements.compactMap { e in
            operators[e["operator"].text].map { LabelSelector.Requirement(e.key.text, $0, e.values.strings) }
        }
    }

    /// `metadata.name` is the only field.
    package func matches(name: String, labels: [String: String]) -> Bool {
        !isEmpty && self.labels.matches(labels) && fields.allSatisfy { $0.matches(name) }
    }
}

/// v1.NodeSelector: one term must match; nil where the API has none.
package struct NodeSelector: Sendable {
    package let terms: [NodeSelectorTerm]
    package init?(_ json: JSON) {
        guard json.exists else { return nil }
        terms = json.nodeSelectorTerms.elements.map { NodeSelectorTerm($0) }
    }
    package func matches(name: String, labels: [String: String]) -> Bool {
        terms.contains { $0.matches(name: name, labels: labels) }
    }
}

package struct Taint: Sendable, Equatable {
    package var key: String
    package var value: String
    package var effect: String

    package init(key: String, value: String = "", effect: String) {
        self.key = key
        self.value = value
        self.effect = effect
    }
    package init(_ json: JSON) { self.init(key: json.key.text, value: json.value.text, effect: json.effect.text) }

    package var forbidsScheduling: Bool { effect == "NoSchedule" || effect == "NoExecute" }
}

package struct Toleration: Sendable, Equatable {
    private let key: String
    private let op: String
    private let value: String
    private let effect: String

    package init(_ json: JSON) {
        key = json.key.text
        op = json["operator"].text
        value = json.value.text
        effect = json.effect.text
    }

    package func tolerates(_ taint: Taint) -> Bool {
        guard effect.isEmpty || effect == taint.effect, key.isEmpty || key == taint.key else { return false }
        switch op {
        case "Exists": return true
        case "", "Equal": return value == taint.value
        case "Gt": return compare(taint.value, >)
        case "Lt": return compare(taint.value, <)
        default: return false
        }
    }

    /// KEP-5471: the taint's value is greater (less) than the toleration's.
    private func compare(_ other: String, _ isOrdered: (Int64, Int64) -> Bool) -> Bool {
        guard let mine: Int64 = Int64(value), let theirs: Int64 = Int64(other) else { return false }
        return isOrdered(theirs, mine)
    }
}
