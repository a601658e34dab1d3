// Pod affinity and anti-affinity, of the incoming pod and of those that run already.

package struct InterPodAffinity: Plugin {
    package let name: String = "InterPodAffinity"
    package let weight: Int64 = 2
    /// What a running pod's required affinity counts in scores (upstream's hardPodAffinityWeight).
    private static let requiredWeight: Int64 = 1
    package init() {}

    private struct Domain: Hashable {
        var key: String
        var value: String
    }

    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? {
        let opposed: Set<Domain> = Self.opposedByOthers(pod, cluster)
        guard !opposed.isEmpty || !pod.affinity.isEmpty || !pod.antiAffinity.isEmpty else { return nil }
        let avoided: Set<Domain> = Self.domains(pod.antiAffinity, cluster)
        let sought: [Domain: Int] = Self.sought(pod, cluster)
        // The first of a group that wants to be together may go anywhere.
        let isFirst: Bool = sought.isEmpty && pod.affinity.allSatisfy { $0.matches(pod, cluster) }
        return { node in
            for term in pod.affinity {
                let value: String? = node.labels[term.topologyKey]
                let isNear: Bool = value.map { sought[Domain(key: term.topologyKey, value: $0)] != nil } ?? false
                guard isNear || (isFirst && value != nil) else {
                    return Rejection("node(s) didn't match pod affinity rules", isHopeless: true)
                }
            }
            for term in pod.antiAffinity {
                if let value: String = node.labels[term.topologyKey],
                    avoided.contains(Domain(key: term.topologyKey, value: value))
                {
                    return Rejection("node(s) didn't match pod anti-affinity rules")
                }
            }
            for (key, value) in node.labels where opposed.contains(Domain(key: key, value: value)) {
                return Rejection("node(s) didn't satisfy existing pods anti-affinity rules")
            }
            return nil
        }
    }

    /// Domains that a placed pod's required anti-affinity closes to this pod.
    private static func opposedByOthers(_ pod: PodView, _ cluster: Cluster) -> Set<Domain> {
        var found: Set<Domain> = []
        guard cluster.nodesWithAntiAffinity > 0 else { return found }
        for node in cluster.nodes where node.podsWithAntiAffinity > 0 {
            for other in node.pods.values {
                for term in other.antiAffinity where term.matches(pod, cluster) {
                    if let v: String = node.labels[term.topologyKey] {
                        found.insert(Domain(key: term.topologyKey, value: v))
                    }
                }
            }
        }
        return found
    }

    /// Domains that hold a pod which one of the terms means.
    private static func domains(_ terms: [PodTerm], _ cluster: Cluster) -> Set<Domain> {
        var found: Set<Domain> = []
        guard !terms.isEmpty else { return found }
        for node in cluster.nodes where node.exists {
            for term in terms {
                guard let v: String = node.labels[term.topologyKey] else { continue }
                if node.pods.values.contains(where: { term.matches($0, cluster) }) {
                    found.insert(Domain(key: term.topologyKey, value: v))
                }
            }
        }
        return found
    }

    /// Domains with pods that all affinity terms mean, for a pod must match every term to count.
    private static func sought(_ pod: PodView, _ cluster: Cluster) -> [Domain: Int] {
        var found: [Domain: Int] = [:]
        guard !pod.affinity.isEmpty else { return found }
        for node in cluster.nodes where node.exists {
            let count: Int = node.pods.values.count { other in pod.affinity.allSatisfy { $0.matches(other, cluster) } }
            guard count > 0 else { continue }
            for term in pod.affinity {
                if let v: String = node.labels[term.topologyKey] {
                    found[Domain(key: term.topologyKey, value: v), default: 0] += count
                }
            }
        }
        return found
    }

    package func scores(for pod: PodView, on nodes: [Int], in cluster: Cluster) -> [Int64]? {
        let hasOwn: Bool = !pod.preferredAffinity.isEmpty || !pod.preferredAntiAffinity.isEmpty
        var sums: [Domain: Int64] = [:]
        for node in cluster.nodes where node.exists && (hasOwn || node.podsWithTerms > 0) {
            func count(_ term: PodTerm, _ points: Int64) {
                guard let v: String = node.labels[term.topologyKey] else { return }
                sums[Domain(key: term.topologyKey, value: v), default: 0] += points
            }
            for other in node.pods.values {
                for t in pod.preferredAffinity where t.matches(other, cluster) { count(t, t.weight) }
                for t in pod.preferredAntiAffinity where t.matches(other, cluster) { count(t, -t.weight) }
                for t in other.affinity where t.matches(pod, cluster) { count(t, Self.requiredWeight) }
                for t in other.preferredAffinity where t.matches(pod, cluster) { count(t, t.weight) }
                for t in other.preferredAntiAffinity where t.matches(pod, cluster) { count(t, -t.weight) }
            }
        }
        guard !sums.isEmpty else { return nil }
        let raw: [Int64] = nodes.map { i in
            cluster.nodes[i].labels.reduce(0) { $0 + (sums[Domain(key: $1.key, value: $1.value)] ?? 0) }
        }
        guard let top: Int64 = raw.max(), let bottom: Int64 = raw.min(), top > bottom else { return nil }
        return raw.map { Int64(Double(Score.max) * Double($0 - bottom) / Double(top - bottom)) }
    }

    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool {
        switch event {
        case .nodeAdded, .namespaceChanged, .podGone: true
        case .nodeChanged(let old, let new): old.labels != new.labels
        case .podPlaced: !pod.affinity.isEmpty
        case .podChanged(let old, let new): old.labels != new.labels
        default: false
        }
    }
}
