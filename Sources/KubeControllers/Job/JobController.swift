// Runs each Job's pods to completion and counts them exactly once.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class JobController: Component {
    static let kind: (apiVersion: String, kind: String) = ("batch/v1", "Job")

    private let context: ControllerContext
    private let jobs: Informer
    private let pods: Informer
    private let control: PodControl
    private let expectations: Expectations
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        jobs = context.informers[API.jobs]
        pods = context.informers[API.pods]
        control = PodControl(client: context.client, events: context.events)
        expectations = Expectations(time: context.time)
        queue = WorkQueue(time: context.time)
        let (queue, expectations): (WorkQueue<ObjectKey>, Expectations) = (queue, expectations)
        jobs.onChange { old, new in
            if new == nil, let old { expectations.forget(ObjectKey(of: old)) }
            if let object = new ?? old { queue.add(ObjectKey(of: object)) }
        }
        OwnedPods(
            kind: "Job", owners: jobs, expectations: expectations, selector: { LabelSelector($0.spec.selector) },
            enqueue: { queue.add($0) }
        ).watch(pods)
    }

    var name: String { "job-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [jobs, pods] in
                await jobs.waitForSync()
                await pods.waitForSync()
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let job = jobs.get(key) else {
            try await releaseStrays(key)
            return .done
        }
        if let manager = job.spec.managedBy.asString, manager != "kubernetes.io/job-controller" { return .done }
        let isCurrent: Bool = expectations.areMet(key)
        let selector: LabelSelector = LabelSelector(job.spec.selector)
        let claim: Claim = Claim(owner: job, candidates: Owner.candidates(pods, for: job)) {
            selector.matches(object: $0)
        }
        let owned: [JSON] = try await claim.apply(
            context.client, owner: job, ownerKind: Self.kind, ownerResource: API.jobs, resource: API.pods)
        let plan: JobPlan = JobPlan.make(
            JobView(job: job, pods: owned, isCurrent: isCurrent, now: context.time.now()))
        var updated: JSON = job
        updated.status = plan.status
        if !Canonical.equal(plan.status, job.status) {
            let written: JSON = updated
            try await ifPresent { () async throws(StatusError) in
                updated = try await context.client.update(API.jobs, written, subresource: "status")
            }
            for event in plan.events {
                context.events.record(job, event.isWarning ? .warning : .normal, reason: event.reason, event.message)
            }
        }
        for pod in plan.letGo { try await letGo(pod) }
        if let error = await carryOut(plan, job, key) { throw error }
        return plan.next.map { .after($0) } ?? .done
    }

    private func carryOut(_ plan: JobPlan, _ job: JSON, _ key: ObjectKey) async -> StatusError? {
        let doomed: [JSON] = plan.delete + plan.remove
        if !doomed.isEmpty {
            expectations.expect(key, deletions: doomed.map { $0.metadata.uid.text })
            for pod in plan.remove {
                do throws(StatusError) { try await letGo(pod) } catch {
                    expectations.forget(key)
                    return error
                }
            }
            return await control.delete(doomed, owner: job) { [expectations] uid in
                expectations.deletionSeen(key, uid: uid)
            }
        }
        guard !plan.create.isEmpty else { return nil }
        expectations.expect(key, creations: plan.create.count)
        let made: [JSON] = plan.create.map { entry in
            var pod: JSON = Pod.from(template: job.spec.template, owner: job, ownerKind: Self.kind)
            pod.metadata.finalizers = .array(pod.metadata.finalizers.elements + [.string(JobPods.finalizer)])
            if let index = entry.index { JobPods.setIndex(index, job, &pod, failures: entry.failures) }
            return pod
        }
        let result: (missed: Int, error: StatusError?) = await control.create(made, owner: job)
        if result.missed > 0 { expectations.creationSeen(key, count: result.missed) }
        return result.error?.isNamespaceTerminating == true ? nil : result.error
    }

    /// Takes the tracking finalizer from a pod.
    private func letGo(_ pod: JSON) async throws(StatusError) {
        guard JobPods.isTracked(pod) else { return }
        let kept: [String] = pod.metadata.finalizers.strings.filter { $0 != JobPods.finalizer }
        try await ifPresent { () async throws(StatusError) in
            try await context.client.patch(
                API.pods, namespace: pod.metadata.namespace.text, pod.metadata.name.text, .merge,
                [
                    "metadata": [
                        "uid": pod.metadata.uid, "resourceVersion": pod.metadata.resourceVersion,
                        "finalizers": kept.isEmpty ? .null : JSON(kept),
                    ]
                ])
        }
    }

    /// Pods of a job that is gone must not wait for being counted.
    private func releaseStrays(_ key: ObjectKey) async throws(StatusError) {
        for pod in pods.list(namespace: key.namespace) where JobPods.isTracked(pod) {
            guard let owner = Owner.controller(pod), owner.kind.text == "Job", owner.name.text == key.name else {
                continue
            }
            try await letGo(pod)
        }
    }
}
