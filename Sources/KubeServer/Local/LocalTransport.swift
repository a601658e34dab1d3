// The API in process: trees in and out, the same road, nothing encoded.

import KubeBase
package import KubeModel
import KubeStore
package import KubeWire
import Synchronization

/// Controllers and the scheduler run on it. Authorization is asked for everybody but system:masters.
package struct LocalTransport: APITransport {
    /// Events a watcher may be behind before its watch ends with 410 Expired.
    package static let watchBufferMax: Int = 16_384

    let registry: Registry
    let user: UserInfo

    package var aggregatedResources: [AggregatedResource] { registry.remotes?.resources ?? [] }

    package func call(_ call: APICall) async throws(StatusError) -> JSON {
        if let remotes = registry.remotes, let entry = remotes.entry(call.resource.groupVersion) {
            return try await remotes.call(call, entry, as: try await authorized(call))
        }
        let request: RegistryRequest = try await request(call)
        switch try await registry.perform(request) {
        case .stored(let stored, _): return request.definition.served(stored)
        case .object(let object, _): return object
        case .list(let list):
            let definition: ResourceDefinition = request.definition
            return [
                "kind": .string(definition.listKind), "apiVersion": .string(definition.apiVersion),
                "metadata": list.meta, "items": .array(list.objects.map { definition.served($0) }),
            ]
        case .http: throw .badRequest("\(call.subresource) is not served in process")
        }
    }

    private func request(_ call: APICall) async throws(StatusError) -> RegistryRequest {
        guard let definition = registry.definition(call.resource) else { throw .noSuchResource }
        var subresource: SubresourceDefinition?
        if !call.subresource.isEmpty {
            guard let known = definition.subresource(call.subresource) else { throw .noSuchResource }
            subresource = known
        }
        var attributes: RequestAttributes = RequestAttributes(
            user: user, verb: call.verb.rawValue, call.resource, subresource: call.subresource,
            namespace: call.namespace, name: call.name)
        attributes.fieldSelector = call.query["fieldSelector"] ?? ""
        attributes.labelSelector = call.query["labelSelector"] ?? ""
        if !user.isMaster { try await registry.authorize(attributes) }
        var context: RequestContext = RequestContext(
            verb: call.verb, resource: call.resource, subresource: call.subresource, namespace: call.namespace,
            name: call.name, user: user, now: registry.clock.now(), registry: registry)
        let query: Query = Query(call.query)
        context.fieldManager = query.text("fieldManager") ?? "apus"
        context.isDryRun = try query.isDryRun(kind: GroupKind(group: "meta.k8s.io", kind: "Options"))
        var request: RegistryRequest = RegistryRequest(
            definition: definition, subresource: subresource, context: context, query: query)
        request.body = call.body
        request.patchType = call.patchType
        return request
    }

    /// The user, who may do this: the way of a request to an aggregated server.
    private func authorized(_ call: APICall) async throws(StatusError) -> UserInfo {
        if !user.isMaster {
            try await registry.authorize(
                RequestAttributes(
                    user: user, verb: call.verb.rawValue, call.resource, subresource: call.subresource,
                    namespace: call.namespace, name: call.name))
        }
        return user
    }

    package func watch(_ call: APICall) async throws(StatusError) -> WatchStream {
        if let remotes = registry.remotes, let entry = remotes.entry(call.resource.groupVersion) {
            return try await remotes.watch(call, entry, as: try await authorized(call))
        }
        let request: RegistryRequest = try await request(call)
        let definition: ResourceDefinition = request.definition
        guard definition.isStored else { throw .methodNotSupported(definition.groupResource, "watch") }
        let selection: Selection = try Selection(
            definition, namespace: call.namespace, labelSelector: request.query.text("labelSelector"),
            fieldSelector: request.query.text("fieldSelector"))
        let cache: ResourceCache = registry.cache(definition)
        let (stream, continuation): (WatchStream, WatchStream.Continuation) = AsyncThrowingStream.makeStream(
            bufferingPolicy: .bufferingOldest(LocalTransport.watchBufferMax))
        let outlet: Outlet = Outlet(continuation)
        let sink: ResourceCache.Sink = { event in
            guard let (kind, stored) = selection.view(event) else { return }
            outlet.send(WatchEvent(kind: kind, object: definition.served(stored)))
        }
        let version: String = request.query.text("resourceVersion") ?? ""
        let id: UInt64
        if version.isEmpty || version == "0"
            || request.query.flag("sendInitialEvents") && request.query["sendInitialEvents"] != nil
        {
            id = cache.addSink(sink) { objects, revision in
                for stored in objects where selection.matches(stored) {
                    outlet.send(WatchEvent(kind: .added, object: definition.served(stored)))
                }
                if request.query["sendInitialEvents"] == "true" {
                    outlet.send(
                        WatchEvent(kind: .bookmark, object: Bookmark.object(definition, revision, endsInitial: true)))
                }
            }
        } else {
            guard let revision = Revision(version) else {
                throw .badRequest("Invalid value: \"\(version)\": resourceVersion must be a number")
            }
            id = try cache.addSink(after: revision, sink)
        }
        continuation.onTermination = { _ in cache.removeSink(id) }
        if outlet.isCut { cache.removeSink(id) }
        return stream
    }
}

/// Feeds one watcher and cuts it off when it is too far behind.
private final class Outlet: Sendable {
    private let continuation: WatchStream.Continuation
    private let cut: Atomic<Bool> = Atomic(false)

    init(_ continuation: WatchStream.Continuation) { self.continuation = continuation }

    var isCut: Bool { cut.load(ordering: .acquiring) }

    func send(_ event: WatchEvent) {
        guard !isCut else { return }
        if case .dropped = continuation.yield(event) {
            cut.store(true, ordering: .releasing)
            continuation.finish(
                throwing: StatusError.expired("the watcher was too slow: its buffer of events is full"))
        }
    }
}

/// BOOKMARK events: a revision up to which a watcher has seen everything.
enum Bookmark {
    static func object(_ definition: ResourceDefinition, _ revision: Revision, endsInitial: Bool) -> JSON {
        var metadata: JSON = ["resourceVersion": .string(revision.description)]
        metadata.fields["creationTimestamp"] = .null
        if endsInitial { metadata.annotations = ["k8s.io/initial-events-end": "true"] }
        return [
            "kind": .string(definition.kind), "apiVersion": .string(definition.apiVersion), "metadata": metadata,
        ]
    }
}
