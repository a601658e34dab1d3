// One step of a Deployment: which ReplicaSets to make, scale and delete, and the status to write. Pure.

import KubeBase
import KubeWire

struct DeploymentView: Sendable {
    var deployment: JSON
    /// The ReplicaSets it owns.
    var sets: [JSON]
    /// By the uid of the set, pods that still exist; only a Recreate asks.
    var pods: [String: [JSON]]
    var now: Timestamp
}

enum DeploymentAction: Sendable, Equatable {
    /// `status` is where a failure to create is noted.
    case create(JSON)
    case update(JSON)
    case scale(JSON, from: Int)
    case delete(JSON)
    case setRevision(String)
    case status(JSON)
    case again(after: Duration)
}

/// Holds the view while actions are planned, so that each later decision sees the earlier ones done.
struct DeploymentPlan: Sendable {
    private(set) var actions: [DeploymentAction] = []
    private var d: JSON
    private var old: [JSON]
    private var new: JSON?
    private let pods: [String: [JSON]]
    private let now: Timestamp

    static func make(_ view: DeploymentView) -> [DeploymentAction] {
        var plan: DeploymentPlan = DeploymentPlan(view)
        plan.run()
        return plan.actions
    }

    private init(_ view: DeploymentView) {
        d = view.deployment
        pods = view.pods
        now = view.now
        let wanted: JSON = DeploymentMath.comparable(d.spec.template)
        let sets: [JSON] = view.sets.sorted(by: DeploymentMath.older)
        new = sets.first { DeploymentMath.comparable($0.spec.template) == wanted }
        let uid: JSON = new?.metadata.uid ?? .null
        old = sets.filter { uid.isNull || $0.metadata.uid != uid }
    }

    private var all: [JSON] { old + (new.map { [$0] } ?? []) }
    private var wanted: Int { DeploymentMath.replicas(d) }

    private mutating func run() {
        if d.metadata.deletionTimestamp.exists {
            return writeStatus(DeploymentStatus.calculate(d, all: all, new: new, now: now))
        }
        notePause()
        if d.spec.paused.isTrue {
            syncNewSet(creates: false)
            scaleAll()
            cleanUp()
            return writeStatus(DeploymentStatus.calculate(d, all: all, new: new, now: now))
        }
        if isScaling {
            syncNewSet(creates: false)
            scaleAll()
            return writeStatus(DeploymentStatus.calculate(d, all: all, new: new, now: now))
        }
        if DeploymentMath.isRolling(d) { roll() } else { recreate() }
        let status: JSON = DeploymentStatus.rollout(d, all: all, new: new, now: now)
        writeStatus(status)
        if let left = DeploymentStatus.timeLeft(d, status, now: now), !DeploymentStatus.isComplete(d, status),
            !DeploymentStatus.isTimedOut(d, status, now: now)
        {
            // One second more, because times are written in whole seconds.
            actions.append(.again(after: max(left, .zero) + .seconds(1)))
        }
    }

    private mutating func writeStatus(_ status: JSON) {
        if !Canonical.equal(status, originalStatus ?? d.status) { actions.append(.status(status)) }
        d.status = status
    }
    /// The status as read, when conditions were set on `d` meanwhile.
    private var originalStatus: JSON?

    private mutating func setProgress(_ status: String, _ reason: String, _ message: String) {
        if originalStatus == nil { originalStatus = d.status }
        DeploymentStatus.set(
            &d.status, DeploymentStatus.condition("Progressing", status, reason: reason, message: message, at: now))
    }

    private mutating func notePause() {
        guard DeploymentStatus.hasDeadline(d) else { return }
        let reason: String? = Conditions.find(d.status.conditions.elements, "Progressing")?.reason.text
        if reason == "ProgressDeadlineExceeded" { return }
        if d.spec.paused.isTrue, reason != "DeploymentPaused" {
            setProgress("Unknown", "DeploymentPaused", "Deployment is paused")
        } else if !d.spec.paused.isTrue, reason == "DeploymentPaused" {
            setProgress("Unknown", "DeploymentResumed", "Deployment is resumed")
        }
    }

    /// The wanted size differs from what the active sets were last told.
    private var isScaling: Bool {
        all.contains { set in
            guard DeploymentMath.replicas(set) > 0,
                let told = Int(set.metadata.annotations[DeploymentMath.desiredReplicas].text)
            else { return false }
            return told != wanted
        }
    }

    // MARK: The new set and the revision

