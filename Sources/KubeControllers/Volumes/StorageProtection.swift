// Claims that pods use and volumes that claims use are not taken from under them: the two protection finalizers.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class StorageProtection: Component {
    enum Subject: Sendable {
        case claims
        case volumes
    }
    static let claimFinalizer: String = "kubernetes.io/pvc-protection"
    static let volumeFinalizer: String = "kubernetes.io/pv-protection"
    private static let claimIndex: String = "claims"

    private let subject: Subject
    private let context: ControllerContext
    private let objects: Informer
    private let pods: Informer
    private let queue: WorkQueue<ObjectKey>
    private let resource: GroupVersionResource
    private let finalizer: String

    init(_ context: ControllerContext, _ subject: Subject) {
        self.context = context
        self.subject = subject
        resource = subject == .claims ? API.persistentVolumeClaims : API.persistentVolumes
        finalizer = subject == .claims ? Self.claimFinalizer : Self.volumeFinalizer
        objects = context.informers[resource]
        pods = context.informers[API.pods]
        queue = WorkQueue(time: context.time)
        let (queue, finalizer): (WorkQueue<ObjectKey>, String) = (queue, finalizer)
        objects.onChange { _, new in
            guard let new else { return }
            let (has, isDeleting): (Bool, Bool) = (
                new.metadata.finalizers.strings.contains(finalizer), new.metadata.deletionTimestamp.exists
            )
            if has == isDeleting { queue.add(ObjectKey(of: new)) }
        }
        guard subject == .claims else { return }
        pods.addIndex(Self.claimIndex) { Self.claimsUsed(by: $0) }
        pods.onChange { old, new in
            guard let pod = old, new == nil || (Pod.isTerminal(new!) && !Pod.isTerminal(pod)) else { return }
            for key in Self.claimsUsed(by: pod) {
                let parts: [Substring] = key.split(separator: "/")
                queue.add(ObjectKey(namespace: String(parts[0]), name: String(parts[1])))
            }
        }
    }

    /// `namespace/name`; a finished pod uses nothing.
    @Sendable private static func claimsUsed(by pod: JSON) -> [String] {
        if Pod.isTerminal(pod) { return [] }
        let namespace: String = pod.metadata.namespace.text
        return pod.spec.volumes.elements.compactMap { volume in
            if let name = volume.persistentVolumeClaim.claimName.asString { return "\(namespace)/\(name)" }
            return volume.ephemeral.exists ? "\(namespace)/\(pod.metadata.name.text)-\(volume.name.text)" : nil
        }
    }

    var name: String { subject == .claims ? "pvc-protection-controller" : "pv-protection-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [objects, pods] in
                await objects.waitForSync()
                await pods.waitForSync()
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func isUsed(_ object: JSON) -> Bool {
        switch subject {
        case .claims: !pods.list(index: Self.claimIndex, ObjectKey(of: object).description).isEmpty
        case .volumes: object.status.phase.text == "Bound"
        }
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let object = objects.get(key) else { return .done }
        var finalizers: [String] = object.metadata.finalizers.strings
        if object.metadata.deletionTimestamp.exists {
            guard finalizers.contains(finalizer), !isUsed(object) else { return .done }
            finalizers.removeAll { $0 == finalizer }
        } else {
            if finalizers.contains(finalizer) { return .done }
            finalizers.append(finalizer)
        }
        var updated: JSON = object
        updated.metadata.finalizers = finalizers.isEmpty ? .null : JSON(finalizers)
        let written: JSON = updated
        try await ifPresent { () async throws(StatusError) in try await context.client.update(resource, written) }
        return .done
    }
}
