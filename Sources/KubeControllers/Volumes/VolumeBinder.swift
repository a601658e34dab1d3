// Binds claims to volumes, makes volumes for the local class, and settles volumes whose claim is gone.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

/// A claim's key has its namespace, a volume's has none: one queue for both and one worker, since they are two halves
/// of one decision.
final class VolumeBinder: Component {
    /// The provisioner that this controller itself is.
    static let localProvisioner: String = "apus.dev/local"

    private let context: ControllerContext
    private let claims: Informer
    private let volumes: Informer
    private let classes: Informer
    private let nodes: Informer
    private let volumeWrites: OwnWrites
    private let claimWrites: OwnWrites
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        claims = context.informers[API.persistentVolumeClaims]
        volumes = context.informers[API.persistentVolumes]
        classes = context.informers[API.storageClasses]
        nodes = context.informers[API.nodes]
        volumeWrites = OwnWrites(volumes)
        claimWrites = OwnWrites(claims)
        queue = WorkQueue(time: context.time)
        let (queue, claims): (WorkQueue<ObjectKey>, Informer) = (queue, claims)
        let wakePending: @Sendable () -> Void = {
            for claim in claims.list() where claim.status.phase.text != "Bound" { queue.add(ObjectKey(of: claim)) }
        }
        claims.onChange { old, new in
            if let new { return queue.add(ObjectKey(of: new)) }
            if let volume = old?.spec.volumeName.asString { queue.add(ObjectKey(namespace: "", name: volume)) }
        }
        volumes.onChange { old, new in
            if let new { queue.add(ObjectKey(of: new)) }
            let reference: JSON = (new ?? old)?.spec.claimRef ?? .null
            if reference.exists {
                queue.add(ObjectKey(namespace: reference.namespace.text, name: reference.name.text))
            } else {
                wakePending()
            }
        }
        classes.onChange { _, _ in wakePending() }
    }

    var name: String { "persistent-volume-binder" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [claims, volumes, classes, nodes] in
                for informer in [claims, volumes, classes, nodes] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    private func volume(_ name: String) -> JSON? {
        let cached: [JSON] = volumes.get(name).map { [$0] } ?? []
        return volumeWrites.over(cached) { $0.metadata.name.text == name }.first
    }
    private func claim(_ key: ObjectKey) -> JSON? {
        let cached: [JSON] = claims.get(key).map { [$0] } ?? []
        return claimWrites.over(cached) { ObjectKey(of: $0) == key }.first
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        if key.namespace.isEmpty {
            if let volume = volume(key.name) { try await settle(volume) }
        } else if let claim = claim(key), !claim.metadata.deletionTimestamp.exists {
            try await settle(claim: claim)
        }
        return .done
    }

    // MARK: Claims

    private func settle(claim: JSON) async throws(StatusError) {
        let name: String = claim.spec.volumeName.text
        if !name.isEmpty {
            guard let volume = volume(name) else {
                if claim.metadata.annotations[VolumeMatch.bindCompleted].exists {
                    try await setPhase(claim, "Lost")
                    context.events.record(
                        claim, .warning, reason: "ClaimLost",
                        "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
                } else {
                    try await setPhase(claim, "Pending")
                }
                return
            }
            if VolumeMatch.isReserved(volume, for: claim) || !volume.spec.claimRef.exists {
                return try await bind(claim, volume)
            }
            context.events.record(
                claim, .warning, reason: "FailedBinding", "volume \"\(name)\" already bound to a different claim.")
            return try await setPhase(claim, "Pending")
        }
        let className: String = VolumeMatch.className(claim)
        let storageClass: JSON? = className.isEmpty ? JSON?.none : classes.get(className)
        let waits: Bool = storageClass?.volumeBindingMode.text == "WaitForFirstConsumer"
        let node: JSON? = claim.metadata.annotations[VolumeMatch.selectedNode].asString.flatMap { nodes.get($0) }
        let all: [JSON] = volumeWrites.over(volumes.list()) { _ in true }
        if waits, node == nil {
            // A volume made for the claim by hand binds at once.
            if let volume = all.first(where: { $0.spec.claimRef.exists && VolumeMatch.isReserved($0, for: claim) }) {
                return try await bind(claim, volume)
            }
            context.events.record(
                claim, .normal, reason: "WaitForFirstConsumer",
                "waiting for first consumer to be created before binding")
            return try await setPhase(claim, "Pending")
        }
        if let volume = VolumeMatch.best(claim, all, node: node) { return try await bind(claim, volume) }
        try await setPhase(claim, "Pending")
        guard let storageClass else {
            let why: String =
                className.isEmpty
                ? "no persistent volumes available for this claim and no storage class is set"
                : "storageclass.storage.k8s.io \"\(className)\" not found"
            context.events.record(
                claim, className.isEmpty ? .normal : .warning,
                reason: className.isEmpty ? "FailedBinding" : "ProvisioningFailed", why)
            return
        }
        try await provision(claim, storageClass, node)
    }

    private func setPhase(_ claim: JSON, _ phase: String) async throws(StatusError) {
        guard claim.status.phase.text != phase else { return }
        var updated: JSON = claim
        updated.status.phase = .string(phase)
        let written: JSON = updated
        try await ifPresent { () async throws(StatusError) in
            claimWrites.wrote(
                try await context.client.update(API.persistentVolumeClaims, written, subresource: "status"))
        }
    }

    /// The volume first: from then on no other claim can have it.
    private func bind(_ claim: JSON, _ volume: JSON) async throws(StatusError) {
        var v: JSON = volume
        if v.spec.claimRef.uid != claim.metadata.uid {
            if !v.spec.claimRef.exists { v.metadata.annotations[VolumeMatch.boundByController] = "yes" }
            v.spec.claimRef = [
                "kind": "PersistentVolumeClaim", "namespace": claim.metadata.namespace, "name": claim.metadata.name,
                "uid": claim.metadata.uid, "apiVersion": "v1", "resourceVersion": claim.metadata.resourceVersion,
            ]
            v = try await context.client.update(API.persistentVolumes, v)
            volumeWrites.wrote(v)
        }
        v = try await setPhase(volume: v, "Bound")
        var c: JSON = claim
        if c.spec.volumeName != v.metadata.name || !c.metadata.annotations[VolumeMatch.bindCompleted].exists {
            if c.spec.volumeName.text.isEmpty { c.metadata.annotations[VolumeMatch.boundByController] = "yes" }
            c.spec.volumeName = v.metadata.name
            c.metadata.annotations[VolumeMatch.bindCompleted] = "yes"
            c = try await context.client.update(API.persistentVolumeClaims, c)
            claimWrites.wrote(c)
        }
        var status: JSON = c.status
        status.phase = "Bound"
        status.accessModes = v.spec.accessModes
        status.capacity = v.spec.capacity
        guard !Canonical.equal(status, c.status) else { return }
        c.status = status
        claimWrites.wrote(try await context.client.update(API.persistentVolumeClaims, c, subresource: "status"))
    }

    // MARK: Volumes

    @discardableResult
    private func setPhase(volume: JSON, _ phase: String) async throws(StatusError) -> JSON {
        guard volume.status.phase.text != phase else { return volume }
        var updated: JSON = volume
        updated.status.phase = .string(phase)
        updated.status.lastPhaseTransitionTime = .string(context.time.now().rfc3339)
        let written: JSON = try await context.client.update(API.persistentVolumes, updated, subresource: "status")
        volumeWrites.wrote(written)
        return written
    }

    private func settle(_ volume: JSON) async throws(StatusError) {
        let reference: JSON = volume.spec.claimRef
        if !reference.exists {
            try await setPhase(volume: volume, "Available")
            return
        }
        // Reserved by hand for a claim that has not come yet.
        if reference.uid.text.isEmpty {
            try await setPhase(volume: volume, "Available")
            return
        }
        let key: ObjectKey = ObjectKey(namespace: reference.namespace.text, name: reference.name.text)
        if let claim = claim(key), claim.metadata.uid == reference.uid { return }
        guard try await isGone(key, uid: reference.uid.text) else { return }
        let released: JSON = try await setPhase(volume: volume, "Released")
        guard released.spec.persistentVolumeReclaimPolicy.text == "Delete",
            released.metadata.annotations[VolumeMatch.provisionedBy].text == Self.localProvisioner
        else { return }
        if !context.options.localVolumesRoot.isEmpty {
            context.options.removeLocalVolume(released.spec.local.path.text)
        }
        try await ifPresent { () async throws(StatusError) in
            try await context.client.delete(
                API.persistentVolumes, released.metadata.name.text,
                options: ["preconditions": ["uid": released.metadata.uid]])
        }
    }

    private func isGone(_ key: ObjectKey, uid: String) async throws(StatusError) -> Bool {
        do throws(StatusError) {
            let live: JSON = try await context.client.get(
                API.persistentVolumeClaims, namespace: key.namespace, key.name)
            return live.metadata.uid.text != uid
        } catch {
            if error.isNotFound { return true }
            throw error
        }
    }

    // MARK: Provisioning

    private func provision(_ claim: JSON, _ storageClass: JSON, _ node: JSON?) async throws(StatusError) {
        let provisioner: String = storageClass.provisioner.text
        guard provisioner == Self.localProvisioner, !context.options.localVolumesRoot.isEmpty else {
            if provisioner == "kubernetes.io/no-provisioner" {
                context.events.record(
                    claim, .normal, reason: "FailedBinding",
                    "no persistent volumes available for this claim and no storage class is set")
                return
            }
            return try await hand(claim, to: provisioner)
        }
        let name: String = "pvc-\(claim.metadata.uid.text)"
        var volume: JSON = ["apiVersion": "v1", "kind": "PersistentVolume", "metadata": ["name": .string(name)]]
        volume.metadata.annotations[VolumeMatch.provisionedBy] = .string(Self.localProvisioner)
        volume.spec.capacity.storage = claim.spec.resources.requests.storage
        volume.spec.accessModes = claim.spec.accessModes
        volume.spec.persistentVolumeReclaimPolicy =
            storageClass.reclaimPolicy.exists ? storageClass.reclaimPolicy : "Delete"
        volume.spec.storageClassName = storageClass.metadata.name
        volume.spec.volumeMode = claim.spec.volumeMode
        let folder: String =
            "\(context.options.localVolumesRoot)/\(name)_\(claim.metadata.namespace.text)_\(claim.metadata.name.text)"
        volume.spec.local = ["path": .string(folder)]
        volume.spec.claimRef = [
            "kind": "PersistentVolumeClaim", "namespace": claim.metadata.namespace, "name": claim.metadata.name,
            "uid": claim.metadata.uid, "apiVersion": "v1", "resourceVersion": claim.metadata.resourceVersion,
        ]
        guard let host = (node ?? anyNode(for: claim))?.metadata.labels["kubernetes.io/hostname"], host.exists else {
            context.events.record(claim, .warning, reason: "ProvisioningFailed", "there is no node for a local volume")
            return
        }
        volume.spec.nodeAffinity.required.nodeSelectorTerms = [
            ["matchExpressions": [["key": "kubernetes.io/hostname", "operator": "In", "values": [host]]]]
        ]
        do throws(StatusError) {
            let made: JSON = try await context.client.create(API.persistentVolumes, volume)
            volumeWrites.wrote(made)
            context.events.record(
                claim, .normal, reason: "ProvisioningSucceeded", "Successfully provisioned volume \(name)")
            try await bind(claim, made)
        } catch {
            if !error.isAlreadyExists { throw error }
        }
    }

    /// For a class that binds at once: some schedulable node, the same one each time.
    private func anyNode(for claim: JSON) -> JSON? {
        let able: [JSON] = nodes.list().filter { !$0.spec.unschedulable.isTrue && $0.spec.taints.elements.isEmpty }
            .sorted { $0.metadata.name.text < $1.metadata.name.text }
        if able.isEmpty { return nil }
        let sum: Int = claim.metadata.uid.text.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xff_ffff }
        return able[sum % able.count]
    }

    /// Somebody else's provisioner watches for this annotation.
    private func hand(_ claim: JSON, to provisioner: String) async throws(StatusError) {
        if claim.metadata.annotations[VolumeMatch.provisioner].text != provisioner {
            var updated: JSON = claim
            updated.metadata.annotations[VolumeMatch.provisioner] = .string(provisioner)
            updated.metadata.annotations["volume.beta.kubernetes.io/storage-provisioner"] = .string(provisioner)
            claimWrites.wrote(try await context.client.update(API.persistentVolumeClaims, updated))
        }
        context.events.record(
            claim, .normal, reason: "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner '\(provisioner)' or manually by the "
                + "system administrator. If volume creation is delayed, please verify that the provisioner is running "
                + "and correctly registered.")
    }
}
