// The framework: what a scheduling plugin may say, and about what.

/// Why a pod may not go to a node, in the words of events.
package struct Rejection: Error, Sendable, Equatable {
    package var reasons: [String]
    /// No pod's removal would help (upstream's UnschedulableAndUnresolvable).
    package var isHopeless: Bool

    package init(_ reasons: String..., isHopeless: Bool = false) {
        self.reasons = reasons
        self.isHopeless = isHopeless
    }
    package init(reasons: [String], isHopeless: Bool) {
        self.reasons = reasons
        self.isHopeless = isHopeless
    }
}

/// Asked for each node; nil: the pod fits, as far as this plugin can tell.
package typealias NodeFilter = (NodeView) -> Rejection?

/// One idea about where pods belong; its folder is `Plugins/<name>`. Plugins keep nothing between calls: all they may
/// know is the pod and the cluster.
package protocol Plugin: Sendable {
    /// Upstream's name of the plugin.
    var name: String { get }
    /// The weight of its scores, as in upstream's default profile.
    var weight: Int64 { get }
    /// Looks at the pod once; the answer is asked for each node. Nil: nothing to say. Throws when no node will do.
    func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter?
    /// 0 (worst) to 100 for each of `nodes`, which index `cluster.nodes`; nil: nothing to say.
    func scores(for pod: PodView, on nodes: [Int], in cluster: Cluster) -> [Int64]?
    /// Whether a pod that this plugin rejected may fit now.
    func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool
}

extension Plugin {
    package var weight: Int64 { 1 }
    package func filter(for pod: PodView, in cluster: Cluster) throws(Rejection) -> NodeFilter? { nil }
    package func scores(for pod: PodView, on nodes: [Int], in cluster: Cluster) -> [Int64]? { nil }
    package func wakes(_ pod: PodView, on event: ClusterEvent) -> Bool { false }
}

/// What may make room.
package enum ClusterEvent: Sendable {
    case nodeAdded(NodeView)
    case nodeChanged(old: NodeView, new: NodeView)
    /// A pod got a place (its labels may be what another waits for).
    case podPlaced(PodView)
    /// Labels or requests of a placed pod changed.
    case podChanged(old: PodView, new: PodView)
    /// A placed pod is gone or finished.
    case podGone(PodView)
    case volumesChanged
    case namespaceChanged

    /// The node of this event, as it is now.
    package var node: NodeView? {
        switch self {
        case .nodeAdded(let n): n
        case .nodeChanged(_, let n): n
        default: nil
        }
    }
}

package enum Score {
    package static let max: Int64 = 100

    /// The greatest becomes 100, or 0 when reversed.
    package static func scaled(_ raw: [Int64], reverse: Bool = false) -> [Int64] {
        let top: Int64 = raw.max() ?? 0
        guard top > 0 else { return raw.map { _ in reverse ? Score.max : 0 } }
        return raw.map { reverse ? Score.max - $0 * Score.max / top : $0 * Score.max / top }
    }
}
