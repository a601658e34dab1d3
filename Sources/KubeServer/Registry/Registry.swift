// The generic registry: every verb for every kind, built-in and custom, on one road.

import KubeAPI
import KubeBase
package import KubeModel
import KubeStore
package import KubeWire
import Synchronization

package final class Registry: ObjectRegistry {
    private struct Known {
        var byResource: [GroupVersionResource: ResourceDefinition] = [:]
        var inOrder: [ResourceDefinition] = []
        /// Grows with each change: discovery and OpenAPI are made anew.
        var generation: Int = 0
    }
    /// What needs the registry to exist first.
    struct Late: Sendable {
        var authorizer: any Authorizer
        var nodeAgents: (any NodeAgentDialer)?
    }

    let store: any Store
    let hub: CacheHub
    let admission: [any AdmissionPlugin]
    let clock: any TimeSource
    /// The way out to webhooks.
    package let outbound: Outbound = Outbound()
    private let known: Mutex<Known> = Mutex(Known())
    let late: Mutex<Late>
    /// Set once, when the server is made: aggregated API servers.
    let remoteBox: Mutex<WeakRemotes> = Mutex(WeakRemotes())
    var remotes: RemoteServices? { remoteBox.withLock { $0.services } }

    init(
        store: any Store, sealer: (any ValueSealer)?, admission: [any AdmissionPlugin], clock: any TimeSource,
        eventLog: EventLogLimits
    ) {
        self.store = store
        self.hub = CacheHub(sealer: sealer, logLimits: eventLog)
        self.admission = admission
        self.clock = clock
        self.late = Mutex(Late(authorizer: NobodyMay(), nodeAgents: nil))
    }

    package var authorizer: any Authorizer { late.withLock { $0.authorizer } }
    package var nodeAgents: (any NodeAgentDialer)? { late.withLock { $0.nodeAgents } }

    // MARK: definitions

    package func add(_ definitions: [ResourceDefinition]) {
        for definition in definitions where definition.isStored {
            _ = hub.cache(prefix: definition.storagePrefix, definition.groupResource)
        }
        known.withLock { k in
            for definition in definitions {
                if k.byResource.updateValue(definition, forKey: definition.gvr) != nil {
                    k.inOrder.removeAll { $0.gvr == definition.gvr }
                }
                k.inOrder.append(definition)
            }
            k.generation += 1
        }
    }

    package func remove(_ resources: [GroupVersionResource]) {
        known.withLock { k in
            for gvr in resources {
                k.byResource[gvr] = nil
                k.inOrder.removeAll { $0.gvr == gvr }
            }
            k.generation += 1
        }
    }

    package func definition(_ resource: GroupVersionResource) -> ResourceDefinition? {
        known.withLock { $0.byResource[resource] }
    }
    package var definitions: [ResourceDefinition] { known.withLock { $0.inOrder } }
    /// What is shown of the definitions changed elsewhere (aggregated services): documents are made anew.
    func touch() { known.withLock { $0.generation += 1 } }
    /// Changes whenever the definitions do.
    package var generation: Int { known.withLock { $0.generation } }

    func cache(_ definition: ResourceDefinition) -> ResourceCache {
        hub.cache(prefix: definition.storagePrefix, definition.groupResource)
    }

    // MARK: the view of strategies and plugins

    package func get(_ resource: GroupVersionResource, namespace: String, name: String) -> JSON? {
        guard let definition = definition(resource), definition.isStored else { return nil }
        return cache(definition).get(Registry.path(definition, namespace, name)).map { definition.served($0) }
    }

    package func list(_ resource: GroupVersionResource, namespace: String) -> [JSON] {
        guard let definition = definition(resource), definition.isStored else { return [] }
        let folder: String = namespace.isEmpty ? "" : namespace + "/"
        return cache(definition).snapshot(folder: folder).objects.map { definition.served($0) }
    }

    package func onChange(
        _ resource: GroupVersionResource, _ handler: @escaping @Sendable (_ old: JSON?, _ new: JSON?) -> Void
    ) {
        guard let definition = definition(resource), definition.isStored else { return }
        _ = cache(definition).addSink(
            { event in
                handler(event.old.map { definition.served($0) }, event.new.map { definition.served($0) })
            },
            initial: { objects, _ in for stored in objects { handler(nil, definition.served(stored)) } })
    }

    @discardableResult
    package func update(
        _ resource: GroupVersionResource, namespace: String, name: String,
        _ change: @Sendable (inout JSON) throws(StatusError) -> Bool
    ) async throws(StatusError) -> JSON {
        guard let definition = definition(resource) else { throw .noSuchResource }
        return try await retryingConflicts { () async throws(StatusError) -> JSON in
            let stored: StoredObject = try self.find(definition, namespace, name)
            var object: JSON = try await self.seen(stored, definition)
            guard try change(&object) else { return object }
            return try await self.seen(try await self.replace(definition, stored, with: object), definition)
        }
    }

    package func transport(user: UserInfo) -> any APITransport { LocalTransport(registry: self, user: user) }

    // MARK: shared by the verbs

    static func path(_ definition: ResourceDefinition, _ namespace: String, _ name: String) -> String {
        definition.isNamespaced ? namespace + "/" + name : name
    }

    func find(_ definition: ResourceDefinition, _ namespace: String, _ name: String) throws(StatusError) -> StoredObject
    {
        guard let stored = cache(definition).get(Registry.path(definition, namespace, name)) else {
            throw .notFound(definition.groupResource, name)
        }
        return stored
    }

    /// Tries of a write that names no revision while others are faster. Each conflict means that somebody got on, so
    /// this ends; the limit is against a fault of ours.
    private static let triesMax: Int = 64

    func retryingConflicts<T>(_ body: () async throws(StatusError) -> T) async throws(StatusError) -> T {
        for _ in 1..<Registry.triesMax {
            do throws(StatusError) {
                return try await body()
            } catch {
                guard error.isConflict, error.details.retry.isTrue else { throw error }
            }
        }
        do throws(StatusError) {
            return try await body()
        } catch {
            var last: StatusError = error
            last.details.retry = .null
            throw last
        }
    }

    package func perform(_ request: RegistryRequest) async throws(StatusError) -> RegistryAnswer {
        do throws(StatusError) {
            return try await route(request)
        } catch {
            var shown: StatusError = error
            if shown.details.retry.exists { shown.details.retry = .null }
            throw shown
        }
    }

    private func route(_ request: RegistryRequest) async throws(StatusError) -> RegistryAnswer {
        if let sub = request.subresource {
            switch sub.handler {
            case .custom(let handler): return try await serve(handler, request)
            case .scale(let paths): return try await scale(request, sub, paths)
            case .status, .object: break
            }
        } else if let handler = request.definition.virtual {
            return try await serve(handler, request)
        }
        switch request.context.verb {
        case .create, .update, .patch: try checkOptions(request)
        default: break
        }
        switch request.context.verb {
        case .get: return try await get(request)
        case .list: return .list(try await list(request))
        case .create: return try await create(request)
        case .update: return try await update(request)
        case .patch: return try await patch(request)
        case .delete: return try await delete(request)
        case .deletecollection: return try await deleteCollection(request)
        case .watch: throw .badRequest("watch is served by another road")
        }
    }
}

/// Until the real one is in place.
private struct NobodyMay: Authorizer {
    func authorize(_ attributes: RequestAttributes) async -> Decision { .noOpinion(reason: "the server is starting") }
}
