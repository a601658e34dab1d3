// Scales workloads by the cpu and memory that their pods use, as metrics.k8s.io tells.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

/// Looks every 15 s, as upstream does, but only while there is an autoscaler: usage has no watch.
final class HorizontalPodAutoscaler: Component {
    static let period: Duration = .seconds(15)
    private static let podMetrics: GroupVersionResource = GroupVersionResource("metrics.k8s.io/v1beta1", "pods")

    private let context: ControllerContext
    private let autoscalers: Informer
    private let pods: Informer
    private let served: ServedResources
    private let memories: Mutex<[ObjectKey: ScalingMemory]> = Mutex([:])
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        autoscalers = context.informers[API.horizontalPodAutoscalers]
        pods = context.informers[API.pods]
        served = ServedResources(context.informers)
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        autoscalers.onChange { old, new in
            guard let object = new ?? old, old?.spec != new?.spec else { return }
            queue.add(ObjectKey(of: object))
        }
    }

    var name: String { "horizontal-pod-autoscaler" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [autoscalers, pods, served] in
                await autoscalers.waitForSync()
                await pods.waitForSync()
                await served.waitForSync()
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    /// What one look found, to be written as status.
    private struct Look {
        var status: JSON
        var conditions: [JSON]
        let now: Timestamp

        mutating func set(_ type: String, _ isTrue: Bool, _ reason: String, _ message: String) {
            Conditions.set(&conditions, Conditions.make(type, isTrue, reason: reason, message: message, at: now))
        }
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let hpa = autoscalers.get(key) else {
            _ = memories.withLock { $0.removeValue(forKey: key) }
            return .done
        }
        var look: Look = Look(status: hpa.status, conditions: hpa.status.conditions.elements, now: context.time.now())
        do throws(StatusError) {
            try await scale(hpa, key, &look)
        } catch {
            look.set(
                "AbleToScale", false, "FailedGetScale",
                "the HPA controller was unable to get the target's current scale: \(error)")
            context.events.record(hpa, .warning, reason: "FailedGetScale", error.message)
        }
        look.status.observedGeneration = hpa.metadata.generation
        look.status.conditions = .array(look.conditions)
        if !Canonical.equal(look.status, hpa.status) {
            var updated: JSON = hpa
            updated.status = look.status
            let written: JSON = updated
            try await ifPresent { () async throws(StatusError) in
                try await context.client.update(API.horizontalPodAutoscalers, written, subresource: "status")
            }
        }
        return .after(Self.period)
    }

    private func scale(_ hpa: JSON, _ key: ObjectKey, _ look: inout Look) async throws(StatusError) {
        let reference: JSON = hpa.spec.scaleTargetRef
        let kind: GroupKind = GroupKind(
            group: GroupVersion(apiVersion: reference.apiVersion.text).group, kind: reference.kind.text)
        guard let target = served.resource(kind) else {
            throw .internalError("no matches for kind \"\(kind.kind)\" in group \"\(kind.group)\"")
        }
        var scale: JSON = try await context.client.get(
            target.gvr, namespace: key.namespace, reference.name.text, subresource: "scale")
        look.set(
            "AbleToScale", true, "SucceededGetScale", "the HPA controller was able to get the target's current scale")
        let current: Int = scale.spec.replicas.asInt ?? 0
        look.status.currentReplicas = JSON(scale.status.replicas.asInt ?? 0)
        let (least, most): (Int, Int) = (hpa.spec.minReplicas.asInt ?? 1, hpa.spec.maxReplicas.asInt ?? 1)
        var wanted: Int = current
        var why: String = ""
        if current == 0, least != 0 {
            look.set(
                "ScalingActive", false, "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero")
        } else if current > most {
            (wanted, why) = (most, "Current number of replicas above Spec.MaxReplicas")
        } else if current < least {
            (wanted, why) = (least, "Current number of replicas below Spec.MinReplicas")
        } else if let found = await recommend(hpa, key, current, scale.status.selector.text, &look) {
            let decision: ScalingBehavior.Decision = memories.withLock {
                ScalingBehavior.decide(
                    hpa, current: current, recommended: found.replicas, &$0[key, default: ScalingMemory()],
                    now: look.now)
            }
            look.set("AbleToScale", true, decision.able.reason, decision.able.message)
            look.set("ScalingLimited", decision.limited.isTrue, decision.limited.reason, decision.limited.message)
            wanted = decision.replicas
            why = wanted > current ? "\(found.metric) above target" : "All metrics below target"
        }
        look.status.desiredReplicas = JSON(wanted)
        guard wanted != current else { return }
        scale.spec.replicas = JSON(wanted)
        do throws(StatusError) {
            try await context.client.update(target.gvr, scale, subresource: "scale")
        } catch {
            look.set(
                "AbleToScale", false, "FailedUpdateScale",
                "the HPA controller was unable to update the target scale: \(error)")
            context.events.record(
                hpa, .warning, reason: "FailedRescale", "New size: \(wanted); reason: \(why); error: \(error)")
            return
        }
        look.set(
            "AbleToScale", true, "SucceededRescale",
            "the HPA controller was able to update the target scale to \(wanted)")
        look.status.lastScaleTime = .string(look.now.rfc3339)
        context.events.record(hpa, .normal, reason: "SuccessfulRescale", "New size: \(wanted); reason: \(why)")
        memories.withLock { $0[key, default: ScalingMemory()].changed(from: current, to: wanted, at: look.now) }
    }

    /// The largest recommendation of all metrics; when one fails, only growth is believed.
    private func recommend(
        _ hpa: JSON, _ key: ObjectKey, _ current: Int, _ selector: String, _ look: inout Look
    ) async -> (replicas: Int, metric: String)? {
        var best: (replicas: Int, metric: String)?
        var failure: (reason: String, message: String)?
        var statuses: [JSON] = []
        for metric in hpa.spec.metrics.elements {
            do {
                let (answer, name, status): (ReplicaCalculator.Answer, String, JSON) = try await evaluate(
                    metric, key, current, selector, look.now)
                statuses.append(status)
                if best == nil || answer.replicas > best!.replicas { best = (answer.replicas, name) }
            } catch {
                let text: String = (error as? ReplicaCalculator.Failure)?.message ?? "\(error)"
                let kind: String = metric.type.text
                let resource: String =
                    kind == "ContainerResource" ? metric.containerResource.name.text : metric.resource.name.text
                failure = (
                    "FailedGet\(kind)Metric",
                    "failed to get \(resource.isEmpty ? kind.lowercased() : resource) "
                        + "\(kind == "Resource" ? "utilization" : "metric"): \(text)"
                )
            }
        }
        look.status.currentMetrics = statuses.isEmpty ? .null : .array(statuses)
        if let failure, best == nil || best!.replicas < current {
            look.set(
                "ScalingActive", false, failure.reason,
                "the HPA was unable to compute the replica count: \(failure.message)")
            context.events.record(hpa, .warning, reason: failure.reason, failure.message)
            return nil
        }
        if let best {
            look.set(
                "ScalingActive", true, "ValidMetricFound",
                "the HPA was able to successfully calculate a replica count from \(best.metric)")
        }
        return best
    }

    private func evaluate(
        _ metric: JSON, _ key: ObjectKey, _ current: Int, _ selector: String, _ now: Timestamp
    ) async throws -> (ReplicaCalculator.Answer, String, JSON) {
        let isContainer: Bool = metric.type.text == "ContainerResource"
        guard metric.type.text == "Resource" || isContainer else {
            throw ReplicaCalculator.Failure(message: "metrics of type \(metric.type.text) need a custom metrics API")
        }
        let source: JSON = isContainer ? metric.containerResource : metric.resource
        let (resource, container): (String, String) = (source.name.text, source.container.text)
        let matcher: LabelSelector = try LabelSelector(parsing: selector)
        if matcher.isEverything { throw ReplicaCalculator.Failure(message: "selector is required") }
        let target: ReplicaCalculator.Target
        if let percent = source.target.averageUtilization.asInt {
            target = .utilization(percent)
        } else if let q = Quantity(source.target.averageValue) {
            target = .averageValue(q.milliValue)
        } else {
            throw ReplicaCalculator.Failure(
                message: "invalid resource metric source: neither a utilization target nor a value target was set")
        }
        let list: JSON
        do throws(StatusError) {
            list = try await context.client.list(
                Self.podMetrics, namespace: key.namespace, query: ["labelSelector": selector])
        } catch {
            throw ReplicaCalculator.Failure(
                message:
                    "unable to get metrics for resource \(resource): "
                        + "unable to fetch metrics from resource metrics API: \(error)"
            )
        }
        let calculator: ReplicaCalculator = ReplicaCalculator(
            resource: resource, container: container, target: target, current: current,
            pods: pods.list(namespace: key.namespace).filter { matcher.matches(object: $0) },
            samples: Self.samples(list["items"].elements, resource, container), now: now)
        let answer: ReplicaCalculator.Answer = try calculator.answer()
        var value: JSON = ["averageValue": Quantity(milli: answer.averageMilli).json]
        if let utilization = answer.utilization { value.averageUtilization = JSON(utilization) }
        let member: String = isContainer ? "containerResource" : "resource"
        var status: JSON = ["type": metric.type]
        status[member].name = .string(resource)
        if isContainer { status[member].container = .string(container) }
        status[member].current = value
        let name: String =
            "\(resource) \(isContainer ? "container " : "")resource"
            + (answer.utilization == nil ? "" : " utilization (percentage of request)")
        return (answer, name, status)
    }

    private static func samples(_ items: [JSON], _ resource: String, _ container: String) -> [String: PodSample] {
        var out: [String: PodSample] = [:]
        for item in items {
            guard let at = item.timestamp.asString.flatMap({ Timestamp(rfc3339: $0) }) else { continue }
            var sum: Int64 = 0
            var isFound: Bool = false
            for c in item.containers.elements where container.isEmpty || c.name.text == container {
                guard let q = Quantity(c.usage[resource]) else { continue }
                sum += q.milliValue
                isFound = true
            }
            guard isFound else { continue }
            let digits: String = String(item.window.text.prefix { $0.isNumber })
            out[item.metadata.name.text] = PodSample(milli: sum, at: at, windowSeconds: Int64(digits) ?? 60)
        }
        return out
    }
}
