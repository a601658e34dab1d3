// On which nodes a DaemonSet lacks or has too many pods, and which are replaced next. Pure.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire

struct DaemonSetView: Sendable {
    var set: JSON
    var nodes: [JSON]
    var pods: [JSON]
    /// Value of `controller-revision-hash` for pods of the present template.
    var hash: String
    /// False while creations or deletions of ours have not shown yet.
    var isCurrent: Bool
    /// By node: until then a failed pod stays, since others failed there before.
    var heldUntil: [String: Timestamp] = [:]
    var now: Timestamp
}

/// How long the failed pods of each node are kept: 1 s, doubled up to 15 minutes, forgotten after twice that.
struct FailedPodBackoff: Sendable {
    static let most: Duration = .seconds(900)
    private struct Entry {
        var count: Int
        var last: Timestamp
    }
    private var entries: [String: Entry] = [:]

    func heldUntil(_ node: String, now: Timestamp) -> Timestamp? {
        guard let e = entries[node] else { return nil }
        let end: Timestamp = e.last + min(.seconds(1) * (1 << min(e.count - 1, 10)), Self.most)
        return end > now ? end : nil
    }
    mutating func failed(_ node: String, now: Timestamp) {
        var e: Entry = entries[node] ?? Entry(count: 0, last: now)
        if now - e.last > Self.most * 2 { e.count = 0 }
        e.count += 1
        e.last = now
        entries[node] = e
    }
}

struct DaemonSetPlan: Sendable {
    static let burst: Int = 250
    static let generationLabel: String = "pod-template-generation"

    /// Nodes by name.
    var create: [String] = []
    var delete: [JSON] = []
    /// Failed pods to be reported and deleted.
    var failed: [JSON] = []
    var status: JSON = [:]
    var next: Duration?

    static func make(_ view: DaemonSetView) -> DaemonSetPlan {
        var plan: DaemonSetPlan = DaemonSetPlan()
        let byNode: [String: [JSON]] = Dictionary(grouping: view.pods) { targetNode($0) }
        if view.isCurrent, !view.set.metadata.deletionTimestamp.exists {
            plan.manage(view, byNode)
            if plan.create.isEmpty, plan.delete.isEmpty, view.set.spec.updateStrategy.type.text != "OnDelete" {
                plan.roll(view, byNode)
            }
        }
        plan.create = Array(plan.create.prefix(burst))
        plan.delete = Array(plan.delete.prefix(burst))
        plan.status = plan.statusOf(view, byNode)
        return plan
    }

    // MARK: Where pods belong

    /// The node a pod runs on, or that its affinity ties it to.
    static func targetNode(_ pod: JSON) -> String {
        if !pod.spec.nodeName.text.isEmpty { return pod.spec.nodeName.text }
        let required: JSON = pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
        for term in required.nodeSelectorTerms.elements {
            for field in term.matchFields.elements where field.key.text == "metadata.name" {
                if let name = field.values.strings.first { return name }
            }
        }
        return ""
    }

    static func tolerations(_ spec: JSON) -> [JSON] {
        var all: [JSON] = spec.tolerations.elements
        func add(_ key: String, _ effect: String) {
            let t: JSON = ["key": .string(key), "operator": "Exists", "effect": .string(effect)]
            if !all.contains(t) { all.append(t) }
        }
        add("node.kubernetes.io/not-ready", "NoExecute")
        add("node.kubernetes.io/unreachable", "NoExecute")
        add("node.kubernetes.io/disk-pressure", "NoSchedule")
        add("node.kubernetes.io/memory-pressure", "NoSchedule")
        add("node.kubernetes.io/pid-pressure", "NoSchedule")
        add("node.kubernetes.io/unschedulable", "NoSchedule")
        if spec.hostNetwork.isTrue { add("node.kubernetes.io/network-unavailable", "NoSchedule") }
        return all
    }

