// The scheduler's state: the cluster, the queue, and what was decided but is not yet seen.

package import KubeBase
import KubeModel
package import KubeWire

/// What the shell has to carry out.
package enum Decision: Sendable {
    case bind(PodView, node: String)
    /// Tell the pod and its events. `victims` are to be evicted first; the pod then keeps `nominated`.
    case reject(PodView, message: String, victims: Victims?)
}

package struct SchedulerBrain: Sendable {
    package static let schedulerName: String = "default-scheduler"

    package private(set) var cluster: Cluster = Cluster()
    package private(set) var queue: SchedulingQueue = SchedulingQueue()
    private let plugins: [any Plugin]
    private let pluginsByName: [String: any Plugin]
    /// Decided but not yet seen bound: uid by key.
    private var assumed: [ObjectKey: String] = [:]
    private var nominated: [ObjectKey: (node: String, pod: PodView)] = [:]
    private var budgets: [ObjectKey: DisruptionBudget] = [:]
    private var start: Int = 0
    private var chance: UInt64

    /// `seed` breaks ties between nodes of equal score.
    package init(plugins: [any Plugin] = Catalogue.plugins, seed: UInt64) {
        self.plugins = plugins
        pluginsByName = Dictionary(uniqueKeysWithValues: plugins.map { ($0.name, $0) })
        chance = seed | 1
    }

    // MARK: What is seen

    package mutating func on(pod old: JSON?, _ new: JSON?, now: Timestamp) {
        if let old, let new, old.metadata.uid != new.metadata.uid {
            on(pod: old, nil, now: now)
            on(pod: nil, new, now: now)
            return
        }
        guard let new, let pod: PodView = Optional(PodView(new)), !pod.isFinished else {
            if let gone: JSON = new ?? old { leave(ObjectKey(of: gone), gone, now: now) }
            return
        }
        if !pod.nodeName.isEmpty {
            place(pod, now: now)
        } else if assumed[pod.key] == nil {
            guard pod.schedulerName == Self.schedulerName, !pod.isDeleting else {
                queue.remove(pod.key)
                nominated[pod.key] = nil
                return
            }
            queue.set(pod, now: now)
            nominated[pod.key] = pod.nominatedNodeName.isEmpty ? nil : (pod.nominatedNodeName, pod)
        }
    }

    private mutating func leave(_ key: ObjectKey, _ json: JSON, now: Timestamp) {
        queue.remove(key)
        assumed[key] = nil
        let promise: (node: String, pod: PodView)? = nominated.removeValue(forKey: key)
        guard cluster.place(of: key) != nil || promise != nil else { return }
        cluster.remove(key)
        wake(.podGone(PodView(json)), now: now)
    }

    private mutating func place(_ pod: PodView, now: Timestamp) {
        queue.remove(pod.key)
        nominated[pod.key] = nil
        let isNews: Bool = assumed.removeValue(forKey: pod.key) != nil
        let before: PodView? = cluster.place(of: pod.key).flatMap { cluster.node($0)?.pods[pod.key] }
        cluster.add(pod, to: pod.nodeName)
        if let before, !isNews {
            if before.labels != pod.labels || before.requests != pod.requests {
                wake(.podChanged(old: before, new: pod), now: now)
            }
        } else {
            wake(.podPlaced(pod), now: now)
        }
    }

    package mutating func on(node old: JSON?, _ new: JSON?, now: Timestamp) {
        guard let new else {
            if let old { cluster.remove(node: old.metadata.name.text) }
            return
        }
        let name: String = new.metadata.name.text
        let before: NodeView? = cluster.node(name)
        cluster.set(node: new)
        let after: NodeView = cluster.node(name)!
        guard let before, before.exists else {
            wake(.nodeAdded(after), now: now)
            return
        }
        // A heartbeat changes nothing that a plugin reads.
        guard
            before.labels != after.labels || before.taints != after.taints || before.podsMax != after.podsMax
                || before.isUnschedulable != after.isUnschedulable || before.allocatable != after.allocatable
        else { return }
        wake(.nodeChanged(old: before, new: after), now: now)
    }

    package mutating func on(namespace old: JSON?, _ new: JSON?, now: Timestamp) {
        guard let name: String = (new ?? old)?.metadata.name.text else { return }
        let labels: [String: String]? = new?.metadata.labels.stringMap
        guard cluster.namespaceLabels[name] != labels else { return }
        cluster.namespaceLabels[name] = labels
        wake(.namespaceChanged, now: now)
    }

    package mutating func on(claim old: JSON?, _ new: JSON?, now: Timestamp) {
        guard let any: JSON = new ?? old else { return }
        cluster.volumes.claims[ObjectKey(of: any)] = new
        if new != nil { wake(.volumesChanged, now: now) }
    }

    package mutating func on(volume old: JSON?, _ new: JSON?, now: Timestamp) {
        guard let any: JSON = new ?? old else { return }
        cluster.volumes.volumes[any.metadata.name.text] = new
        if new != nil { wake(.volumesChanged, now: now) }
    }

    package mutating func on(storageClass old: JSON?, _ new: JSON?, now: Timestamp) {
        guard let any: JSON = new ?? old else { return }
        cluster.volumes.classes[any.metadata.name.text] = new
        if new != nil { wake(.volumesChanged, now: now) }
    }

    /// A Service, ReplicationController, ReplicaSet or StatefulSet; `hasLabelSelector` for the latter two.
    package mutating func on(owner resource: String, _ old: JSON?, _ new: JSON?, hasLabelSelector: Bool) {
        guard let any: JSON = new ?? old else { return }
        let selector: LabelSelector? = new.flatMap { o in
            if hasLabelSelector { return LabelSelector(o.spec.selector) }
            let labels: [String: String] = o.spec.selector.stringMap
            return labels.isEmpty ? nil : LabelSelector(matching: labels)
        }
        cluster.selectors.set(resource, ObjectKey(of: any), selector)
    }

    package mutating func on(budget old: JSON?, _ new: JSON?) {
        guard let any: JSON = new ?? old else { return }
        budgets[ObjectKey(of: any)] = new.map {
            DisruptionBudget(
                namespace: $0.metadata.namespace.text, selector: LabelSelector($0.spec.selector),
                allowed: $0.status.disruptionsAllowed.asInt ?? 0)
        }
    }

    private mutating func wake(_ event: ClusterEvent, now: Timestamp) {
        queue.wake(now: now) { [pluginsByName] pod, rejectedBy in
            rejectedBy.isEmpty || rejectedBy.contains { pluginsByName[$0]?.wakes(pod, on: event) ?? true }
        }
    }

    // MARK: What is decided

    /// When `next` should be asked again although nothing happened; nil: not needed.
    package mutating func deadline(now: Timestamp) -> Timestamp? { queue.flush(now: now) }

    /// The decision about the next pod; nil when none is due.
    package mutating func next(now: Timestamp) -> Decision? {
        guard let pod: PodView = queue.pop(now: now) else { return nil }
        var promised: [String: [PodView]] = [:]
        for (node, other) in nominated.values { promised[node, default: []].append(other) }
        let cycle: SchedulingCycle = SchedulingCycle(plugins: plugins, nominated: promised)
        switch cycle.run(pod, cluster, start: &start, chance: &chance) {
        case .node(let name):
            assumed[pod.key] = pod.uid
            nominated[pod.key] = nil
            cluster.add(pod, to: name)
            return .bind(pod, node: name)
        case .none(var report):
            queue.rejected(pod.key, by: report.plugins)
            guard report.nodeCount > 0 else { return .reject(pod, message: report.message, victims: nil) }
            let preemption: Preemption = Preemption(
                cycle: cycle, cluster: cluster, budgets: Array(budgets.values), pod: pod)
            switch preemption.run(report) {
            case .victims(let v):
                nominated[pod.key] = (v.node, pod)
                return .reject(pod, message: report.message, victims: v)
            case .none(let text):
                report.preemption = text
                return .reject(pod, message: report.message, victims: nil)
            }
        }
    }

    // MARK: What came of it

    /// The binding is stored; the informer will show it.
    package mutating func bound(_ pod: PodView) {
        if assumed[pod.key] == pod.uid { queue.remove(pod.key) }
    }

    /// The binding was refused: the room is free again and the pod is tried later.
    package mutating func bindingFailed(_ pod: PodView, now: Timestamp) {
        guard assumed[pod.key] == pod.uid else { return }
        assumed[pod.key] = nil
        cluster.remove(pod.key)
        queue.failed(pod.key)
        wake(.podGone(pod), now: now)
    }
}
