// Keeps each Service's Endpoints object true to its pods.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class EndpointsController: Component {
    private let context: ControllerContext
    private let services: Informer
    private let pods: Informer
    private let endpoints: Informer
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        services = context.informers[API.services]
        pods = context.informers[API.pods]
        endpoints = context.informers[API.endpoints]
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        ServicePods.watch(pods, services) { queue.add($0) }
        endpoints.onChange { old, new in
            guard let object = new ?? old, Self.isManaged(object) else { return }
            queue.add(ObjectKey(of: object))
        }
    }

    private static func isManaged(_ object: JSON) -> Bool {
        object.metadata.labels[EndpointsPlan.managedBy].text == EndpointsPlan.managerName
    }

    var name: String { "endpoint-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [services, pods, endpoints] in
                for informer in [services, pods, endpoints] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        let present: JSON? = endpoints.get(key)
        guard let service = services.get(key) else {
            if let present, Self.isManaged(present) { try await delete(present) }
            return .done
        }
        guard let selector = ServicePods.selector(service), !service.metadata.deletionTimestamp.exists else {
            return .done
        }
        let selected: [JSON] = pods.list(namespace: key.namespace).filter { selector.matches(object: $0) }
        let wanted: JSON = EndpointsPlan.make(service: service, pods: selected, present: present)
        do throws(StatusError) {
            if let present {
                if EndpointsPlan.same(wanted, present) { return .done }
                try await context.client.update(API.endpoints, wanted)
            } else {
                try await context.client.create(API.endpoints, namespace: key.namespace, wanted)
            }
        } catch {
            if error.isNamespaceTerminating { return .done }
            // The cache has not shown our own create yet: its event brings us back.
            if error.isAlreadyExists { return .again }
            throw error
        }
        return .done
    }

    private func delete(_ object: JSON) async throws(StatusError) {
        do throws(StatusError) {
            try await context.client.delete(
                API.endpoints, namespace: object.metadata.namespace.text, object.metadata.name.text,
                options: ["preconditions": ["uid": object.metadata.uid]])
        } catch {
            if !error.isNotFound { throw error }
        }
    }
}