    /// Whether a pod is to be made there, and whether one that is there may stay.
    static func fits(_ set: JSON, _ node: JSON) -> (run: Bool, stay: Bool) {
        let spec: JSON = set.spec.template.spec
        let name: String = spec.nodeName.text
        if !name.isEmpty, name != node.metadata.name.text { return (false, false) }
        guard NodeFit.matches(spec, node) else { return (false, false) }
        let (taints, tolerations): ([JSON], [JSON]) = (node.spec.taints.elements, tolerations(spec))
        if NodeFit.untolerated(taints, tolerations, effects: ["NoExecute"]) != nil { return (false, false) }
        if NodeFit.untolerated(taints, tolerations, effects: ["NoSchedule"]) != nil { return (false, true) }
        return (true, true)
    }

    /// The pod of one node, tied to it by affinity so that the scheduler places it.
    static func pod(_ set: JSON, node: String, hash: String) -> JSON {
        var pod: JSON = Pod.from(template: set.spec.template, owner: set, ownerKind: DaemonSetController.kind)
        pod.metadata.labels[Revisions.hashLabel] = .string(hash)
        if let generation = set.metadata.annotations["deprecated.daemonset.template.generation"].asString {
            pod.metadata.labels[generationLabel] = .string(generation)
        }
        pod.spec.tolerations = .array(tolerations(pod.spec))
        let field: JSON = ["key": "metadata.name", "operator": "In", "values": [.string(node)]]
        let required: JSON = pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
        var terms: [JSON] = required.nodeSelectorTerms.elements.map { term in
            // Upstream drops other fields: the node's name replaces them.
            var t: JSON = term
            t.matchFields = [field]
            return t
        }
        if terms.isEmpty { terms = [["matchFields": [field]]] }
        pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution = [
            "nodeSelectorTerms": .array(terms)
        ]
        return pod
    }

    // MARK: One pod per node

    private func isUpdated(_ pod: JSON, _ view: DaemonSetView) -> Bool {
        pod.metadata.labels[Revisions.hashLabel].text == view.hash
    }
    private func isAvailable(_ pod: JSON, _ view: DaemonSetView) -> Bool {
        Pod.isAvailable(pod, minReadySeconds: view.set.spec.minReadySeconds.asInt ?? 0, now: view.now)
    }

    private mutating func manage(_ view: DaemonSetView, _ byNode: [String: [JSON]]) {
        let names: Set<String> = Set(view.nodes.map { $0.metadata.name.text })
        for node in view.nodes {
            let name: String = node.metadata.name.text
            let here: [JSON] = byNode[name] ?? []
            let fits: (run: Bool, stay: Bool) = Self.fits(view.set, node)
            guard fits.stay else {
                delete += here.filter { !$0.metadata.deletionTimestamp.exists }
                continue
            }
            if here.isEmpty {
                if fits.run { create.append(name) }
                continue
            }
            var running: [JSON] = []
            for pod in here where !pod.metadata.deletionTimestamp.exists {
                if Pod.isTerminal(pod) {
                    if let end = view.heldUntil[name] {
                        next = min(next ?? (end - view.now), end - view.now)
                        continue
                    }
                    failed.append(pod)
                    delete.append(pod)
                } else {
                    running.append(pod)
                }
            }
            delete += surplus(running, view)
        }
        // Pods tied to nodes that are gone.
        for (name, pods) in byNode where !names.contains(name) {
            delete += pods.filter { $0.spec.nodeName.text.isEmpty && !$0.metadata.deletionTimestamp.exists }
        }
    }

    /// All but the oldest; during a surge the old pod stays until the new one is available.
    private func surplus(_ running: [JSON], _ view: DaemonSetView) -> [JSON] {
        guard running.count > 1 else { return [] }
        let sorted: [JSON] = running.sorted { a, b in
            let (x, y): (Bool, Bool) = (a.spec.nodeName.text.isEmpty, b.spec.nodeName.text.isEmpty)
            if x != y { return !x }
            let (s, t): (String, String) = (a.metadata.creationTimestamp.text, b.metadata.creationTimestamp.text)
            return s == t ? a.metadata.name.text < b.metadata.name.text : s < t
        }
        guard surge(view, desired: 1) > 0 else { return Array(sorted.dropFirst()) }
        let new: [JSON] = sorted.filter { isUpdated($0, view) }
        let old: [JSON] = sorted.filter { !isUpdated($0, view) }
        var out: [JSON] = Array(new.dropFirst()) + old.dropFirst()
        if let first = new.first, isAvailable(first, view), let last = old.first { out.append(last) }
        return out
    }

