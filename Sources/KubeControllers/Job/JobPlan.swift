// One step of a Job: pods to create, delete and let go, and the status to write. Pure.

import KubeBase
import KubeModel
import KubeWire

struct JobView: Sendable {
    var job: JSON
    /// The pods it owns, in any state.
    var pods: [JSON]
    /// False while creations or deletions of ours have not shown yet.
    var isCurrent: Bool
    var now: Timestamp
}

/// Finished pods are counted exactly once: first their uid is written to `uncountedTerminatedPods`, then the pod loses
/// its finalizer, and once that has shown, the uid becomes a number.
struct JobPlan: Sendable {
    static let burst: Int = 500
    static let backoffBase: Duration = .seconds(10)
    static let backoffMax: Duration = .seconds(600)

    struct Event: Sendable, Equatable {
        var isWarning: Bool
        var reason: String
        var message: String
    }

    /// Pods to create: index (nil when not indexed) and that index's failures so far.
    var create: [(index: Int?, failures: Int?)] = []
    /// Deleted after their finalizer: no failures.
    var remove: [JSON] = []
    /// Deleted, and then counted as failed.
    var delete: [JSON] = []
    var status: JSON = .null
    /// Pods that lose their finalizer once `status` is written.
    var letGo: [JSON] = []
    var events: [Event] = []
    var next: Duration?

    static func make(_ view: JobView) -> JobPlan {
        var step: JobStep = JobStep(view)
        step.run()
        return step.plan
    }
}

/// The working state of one plan.
private struct JobStep {
    var plan: JobPlan = JobPlan()
    private let job: JSON
    private let view: JobView
    private let now: Timestamp
    private var conditions: [JSON]
    private var succeededUncounted: Set<String>
    private var failedUncounted: Set<String>
    private var succeeded: Int
    private var failed: Int
    private var done: IndexSet
    private var failedIndexes: IndexSet
    private var failJob: (reason: String, message: String)?

    init(_ view: JobView) {
        self.view = view
        job = view.job
        now = view.now
        conditions = job.status.conditions.elements
        succeededUncounted = Set(job.status.uncountedTerminatedPods.succeeded.strings)
        failedUncounted = Set(job.status.uncountedTerminatedPods.failed.strings)
        succeeded = job.status.succeeded.asInt ?? 0
        failed = job.status.failed.asInt ?? 0
        let completions: Int = job.spec.completions.asInt ?? 0
        done = IndexSet(text: job.status.completedIndexes.text, limit: completions)
        failedIndexes = IndexSet(text: job.status.failedIndexes.text, limit: completions)
    }

    private var isIndexed: Bool { JobPods.isIndexed(job) }
    private var completions: Int? { job.spec.completions.asInt }
    private var isDeleting: Bool { job.metadata.deletionTimestamp.exists }
    private func isTrue(_ type: String) -> Bool { Conditions.find(conditions, type)?.status.text == "True" }
    private var isFinished: Bool { isTrue("Complete") || isTrue("Failed") }

    mutating func run() {
        var status: JSON = job.status
        if !job.spec.suspend.isTrue, !status.startTime.exists { status.startTime = .string(now.rfc3339) }
        settleCounted()
        let active: [JSON] = view.pods.filter { Pod.isActive($0) }
        let terminating: [JSON] = view.pods.filter { JobPods.isTerminating($0) }
        if isFinished {
            for pod in view.pods where JobPods.isTracked(pod) { plan.letGo.append(pod) }
            if !active.isEmpty { plan.delete = active }
            return write(&status, active: [], terminating: [])
        }
        noteFinished()
        decideFailure(active, status)
        var left: [JSON] = active
        if failJob != nil || isTrue("FailureTarget") || isSuccessful {
            if view.isCurrent { plan.delete = active }
            left = []
        } else if noteSuspension(&status) {
            if view.isCurrent { plan.remove = active }
            left = []
        } else if view.isCurrent, !isDeleting {
            manage(active, terminating)
        }
        finish(&status, terminating: terminating.count + (left.isEmpty ? active.count : 0))
        write(&status, active: left, terminating: terminating)
    }

