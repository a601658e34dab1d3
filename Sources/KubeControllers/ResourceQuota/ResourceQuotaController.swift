// Keeps `status.used` of ResourceQuotas true: admission only counts up, deletions are counted here.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

final class ResourceQuotaController: Component {
    private let context: ControllerContext
    private let quotas: Informer
    private let pods: Informer
    private let services: Informer
    private let claims: Informer
    private let served: ServedResources
    private let queue: WorkQueue<ObjectKey>
    private let follows: Mutex<Set<GroupVersionResource>> = Mutex([])

    init(_ context: ControllerContext) {
        self.context = context
        quotas = context.informers[API.resourceQuotas]
        pods = context.informers[API.pods]
        services = context.informers[API.services]
        claims = context.informers[API.persistentVolumeClaims]
        served = ServedResources(context.informers)
        queue = WorkQueue(time: context.time)
        let (queue, quotas): (WorkQueue<ObjectKey>, Informer) = (queue, quotas)
        quotas.onChange { _, new in if let new { queue.add(ObjectKey(of: new)) } }
        for informer in [
            pods, services, claims, context.informers[API.configMaps], context.informers[API.secrets],
            context.informers[API.replicationControllers],
        ] {
            follow(informer)
        }
        follows.withLock {
            $0.formUnion([
                API.pods, API.services, API.persistentVolumeClaims, API.configMaps, API.secrets,
                API.replicationControllers,
            ])
        }
    }

    private func follow(_ informer: Informer) {
        informer.onChange { [queue, quotas] old, new in
            guard let object = new ?? old else { return }
            // Only what comes, goes or changes its size counts.
            if let old, let new, old.spec == new.spec, Pod.isTerminal(old) == Pod.isTerminal(new) { return }
            for quota in quotas.list(namespace: object.metadata.namespace.text) {
                queue.add(ObjectKey(of: quota), after: .milliseconds(100))
            }
        }
    }

    /// Other kinds are followed from the moment a quota counts them.
    private func follow(_ gvr: GroupVersionResource) {
        guard follows.withLock({ $0.insert(gvr).inserted }) else { return }
        follow(context.informers[gvr])
    }

    var name: String { "resourcequota-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [quotas, pods, services, claims, served] in
                for informer in [quotas, pods, services, claims] { await informer.waitForSync() }
                await served.waitForSync()
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let quota = quotas.get(key), !quota.metadata.deletionTimestamp.exists else { return .done }
        let hard: JSON = quota.spec.hard
        var total: [String: Quantity] = [:]
        func add(_ use: [String: Quantity]) { for (name, q) in use { total[name] = (total[name] ?? .zero) + q } }
        for pod in pods.list(namespace: key.namespace) where QuotaUsage.isInScope(pod, quota) {
            add(QuotaUsage.pod(pod))
        }
        if !QuotaUsage.hasScopes(quota) {
            for service in services.list(namespace: key.namespace) { add(QuotaUsage.service(service)) }
            for claim in claims.list(namespace: key.namespace) { add(QuotaUsage.claim(claim)) }
        }
        var used: JSON = [:]
        for (name, _) in hard.fields {
            if let q = total[name] {
                used[name] = q.json
            } else {
                used[name] = try await count(name, key.namespace, hasScopes: QuotaUsage.hasScopes(quota)).json
            }
        }
        let status: JSON = ["hard": hard, "used": used]
        if Canonical.equal(status, quota.status) { return .done }
        var updated: JSON = quota
        updated.status = status
        let written: JSON = updated
        try await ifPresent { () async throws(StatusError) in
            try await context.client.update(API.resourceQuotas, written, subresource: "status")
        }
        return .done
    }

    /// `count/deployments.apps`, and the old names of countable core resources.
    private func count(_ name: String, _ namespace: String, hasScopes: Bool) async throws(StatusError) -> Quantity {
        let old: Set<String> = ["configmaps", "secrets", "replicationcontrollers", "resourcequotas"]
        var resource: String = name
        if name.hasPrefix("count/") {
            resource = String(name.dropFirst(6))
        } else if !old.contains(name) {
            return .zero
        }
        guard !hasScopes else { return .zero }
        let dot: String.Index = resource.firstIndex(of: ".") ?? resource.endIndex
        let group: String = dot == resource.endIndex ? "" : String(resource[resource.index(after: dot)...])
        let wanted: GroupResource = GroupResource(group: group, resource: String(resource[..<dot]))
        guard let known = served.all().first(where: { $0.gvr.groupResource == wanted && $0.isNamespaced }) else {
            return .zero
        }
        follow(known.gvr)
        let list: JSON = try await context.client.list(known.gvr, namespace: namespace)
        return Quantity(Int64(list["items"].elements.count))
    }
}
