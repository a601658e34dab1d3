// Topology spread constraints (KEP-895, KEP-3022, KEP-3094): like pods are shared out over zones, hosts, …

import KubeModel

package struct PodTopologySpread: Plugin {
    package let name: String = "PodTopologySpread"
    package let weight: Int64 = 2
    static let missingLabel: String =
        "node(s) didn't match pod topology spread constraints (missing required label)"
    package init() {}

    /// Pods that count towards a constraint.
    private static func matching(_ c: SpreadConstraint, _ pod: PodView, on node: NodeView) -> Int {
        var sum: Int = 0
        for (group, count) in node.groups where group.namespace == pod.key.namespace {
            if c.selector.matches(group.labels) { sum += count }
        }
        return sum
    }

    /// Whether the node's pods count at all.
    private static func counts(_ node: NodeView, _ c: SpreadConstraint, _ pod: PodView) -> Bool {
        if c.honorsNodeAffinity, !pod.wants(node) { return false }
        if c.honorsNodeTaints, node.taints.contains(where: { $0.forbidsScheduling && !pod.tolerates($0) }) {
            return false
        }
        return true
    }

    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? {
        let required: [SpreadConstraint] = pod.spread.filter { $0.isRequired }
        guard !required.isEmpty else { return nil }
        var domains: [[String: Int]] = required.map { _ in [:] }
        for node in cluster.nodes where node.exists {
            guard required.allSatisfy({ node.labels[$0.topologyKey] != nil }) else { continue }
            for (i, c) in required.enumerated() where Self.counts(node, c, pod) {
                domains[i][node.labels[c.topologyKey]!, default: 0] += Self.matching(c, pod, on: node)
            }
        }
        let least: [Int] = zip(required, domains).map { c, d in d.count < c.minDomains ? 0 : d.values.min() ?? 0 }
        let selves: [Int] = required.map { $0.selector.matches(pod.labels) ? 1 : 0 }
        return { [domains] node in
            for (i, c) in required.enumerated() {
                guard let value: String = node.labels[c.topologyKey] else {
                    return Rejection(Self.missingLabel, isHopeless: true)
                }
                let skew: Int = (domains[i][value] ?? 0) + selves[i] - least[i]
                if skew > c.maxSkew { return Rejection("node(s) didn't match pod topology spread constraints") }
            }
            return nil
        }
    }

    package func scores(for pod: PodView, on nodes: [Int], in cluster: Cluster) -> [Int64]? {
        var soft: [SpreadConstraint] = pod.spread.filter { !$0.isRequired }
        let isDefault: Bool = pod.spread.isEmpty
        if isDefault, let selector = cluster.selectors.selector(for: pod) {
            // The system's defaults (KEP-1258).
            soft = [
                SpreadConstraint(maxSkew: 3, topologyKey: "kubernetes.io/hostname", selector: selector),
                SpreadConstraint(maxSkew: 5, topologyKey: "topology.kubernetes.io/zone", selector: selector),
            ]
        }
        guard !soft.isEmpty else { return nil }
        var domains: [[String: Int]] = soft.map { _ in [:] }
        for node in cluster.nodes where node.exists {
            for (i, c) in soft.enumerated() where Self.counts(node, c, pod) {
                guard let value: String = node.labels[c.topologyKey] else { continue }
                domains[i][value, default: 0] += Self.matching(c, pod, on: node)
            }
        }
        let raw: [Double?] = nodes.map { i in
            let node: NodeView = cluster.nodes[i]
            var sum: Double = 0
            for (k, c) in soft.enumerated() {
                guard let value: String = node.labels[c.topologyKey] else {
                    if isDefault { continue }
                    return nil
                }
                let size: Double = Double(domains[k].count + 2)
                sum += Double(domains[k][value] ?? 0) * logarithm(size) + Double(c.maxSkew - 1)
            }
            return sum
        }
        let known: [Double] = raw.compactMap { $0 }
        guard let top: Double = known.max(), let bottom: Double = known.min() else { return nil }
        return raw.map { s in
            guard let s else { return 0 }
            return top == 0 ? Score.max : Int64(Double(Score.max) * (top + bottom - s) / top)
        }
    }

    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool {
        switch event {
        case .nodeAdded: return true
        case .nodeChanged(let old, let new):
            return pod.spread.contains { old.labels[$0.topologyKey] != new.labels[$0.topologyKey] }
        case .podPlaced(let p), .podGone(let p):
            return p.key.namespace == pod.key.namespace && pod.spread.contains { $0.selector.matches(p.labels) }
        case .podChanged(let old, let new):
            return pod.spread.contains { $0.selector.matches(old.labels) != $0.selector.matches(new.labels) }
        default: return false
        }
    }
}