    // MARK: Counting

    /// Uids whose pods have lost their finalizer, or are gone, become numbers.
    private mutating func settleCounted() {
        var tracked: Set<String> = []
        for pod in view.pods where JobPods.isTracked(pod) { tracked.insert(pod.metadata.uid.text) }
        let (s, f): (Set<String>, Set<String>) = (
            succeededUncounted.subtracting(tracked), failedUncounted.subtracting(tracked)
        )
        succeededUncounted.subtract(s)
        failedUncounted.subtract(f)
        if !isIndexed { succeeded += s.count }
        failed += f.count
    }

    /// Newly finished pods become uncounted; all uncounted ones may lose their finalizer.
    private mutating func noteFinished() {
        for pod in view.pods where JobPods.isTracked(pod) {
            let uid: String = pod.metadata.uid.text
            if JobPods.isSucceeded(pod) {
                plan.letGo.append(pod)
                if isIndexed {
                    if let i = JobPods.index(of: pod), i < completions ?? 0 { done.insert(i) }
                    continue
                }
                succeededUncounted.insert(uid)
            } else if JobPods.isFailed(pod, job) {
                plan.letGo.append(pod)
                if failedUncounted.contains(uid) { continue }
                switch pod.status.phase.text == "Failed" ? JobPods.policyAction(job, pod) : nil {
                case .failJob(let message)?:
                    failJob = ("PodFailurePolicy", message)
                    failedUncounted.insert(uid)
                case .ignore?: continue
                case .failIndex?:
                    if let i = JobPods.index(of: pod) { failedIndexes.insert(i) }
                    failedUncounted.insert(uid)
                default:
                    failedUncounted.insert(uid)
                    noteIndexFailure(pod)
                }
            }
        }
        if isIndexed { succeeded = done.count }
    }

    private mutating func noteIndexFailure(_ pod: JSON) {
        guard let limit = job.spec.backoffLimitPerIndex.asInt, let i = JobPods.index(of: pod) else { return }
        if (Int(pod.metadata.annotations[JobPods.indexFailures].text) ?? 0) >= limit { failedIndexes.insert(i) }
    }

    private var failedTotal: Int { failed + failedUncounted.count }
    private var succeededTotal: Int { isIndexed ? done.count : succeeded + succeededUncounted.count }

    // MARK: Outcome

    private mutating func decideFailure(_ active: [JSON], _ status: JSON) {
        if isTrue("FailureTarget"), let c = Conditions.find(conditions, "FailureTarget") {
            failJob = (c.reason.text, c.message.text)
        }
        if failJob != nil { return }
        let limit: Int = job.spec.backoffLimit.asInt ?? (job.spec.backoffLimitPerIndex.exists ? Int(Int32.max) : 6)
        if failedTotal > limit || isPastLimitInPlace(active, limit) {
            failJob = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
            return
        }
        if let most = job.spec.maxFailedIndexes.asInt, failedIndexes.count > most {
            failJob = ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
            return
        }
        if let c = completions, isIndexed, failedIndexes.count > 0, failedIndexes.count + done.count >= c {
            failJob = ("FailedIndexes", "Job has failed indexes")
            return
        }
        guard let seconds = job.spec.activeDeadlineSeconds.asInt64, !job.spec.suspend.isTrue,
            let start = status.startTime.asString.flatMap({ Timestamp(rfc3339: $0) })
        else { return }
        let left: Duration = (start + .seconds(seconds)) - now
        if left <= .zero {
            failJob = ("DeadlineExceeded", "Job was active longer than specified deadline")
        } else {
            wake(after: left)
        }
    }

    /// With restartPolicy OnFailure the restarts of running pods count.
    private func isPastLimitInPlace(_ active: [JSON], _ limit: Int) -> Bool {
        guard job.spec.template.spec.restartPolicy.text == "OnFailure" else { return false }
        var restarts: Int = 0
        for pod in active where ["Running", "Pending"].contains(pod.status.phase.text) {
            for status in pod.status.initContainerStatuses.elements + pod.status.containerStatuses.elements {
                restarts += status.restartCount.asInt ?? 0
            }
        }
        return limit == 0 ? restarts > 0 : restarts >= limit && restarts > 0
    }

