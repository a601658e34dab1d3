// Deletes objects whose owners are gone, and carries out foreground and orphaning deletion.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Logging
import Synchronization

/// The graph only raises suspicion; every deletion is decided on live reads and guarded by the object's uid.
final class GarbageCollector: Component {
    private struct State {
        var graph: OwnerGraph = OwnerGraph()
        var isComplete: Bool = false
    }
    private static let ignored: Set<GroupResource> = [
        GroupResource(group: "", resource: "events"), GroupResource(group: "events.k8s.io", resource: "events"),
    ]

    private static let patience: Duration = .seconds(30)

    private let context: ControllerContext
    private let served: ServedResources
    /// Informers of resources that nobody else caches keep metadata only.
    private let own: InformerSet
    private let watched: Mutex<Set<GroupVersionResource>> = Mutex([])
    private let aggregated: Mutex<Set<GroupVersionResource>> = Mutex([])
    private let state: Mutex<State> = Mutex(State())
    private let queue: WorkQueue<CollectorTask>
    private let log: Logger = .component("garbage-collector")

    init(_ context: ControllerContext) {
        self.context = context
        served = ServedResources(context.informers)
        own = InformerSet(context.informers.client, transform: Self.metadataOnly)
        queue = WorkQueue(time: context.time)
        for resource in ServedResources.builtIn { watch(resource) }
        context.informers[API.customResourceDefinitions].onChange { [weak self] old, new in
            guard let self else { return }
            let (before, after): (ServedResource?, ServedResource?) = (
                old.flatMap { ServedResources.custom($0) }, new.flatMap { ServedResources.custom($0) }
            )
            if before == after { return }
            if let before { own.drop(before.gvr) }
            if let before { _ = watched.withLock { $0.remove(before.gvr) } }
            if let after { watch(after) }
        }
        // Aggregated servers come and go with their APIServices.
        context.informers[API.apiServices].onChange { [weak self] old, new in
            guard let service = new ?? old, service.spec.service.exists else { return }
            self?.followAggregated()
        }
    }

    private func followAggregated() {
        let now: [ServedResource] = served.aggregated
        let gone: [GroupVersionResource] = aggregated.withLock { known in
            let gone: [GroupVersionResource] = known.filter { gvr in !now.contains { $0.gvr == gvr } }
            known = Set(now.map { $0.gvr })
            return gone
        }
        for gvr in gone {
            own.drop(gvr)
            _ = watched.withLock { $0.remove(gvr) }
        }
        for resource in now { watch(resource) }
    }

    var name: String { "garbage-collector" }

    private static let metadataOnly: Informer.Transform = { object in
        var kept: JSON = ["apiVersion": object.apiVersion, "kind": object.kind]
        for member in [
            "name", "namespace", "uid", "resourceVersion", "deletionTimestamp", "finalizers", "ownerReferences",
        ] { kept.metadata[member] = object.metadata[member] }
        return kept
    }

    private func watch(_ resource: ServedResource) {
        guard resource.verbs.isSuperset(of: ["list", "watch", "delete"]),
            !Self.ignored.contains(resource.gvr.groupResource),
            watched.withLock({ $0.insert(resource.gvr).inserted })
        else { return }
        let isShared: Bool = context.informers.resources.contains(resource.gvr)
        let informer: Informer = isShared ? context.informers[resource.gvr] : own[resource.gvr]
        let gvr: GroupVersionResource = resource.gvr
        informer.onChange { [weak self] old, new in self?.changed(old, new, gvr) }
    }

