// Keeps each Service's EndpointSlices true to its pods.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class EndpointSliceController: Component {
    private static let index: String = "service"
    private static let zoneLabel: String = "topology.kubernetes.io/zone"

    private let context: ControllerContext
    private let services: Informer
    private let pods: Informer
    private let slices: Informer
    private let nodes: Informer
    private let writes: OwnWrites
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        services = context.informers[API.services]
        pods = context.informers[API.pods]
        slices = context.informers[API.endpointSlices]
        nodes = context.informers[API.nodes]
        writes = OwnWrites(slices)
        queue = WorkQueue(time: context.time)
        let (queue, services): (WorkQueue<ObjectKey>, Informer) = (queue, services)
        ServicePods.watch(pods, services) { queue.add($0) }
        slices.addIndex(Self.index) { slice in
            guard let key = Self.service(of: slice) else { return [] }
            return [key.description]
        }
        // Somebody else's edit or deletion of a slice is put right.
        slices.onChange { old, new in
            guard let slice = new ?? old, let key = Self.service(of: slice) else { return }
            if old != nil { queue.add(key) }
        }
        nodes.onChange { old, new in
            let before: String? = old?.metadata.labels[Self.zoneLabel].asString
            let after: String? = new?.metadata.labels[Self.zoneLabel].asString
            if before != after, old != nil || after != nil { for s in services.list() { queue.add(ObjectKey(of: s)) } }
        }
    }

    /// The service of a slice that this controller manages.
    private static func service(of slice: JSON) -> ObjectKey? {
        let labels: JSON = slice.metadata.labels
        guard labels[EndpointSlicePlan.managedBy].text == EndpointSlicePlan.managerName,
            let name = labels[EndpointSlicePlan.serviceName].asString
        else { return nil }
        return ObjectKey(namespace: slice.metadata.namespace.text, name: name)
    }

    var name: String { "endpointslice-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, workers: context.options.workers, queue: queue,
            ready: { [services, pods, slices, nodes] in
                for informer in [services, pods, slices, nodes] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        // Slices of a deleted service go with their owner: the garbage collector's work.
        guard let service = services.get(key), !service.metadata.deletionTimestamp.exists,
            let selector = ServicePods.selector(service)
        else { return .done }
        let mine: [JSON] = writes.over(slices.list(index: Self.index, key.description)) { Self.service(of: $0) == key }
        var zones: [String: String] = [:]
        for node in nodes.list() {
            if let zone = node.metadata.labels[Self.zoneLabel].asString { zones[node.metadata.name.text] = zone }
        }
        let view: EndpointSliceView = EndpointSliceView(
            service: service, pods: pods.list(namespace: key.namespace).filter { selector.matches(object: $0) },
            slices: mine, zones: zones)
        let plan: EndpointSlicePlan = EndpointSlicePlan.make(view)
        do throws(StatusError) {
            for slice in plan.create {
                writes.wrote(try await context.client.create(API.endpointSlices, namespace: key.namespace, slice))
            }
            for slice in plan.update { try await update(slice) }
            for slice in plan.delete { try await delete(slice) }
        } catch {
            if error.isNamespaceTerminating { return .done }
            throw error
        }
        return .done
    }

    private func update(_ slice: JSON) async throws(StatusError) {
        do throws(StatusError) {
            writes.wrote(try await context.client.update(API.endpointSlices, slice))
        } catch {
            if error.isNotFound { writes.deleted(slice) }
            throw error
        }
    }

    private func delete(_ slice: JSON) async throws(StatusError) {
        do throws(StatusError) {
            try await context.client.delete(
                API.endpointSlices, namespace: slice.metadata.namespace.text, slice.metadata.name.text,
                options: ["preconditions": ["uid": slice.metadata.uid]])
        } catch {
            if !error.isNotFound { throw error }
        }
        writes.deleted(slice)
    }
}
