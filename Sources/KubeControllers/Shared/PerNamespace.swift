// A controller that keeps one object of a fixed name in every active namespace.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

/// Makes the object when it is missing; with `isRight`, also mends it when it is not as wanted.
final class PerNamespace: Component {
    let name: String
    private let context: ControllerContext
    private let resource: GroupVersionResource
    private let objectName: String
    private let wanted: JSON
    /// The members that must be as in `wanted`.
    private let kept: [String]
    private let namespaces: Informer
    private let objects: Informer
    private let queue: WorkQueue<ObjectKey>

    init(
        _ name: String, _ context: ControllerContext, _ resource: GroupVersionResource, wanted: JSON, kept: [String]
    ) {
        self.name = name
        self.context = context
        self.resource = resource
        self.wanted = wanted
        self.kept = kept
        objectName = wanted.metadata.name.text
        namespaces = context.informers[API.namespaces]
        objects = context.informers[resource]
        queue = WorkQueue(time: context.time)
        let (queue, objectName): (WorkQueue<ObjectKey>, String) = (queue, objectName)
        namespaces.onChange { _, new in if let new { queue.add(ObjectKey(of: new)) } }
        objects.onChange { old, new in
            guard let object = new ?? old, object.metadata.name.text == objectName, old != nil else { return }
            queue.add(ObjectKey(namespace: "", name: object.metadata.namespace.text))
        }
    }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [namespaces, objects] in
                await namespaces.waitForSync()
                await objects.waitForSync()
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let namespace = namespaces.get(key), namespace.status.phase.text != "Terminating",
            !namespace.metadata.deletionTimestamp.exists
        else { return .done }
        do throws(StatusError) {
            if let object = objects.get(namespace: key.name, objectName) {
                if kept.allSatisfy({ Canonical.equal(object[$0], wanted[$0]) }) { return .done }
                var mended: JSON = object
                for member in kept { mended[member] = wanted[member] }
                try await context.client.update(resource, mended)
            } else {
                try await context.client.create(resource, namespace: key.name, wanted)
            }
        } catch {
            if error.isAlreadyExists || error.isNotFound || error.isNamespaceTerminating { return .done }
            throw error
        }
        return .done
    }
}
