// Deletes finished Jobs when their spec.ttlSecondsAfterFinished is over.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class TTLAfterFinished: Component {
    private let context: ControllerContext
    private let jobs: Informer
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        jobs = context.informers[API.jobs]
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        jobs.onChange { _, new in
            if let new, new.spec.ttlSecondsAfterFinished.exists, CronJobPlan.finished(new) != nil {
                queue.add(ObjectKey(of: new))
            }
        }
    }

    var name: String { "ttl-after-finished-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue, ready: { [jobs] in await jobs.waitForSync() },
            reconcile: { try await self.reconcile($0) }
        ).run()
    }

    /// Time until the job goes; nil when it does not.
    static func timeLeft(_ job: JSON, now: Timestamp) -> Duration? {
        guard let ttl = job.spec.ttlSecondsAfterFinished.asInt64, !job.metadata.deletionTimestamp.exists,
            let how = CronJobPlan.finished(job),
            let end = Conditions.find(job.status.conditions.elements, how)?.lastTransitionTime.asString
                .flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        return (end + .seconds(ttl)) - now
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let job = jobs.get(key), let left = Self.timeLeft(job, now: context.time.now()) else { return .done }
        if left > .zero { return .after(left) }
        try await ifPresent { () async throws(StatusError) in
            try await context.client.delete(
                API.jobs, namespace: key.namespace, key.name,
                options: ["propagationPolicy": "Foreground", "preconditions": ["uid": job.metadata.uid]])
        }
        return .done
    }
}