    private var isSuccessful: Bool { isTrue("SuccessCriteriaMet") || successReason != nil }

    private var successReason: (reason: String, message: String)? {
        if isIndexed, let c = completions {
            for (i, rule) in job.spec.successPolicy.rules.elements.enumerated() {
                var matched: Set<Int> = done.indexes
                if let text = rule.succeededIndexes.asString {
                    let wanted: Set<Int> = IndexSet(text: text, limit: c).indexes
                    matched.formIntersection(wanted)
                    if !rule.succeededCount.exists, matched.count < wanted.count { continue }
                }
                if let n = rule.succeededCount.asInt, matched.count < n { continue }
                if !rule.succeededIndexes.exists, !rule.succeededCount.exists { continue }
                return ("SuccessPolicy", "Matched rules at index \(i)")
            }
        }
        let reached: (String, String) = ("CompletionsReached", "Reached expected number of succeeded pods")
        if let c = completions { return succeededTotal >= c ? reached : nil }
        let isAnyActive: Bool = view.pods.contains { Pod.isActive($0) }
        return succeededTotal > 0 && !isAnyActive ? reached : nil
    }

    private mutating func finish(_ status: inout JSON, terminating: Int) {
        if let failure = failJob, !isTrue("FailureTarget") {
            set("FailureTarget", true, failure.reason, failure.message)
        }
        if failJob == nil, let success = successReason, !isTrue("SuccessCriteriaMet") {
            set("SuccessCriteriaMet", true, success.reason, success.message)
        }
        // The end is final: it waits until every pod is counted and gone.
        let isAllCounted: Bool =
            succeededUncounted.isEmpty && failedUncounted.isEmpty
            && !view.pods.contains { JobPods.isTracked($0) && !Pod.isActive($0) }
        guard isAllCounted, terminating == 0 else { return }
        if let c = Conditions.find(conditions, "FailureTarget"), c.status.text == "True" {
            set("Failed", true, c.reason.text, c.message.text)
            plan.events.append(JobPlan.Event(isWarning: true, reason: c.reason.text, message: c.message.text))
        } else if let c = Conditions.find(conditions, "SuccessCriteriaMet"), c.status.text == "True" {
            set("Complete", true, c.reason.text, c.message.text)
            status.completionTime = .string(now.rfc3339)
            plan.events.append(JobPlan.Event(isWarning: false, reason: "Completed", message: "Job completed"))
        }
    }

    private mutating func set(_ type: String, _ value: Bool, _ reason: String, _ message: String) {
        var c: JSON = Conditions.make(type, value, reason: reason, message: message, at: now)
        c.lastProbeTime = .string(now.rfc3339)
        Conditions.set(&conditions, c)
    }

    /// True when the job is suspended.
    private mutating func noteSuspension(_ status: inout JSON) -> Bool {
        if job.spec.suspend.isTrue {
            if !isTrue("Suspended") {
                set("Suspended", true, "JobSuspended", "Job suspended")
                plan.events.append(JobPlan.Event(isWarning: false, reason: "Suspended", message: "Job suspended"))
            }
            status.startTime = .null
            return true
        }
        if isTrue("Suspended") {
            set("Suspended", false, "JobResumed", "Job resumed")
            plan.events.append(JobPlan.Event(isWarning: false, reason: "Resumed", message: "Job resumed"))
            status.startTime = .string(now.rfc3339)
        }
        return false
    }

    // MARK: Pods