    private func changed(_ old: JSON?, _ new: JSON?, _ gvr: GroupVersionResource) {
        if let o = old?.metadata, let n = new?.metadata, o.uid == n.uid, o.ownerReferences == n.ownerReferences,
            o.finalizers == n.finalizers, o.deletionTimestamp.exists == n.deletionTimestamp.exists
        {
            return
        }
        let tasks: [CollectorTask] = state.withLock { s in
            var tasks: [CollectorTask] = []
            if let old, new == nil || old.metadata.uid != new?.metadata.uid {
                tasks += s.graph.remove(old.metadata.uid.text)
            }
            if let new { tasks += s.graph.upsert(OwnedObject(new, gvr), isComplete: s.isComplete) }
            return tasks
        }
        for task in tasks { queue.add(task) }
    }

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.own.run() }
            group.addTask {
                try? await ReconcileLoop<CollectorTask>(
                    self.name, workers: self.context.options.workers, queue: self.queue,
                    ready: { await self.waitForGraph() }, reconcile: { try await self.carryOut($0) }
                ).run()
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Ready when every resource is listed, or after a while: one that cannot be listed (a definition whose conversion
    /// fails) must not stop all collection, and every deletion is decided on live reads anyway.
    private func waitForGraph() async {
        await served.waitForSync()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for gvr in self.watched.withLock({ $0 }) {
                    await (self.own.has(gvr) ? self.own[gvr] : self.context.informers[gvr]).waitForSync()
                }
            }
            group.addTask { try? await self.context.time.sleep(for: Self.patience) }
            await group.next()
            group.cancelAll()
        }
        let suspects: [CollectorTask] = state.withLock {
            $0.isComplete = true
            return $0.graph.suspects()
        }
        for task in suspects { queue.add(task) }
    }

    private func carryOut(_ task: CollectorTask) async throws -> ReconcileResult {
        switch task {
        case .check(let uid): try await check(uid)
        case .orphan(let uid): try await orphan(uid)
        }
        return .done
    }

    // MARK: Checking one object

    private func check(_ uid: String) async throws {
        guard let object = state.withLock({ $0.graph[uid] }), !object.isDeleting || object.isWaiting else { return }
        guard let live = try await live(object.resource, object.key), live.metadata.uid.text == uid else {
            // Gone already: its watch event is on the way, or was lost.
            let tasks: [CollectorTask] = state.withLock { $0.graph.remove(uid) }
            for task in tasks { queue.add(task) }
            return
        }
        if object.isWaiting { return try await finishWait(object, live) }
        var owners: [(uid: String, state: OwnerState)] = []
        for reference in live.metadata.ownerReferences.elements {
            owners.append((reference.uid.text, try await look(at: reference, of: object)))
        }
        let dependents: [OwnedObject] = state.withLock { $0.graph.dependents(of: uid) }
        let verdict: CollectorPlan.Verdict = CollectorPlan.verdict(
            live, owners: owners, hasDependents: !dependents.isEmpty,
            hasWaitingDependents: dependents.contains { $0.isWaiting })
        switch verdict {
        case .keep: return
        case .unreference(let gone): try await setOwners(object, live) { !gone.contains($0.uid.text) }
        case .delete(let policy, let unblocks):
            if unblocks { try await unblock(object, live) }
            log.debug("deleting \(object.resource) \(object.key), \(policy)")
            try await delete(object, policy)
        }
    }

    /// An owner deleted in the foreground goes when nothing that blocks it is left.
    private func finishWait(_ object: OwnedObject, _ live: JSON) async throws {
        let blocking: [OwnedObject] = state.withLock { s in
            s.graph.dependents(of: object.uid).filter { d in d.owners.contains { $0.uid == object.uid && $0.isBlocking }
            }
        }
        if blocking.isEmpty { return try await removeFinalizer("foregroundDeletion", object, live) }
        for dependent in blocking where !dependent.isWaiting && !dependent.isDeleting {
            queue.add(.check(dependent.uid))
        }
    }

    private func look(at reference: JSON, of object: OwnedObject) async throws -> OwnerState {
        let kind: GroupKind = GroupKind(
            group: GroupVersion(apiVersion: reference.apiVersion.text).group, kind: reference.kind.text)
        guard let resource = served.resource(kind) else {
            // Nothing is known of such owners: their dependents stay.
            throw StatusError.internalError("no resource for owner kind \(kind) of \(object.resource) \(object.key)")
        }
        if resource.isNamespaced, object.key.namespace.isEmpty {
            // A cluster-scoped object cannot be owned by a namespaced one: upstream warns and leaves it alone.
            return .solid
        }
        let key: ObjectKey = ObjectKey(
            namespace: resource.isNamespaced ? object.key.namespace : "", name: reference.name.text)
        guard let owner = try await live(resource.gvr, key), owner.metadata.uid == reference.uid else {
            return .dangling
        }
        let isWaiting: Bool =
            owner.metadata.deletionTimestamp.exists
            && owner.metadata.finalizers.strings.contains("foregroundDeletion")
        return isWaiting ? .waiting : .solid
    }

    private func live(_ resource: GroupVersionResource, _ key: ObjectKey) async throws(StatusError) -> JSON? {
        do throws(StatusError) {
            return try await context.client.get(resource, namespace: key.namespace, key.name)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    // MARK: Writes

    private func delete(_ object: OwnedObject, _ policy: String) async throws(StatusError) {
        do throws(StatusError) {
            try await context.client.delete(
                object.resource, namespace: object.key.namespace, object.key.name,
                options: ["preconditions": ["uid": .string(object.uid)], "propagationPolicy": .string(policy)])
        } catch {
            // A conflict means that another object has the name now.
            if !error.isNotFound && !error.isConflict { throw error }
        }
    }

    private func patch(_ object: OwnedObject, _ live: JSON, _ members: [(String, JSON)]) async throws(StatusError) {
        var metadata: [(String, JSON)] = [
            ("uid", .string(object.uid)), ("resourceVersion", live.metadata.resourceVersion),
        ]
        metadata += members
        do throws(StatusError) {
            try await context.client.patch(
                object.resource, namespace: object.key.namespace, object.key.name, .merge,
                ["metadata": .object(JSONObject(metadata))])
        } catch {
            if !error.isNotFound { throw error }
        }
    }

    private func setOwners(_ object: OwnedObject, _ live: JSON, keeping: (JSON) -> Bool) async throws(StatusError) {
        let all: [JSON] = live.metadata.ownerReferences.elements
        let kept: [JSON] = all.filter(keeping)
        if kept.count == all.count { return }
        try await patch(object, live, [("ownerReferences", kept.isEmpty ? .null : .array(kept))])
    }

    private func unblock(_ object: OwnedObject, _ live: JSON) async throws(StatusError) {
        var references: [JSON] = live.metadata.ownerReferences.elements
        for i in references.indices { references[i].blockOwnerDeletion = false }
        try await patch(object, live, [("ownerReferences", .array(references))])
    }

    private func removeFinalizer(_ finalizer: String, _ object: OwnedObject, _ live: JSON) async throws(StatusError) {
        let all: [String] = live.metadata.finalizers.strings
        guard all.contains(finalizer) else { return }
        let kept: [String] = all.filter { $0 != finalizer }
        try await patch(object, live, [("finalizers", kept.isEmpty ? .null : JSON(kept))])
    }

    /// The dependents lose their reference first, then the owner its finalizer.
    private func orphan(_ uid: String) async throws {
        guard let owner = state.withLock({ $0.graph[uid] }), owner.isOrphaning else { return }
        for dependent in state.withLock({ $0.graph.dependents(of: uid) }) {
            guard let object = try await live(dependent.resource, dependent.key),
                object.metadata.uid.text == dependent.uid
            else { continue }
            try await setOwners(dependent, object) { $0.uid.text != uid }
        }
        guard let object = try await live(owner.resource, owner.key), object.metadata.uid.text == uid else { return }
        try await removeFinalizer("orphan", owner, object)
    }
}
