// Which less important pods would have to go so that a pod fits.

import KubeBase
package import KubeModel

/// A PodDisruptionBudget as preemption sees it.
package struct DisruptionBudget: Sendable {
    package var namespace: String
    package var selector: LabelSelector
    package var allowed: Int
    package init(namespace: String, selector: LabelSelector, allowed: Int) {
        self.namespace = namespace
        self.selector = selector
        self.allowed = allowed
    }
}

package struct Victims: Sendable {
    package var node: String
    /// Most important first.
    package var pods: [PodView]
    package var violations: Int
}

/// Pure; nothing is evicted here.
package struct Preemption {
    package let cycle: SchedulingCycle
    package let cluster: Cluster
    package let budgets: [DisruptionBudget]
    package let pod: PodView

    package enum Outcome {
        case victims(Victims)
        /// What events say after `preemption: `.
        case none(String)
    }

    /// At most this many candidates are compared.
    private static let candidatesMax: Int = 100

    package func run(_ report: FitReport) -> Outcome {
        guard pod.preemptsLowerPriority else { return .none("not eligible due to preemptionPolicy=Never.") }
        if let node: NodeView = cluster.node(pod.nominatedNodeName),
            node.pods.values.contains(where: { $0.isDeleting && $0.priority < pod.priority })
        {
            return .none("not eligible due to a terminating pod on the nominated node.")
        }
        var reasons: [String] = []
        var candidates: [Victims] = []
        for i in report.rejections.keys.sorted() {
            if report.rejections[i]!.isHopeless {
                reasons.append("Preemption is not helpful for scheduling")
                continue
            }
            guard candidates.count < Self.candidatesMax else { break }
            switch victims(on: cluster.nodes[i]) {
            case .success(let v): candidates.append(v)
            case .failure(let r): reasons += r.reasons
            }
        }
        if let best: Victims = candidates.min(by: Self.isBetter) { return .victims(best) }
        return .none("0/\(report.nodeCount) nodes are available: \(FitReport.histogram(reasons)).")
    }

    private func victims(on node: NodeView) -> Result<Victims, Rejection> {
        let lesser: [PodView] = node.pods.values.filter { $0.priority < pod.priority }.sorted(by: Self.isMoreImportant)
        guard !lesser.isEmpty else { return .failure(Rejection("No preemption victims found for incoming pod")) }
        var trial: Trial = Trial(self, node)
        for other in lesser { trial.remove(other) }
        if let r: Rejection = trial.rejection() { return .failure(r) }
        // Those whose budget would be violated are spared first, then the most important.
        let (violating, others): ([PodView], [PodView]) = splitByBudget(lesser)
        var gone: [PodView] = []
        var violations: Int = 0
        for (list, isViolating) in [(violating, true), (others, false)] {
            for other in list {
                trial.add(other)
                guard trial.rejection() != nil else { continue }
                trial.remove(other)
                gone.append(other)
                if isViolating { violations += 1 }
            }
        }
        return .success(
            Victims(node: node.name, pods: gone.sorted(by: Self.isMoreImportant), violations: violations))
    }

    /// The node as it would be. Filters that look at other nodes too are prepared anew for each try.
    private struct Trial {
        let preemption: Preemption
        var node: NodeView
        var cluster: Cluster
        let isLocal: Bool
        let filters: [SchedulingCycle.NamedFilter]?

        init(_ p: Preemption, _ node: NodeView) {
            preemption = p
            self.node = node
            cluster = p.cluster
            isLocal =
                p.pod.spread.allSatisfy { !$0.isRequired } && p.pod.affinity.isEmpty && p.pod.antiAffinity.isEmpty
                && p.cluster.nodesWithAntiAffinity == 0
            filters = try? p.cycle.prepare(p.pod, p.cluster)
        }

        mutating func remove(_ pod: PodView) {
            node.remove(pod.key)
            if !isLocal { cluster.remove(pod.key) }
        }

        mutating func add(_ pod: PodView) {
            node.add(pod)
            if !isLocal { cluster.add(pod, to: node.name) }
        }

        func rejection() -> Rejection? {
            guard let list: [SchedulingCycle.NamedFilter] =
                isLocal ? filters : try? preemption.cycle.prepare(preemption.pod, cluster)
            else { return Rejection("Preemption is not helpful for scheduling") }
            return preemption.cycle.rejection(of: preemption.pod, by: node, list)?.1
        }
    }

    private func splitByBudget(_ pods: [PodView]) -> (violating: [PodView], others: [PodView]) {
        var left: [Int] = budgets.map { $0.allowed }
        var violating: [PodView] = []
        var others: [PodView] = []
        for p in pods {
            var isViolating: Bool = false
            for (i, b) in budgets.enumerated() where b.namespace == p.key.namespace && b.selector.matches(p.labels) {
                left[i] -= 1
                if left[i] < 0 { isViolating = true }
            }
            if isViolating { violating.append(p) } else { others.append(p) }
        }
        return (violating, others)
    }

    static func isMoreImportant(_ a: PodView, _ b: PodView) -> Bool {
        (-a.priority, a.created, a.key) < (-b.priority, b.created, b.key)
    }

    /// Upstream's order: fewest violations, least important greatest victim, least sum, fewest, latest start.
    static func isBetter(_ a: Victims, _ b: Victims) -> Bool {
        func rank(_ v: Victims) -> (Int, Int, Int, Int) {
            let sum: Int = v.pods.reduce(0) { $0 + $1.priority + 1 << 31 }
            return (v.violations, v.pods.first?.priority ?? Int.min, sum, v.pods.count)
        }
        let (x, y): ((Int, Int, Int, Int), (Int, Int, Int, Int)) = (rank(a), rank(b))
        if x != y { return x < y }
        let (s, t): (Timestamp?, Timestamp?) = (a.pods.first?.created, b.pods.first?.created)
        guard let s, let t, s != t else { return a.node < b.node }
        return s > t
    }
}
