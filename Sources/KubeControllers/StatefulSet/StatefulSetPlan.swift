// One step of a StatefulSet: which ordinal is made, deleted or replaced next, and the status. Pure.

import KubeBase
import KubeWire

struct StatefulSetView: Sendable {
    var set: JSON
    var pods: [JSON]
    /// Revisions by name; templates are theirs.
    var current: JSON
    var update: JSON
    var now: Timestamp
}

struct StatefulSetPlan: Sendable {
    enum Action: Sendable {
        /// With its claims.
        case create(JSON, ordinal: Int)
        case delete(JSON)
        /// A finished pod makes room for its successor.
        case recycle(JSON)
        /// Labels or claims of a pod are not as they should be.
        case mend(JSON, ordinal: Int)
    }
    private(set) var actions: [Action] = []
    private(set) var status: JSON = [:]
    private(set) var next: Duration?
    /// Pods that are being scaled away, for the claims' retention.
    private(set) var condemned: [JSON] = []

    private let view: StatefulSetView
    private let set: JSON
    private let start: Int
    private let count: Int
    private let isParallel: Bool
    private let currentName: String
    private let updateName: String

    static func make(_ view: StatefulSetView) -> StatefulSetPlan {
        var plan: StatefulSetPlan = StatefulSetPlan(view)
        plan.run()
        return plan
    }

    private init(_ view: StatefulSetView) {
        self.view = view
        set = view.set
        start = StatefulPods.start(view.set)
        count = StatefulPods.replicas(view.set)
        isParallel = view.set.spec.podManagementPolicy.text == "Parallel"
        currentName = view.current.metadata.name.text
        updateName = view.update.metadata.name.text
    }

    private func revision(_ pod: JSON) -> String { pod.metadata.labels[Revisions.hashLabel].text }
    private func isDeleting(_ pod: JSON) -> Bool { pod.metadata.deletionTimestamp.exists }
    private func isRunningAndReady(_ pod: JSON) -> Bool { pod.status.phase.text == "Running" && Pod.isReady(pod) }
    private func isHealthy(_ pod: JSON) -> Bool { isRunningAndReady(pod) && !isDeleting(pod) }
    private func isAvailable(_ pod: JSON) -> Bool {
        isRunningAndReady(pod)
            && Pod.isAvailable(pod, minReadySeconds: set.spec.minReadySeconds.asInt ?? 0, now: view.now)
    }

    private mutating func run() {
        var replicas: [JSON?] = Array(repeating: nil, count: count)
        var extra: [(ordinal: Int, pod: JSON)] = []
        for pod in view.pods {
            guard let ordinal = StatefulPods.ordinal(set, pod) else { continue }
            if ordinal >= start, ordinal < start + count {
                replicas[ordinal - start] = pod
            } else {
                extra.append((ordinal, pod))
            }
        }
        extra.sort { $0.ordinal > $1.ordinal }
        condemned = extra.map { $0.pod }
        status = makeStatus(replicas)
        if set.metadata.deletionTimestamp.exists { return }
        if fill(replicas) { return }
        if shrink(replicas) { return }
        roll(replicas)
    }

    // MARK: Ordinals that must be there

    /// True when the step ends here: what was begun must be ready first.
    private mutating func fill(_ replicas: [JSON?]) -> Bool {
        for (i, pod) in replicas.enumerated() {
            let ordinal: Int = start + i
            guard let pod else {
                actions.append(.create(newPod(ordinal), ordinal: ordinal))
                if isParallel { continue }
                return true
            }
            if Pod.isTerminal(pod) {
                if !isDeleting(pod) { actions.append(.recycle(pod)) }
                if isParallel { continue }
                return true
            }
            if isDeleting(pod) {
                if isParallel { continue }
                return true
            }
            if !isParallel {
                if !isRunningAndReady(pod) { return true }
                if !isAvailable(pod) {
                    wakeWhenAvailable(pod)
                    return true
                }
            }
            var mended: JSON = pod
            mended.metadata.labels[StatefulPods.podName] = .string(StatefulPods.name(set, ordinal))
            mended.metadata.labels[StatefulPods.podIndex] = .string(String(ordinal))
            if mended.metadata.labels != pod.metadata.labels { actions.append(.mend(mended, ordinal: ordinal)) }
        }
        return false
    }

