// Follows CustomResourceDefinitions: serves what they add, says that they are established, and cleans up behind them.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire
import Logging
import Synchronization

/// definition seen → names claimed → served → status NamesAccepted, Established
/// → marked for deletion → instances deleted → finalizer off
final class CustomResources: Sendable {
    private struct Known {
        var group: String
        var accepted: JSON
        var isAccepted: Bool
        var served: [GroupVersionResource]
        var kinds: [OpenAPI.CustomKind]
    }
    private let registry: Registry
    private let documents: Documents
    private let known: Mutex<[String: Known]> = Mutex([:])
    /// Names of definitions that need a look.
    private let work: AsyncStream<String>
    private let queue: AsyncStream<String>.Continuation
    private let log: Logger = .component("customresources")
    private static let queueMax: Int = 10_000

    init(registry: Registry, documents: Documents) {
        self.registry = registry
        self.documents = documents
        (work, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(CustomResources.queueMax))
        registry.onChange(API.customResourceDefinitions) { [weak self] old, new in self?.changed(old, new) }
    }

    /// Called in revision order, before the writer of the definition is answered: the kind is served by then.
    private func changed(_ old: JSON?, _ new: JSON?) {
        guard let name = (new ?? old)?.meta.name else { return }
        if let new {
            let isSame: Bool =
                old?.spec == new.spec && old?.meta.isDeleting == new.meta.isDeleting
                && old.map { DefinitionConditions.isTrue($0, "Terminating") }
                    == DefinitionConditions.isTrue(new, "Terminating")
            if !isSame { serve(name, new) }
        } else {
            drop(name)
        }
        queue.yield(name)
    }

    /// Claims the names and serves the versions when all are ours (or were once).
    private func serve(_ name: String, _ crd: JSON) {
        let (claims, before): (NameClaims, [GroupVersionResource]) = known.withLock { all in
            let mine: Known? = all[name]
            let claims: NameClaims = NameClaims(
                wanted: crd.spec.names, accepted: mine?.accepted ?? crd.status.acceptedNames,
                others: all.filter { $0.key != name && $0.value.group == crd.spec.group.text }.map { $0.value.accepted }
            )
            all[name] = Known(
                group: crd.spec.group.text, accepted: claims.accepted, isAccepted: claims.isAccepted, served: [],
                kinds: [])
            return (claims, mine?.served ?? [])
        }
        var definitions: [ResourceDefinition] = []
        if claims.isAccepted || DefinitionConditions.isTrue(crd, "Established") {
            definitions = CustomDefinition.definitions(
                of: crd, names: claims.accepted, conversion: registry.conversion(of: crd))
            definitions.removeAll { registry.definition($0.gvr)?.isCustom == false }
        }
        let resources: [GroupVersionResource] = definitions.map { $0.gvr }
        let kinds: [OpenAPI.CustomKind] = CustomDefinition.openAPI(of: crd, definitions)
        let all: [OpenAPI.CustomKind] = known.withLock { all in
            all[name]?.served = resources
            all[name]?.kinds = kinds
            return all.values.flatMap { $0.kinds }
        }
        publish(all)
        let gone: [GroupVersionResource] = before.filter { !resources.contains($0) }
        if !gone.isEmpty { registry.remove(gone) }
        if !definitions.isEmpty { registry.add(definitions) }
    }

    private func drop(_ name: String) {
        let (gone, all): ([GroupVersionResource], [OpenAPI.CustomKind]) = known.withLock { all in
            let gone: [GroupVersionResource] = all.removeValue(forKey: name)?.served ?? []
            return (gone, all.values.flatMap { $0.kinds })
        }
        publish(all)
        if !gone.isEmpty { registry.remove(gone) }
    }

    private func publish(_ kinds: [OpenAPI.CustomKind]) {
        let sorted: [OpenAPI.CustomKind] = kinds.sorted { $0.resource.gvr.description < $1.resource.gvr.description }
        documents.customKinds.withLock { $0 = sorted }
    }

    func run() async {
        queue.yield("")
        for await name in work {
            do throws(StatusError) {
                try await settle(name)
            } catch {
                log.warning("custom resource definition \(name): \(error)")
            }
            do throws(StatusError) {
                try await registry.reconcileLocalServices()
            } catch {
                log.warning("local API services: \(error)")
            }
        }
    }