    private mutating func manage(_ active: [JSON], _ terminating: [JSON]) {
        let parallelism: Int = job.spec.parallelism.asInt ?? 1
        var wanted: Int
        if let c = completions {
            wanted = min(parallelism, c - succeededTotal - failedIndexes.count)
        } else {
            wanted = succeededTotal > 0 ? min(active.count, parallelism) : parallelism
        }
        wanted = max(0, wanted)
        var kept: [JSON] = active
        if isIndexed { kept = dropDuplicates(active) }
        if kept.count > wanted {
            let sorted: [JSON] = kept.sorted {
                DeletionRank($0, doubles: 0, now: now) < DeletionRank($1, doubles: 0, now: now)
            }
            plan.remove += sorted.prefix(kept.count - wanted)
            return
        }
        let held: Int = JobPods.replacesOnlyFailed(job) ? terminating.count : 0
        let missing: Int = min(wanted - kept.count - held, JobPlan.burst)
        guard missing > 0 else { return }
        let wait: Duration = backoff()
        if wait > .zero { return wake(after: wait) }
        guard isIndexed, let c = completions else {
            plan.create = Array(repeating: (nil, nil), count: missing)
            return
        }
        var taken: Set<Int> = Set(kept.compactMap { JobPods.index(of: $0) })
        if JobPods.replacesOnlyFailed(job) { taken.formUnion(terminating.compactMap { JobPods.index(of: $0) }) }
        for i in 0..<c where plan.create.count < missing {
            if taken.contains(i) || done.contains(i) || failedIndexes.contains(i) { continue }
            plan.create.append((i, job.spec.backoffLimitPerIndex.exists ? indexFailures(i) : nil))
        }
    }

    private mutating func dropDuplicates(_ active: [JSON]) -> [JSON] {
        var seen: Set<Int> = []
        var kept: [JSON] = []
        for pod in active.sorted(by: {
            !(DeletionRank($0, doubles: 0, now: now) < DeletionRank($1, doubles: 0, now: now))
        }) {
            if let i = JobPods.index(of: pod), i < completions ?? 0, seen.insert(i).inserted {
                kept.append(pod)
            } else {
                plan.remove.append(pod)
            }
        }
        return kept
    }

    private func indexFailures(_ i: Int) -> Int {
        view.pods.filter { JobPods.index(of: $0) == i && JobPods.isFailed($0, job) }
            .map { (Int($0.metadata.annotations[JobPods.indexFailures].text) ?? 0) + 1 }.max() ?? 0
    }

    /// 10 s, doubled with each failure in a row, up to 10 minutes.
    private func backoff() -> Duration {
        let lastSuccess: Timestamp? = view.pods.filter { JobPods.isSucceeded($0) }.compactMap { JobPods.finishedAt($0) }
            .max()
        let failures: [Timestamp] = view.pods.filter { JobPods.isFailed($0, job) }.compactMap { JobPods.finishedAt($0) }
            .filter { lastSuccess == nil || $0 > lastSuccess! }
        guard let last = failures.max() else { return .zero }
        let delay: Duration = min(JobPlan.backoffBase * (1 << min(failures.count - 1, 10)), JobPlan.backoffMax)
        return max(.zero, (last + delay) - now)
    }

    private mutating func wake(after delay: Duration) { plan.next = min(plan.next ?? delay, delay) }

    // MARK: Status

    private func filled(_ before: JSON, active: [JSON], terminating: [JSON]) -> JSON {
        var status: JSON = before
        func count(_ name: String, _ n: Int) { status[name] = n > 0 ? JSON(n) : .null }
        count("active", active.count)
        count("succeeded", isIndexed ? done.count : succeeded)
        count("failed", failed)
        status.ready = JSON(active.filter { Pod.isReady($0) }.count)
        status.terminating = JSON(terminating.count)
        if isIndexed {
            status.completedIndexes = done.count > 0 ? .string(done.text) : .null
            if job.spec.backoffLimitPerIndex.exists { status.failedIndexes = .string(failedIndexes.text) }
        }
        var uncounted: JSON = [:]
        if !succeededUncounted.isEmpty { uncounted.succeeded = JSON(succeededUncounted.sorted()) }
        if !failedUncounted.isEmpty { uncounted.failed = JSON(failedUncounted.sorted()) }
        status.uncountedTerminatedPods = uncounted
        if !conditions.isEmpty { status.conditions = .array(conditions) }
        return status
    }

    private mutating func write(_ status: inout JSON, active: [JSON], terminating: [JSON]) {
        plan.status = filled(status, active: active, terminating: terminating)
    }
}
