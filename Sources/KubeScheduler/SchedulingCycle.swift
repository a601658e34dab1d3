// One pod, one cluster: which node, or why none.

import KubeModel

/// Pure: the same pod, cluster and seed give the same answer.
package struct SchedulingCycle {
    package let plugins: [any Plugin]
    /// Pods that preemption promised a node to.
    package let nominated: [String: [PodView]]

    package init(plugins: [any Plugin], nominated: [String: [PodView]] = [:]) {
        self.plugins = plugins
        self.nominated = nominated
    }

    package struct NamedFilter {
        package var plugin: String
        package var filter: NodeFilter
    }

    package enum Outcome {
        case node(String)
        case none(FitReport)
    }

    /// Up to this many nodes all are looked at; beyond, a share that shrinks with their number.
    private static let feasibleMin: Int = 100

    /// `start` says where the round begins and is moved on; `chance` breaks ties and is moved on.
    package func run(
        _ pod: PodView, _ cluster: Cluster, start: inout Int, chance: inout UInt64
    ) -> Outcome {
        var report: FitReport = FitReport(nodeCount: cluster.nodeCount)
        guard report.nodeCount > 0 else { return .none(report) }
        let filters: [NamedFilter]
        do throws(RejectionByPlugin) {
            filters = try prepare(pod, cluster)
        } catch {
            report.forAll = error.rejection.reasons.joined(separator: ", ")
            report.plugins = [error.plugin]
            for i in cluster.nodes.indices where cluster.nodes[i].exists { report.rejections[i] = error.rejection }
            return .none(report)
        }
        if let i: Int = cluster.position(of: pod.nominatedNodeName), cluster.nodes[i].exists,
            rejection(of: pod, by: cluster.nodes[i], filters) == nil
        {
            return .node(cluster.nodes[i].name)
        }
        let wanted: Int = Self.feasibleWanted(report.nodeCount)
        var feasible: [Int] = []
        var looked: Int = 0
        while looked < cluster.nodes.count, feasible.count < wanted {
            let i: Int = (start + looked) % cluster.nodes.count
            looked += 1
            guard cluster.nodes[i].exists else { continue }
            if let (plugin, rejection): (String, Rejection) = rejection(of: pod, by: cluster.nodes[i], filters) {
                report.rejections[i] = rejection
                report.plugins.insert(plugin)
            } else {
                feasible.append(i)
            }
        }
        start = (start + looked) % max(cluster.nodes.count, 1)
        guard let first: Int = feasible.first else { return .none(report) }
        if feasible.count == 1 { return .node(cluster.nodes[first].name) }
        return .node(cluster.nodes[best(pod, cluster, feasible, &chance)].name)
    }

    static func feasibleWanted(_ nodes: Int) -> Int {
        guard nodes > feasibleMin else { return nodes }
        let percent: Int = max(50 - nodes / 125, 5)
        return max(nodes * percent / 100, feasibleMin)
    }

    package struct RejectionByPlugin: Error {
        package var plugin: String
        package var rejection: Rejection
    }

    package func prepare(_ pod: PodView, _ cluster: Cluster) throws(RejectionByPlugin) -> [NamedFilter] {
        var list: [NamedFilter] = []
        for plugin in plugins {
            do throws(Rejection) {
                if let filter: NodeFilter = try plugin.filter(for: pod, in: cluster) {
                    list.append(NamedFilter(plugin: plugin.name, filter: filter))
                }
            } catch {
                throw RejectionByPlugin(plugin: plugin.name, rejection: error)
            }
        }
        return list
    }

    /// The first plugin that says no. Room that a pod of at least this priority was promised counts as taken.
    package func rejection(
        of pod: PodView, by node: NodeView, _ filters: [NamedFilter]
    ) -> (String, Rejection)? {
        if let promised: [PodView] = nominated[node.name] {
            var full: NodeView = node
            for other in promised where other.key != pod.key && other.priority >= pod.priority { full.add(other) }
            for f in filters { if let r: Rejection = f.filter(full) { return (f.plugin, r) } }
        }
        for f in filters { if let r: Rejection = f.filter(node) { return (f.plugin, r) } }
        return nil
    }

    private func best(_ pod: PodView, _ cluster: Cluster, _ nodes: [Int], _ chance: inout UInt64) -> Int {
        var totals: [Int64] = [Int64](repeating: 0, count: nodes.count)
        for plugin in plugins {
            guard let scores: [Int64] = plugin.scores(for: pod, on: nodes, in: cluster) else { continue }
            for i in scores.indices { totals[i] += scores[i] * plugin.weight }
        }
        let top: Int64 = totals.max()!
        let equals: [Int] = totals.indices.filter { totals[$0] == top }
        // xorshift64: enough to share out equals.
        chance ^= chance << 13
        chance ^= chance >> 7
        chance ^= chance << 17
        return nodes[equals[Int(chance % UInt64(equals.count))]]
    }
}
