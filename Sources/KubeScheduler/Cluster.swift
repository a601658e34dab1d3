// The scheduler's picture of the cluster: nodes with what runs or is about to run on them, kept as events come.

package import KubeModel
package import KubeWire

/// Pods that selectors cannot tell apart: the replicas of one owner, mostly.
package struct PodGroup: Sendable, Hashable {
    package var namespace: String
    package var labels: [String: String]
}

package struct NodeView: Sendable {
    package let name: String
    package private(set) var labels: [String: String] = [:]
    package private(set) var taints: [Taint] = []
    package private(set) var isUnschedulable: Bool = false
    package private(set) var allocatable: Resources = Resources()
    package private(set) var podsMax: Int = 0
    /// Bytes by image name.
    package private(set) var images: [String: Int64] = [:]
    /// False while only pods tell of the node.
    package private(set) var exists: Bool = false

    package private(set) var pods: [ObjectKey: PodView] = [:]
    /// How many pods of each group there are, without those that are being deleted.
    package private(set) var groups: [PodGroup: Int] = [:]
    package private(set) var requested: Resources = Resources()
    package private(set) var likelyRequested: Resources = Resources()
    package private(set) var hostPorts: [HostPort] = []
    /// Pods with any (anti-)affinity term, and with a required anti-affinity term.
    package private(set) var podsWithTerms: Int = 0
    package private(set) var podsWithAntiAffinity: Int = 0

    package init(name: String) { self.name = name }

    package mutating func set(_ node: JSON) {
        labels = node.metadata.labels.stringMap
        taints = node.spec.taints.elements.map { Taint($0) }
        isUnschedulable = node.spec.unschedulable.isTrue
        allocatable = Resources(node.status.allocatable)
        podsMax = Quantity(node.status.allocatable.pods).map { Int($0.value) } ?? 0
        images = [:]
        for image in node.status.images.elements {
            for name in image.names.strings { images[name] = image.sizeBytes.asInt64 ?? 0 }
        }
        exists = true
    }

    package mutating func unset() { exists = false }

    package mutating func add(_ pod: PodView) {
        remove(pod.key)
        pods[pod.key] = pod
        if !pod.isDeleting { groups[pod.group, default: 0] += 1 }
        requested += pod.requests
        likelyRequested += pod.likelyRequests
        hostPorts += pod.hostPorts
        if pod.hasPodTerms { podsWithTerms += 1 }
        if !pod.antiAffinity.isEmpty { podsWithAntiAffinity += 1 }
    }

    package mutating func remove(_ key: ObjectKey) {
        guard let pod: PodView = pods.removeValue(forKey: key) else { return }
        if !pod.isDeleting, let count: Int = groups[pod.group] { groups[pod.group] = count > 1 ? count - 1 : nil }
        requested -= pod.requests
        likelyRequested -= pod.likelyRequests
        for port in pod.hostPorts {
            if let i: Int = hostPorts.firstIndex(of: port) { hostPorts.remove(at: i) }
        }
        if pod.hasPodTerms { podsWithTerms -= 1 }
        if !pod.antiAffinity.isEmpty { podsWithAntiAffinity -= 1 }
    }
}

/// A value: preemption tries things out on a copy.
package struct Cluster: Sendable {
    /// Only those that exist are candidates; in the order of their coming.
    package private(set) var nodes: [NodeView] = []
    private var index: [String: Int] = [:]
    /// The node of each pod that has one, bound or assumed.
    private var places: [ObjectKey: String] = [:]
    package var namespaceLabels: [String: [String: String]] = [:]
    /// Selectors of Services, ReplicaSets, StatefulSets and ReplicationControllers, for default spreading.
    package var selectors: OwnerSelectors = OwnerSelectors()
    package var volumes: VolumeFacts = VolumeFacts()
    package private(set) var nodesWithAntiAffinity: Int = 0

    package init() {}

    package func position(of name: String) -> Int? { index[name] }
    package func node(_ name: String) -> NodeView? { index[name].map { nodes[$0] } }
    package func place(of pod: ObjectKey) -> String? { places[pod] }
    package var nodeCount: Int { nodes.reduce(0) { $0 + ($1.exists ? 1 : 0) } }

    package mutating func set(node: JSON) { change(node.metadata.name.text) { $0.set(node) } }

    package mutating func remove(node name: String) {
        guard let i: Int = index[name] else { return }
        nodes[i].unset()
        dropIfEmpty(i)
    }

    /// Moves it when it stood elsewhere.
    package mutating func add(_ pod: PodView, to node: String) {
        if let old: String = places[pod.key], old != node { remove(pod.key) }
        places[pod.key] = node
        change(node) { $0.add(pod) }
    }

    package mutating func remove(_ key: ObjectKey) {
        guard let name: String = places.removeValue(forKey: key), let i: Int = index[name] else { return }
        change(name) { $0.remove(key) }
        dropIfEmpty(i)
    }

    private mutating func change(_ name: String, _ body: (inout NodeView) -> Void) {
        let i: Int
        if let known: Int = index[name] {
            i = known
        } else {
            i = nodes.count
            nodes.append(NodeView(name: name))
            index[name] = i
        }
        let had: Bool = nodes[i].podsWithAntiAffinity > 0
        body(&nodes[i])
        let has: Bool = nodes[i].podsWithAntiAffinity > 0
        if had != has { nodesWithAntiAffinity += has ? 1 : -1 }
    }

    private mutating func dropIfEmpty(_ i: Int) {
        guard !nodes[i].exists, nodes[i].pods.isEmpty else { return }
        index[nodes[i].name] = nil
        let last: NodeView = nodes.removeLast()
        if i < nodes.count {
            nodes[i] = last
            index[last.name] = i
        }
    }
}

/// Who owns pods by which selector, for the system's default spread constraints.
package struct OwnerSelectors: Sendable {
    private var byNamespace: [String: [String: LabelSelector]] = [:]

    package init() {}

    /// `resource` tells apart objects of the same name; nil removes.
    package mutating func set(_ resource: String, _ key: ObjectKey, _ selector: LabelSelector?) {
        byNamespace[key.namespace, default: [:]]["\(resource)/\(key.name)"] = selector
    }

    /// The selectors that match the pod, joined; nil when none does.
    package func selector(for pod: PodView) -> LabelSelector? {
        var all: [LabelSelector.Requirement] = []
        for s in (byNamespace[pod.key.namespace] ?? [:]).values where !s.isEverything && s.matches(pod.labels) {
            all += s.requirements
        }
        return all.isEmpty ? nil : LabelSelector(requirements: all)
    }
}