    private func settle(_ name: String) async throws(StatusError) {
        guard let crd = registry.get(API.customResourceDefinitions, namespace: "", name: name) else {
            return reconsiderOthers()
        }
        if crd.meta.isDeleting {
            if crd.meta.finalizers.contains(CustomDefinition.cleanupFinalizer) { try await cleanUp(crd) }
            return
        }
        if known.withLock({ $0[name]?.isAccepted == false }) { serve(name, crd) }
        let now: String = registry.clock.now().rfc3339
        let others: [JSON] = known.withLock { all in
            all.filter { $0.key != name && $0.value.group == crd.spec.group.text }.map { $0.value.accepted }
        }
        let mine: JSON = known.withLock { $0[name]?.accepted ?? crd.status.acceptedNames }
        try await registry.update(API.customResourceDefinitions, namespace: "", name: name) { object in
            let claims: NameClaims = NameClaims(wanted: object.spec.names, accepted: mine, others: others)
            return DefinitionConditions.settle(&object, claims, now: now)
        }
    }

    /// Names have become free: those that wait for one may have it now.
    private func reconsiderOthers() {
        let waiting: [String] = known.withLock { all in all.filter { !$0.value.isAccepted }.map { $0.key } }
        for name in waiting {
            guard let crd = registry.get(API.customResourceDefinitions, namespace: "", name: name) else { continue }
            serve(name, crd)
            queue.yield(name)
        }
    }

    // MARK: the end

    private func cleanUp(_ crd: JSON) async throws(StatusError) {
        let name: String = crd.meta.name
        let names: JSON = known.withLock { $0[name]?.accepted ?? crd.status.acceptedNames }
        guard DefinitionConditions.isTrue(crd, "Established"),
            let definition = CustomDefinition.storageDefinition(of: crd, names: names)
        else {
            try await condition(name, "False", "NeverEstablished", "resource was never established")
            return try await release(crd)
        }
        try await condition(name, "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
        let cache: ResourceCache = registry.cache(definition)
        let namespaces: Set<String> = Set(cache.snapshot(folder: "").objects.map { $0.key.namespace })
        do throws(StatusError) {
            for namespace in namespaces.sorted() { try await deleteAll(definition, namespace) }
        } catch {
            try await condition(
                name, "True", "InstanceDeletionFailed", "could not issue all deletes: \(error.message)")
            throw error
        }
        // Instances held by finalizers: their last removal brings us back.
        guard cache.count == 0 else {
            OnceEmpty(cache) { [queue] in queue.yield(name) }.start()
            return
        }
        try await condition(name, "False", "InstanceDeletionCompleted", "removed all instances")
        try await release(crd)
    }

    private func deleteAll(_ definition: ResourceDefinition, _ namespace: String) async throws(StatusError) {
        var context: RequestContext = RequestContext(
            verb: .deletecollection, resource: definition.gvr, namespace: namespace, user: .loopback,
            now: registry.clock.now(), registry: registry)
        context.fieldManager = "kube-apiserver"
        _ = try await registry.perform(
            RegistryRequest(definition: definition, subresource: nil, context: context, query: Query()))
    }

    private func condition(
        _ name: String, _ status: String, _ reason: String, _ message: String
    ) async throws(StatusError) {
        let now: String = registry.clock.now().rfc3339
        try await registry.update(API.customResourceDefinitions, namespace: "", name: name) { crd in
            let before: JSON = crd
            DefinitionConditions.set(&crd, "Terminating", status, reason, message, now: now)
            return crd != before
        }
    }

    /// Through the whole road, so that the object leaves the store with its last finalizer.
    private func release(_ crd: JSON) async throws(StatusError) {
        var patch: APICall = APICall(.patch, API.customResourceDefinitions)
        patch.name = crd.meta.name
        patch.patchType = .merge
        let rest: [String] = crd.meta.finalizers.filter { $0 != CustomDefinition.cleanupFinalizer }
        patch.body = ["metadata": ["finalizers": JSON(rest)]]
        _ = try await registry.transport(user: .loopback).call(patch)
    }
}

/// A sink that removes itself when the last object has gone.
private final class OnceEmpty: Sendable {
    private let cache: ResourceCache
    private let body: @Sendable () -> Void
    private let id: Mutex<UInt64?> = Mutex(nil)

    init(_ cache: ResourceCache, _ body: @escaping @Sendable () -> Void) {
        self.cache = cache
        self.body = body
    }

    func start() {
        let made: UInt64 = cache.addSink({ [self] _ in look() }, initial: { _, _ in })
        id.withLock { $0 = made }
        look()
    }

    private func look() {
        guard cache.count == 0 else { return }
        let mine: UInt64? = id.withLock { id in
            defer { id = nil }
            return id
        }
        guard let mine else { return }
        cache.removeSink(mine)
        body()
    }
}
