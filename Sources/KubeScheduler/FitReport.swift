// Why no node fits, in the words that users know from events.

package struct FitReport: Sendable {
    /// By position in the cluster's nodes.
    package var rejections: [Int: Rejection] = [:]
    package var nodeCount: Int
    /// A plugin turned the pod away without looking at nodes.
    package var forAll: String = ""
    package var plugins: Set<String> = []
    package var preemption: String = ""

    package init(nodeCount: Int) { self.nodeCount = nodeCount }

    /// `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …`
    package var message: String {
        guard nodeCount > 0 else { return "no nodes available to schedule pods" }
        let reasons: String = forAll.isEmpty ? Self.histogram(rejections.values.flatMap { $0.reasons }) : forAll
        var text: String = "0/\(nodeCount) nodes are available:"
        if !reasons.isEmpty { text += " \(reasons)." }
        if !preemption.isEmpty { text += " preemption: \(preemption)" }
        return text
    }

    /// `1 Insufficient cpu, 2 node(s) were unschedulable`
    package static func histogram(_ reasons: [String]) -> String {
        var counts: [String: Int] = [:]
        for r in reasons { counts[r, default: 0] += 1 }
        return counts.map { "\($0.value) \($0.key)" }.sorted().joined(separator: ", ")
    }
}
