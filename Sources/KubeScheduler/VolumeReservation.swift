// PreBind of VolumeBinding: claims that wait for their first consumer are told its node, and are bound before it is.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

/// Writes `volume.kubernetes.io/selected-node` and waits for the claims of a pod. The binder (or an external
/// provisioner) finds or makes volumes that the node can reach.
final class VolumeReservation: Sendable {
    /// As upstream's `bindTimeoutSeconds`.
    static let timeout: Duration = .seconds(600)
    private static let selectedNode: String = "volume.kubernetes.io/selected-node"

    private let client: Client
    private let claims: Informer
    private let classes: Informer
    private let time: any TimeSource
    private let waiting: Mutex<[ObjectKey: [Wakeup]]> = Mutex([:])

    init(client: Client, informers: InformerSet, time: any TimeSource) {
        self.client = client
        claims = informers[API.persistentVolumeClaims]
        classes = informers[API.storageClasses]
        self.time = time
        claims.onChange { [weak self] old, new in
            guard let self, let key: ObjectKey = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
            for bell in self.waiting.withLock({ $0[key] ?? [] }) { bell.raise() }
        }
    }

    /// Why the pod cannot be bound to `node`; nil when all its claims are bound.
    func reserve(_ pod: PodView, _ node: String) async -> String? {
        let keys: [ObjectKey] = pod.claims.map { ObjectKey(namespace: pod.key.namespace, name: $0) }
        let pending: [ObjectKey] = keys.filter { !isBound($0) }
        if pending.isEmpty { return nil }
        let bell: Wakeup = Wakeup()
        waiting.withLock { w in for key in pending { w[key, default: []].append(bell) } }
        defer {
            waiting.withLock { w in
                for key in pending {
                    w[key]?.removeAll { $0 === bell }
                    if w[key]?.isEmpty == true { w[key] = nil }
                }
            }
        }
        for key in pending {
            guard let claim: JSON = claims.get(key) else { return "persistentvolumeclaim \"\(key.name)\" not found" }
            if claim.metadata.annotations[Self.selectedNode].text == node { continue }
            var patch: JSON = ["metadata": ["uid": claim.metadata.uid]]
            patch.metadata.annotations[Self.selectedNode] = .string(node)
            do throws(StatusError) {
                try await client.patch(
                    API.persistentVolumeClaims, namespace: key.namespace, key.name, .merge, patch)
            } catch {
                return "\(error)"
            }
        }
        let deadline: Timestamp = time.now() + Self.timeout
        while !Task.isCancelled, pending.contains(where: { !isBound($0) }) {
            if time.now() >= deadline { return "binding volumes: context deadline exceeded" }
            for key in pending {
                guard let claim: JSON = claims.get(key), !claim.meta.isDeleting else {
                    return "persistentvolumeclaim \"\(key.name)\" not found"
                }
                // Its provisioner could not, and asks for another node.
                let told: String = claim.metadata.annotations[Self.selectedNode].text
                if !isBound(key), !told.isEmpty, told != node {
                    return "binding volumes: claim \(key) was given to node \(told)"
                }
            }
            await bell.wait(until: deadline, time)
        }
        return nil
    }

    private func isBound(_ key: ObjectKey) -> Bool {
        guard let claim: JSON = claims.get(key) else { return false }
        return claim.status.phase.text == "Bound" && !claim.spec.volumeName.text.isEmpty
    }
}
