// Gives LoadBalancer Services an address of the pool and a node that announces it.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

/// One worker: addresses are chosen one after the other. Services of a class, and all when there is no pool, are left
/// to others.
final class LoadBalancerController: Component {
    private let context: ControllerContext
    private let services: Informer
    private let nodes: Informer
    private let slices: Informer
    private let writes: OwnWrites
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        services = context.informers[API.services]
        nodes = context.informers[API.nodes]
        slices = context.informers[API.endpointSlices]
        writes = OwnWrites(services)
        queue = WorkQueue(time: context.time)
        let (queue, services): (WorkQueue<ObjectKey>, Informer) = (queue, services)
        services.onChange { old, new in
            guard let s = new ?? old else { return }
            let concerns: Bool = [old, new].contains { s in
                s.map { LoadBalancerPlan.isOurs($0) || !LoadBalancerPlan.addresses($0).isEmpty } ?? false
            }
            guard concerns else { return }
            queue.add(ObjectKey(of: s))
            // An address has come free for those that wait for one.
            if new.map({ !LoadBalancerPlan.isOurs($0) }) ?? true { Self.addAll(services, to: queue, waiting: true) }
        }
        nodes.onChange { old, new in
            if let old, let new, Self.facts(old) == Self.facts(new) { return }
            Self.addAll(services, to: queue, waiting: false)
        }
        slices.onChange { old, new in
            guard let slice = new ?? old, let name = slice.metadata.labels["kubernetes.io/service-name"].asString else {
                return
            }
            let key: ObjectKey = ObjectKey(namespace: slice.metadata.namespace.text, name: name)
            if services.get(key)?.spec.externalTrafficPolicy.text == "Local" { queue.add(key) }
        }
    }

    var name: String { "service-lb-controller" }

    /// What a node's part in balancing depends on.
    private static func facts(_ node: JSON) -> [JSON] {
        [
            node.status.conditions.elements.first { $0.type.text == "Ready" }?.status ?? .null,
            node.metadata.labels[LoadBalancerPlan.excluded], node.metadata.deletionTimestamp,
        ]
    }

    private static func addAll(_ services: Informer, to queue: WorkQueue<ObjectKey>, waiting: Bool) {
        for s in services.list() where LoadBalancerPlan.isOurs(s) {
            if !waiting || LoadBalancerPlan.addresses(s).isEmpty { queue.add(ObjectKey(of: s)) }
        }
    }

    func run() async throws {
        guard context.options.loadBalancerPool != nil else {
            // Nothing to give: stays until it is cancelled, as every component does.
            return await Wakeup().wait()
        }
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [services, nodes, slices] in
                for informer in [services, nodes, slices] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        let all: [JSON] = writes.over(services.list()) { _ in true }
        guard let pool = context.options.loadBalancerPool, let service = all.first(where: { ObjectKey(of: $0) == key })
        else { return .done }
        let others: Set<String> = Set(
            all.filter { ObjectKey(of: $0) != key }.flatMap { LoadBalancerPlan.addresses($0) })
        let mine: [JSON] = slices.list(namespace: key.namespace).filter {
            $0.metadata.labels["kubernetes.io/service-name"].text == key.name
        }
        let plan: LoadBalancerPlan = .make(service, pool: pool, others: others, nodes: nodes.list(), slices: mine)
        if plan.address.isEmpty, LoadBalancerPlan.isOurs(service) {
            context.events.record(
                service, .warning, reason: "SyncLoadBalancerFailed",
                "Error syncing load balancer: failed to ensure load balancer: "
                    + (service.spec.loadBalancerIP.exists
                        ? "address \(service.spec.loadBalancerIP.text) cannot be had"
                        : "all addresses of the pool are taken"))
        }
        try await ifPresent { () async throws(StatusError) in try await self.write(plan, to: service, pool) }
        return .done
    }

    private func write(_ plan: LoadBalancerPlan, to service: JSON, _ pool: AddressPool) async throws(StatusError) {
        var s: JSON = service
        let marked: String = s.metadata.annotations[LoadBalancerPlan.announcer].text
        if marked != plan.node {
            let patch: JSON = [
                "metadata": [
                    "uid": s.metadata.uid,
                    "annotations": [LoadBalancerPlan.announcer: plan.node.isEmpty ? .null : .string(plan.node)],
                ]
            ]
            s = try await context.client.patch(
                API.services, namespace: s.metadata.namespace.text, s.metadata.name.text, .merge, patch)
            writes.wrote(s)
        }
        let before: [String] = LoadBalancerPlan.addresses(s)
        let after: [String] = plan.address.isEmpty ? [] : [plan.address]
        // Addresses that somebody else has written to a Service that is not ours stay.
        guard before != after, !after.isEmpty || before.contains(where: { pool.contains($0) }) else { return }
        if !after.isEmpty, before.isEmpty {
            context.events.record(s, .normal, reason: "EnsuringLoadBalancer", "Ensuring load balancer")
        }
        s.status.loadBalancer = after.isEmpty ? [:] : ["ingress": [["ip": .string(after[0]), "ipMode": "VIP"]]]
        s = try await context.client.update(API.services, s, subresource: "status")
        writes.wrote(s)
        if !after.isEmpty, before.isEmpty {
            context.events.record(s, .normal, reason: "EnsuredLoadBalancer", "Ensured load balancer")
        }
    }
}
