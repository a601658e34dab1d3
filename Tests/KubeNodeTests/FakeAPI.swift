// An API in memory, just enough for a node agent: objects, revisions, watches by field selector, patches.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire
import Synchronization

final class FakeAPI: APITransport {
    private struct Watcher {
        var resource: GroupVersionResource
        var namespace: String
        var selector: String
        var out: AsyncThrowingStream<WatchEvent, any Error>.Continuation
    }
    private struct State {
        var objects: [GroupVersionResource: [ObjectKey: JSON]] = [:]
        var revision: Int = 1
        var watchers: [Int: Watcher] = [:]
        var statusPatches: Int = 0
    }
    private let state: Mutex<State> = Mutex(State())

    func get(_ r: GroupVersionResource, _ namespace: String, _ name: String) -> JSON? {
        state.withLock { $0.objects[r]?[ObjectKey(namespace: namespace, name: name)] }
    }
    func list(_ r: GroupVersionResource) -> [JSON] { state.withLock { Array(($0.objects[r] ?? [:]).values) } }
    var statusPatches: Int { state.withLock { $0.statusPatches } }

    func put(_ r: GroupVersionResource, _ object: JSON) {
        state.withLock { s in
            var o: JSON = object
            let key: ObjectKey = o.meta.key
            let isNew: Bool = s.objects[r]?[key] == nil
            s.revision += 1
            o.meta.resourceVersion = "\(s.revision)"
            if o.meta.uid.isEmpty { o.meta.uid = s.objects[r]?[key]?.meta.uid ?? Identifier.uid() }
            if o.meta.creationTimestamp == nil { o.meta.creationTimestamp = .now }
            s.objects[r, default: [:]][key] = o
            Self.tell(&s, r, isNew ? .added : .modified, o)
        }
    }

    private static func tell(_ s: inout State, _ r: GroupVersionResource, _ kind: WatchEvent.Kind, _ o: JSON) {
        for w in s.watchers.values where w.resource == r && matches(o, w.namespace, w.selector) {
            w.out.yield(WatchEvent(kind: kind, object: o))
        }
    }

    private static func matches(_ o: JSON, _ namespace: String, _ selector: String) -> Bool {
        if !namespace.isEmpty, o.meta.namespace != namespace { return false }
        guard !selector.isEmpty else { return true }
        let pair: [Substring] = selector.split(separator: "=")
        return o.at(pair[0].split(separator: ".").map { String($0) }).text == String(pair[1])
    }

    func call(_ c: APICall) async throws(StatusError) -> JSON {
        let key: ObjectKey = ObjectKey(namespace: c.namespace, name: c.name)
        switch c.verb {
        case .get:
            guard let o = get(c.resource, c.namespace, c.name) else {
                throw .notFound(c.resource.groupResource, c.name)
            }
            return o
        case .list:
            let (items, revision): ([JSON], Int) = state.withLock {
                (Array(($0.objects[c.resource] ?? [:]).values), $0.revision)
            }
            let found: [JSON] = items.filter { Self.matches($0, c.namespace, c.query["fieldSelector"] ?? "") }
            return [
                "kind": "List", "apiVersion": "v1", "metadata": ["resourceVersion": "\(revision)"],
                "items": .array(found),
            ]
        case .create:
            if c.subresource == "token" {
                return [
                    "status": [
                        "token": "a.b.c", "expirationTimestamp": .string((Timestamp.now + .seconds(3600)).rfc3339),
                    ]
                ]
            }
            var o: JSON = c.body
            if o.meta.namespace.isEmpty, !c.namespace.isEmpty { o.meta.namespace = c.namespace }
            if get(c.resource, o.meta.namespace, o.meta.name) != nil {
                throw .alreadyExists(c.resource.groupResource, o.meta.name)
            }
            put(c.resource, o)
            return get(c.resource, o.meta.namespace, o.meta.name) ?? .null
        case .update:
            put(c.resource, c.body)
            return get(c.resource, c.namespace, c.name) ?? .null
        case .patch:
            guard let old = get(c.resource, c.namespace, c.name) else {
                throw .notFound(c.resource.groupResource, c.name)
            }
            if c.subresource == "status", c.resource == API.pods { state.withLock { $0.statusPatches += 1 } }
            let type: String =
                c.resource == API.pods ? "core/v1.Pod" : c.resource == API.nodes ? "core/v1.Node" : "core/v1.Event"
            let new: JSON =
                c.patchType == .merge
                ? Patch.merge(c.body, to: old)
                : try Patch.strategicMerge(c.body, to: old, schema: BuiltIn.schema, type: type)
            put(c.resource, new)
            return get(c.resource, c.namespace, c.name) ?? .null
        case .delete:
            guard get(c.resource, c.namespace, c.name) != nil else { throw .notFound(c.resource.groupResource, c.name) }
            remove(c.resource, key)
            return ["kind": "Status"]
        default: throw .badRequest("not in this fake")
        }
    }

    func remove(_ r: GroupVersionResource, _ key: ObjectKey) {
        state.withLock { s in
            guard var o = s.objects[r]?.removeValue(forKey: key) else { return }
            s.revision += 1
            o.meta.resourceVersion = "\(s.revision)"
            Self.tell(&s, r, .deleted, o)
        }
    }

    /// As the server does for a running pod: marked, and left to the node.
    func markDeleted(_ namespace: String, _ name: String, graceSeconds: Int) {
        guard var pod = get(API.pods, namespace, name) else { return }
        pod.meta.deletionTimestamp = .now + .seconds(graceSeconds)
        pod.metadata.deletionGracePeriodSeconds = JSON(graceSeconds)
        put(API.pods, pod)
    }

    func watch(_ c: APICall) async throws(StatusError) -> WatchStream {
        let (stream, out) = AsyncThrowingStream<WatchEvent, any Error>.makeStream()
        let from: Int = Int(c.query["resourceVersion"] ?? "") ?? 0
        let selector: String = c.query["fieldSelector"] ?? ""
        let number: Int = state.withLock { s in
            for o in (s.objects[c.resource] ?? [:]).values
            where Self.matches(o, c.namespace, selector) && Int(o.meta.resourceVersion) ?? 0 > from {
                out.yield(WatchEvent(kind: .added, object: o))
            }
            let n: Int = (s.watchers.keys.max() ?? 0) + 1
            s.watchers[n] = Watcher(resource: c.resource, namespace: c.namespace, selector: selector, out: out)
            return n
        }
        out.onTermination = { [weak self] _ in _ = self?.state.withLock { $0.watchers.removeValue(forKey: number) } }
        return stream
    }
}
