// Whether a CronJob is due, what stands in the way, and which finished jobs go. Pure.

import KubeBase
import KubeWire

struct CronJobView: Sendable {
    var cronJob: JSON
    /// The jobs it owns.
    var jobs: [JSON]
    var schedule: CronSchedule
    var zone: TimeZoneRules
    var now: Timestamp
}

struct CronJobPlan: Sendable {
    static let missedMax: Int = 100
    static let scheduledAt: String = "batch.kubernetes.io/cronjob-scheduled-timestamp"

    var create: JSON?
    var scheduled: Timestamp?
    /// Active jobs that make room for the next one.
    var replace: [JSON] = []
    /// Finished jobs beyond the history limits.
    var cleanUp: [JSON] = []
    var status: JSON = [:]
    var events: [JobPlan.Event] = []
    var next: Duration?

    static func finished(_ job: JSON) -> String? {
        for type in ["Complete", "Failed"]
        where Conditions.find(job.status.conditions.elements, type)?.status.text == "True" { return type }
        return nil
    }

    static func reference(_ job: JSON) -> JSON {
        [
            "kind": "Job", "namespace": job.metadata.namespace, "name": job.metadata.name, "uid": job.metadata.uid,
            "apiVersion": "batch/v1", "resourceVersion": job.metadata.resourceVersion,
        ]
    }

    static func make(_ view: CronJobView) -> CronJobPlan {
        var plan: CronJobPlan = CronJobPlan()
        plan.status = view.cronJob.status
        plan.settleActive(view)
        plan.cleanHistory(view)
        if view.cronJob.metadata.deletionTimestamp.exists || view.cronJob.spec.suspend.isTrue { return plan }
        plan.start(view)
        if let at = view.schedule.next(after: view.now, view.zone) {
            // A moment late rather than early.
            plan.next = (at - view.now) + .milliseconds(100)
        }
        return plan
    }

    private mutating func settleActive(_ view: CronJobView) {
        var byUID: [String: JSON] = [:]
        for job in view.jobs { byUID[job.metadata.uid.text] = job }
        var active: [JSON] = []
        for reference in view.cronJob.status.active.elements {
            let name: String = reference.name.text
            guard let job = byUID[reference.uid.text] else {
                events.append(
                    .init(isWarning: false, reason: "MissingJob", message: "Active job went missing: \(name)"))
                continue
            }
            if let how = Self.finished(job) {
                events.append(
                    .init(
                        isWarning: false, reason: "SawCompletedJob",
                        message: "Saw completed job: \(name), condition: \(how)"))
                let end: String = job.status.completionTime.text
                if how == "Complete", end > status.lastSuccessfulTime.text { status.lastSuccessfulTime = .string(end) }
            } else {
                active.append(reference)
            }
        }
        let known: Set<String> = Set(view.cronJob.status.active.elements.map { $0.uid.text })
        for job in view.jobs where Self.finished(job) == nil && !known.contains(job.metadata.uid.text) {
            // Created by a step whose status did not get written.
            active.append(Self.reference(job))
        }
        status.active = active.isEmpty ? .null : .array(active)
    }

    private mutating func cleanHistory(_ view: CronJobView) {
        func surplus(_ how: String, _ limit: Int) -> ArraySlice<JSON> {
            let done: [JSON] = view.jobs.filter { Self.finished($0) == how }.sorted { a, b in
                let (x, y): (String, String) = (a.status.startTime.text, b.status.startTime.text)
                return x == y ? a.metadata.name.text < b.metadata.name.text : x < y
            }
            return done.prefix(max(0, done.count - limit))
        }
        cleanUp += surplus("Complete", view.cronJob.spec.successfulJobsHistoryLimit.asInt ?? 3)
        cleanUp += surplus("Failed", view.cronJob.spec.failedJobsHistoryLimit.asInt ?? 1)
    }

    private mutating func start(_ view: CronJobView) {
        let cronJob: JSON = view.cronJob
        let last: Timestamp? = cronJob.status.lastScheduleTime.asString.flatMap { Timestamp(rfc3339: $0) }
        var earliest: Timestamp =
            last ?? cronJob.metadata.creationTimestamp.asString.flatMap { Timestamp(rfc3339: $0) } ?? view.now
        let deadline: Int64? = cronJob.spec.startingDeadlineSeconds.asInt64
        if let deadline { earliest = max(earliest, view.now - .seconds(deadline)) }
        var due: Timestamp?
        var missed: Int = 0
        var at: Timestamp = earliest
        while let t = view.schedule.next(after: at, view.zone), t <= view.now {
            due = t
            at = t
            missed += 1
            if missed > Self.missedMax {
                events.append(
                    .init(
                        isWarning: true, reason: "TooManyMissedTimes",
                        message:
                            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check "
                            + "clock skew"
                    ))
                // Far behind: only the newest counts, found from just before now.
                due = newest(view, after: view.now - .seconds(86400)) ?? due
                break
            }
        }
        guard let due, due != last else { return }
        if let deadline, due + .seconds(deadline) < view.now {
            events.append(
                .init(
                    isWarning: true, reason: "MissSchedule",
                    message: "Missed scheduled time to start a job: \(due.rfc3339)"))
            return
        }
        let name: String = "\(cronJob.metadata.name.text)-\(due.seconds / 60)"
        if view.jobs.contains(where: { $0.metadata.name.text == name }) {
            status.lastScheduleTime = .string(due.rfc3339)
            return
        }
        let active: [JSON] = view.jobs.filter { Self.finished($0) == nil }
        switch cronJob.spec.concurrencyPolicy.text {
        case "Forbid" where !active.isEmpty:
            events.append(
                .init(
                    isWarning: false, reason: "JobAlreadyActive",
                    message: "Not starting job because prior execution is running and concurrency policy is Forbid"))
            return
        case "Replace": replace = active
        default: break
        }
        create = job(cronJob, name, due)
        scheduled = due
    }

    private func newest(_ view: CronJobView, after start: Timestamp) -> Timestamp? {
        var (at, found): (Timestamp, Timestamp?) = (start, nil)
        while let t = view.schedule.next(after: at, view.zone), t <= view.now {
            found = t
            at = t
        }
        return found
    }

    private func job(_ cronJob: JSON, _ name: String, _ at: Timestamp) -> JSON {
        let template: JSON = cronJob.spec.jobTemplate
        var job: JSON = ["apiVersion": "batch/v1", "kind": "Job"]
        job.metadata.name = .string(name)
        job.metadata.namespace = cronJob.metadata.namespace
        job.metadata.labels = template.metadata.labels
        job.metadata.annotations = template.metadata.annotations
        job.metadata.annotations[Self.scheduledAt] = .string(at.rfc3339)
        job.metadata.ownerReferences = [Owner.reference(to: cronJob, CronJobController.kind)]
        job.spec = template.spec
        return job
    }
}
