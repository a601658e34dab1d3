// The scheduler's shell: informers feed the brain, its decisions become requests.

import KubeAPI
package import KubeBase
package import KubeClient
import KubeModel
import KubeWire
import Logging
import Synchronization

/// Assigns pods to nodes. Driven by events alone; one task decides, bindings and reports run beside it.
package final class Scheduler: Component {
    /// Requests at the same time; deciding waits when all are under way.
    package static let requestsMax: Int = 64

    private struct State {
        var brain: SchedulerBrain
        var requests: Int = 0
        /// Pods whose rejection is being reported: a binding of one waits for it, lest the report arrive last.
        var reporting: [ObjectKey: Decision?] = [:]
    }

    package let name: String = "scheduler"
    private let client: Client
    private let informers: InformerSet
    private let events: EventRecorder
    private let time: any TimeSource
    private let state: Mutex<State>
    private let volumes: VolumeReservation
    private let news: Wakeup = Wakeup()
    private let log: Logger = .component("scheduler")

    /// `informers` are run by whoever made them.
    package init(client: Client, informers: InformerSet, time: any TimeSource = SystemTime()) {
        self.client = client
        self.informers = informers
        self.time = time
        volumes = VolumeReservation(client: client, informers: informers, time: time)
        events = EventRecorder(client, component: SchedulerBrain.schedulerName, time: time)
        state = Mutex(State(brain: SchedulerBrain(seed: UInt64.random(in: 1...UInt64.max))))
    }

    package func run() async throws {
        listen()
        await informers.waitForSync()
        try Task.checkCancellation()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { [events] in try await events.run() }
            while !Task.isCancelled {
                let now: Timestamp = time.now()
                let (decision, deadline): (Decision?, Timestamp?) = state.withLock { s in
                    let deadline: Timestamp? = s.brain.deadline(now: now)
                    guard s.requests < Self.requestsMax, let d: Decision = s.brain.next(now: now) else {
                        return (nil, deadline)
                    }
                    return (admit(d, &s) ? d : nil, now)
                }
                if let decision { group.addTask { [self] in await carryOut(decision) } }
                if deadline != now { await news.wait(until: deadline, time) }
            }
            group.cancelAll()
        }
    }

    /// False when the decision has to wait for a report about its pod.
    private func admit(_ decision: Decision, _ s: inout State) -> Bool {
        switch decision {
        case .bind(let pod, _):
            if s.reporting[pod.key] != nil {
                s.reporting[pod.key] = .some(decision)
                return false
            }
        case .reject(let pod, _, _):
            if s.reporting[pod.key] != nil {
                s.reporting[pod.key] = .some(decision)
                return false
            }
            s.reporting[pod.key] = .some(nil)
        }
        s.requests += 1
        return true
    }

    private func carryOut(_ decision: Decision) async {
        switch decision {
        case .bind(let pod, let node):
            await bind(pod, node)
            state.withLock { $0.requests -= 1 }
        case .reject(let pod, let message, let victims):
            await report(pod, message, victims)
            let deferred: Decision? = state.withLock { s in
                s.requests -= 1
                let d: Decision? = s.reporting.removeValue(forKey: pod.key) ?? nil
                guard let d, admit(d, &s) else { return nil }
                return d
            }
            if let deferred { await carryOut(deferred) }
        }
        news.raise()
    }

    // MARK: Events

    private func listen() {

        func follow(
            _ resource: GroupVersionResource,
            _ change: @escaping @Sendable (inout SchedulerBrain, JSON?, JSON?, Timestamp) -> Void
        ) {
            let informer: Informer = informers[resource]
            informer.onChange { [self] old, new in
                guard let key: ObjectKey = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
                let now: Timestamp = time.now()
                // The newest state, whatever the order in which handlers run.
                state.withLock { change(&$0.brain, old, informer.get(key), now) }
                news.raise()
            }
        }
        follow(API.nodes) { $0.on(node: $1, $2, now: $3) }
        follow(API.pods) { $0.on(pod: $1, $2, now: $3) }
        follow(API.namespaces) { $0.on(namespace: $1, $2, now: $3) }
        follow(API.persistentVolumeClaims) { $0.on(claim: $1, $2, now: $3) }
        follow(API.persistentVolumes) { $0.on(volume: $1, $2, now: $3) }
        follow(API.storageClasses) { $0.on(storageClass: $1, $2, now: $3) }
        follow(API.podDisruptionBudgets) { brain, old, new, _ in brain.on(budget: old, new) }
        for resource in [API.services, API.replicationControllers] {
            follow(resource) { brain, old, new, _ in
                brain.on(owner: resource.resource, old, new, hasLabelSelector: false)
            }
        }
        for resource in [API.replicaSets, API.statefulSets] {
            follow(resource) { brain, old, new, _ in
                brain.on(owner: resource.resource, old, new, hasLabelSelector: true)
            }
        }
    }

    // MARK: Requests

    private func bind(_ pod: PodView, _ node: String) async {
        if let fault: String = await volumes.reserve(pod, node) {
            let now: Timestamp = time.now()
            state.withLock { $0.brain.bindingFailed(pod, now: now) }
            events.record(
                pod.json, .warning, reason: "FailedScheduling",
                "running PreBind plugin \"VolumeBinding\": \(fault)")
            return
        }
        var binding: JSON = ["apiVersion": "v1", "kind": "Binding"]
        binding.metadata.name = .string(pod.key.name)
        binding.metadata.namespace = .string(pod.key.namespace)
        binding.metadata.uid = .string(pod.uid)
        binding.target = ["apiVersion": "v1", "kind": "Node", "name": .string(node)]
        do throws(StatusError) {
            try await client.create(
                API.pods, namespace: pod.key.namespace, binding, name: pod.key.name, subresource: "binding")
        } catch {
            let now: Timestamp = time.now()
            state.withLock { $0.brain.bindingFailed(pod, now: now) }
            guard !error.isNotFound else { return }
            log.warning("binding \(pod.key) to \(node) failed: \(error)")
            events.record(pod.json, .warning, reason: "FailedScheduling", "binding rejected: \(error)")
            return
        }
        state.withLock { $0.brain.bound(pod) }
        events.record(
            pod.json, .normal, reason: "Scheduled", "Successfully assigned \(pod.key) to \(node)")
    }

    private func report(_ pod: PodView, _ message: String, _ victims: Victims?) async {
        if let victims { await evict(victims, for: pod) }
        events.record(pod.json, .warning, reason: "FailedScheduling", message)
        let current: JSON = informers[API.pods].get(pod.key) ?? pod.json
        let old: JSON = current.status.conditions.elements.first { $0.type.text == "PodScheduled" } ?? .null
        let node: String = victims?.node ?? current.status.nominatedNodeName.text
        let isKnown: Bool =
            old.status.text == "False" && old.reason.text == "Unschedulable" && old.message.text == message
        guard !isKnown || node != current.status.nominatedNodeName.text else { return }
        var condition: JSON = [
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": .string(message),
        ]
        condition.lastTransitionTime =
            old.status.text == "False" ? old.lastTransitionTime : .string(time.now().rfc3339)
        condition.observedGeneration = current.metadata.generation
        var patch: JSON = ["metadata": ["uid": .string(pod.uid)]]
        patch.status.conditions = [condition]
        if !node.isEmpty { patch.status.nominatedNodeName = .string(node) }
        do throws(StatusError) {
            try await client.patch(
                API.pods, namespace: pod.key.namespace, pod.key.name, .strategicMerge, patch, subresource: "status")
        } catch {
            if !error.isNotFound { log.warning("status of \(pod.key) not updated: \(error)") }
        }
    }

    private func evict(_ victims: Victims, for pod: PodView) async {
        for victim in victims.pods {
            var condition: JSON = [
                "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                "message": .string("\(SchedulerBrain.schedulerName): preempting to accommodate a higher priority pod"),
            ]
            condition.lastTransitionTime = .string(time.now().rfc3339)
            let patch: JSON = ["status": ["conditions": [condition]]]
            let namespace: String = victim.key.namespace
            do throws(StatusError) {
                try await client.patch(
                    API.pods, namespace: namespace, victim.key.name, .strategicMerge, patch, subresource: "status")
                try await client.delete(
                    API.pods, namespace: namespace, victim.key.name,
                    options: ["preconditions": ["uid": .string(victim.uid)]])
                events.record(
                    victim.json, .normal, reason: "Preempted", "Preempted by pod \(pod.uid) on node \(victims.node)")
            } catch {
                if !error.isNotFound { log.warning("preempting \(victim.key) failed: \(error)") }
            }
        }
    }
}
