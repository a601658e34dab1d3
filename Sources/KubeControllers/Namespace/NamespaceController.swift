// Empties namespaces that are being deleted, pods first, and then lets them go.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class NamespaceController: Component {
    private let context: ControllerContext
    private let namespaces: Informer
    private let served: ServedResources
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        namespaces = context.informers[API.namespaces]
        served = ServedResources(context.informers)
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        namespaces.onChange { _, new in
            if let new, new.metadata.deletionTimestamp.exists { queue.add(ObjectKey(of: new)) }
        }
    }

    var name: String { "namespace-controller" }

    func run() async throws {
        let attempts: Attempts = Attempts()
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [namespaces, served] in
                await namespaces.waitForSync()
                await served.waitForSync()
            },
            reconcile: { key in
                if try await self.reconcile(key) {
                    attempts.forget(key)
                    return .done
                }
                return .after(NamespacePlan.delay(attempt: attempts.next(key)))
            }
        ).run()
    }

    /// True when nothing is left to do.
    private func reconcile(_ key: ObjectKey) async throws -> Bool {
        guard namespaces.get(key)?.metadata.deletionTimestamp.exists == true else { return true }
        guard var namespace = try await live(key), namespace.metadata.deletionTimestamp.exists,
            namespace.spec.finalizers.strings.contains(NamespacePlan.finalizer)
        else { return true }
        if namespace.status.phase.text != "Terminating" {
            namespace.status.phase = "Terminating"
            namespace = try await context.client.update(API.namespaces, namespace, subresource: "status")
        }
        let remains: NamespaceRemains = await empty(key.name)
        let status: JSON = NamespacePlan.status(namespace, remains, now: context.time.now())
        if !Canonical.equal(status, namespace.status) {
            namespace.status = status
            namespace = try await context.client.update(API.namespaces, namespace, subresource: "status")
        }
        guard remains.isEmpty else { return false }
        namespace.spec.finalizers = .array(
            namespace.spec.finalizers.elements.filter { $0.text != NamespacePlan.finalizer })
        let finalized: JSON = namespace
        try await ifPresent { () async throws(StatusError) in
            try await context.client.update(API.namespaces, finalized, subresource: "finalize")
        }
        return true
    }

    private func live(_ key: ObjectKey) async throws(StatusError) -> JSON? {
        do throws(StatusError) {
            return try await context.client.get(API.namespaces, key.name)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    /// Pods go first and all the way, so that nothing they use goes before them.
    private func empty(_ namespace: String) async -> NamespaceRemains {
        var remains: NamespaceRemains = NamespaceRemains()
        let all: [ServedResource] = served.all().filter {
            $0.isNamespaced && $0.verbs.contains("delete") && $0.verbs.contains("list")
        }
        for resource in all where resource.gvr == API.pods { await empty(resource, namespace, &remains) }
        guard remains.isEmpty else { return remains }
        for resource in all where resource.gvr != API.pods { await empty(resource, namespace, &remains) }
        return remains
    }

    private func empty(_ resource: ServedResource, _ namespace: String, _ remains: inout NamespaceRemains) async {
        let options: JSON = ["propagationPolicy": "Background"]
        do throws(StatusError) {
            var left: [JSON] = try await context.client.list(resource.gvr, namespace: namespace)["items"].elements
            if left.isEmpty { return }
            if left.contains(where: { !$0.metadata.deletionTimestamp.exists }) {
                if resource.verbs.contains("deletecollection") {
                    try await context.client.deleteCollection(resource.gvr, namespace: namespace, options: options)
                } else {
                    for item in left { try await delete(resource, item, options) }
                }
                left = try await context.client.list(resource.gvr, namespace: namespace)["items"].elements
            }
            if left.isEmpty { return }
            remains.counts[resource.gvr.groupResource] = left.count
            for item in left {
                for finalizer in item.metadata.finalizers.strings { remains.finalizers[finalizer, default: 0] += 1 }
            }
        } catch {
            // Not served after all (a definition that was just removed): nothing can be there.
            if error.isNotFound || error.code == 405 { return }
            remains.failures.append("\(resource.gvr.groupResource): \(error)")
        }
    }

    private func delete(_ resource: ServedResource, _ item: JSON, _ options: JSON) async throws(StatusError) {
        do throws(StatusError) {
            try await context.client.delete(
                resource.gvr, namespace: item.metadata.namespace.text, item.metadata.name.text, options: options)
        } catch {
            if !error.isNotFound { throw error }
        }
    }
}