    // MARK: Rolling update

    private func surge(_ view: DaemonSetView, desired: Int) -> Int {
        guard let s = IntOrString(view.set.spec.updateStrategy.rollingUpdate.maxSurge) else { return 0 }
        return s.scaled(total: desired, roundsUp: true) ?? 0
    }
    private func unavailable(_ view: DaemonSetView, desired: Int) -> Int {
        let given: JSON = view.set.spec.updateStrategy.rollingUpdate.maxUnavailable
        guard let u = IntOrString(given.exists ? given : 1) else { return 1 }
        return u.scaled(total: desired, roundsUp: true) ?? 1
    }

    private mutating func roll(_ view: DaemonSetView, _ byNode: [String: [JSON]]) {
        let wanted: [String] = view.nodes.filter { Self.fits(view.set, $0).run }.map { $0.metadata.name.text }
        let surge: Int = surge(view, desired: wanted.count)
        let most: Int = surge > 0 ? surge : unavailable(view, desired: wanted.count)
        var busy: Int = 0
        var atOnce: [(node: String, pod: JSON)] = []
        var candidates: [(node: String, pod: JSON)] = []
        for name in wanted.sorted() {
            let here: [JSON] = (byNode[name] ?? []).filter { !Pod.isTerminal($0) }
            let new: JSON? = here.first { isUpdated($0, view) && !$0.metadata.deletionTimestamp.exists }
            let old: JSON? = here.first { !isUpdated($0, view) }
            if let new {
                if !isAvailable(new, view) { busy += 1 }
            } else if let old {
                if old.metadata.deletionTimestamp.exists {
                    if surge == 0 { busy += 1 }
                } else if isAvailable(old, view) {
                    candidates.append((name, old))
                } else {
                    // Nothing is lost by replacing what does not serve.
                    atOnce.append((name, old))
                    busy += 1
                }
            } else {
                busy += 1
            }
        }
        let next: [(node: String, pod: JSON)] = atOnce + candidates.prefix(max(0, most - busy))
        if surge > 0 { create += next.map { $0.node } } else { delete += next.map { $0.pod } }
    }

    // MARK: Status

    private mutating func statusOf(_ view: DaemonSetView, _ byNode: [String: [JSON]]) -> JSON {
        let minReady: Int = view.set.spec.minReadySeconds.asInt ?? 0
        var (desired, current, misplaced, ready, updated, available): (Int, Int, Int, Int, Int, Int) = (
            0, 0, 0, 0, 0, 0
        )
        for node in view.nodes {
            let here: [JSON] = byNode[node.metadata.name.text] ?? []
            guard Self.fits(view.set, node).run else {
                if !here.isEmpty { misplaced += 1 }
                continue
            }
            desired += 1
            // The oldest stands for the node.
            guard !here.isEmpty else { continue }
            current += 1
            let sorted: [JSON] = here.sorted { $0.metadata.creationTimestamp.text < $1.metadata.creationTimestamp.text }
            let live: [JSON] = sorted.filter { !$0.metadata.deletionTimestamp.exists }
            let pod: JSON = live.first ?? sorted[0]
            if Pod.isReady(pod) {
                ready += 1
                if isAvailable(pod, view) {
                    available += 1
                } else if let left = Pod.availableIn(pod, minReadySeconds: minReady, now: view.now) {
                    next = min(next ?? left, left)
                }
            }
            if live.contains(where: { isUpdated($0, view) }) { updated += 1 }
        }
        var status: JSON = [
            "currentNumberScheduled": JSON(current), "numberMisscheduled": JSON(misplaced),
            "desiredNumberScheduled": JSON(desired), "numberReady": JSON(ready),
        ]
        status.observedGeneration = view.set.metadata.generation
        func count(_ name: String, _ n: Int) { if n > 0 { status[name] = JSON(n) } }
        count("updatedNumberScheduled", updated)
        count("numberAvailable", available)
        count("numberUnavailable", desired - available)
        status.collisionCount = view.set.status.collisionCount
        status.conditions = view.set.status.conditions
        return status
    }
}
