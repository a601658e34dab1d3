// Claims for the generic ephemeral volumes of pods; they go with their pod.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class EphemeralVolumes: Component {
    private let context: ControllerContext
    private let pods: Informer
    private let claims: Informer
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        pods = context.informers[API.pods]
        claims = context.informers[API.persistentVolumeClaims]
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        pods.onChange { old, new in
            if old == nil, let new, new.spec.volumes.elements.contains(where: { $0.ephemeral.exists }) {
                queue.add(ObjectKey(of: new))
            }
        }
    }

    var name: String { "ephemeral-volume-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [pods, claims] in
                await pods.waitForSync()
                await claims.waitForSync()
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    static func claim(_ pod: JSON, _ volume: JSON) -> JSON {
        let template: JSON = volume.ephemeral.volumeClaimTemplate
        var claim: JSON = ["apiVersion": "v1", "kind": "PersistentVolumeClaim"]
        claim.metadata.name = .string("\(pod.metadata.name.text)-\(volume.name.text)")
        claim.metadata.namespace = pod.metadata.namespace
        claim.metadata.labels = template.metadata.labels
        claim.metadata.annotations = template.metadata.annotations
        claim.metadata.ownerReferences = [Owner.reference(to: pod, ("v1", "Pod"))]
        claim.spec = template.spec
        return claim
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let pod = pods.get(key), !pod.metadata.deletionTimestamp.exists else { return .done }
        for volume in pod.spec.volumes.elements where volume.ephemeral.exists {
            let claim: JSON = Self.claim(pod, volume)
            if let there = claims.get(ObjectKey(of: claim)) {
                if Owner.controllerUID(there) != pod.metadata.uid.text {
                    throw StatusError.internalError(
                        "PVC \(ObjectKey(of: there)) was not created for pod \(key) (pod is not owner)")
                }
                continue
            }
            do throws(StatusError) {
                try await context.client.create(API.persistentVolumeClaims, namespace: key.namespace, claim)
            } catch {
                if error.isAlreadyExists || error.isNamespaceTerminating { continue }
                context.events.record(
                    pod, .warning, reason: "FailedBinding", "ephemeral volume creation failed: create PVC: \(error)")
                throw error
            }
        }
        return .done
    }
}