    private mutating func syncNewSet(creates: Bool) {
        let revision: Int = (old.map { DeploymentMath.revision(of: $0) }.max() ?? 0) + 1
        if var set = new {
            let before: JSON = set
            Self.annotate(&set, from: d, revision: revision, isNew: false)
            set.spec.minReadySeconds = d.spec.minReadySeconds
            if set.spec.minReadySeconds.asInt == 0 { set.spec.minReadySeconds = before.spec.minReadySeconds }
            if !Canonical.equal(set.metadata.annotations, before.metadata.annotations)
                || (set.spec.minReadySeconds.asInt ?? 0) != (before.spec.minReadySeconds.asInt ?? 0)
            {
                actions.append(.update(set))
                new = set
            }
            setRevision(set.metadata.annotations[DeploymentMath.revision].text)
            if DeploymentStatus.hasDeadline(d), Conditions.find(d.status.conditions.elements, "Progressing") == nil {
                setProgress(
                    "True", "FoundNewReplicaSet", "Found new replica set \"\(set.metadata.name.text)\"")
            }
            return
        }
        guard creates else { return }
        let set: JSON = newSet(revision: revision)
        actions.append(.create(set))
        new = set
        setRevision(String(revision))
        if DeploymentStatus.hasDeadline(d) {
            setProgress(
                "True", "NewReplicaSetCreated", "Created new replica set \"\(set.metadata.name.text)\"")
        }
    }

    private mutating func setRevision(_ revision: String) {
        guard d.metadata.annotations[DeploymentMath.revision].text != revision else { return }
        d.metadata.annotations[DeploymentMath.revision] = .string(revision)
        actions.append(.setRevision(revision))
    }

    private func newSet(revision: Int) -> JSON {
        let hash: String = Canonical.hash(d.spec.template, collisionCount: d.status.collisionCount.asInt)
        var set: JSON = ["apiVersion": "apps/v1", "kind": "ReplicaSet"]
        set.metadata.name = .string(d.metadata.name.text + "-" + hash)
        set.metadata.namespace = d.metadata.namespace
        set.metadata.labels = d.spec.template.metadata.labels
        set.metadata.labels[DeploymentMath.templateHash] = .string(hash)
        set.metadata.ownerReferences = [Owner.reference(to: d, DeploymentController.kind)]
        set.spec.replicas = 0
        set.spec.minReadySeconds = d.spec.minReadySeconds
        set.spec.selector = d.spec.selector
        set.spec.selector.matchLabels[DeploymentMath.templateHash] = .string(hash)
        set.spec.template = d.spec.template
        set.spec.template.metadata.labels[DeploymentMath.templateHash] = .string(hash)
        set.spec.replicas = JSON(DeploymentMath.newSetReplicas(d, all: old + [set], new: set))
        Self.annotate(&set, from: d, revision: revision, isNew: true)
        return set
    }

    /// Upstream's SetNewReplicaSetAnnotations.
    private static func annotate(_ set: inout JSON, from d: JSON, revision: Int, isNew: Bool) {
        for (key, value) in d.metadata.annotations.fields where !DeploymentMath.notCopied.contains(key) {
            set.metadata.annotations[key] = value
        }
        let before: String = set.metadata.annotations[DeploymentMath.revision].text
        if (Int(before) ?? 0) < revision {
            set.metadata.annotations[DeploymentMath.revision] = .string(String(revision))
            if !before.isEmpty {
                // A rollback: the set keeps the revisions that it was.
                let history: String = set.metadata.annotations[DeploymentMath.revisionHistory].text
                var kept: [String] = history.split(separator: ",").map { String($0) } + [before]
                while kept.joined(separator: ",").utf8.count > DeploymentMath.revisionHistoryLength, kept.count > 1 {
                    kept.removeFirst()
                }
                set.metadata.annotations[DeploymentMath.revisionHistory] = .string(kept.joined(separator: ","))
            }
        }
        if isNew { tell(&set, d) }
    }

    private static func tell(_ set: inout JSON, _ d: JSON) {
        let wanted: Int = DeploymentMath.replicas(d)
        set.metadata.annotations[DeploymentMath.desiredReplicas] = .string(String(wanted))
        set.metadata.annotations[DeploymentMath.maxReplicas] = .string(String(wanted + DeploymentMath.maxSurge(d)))
    }

    // MARK: Scaling

    /// True when the size changes. The annotations that tell the wanted size follow either way.
    @discardableResult
    private mutating func scale(_ set: JSON, to size: Int) -> Bool {
        var scaled: JSON = set
        Self.tell(&scaled, d)
        let from: Int = DeploymentMath.replicas(set)
        let isSame: Bool = from == size
        if isSame, Canonical.equal(scaled.metadata.annotations, set.metadata.annotations) { return false }
        scaled.spec.replicas = JSON(size)
        actions.append(isSame ? .update(scaled) : .scale(scaled, from: from))
        replace(scaled)
        return !isSame
    }

    private mutating func replace(_ set: JSON) {
        if new?.metadata.name == set.metadata.name {
            new = set
        } else if let i = old.firstIndex(where: { $0.metadata.name == set.metadata.name }) {
            old[i] = set
        }
    }

