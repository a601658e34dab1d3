// Starts a Job at each time of a CronJob's schedule.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class CronJobController: Component {
    static let kind: (apiVersion: String, kind: String) = ("batch/v1", "CronJob")

    private let context: ControllerContext
    private let cronJobs: Informer
    private let jobs: Informer
    private let writes: OwnWrites
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        cronJobs = context.informers[API.cronJobs]
        jobs = context.informers[API.jobs]
        writes = OwnWrites(jobs)
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        cronJobs.onChange { old, new in if let object = new ?? old { queue.add(ObjectKey(of: object)) } }
        jobs.addIndex(Owner.index, Owner.indexKeys)
        jobs.onChange { old, new in
            guard let job = new ?? old, let owner = Owner.controller(job), owner.kind.text == "CronJob" else { return }
            queue.add(ObjectKey(namespace: job.metadata.namespace.text, name: owner.name.text))
        }
    }

    var name: String { "cronjob-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [cronJobs, jobs] in
                await cronJobs.waitForSync()
                await jobs.waitForSync()
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let cronJob = cronJobs.get(key) else { return .done }
        guard let schedule = CronSchedule(cronJob.spec.schedule.text) else {
            context.events.record(
                cronJob, .warning, reason: "UnparseableSchedule", "unparseable schedule: \(cronJob.spec.schedule.text)")
            return .done
        }
        guard let zone = cronJob.spec.timeZone.asString.map({ TimeZoneRules.named($0) }) ?? TimeZoneRules.local() else {
            context.events.record(
                cronJob, .warning, reason: "UnknownTimeZone", "invalid timeZone: \(cronJob.spec.timeZone.text)")
            return .done
        }
        let uid: String = cronJob.metadata.uid.text
        let owned: [JSON] = writes.over(jobs.list(index: Owner.index, uid)) { Owner.controllerUID($0) == uid }
        var plan: CronJobPlan = CronJobPlan.make(
            CronJobView(cronJob: cronJob, jobs: owned, schedule: schedule, zone: zone, now: context.time.now()))
        for event in plan.events {
            context.events.record(cronJob, event.isWarning ? .warning : .normal, reason: event.reason, event.message)
        }
        for job in plan.cleanUp { try await delete(job, cronJob) }
        for job in plan.replace { try await delete(job, cronJob) }
        if let job = plan.create, let at = plan.scheduled { try await start(job, at, cronJob, &plan) }
        if !Canonical.equal(plan.status, cronJob.status) {
            var updated: JSON = cronJob
            updated.status = plan.status
            let written: JSON = updated
            try await ifPresent { () async throws(StatusError) in
                try await context.client.update(API.cronJobs, written, subresource: "status")
            }
        }
        return plan.next.map { .after($0) } ?? .done
    }

    private func start(_ job: JSON, _ at: Timestamp, _ cronJob: JSON, _ plan: inout CronJobPlan)
        async throws(StatusError)
    {
        do throws(StatusError) {
            let made: JSON = try await context.client.create(
                API.jobs, namespace: cronJob.metadata.namespace.text, job)
            writes.wrote(made)
            context.events.record(
                cronJob, .normal, reason: "SuccessfulCreate", "Created job \(made.metadata.name.text)")
            plan.status.active.elements.append(CronJobPlan.reference(made))
            let gone: Set<String> = Set(plan.replace.map { $0.metadata.uid.text })
            plan.status.active = .array(plan.status.active.elements.filter { !gone.contains($0.uid.text) })
        } catch {
            if error.isNamespaceTerminating { return }
            if !error.isAlreadyExists {
                context.events.record(cronJob, .warning, reason: "FailedCreate", "Error creating job: \(error)")
                throw error
            }
        }
        plan.status.lastScheduleTime = .string(at.rfc3339)
    }

    private func delete(_ job: JSON, _ cronJob: JSON) async throws(StatusError) {
        try await ifPresent { () async throws(StatusError) in
            try await context.client.delete(
                API.jobs, namespace: job.metadata.namespace.text, job.metadata.name.text,
                options: ["propagationPolicy": "Background", "preconditions": ["uid": job.metadata.uid]])
            context.events.record(
                cronJob, .normal, reason: "SuccessfulDelete", "Deleted job \(job.metadata.name.text)")
        }
        writes.deleted(job)
    }
}