    private mutating func wakeWhenAvailable(_ pod: JSON) {
        if let left = Pod.availableIn(pod, minReadySeconds: set.spec.minReadySeconds.asInt ?? 0, now: view.now) {
            next = min(next ?? left, left)
        }
    }

    private func newPod(_ ordinal: Int) -> JSON {
        let revision: JSON = needsCurrent(ordinal) ? view.current : view.update
        return StatefulPods.pod(
            set, ordinal, template: Revisions.template(revision), revision: revision.metadata.name.text)
    }

    /// Below the partition, or not reached by the update yet, pods stay at the current revision.
    private func needsCurrent(_ ordinal: Int) -> Bool {
        guard set.spec.updateStrategy.type.text != "OnDelete" else { return false }
        let rolling: JSON = set.spec.updateStrategy.rollingUpdate
        if let partition = rolling.partition.asInt { return ordinal < start + partition }
        return ordinal < start + (set.status.currentReplicas.asInt ?? 0)
    }

    // MARK: Ordinals that must go

    private mutating func shrink(_ replicas: [JSON?]) -> Bool {
        let all: [JSON] = replicas.compactMap { $0 } + condemned.reversed()
        let firstUnhealthy: String? = all.first { !isHealthy($0) }?.metadata.name.text
        for pod in condemned {
            if isDeleting(pod) {
                if isParallel { continue }
                return true
            }
            if !isParallel {
                if !isRunningAndReady(pod), pod.metadata.name.text != firstUnhealthy { return true }
                if isRunningAndReady(pod), !isAvailable(pod), pod.metadata.name.text != firstUnhealthy {
                    wakeWhenAvailable(pod)
                    return true
                }
            }
            actions.append(.delete(pod))
            if !isParallel { return true }
        }
        return false
    }

    // MARK: Rolling update

    /// From the highest ordinal down to the partition, at most maxUnavailable at a time.
    private mutating func roll(_ replicas: [JSON?]) {
        if set.spec.updateStrategy.type.text == "OnDelete" { return }
        let rolling: JSON = set.spec.updateStrategy.rollingUpdate
        let lowest: Int = rolling.partition.asInt ?? 0
        var room: Int = 1
        if isParallel || rolling.maxUnavailable.exists,
            let most = IntOrStringValue.scaled(rolling.maxUnavailable, of: count)
        {
            room = max(1, most)
        }
        room -= replicas.filter { pod in pod.map { !isHealthy($0) || !isAvailable($0) } ?? true }.count
        for i in stride(from: count - 1, through: lowest, by: -1) {
            guard let pod = replicas[i] else { continue }
            if revision(pod) != updateName, !isDeleting(pod) {
                // An unhealthy pod of an old revision loses nothing by being replaced.
                if room <= 0, isHealthy(pod) { return }
                actions.append(.delete(pod))
                room -= 1
                if room <= 0 { return }
                continue
            }
            if !isHealthy(pod), room <= 0 { return }
            if isHealthy(pod), !isAvailable(pod) {
                wakeWhenAvailable(pod)
                if room <= 0 { return }
            }
        }
    }

    // MARK: Status

    private mutating func makeStatus(_ replicas: [JSON?]) -> JSON {
        var (total, ready, available, current, updated): (Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0)
        for pod in view.pods where StatefulPods.ordinal(set, pod) != nil {
            total += 1
            if isRunningAndReady(pod) {
                ready += 1
                if isAvailable(pod) { available += 1 } else { wakeWhenAvailable(pod) }
            }
            guard !isDeleting(pod) else { continue }
            if revision(pod) == currentName { current += 1 }
            if revision(pod) == updateName { updated += 1 }
        }
        var status: JSON = [:]
        status.observedGeneration = set.metadata.generation
        status.replicas = JSON(total)
        func count(_ name: String, _ n: Int) { if n > 0 { status[name] = JSON(n) } }
        count("readyReplicas", ready)
        status.availableReplicas = JSON(available)
        status.currentRevision = .string(currentName)
        status.updateRevision = .string(updateName)
        // An update is complete when every pod has it and is ready.
        let isRolling: Bool = set.spec.updateStrategy.type.text != "OnDelete"
        if isRolling, updated == total, ready == total, total == self.count {
            status.currentRevision = .string(updateName)
            current = updated
        }
        count("currentReplicas", current)
        count("updatedReplicas", updated)
        status.collisionCount = set.status.collisionCount.exists ? set.status.collisionCount : 0
        status.conditions = set.status.conditions
        return status
    }
}