    private mutating func scaleAll() {
        let active: [JSON] = all.filter { DeploymentMath.replicas($0) > 0 }
        if active.count <= 1 {
            guard let only = active.first ?? new ?? old.max(by: DeploymentMath.older) else { return }
            scale(only, to: wanted)
            return
        }
        if let new, isSaturated(new) {
            for set in old where DeploymentMath.replicas(set) > 0 { scale(set, to: 0) }
            return
        }
        guard DeploymentMath.isRolling(d) else { return }
        let total: Int = active.reduce(0) { $0 + DeploymentMath.replicas($1) }
        let allowed: Int = wanted > 0 ? wanted + DeploymentMath.maxSurge(d) : 0
        let toAdd: Int = allowed - total
        let sorted: [JSON] = active.sorted(by: DeploymentMath.bySize(newerFirst: toAdd >= 0))
        var added: Int = 0
        var sizes: [Int] = []
        for set in sorted {
            let share: Int = DeploymentMath.proportion(set, d, toAdd: toAdd, added: added)
            sizes.append(DeploymentMath.replicas(set) + share)
            added += share
        }
        sizes[0] = max(0, sizes[0] + toAdd - added)
        for (set, size) in zip(sorted, sizes) { scale(set, to: size) }
    }

    private func isSaturated(_ set: JSON) -> Bool {
        DeploymentMath.replicas(set) == wanted
            && Int(set.metadata.annotations[DeploymentMath.desiredReplicas].text) == wanted
            && (set.status.availableReplicas.asInt ?? 0) == wanted
    }

    // MARK: RollingUpdate

    private mutating func roll() {
        let existed: Bool = new != nil
        syncNewSet(creates: true)
        guard let set = new else { return }
        // A set made in this step has its size already.
        if !existed { return }
        let size: Int =
            DeploymentMath.replicas(set) > wanted
            ? wanted : DeploymentMath.newSetReplicas(d, all: all, new: set)
        if DeploymentMath.replicas(set) != wanted, scale(set, to: size) { return }
        if shrinkOld() { return }
        if DeploymentStatus.isComplete(d, DeploymentStatus.calculate(d, all: all, new: new, now: now)) { cleanUp() }
    }

    /// Old sets shrink as far as availability allows: first pods that are not available anyway.
    private mutating func shrinkOld() -> Bool {
        guard let set = new, old.contains(where: { DeploymentMath.replicas($0) > 0 }) else { return false }
        func available(_ s: JSON) -> Int { s.status.availableReplicas.asInt ?? 0 }
        let least: Int = wanted - DeploymentMath.maxUnavailable(d)
        let total: Int = all.reduce(0) { $0 + DeploymentMath.replicas($1) }
        let most: Int = total - least - (DeploymentMath.replicas(set) - available(set))
        guard most > 0 else { return false }
        var unhealthy: Int = 0
        for s in old.sorted(by: DeploymentMath.older) where unhealthy < most {
            let size: Int = DeploymentMath.replicas(s)
            guard size > 0, size > available(s) else { continue }
            let count: Int = min(most - unhealthy, size - available(s))
            scale(s, to: size - count)
            unhealthy += count
        }
        let spare: Int = all.reduce(0) { $0 + available($1) } - least
        var removed: Int = 0
        if spare > 0 {
            for s in old.sorted(by: DeploymentMath.older) where removed < spare {
                let size: Int = DeploymentMath.replicas(s)
                guard size > 0 else { continue }
                let count: Int = min(size, spare - removed)
                scale(s, to: size - count)
                removed += count
            }
        }
        return unhealthy + removed > 0
    }

    // MARK: Recreate

    private mutating func recreate() {
        syncNewSet(creates: false)
        let active: [JSON] = old.filter { DeploymentMath.replicas($0) > 0 }
        if !active.isEmpty {
            for set in active { scale(set, to: 0) }
            return
        }
        if hasOldPods { return }
        let existed: Bool = new != nil
        if !existed { syncNewSet(creates: true) }
        guard let set = new, existed else { return }
        if DeploymentMath.replicas(set) != wanted { scale(set, to: wanted) }
        if DeploymentStatus.isComplete(d, DeploymentStatus.calculate(d, all: all, new: new, now: now)) { cleanUp() }
    }

    /// Pods of old sets that may still run; an unknown one may, too.
    private var hasOldPods: Bool {
        if old.contains(where: { ($0.status.replicas.asInt ?? 0) > 0 }) { return true }
        let newUID: String = new?.metadata.uid.text ?? ""
        return pods.contains { uid, list in uid != newUID && list.contains { !Pod.isTerminal($0) } }
    }

    // MARK: Clean-up

    private mutating func cleanUp() {
        guard let limit = d.spec.revisionHistoryLimit.asInt, limit < Int(Int32.max) else { return }
        let alive: [JSON] = old.filter { !$0.metadata.deletionTimestamp.exists }
        guard alive.count > limit else { return }
        let sorted: [JSON] = alive.sorted { DeploymentMath.revision(of: $0) < DeploymentMath.revision(of: $1) }
        for set in sorted.prefix(alive.count - limit) {
            let isIdle: Bool =
                (set.status.replicas.asInt ?? 0) == 0 && DeploymentMath.replicas(set) == 0
                && (set.status.observedGeneration.asInt ?? 0) >= (set.metadata.generation.asInt ?? 0)
            if isIdle { actions.append(.delete(set)) }
        }
    }
}
