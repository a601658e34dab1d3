// Follows CustomResourceDefinitions: serves what they add, says that they are established, and cleans up behind them.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire
import Logging
import Synchronization

/// definition seen → served → status Established + finalizer; marked for deletion → instances deleted → finalizer off
final class CustomResources: Sendable {
    private struct State {
        var served: [String: [GroupVersionResource]] = [:]
        var kinds: [String: [OpenAPI.CustomKind]] = [:]
    }
    private let registry: Registry
    private let documents: Documents
    private let state: Mutex<State> = Mutex(State())
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
        let definitions: [ResourceDefinition] = new.map { CustomDefinition.definitions(of: $0) } ?? []
        let resources: [GroupVersionResource] = definitions.map { $0.gvr }
        let (gone, kinds): ([GroupVersionResource], [OpenAPI.CustomKind]) = state.withLock { s in
            let before: [GroupVersionResource] = s.served[name] ?? []
            s.served[name] = new == nil ? nil : resources
            s.kinds[name] = new.map { CustomDefinition.openAPI(of: $0) }
            return (before.filter { !resources.contains($0) }, s.kinds.values.flatMap { $0 })
        }
        documents.customKinds.withLock { $0 = kinds }
        if old?.spec != new?.spec {
            if !gone.isEmpty { registry.remove(gone) }
            if !definitions.isEmpty { registry.add(definitions) }
        }
        queue.yield(name)
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
        guard let crd = registry.get(API.customResourceDefinitions, namespace: "", name: name) else { return }
        if crd.meta.isDeleting, crd.meta.finalizers.contains(CustomDefinition.cleanupFinalizer) {
            try await cleanUp(crd)
            return
        }
        let now: String = registry.clock.now().rfc3339
        try await registry.update(API.customResourceDefinitions, namespace: "", name: name) { object in
            CustomDefinition.establish(&object, now: now)
        }
    }

    private func cleanUp(_ crd: JSON) async throws(StatusError) {
        for resource in CustomDefinition.definitions(of: crd).map({ $0.gvr }).prefix(1) {
            let namespaces: Set<String> = Set(registry.list(resource, namespace: "").map { $0.meta.namespace })
            for namespace in namespaces {
                var call: APICall = APICall(.deletecollection, resource)
                call.namespace = namespace
                _ = try await registry.transport(user: .loopback).call(call)
            }
            // Instances held by finalizers: their last removal brings us back.
            guard registry.list(resource, namespace: "").isEmpty else {
                let name: String = crd.meta.name
                registry.onceEmpty(resource) { [queue] in queue.yield(name) }
                return
            }
        }
        // Through the whole road, so that the object leaves the store with its last finalizer.
        var patch: APICall = APICall(.patch, API.customResourceDefinitions)
        patch.name = crd.meta.name
        patch.patchType = .merge
        let rest: [String] = crd.meta.finalizers.filter { $0 != CustomDefinition.cleanupFinalizer }
        patch.body = ["metadata": ["finalizers": JSON(rest)]]
        _ = try await registry.transport(user: .loopback).call(patch)
    }
}

extension Registry {
    /// Calls `body` once when no object of the resource is left.
    func onceEmpty(_ resource: GroupVersionResource, _ body: @escaping @Sendable () -> Void) {
        guard let definition = definition(resource) else { return body() }
        OnceEmpty(cache(definition), body).start()
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
