// A small API in memory for controllers: revisions, conflicts, uids, watches, finalizers, propagation. No validation.

import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

final class FakeAPI: APITransport {
    private struct Logged {
        var revision: Int
        var event: WatchEvent
    }
    private struct State {
        var objects: [GroupVersionResource: [ObjectKey: JSON]] = [:]
        var log: [GroupVersionResource: [Logged]] = [:]
        var watchers: [Int: (GroupVersionResource, AsyncThrowingStream<WatchEvent, any Error>.Continuation)] = [:]
        var revision: Int = 0
        var next: Int = 0
        var calls: [String] = []
        var endedNamespaces: Set<String> = []
    }
    private let state: Mutex<State> = Mutex(State())
    let bell: Wakeup = Wakeup()

    /// `VERB resource/subresource name` of each write so far.
    var writes: [String] { state.withLock { $0.calls } }

    func list(_ r: GroupVersionResource) -> [JSON] { state.withLock { Array(($0.objects[r] ?? [:]).values) } }
    func get(_ r: GroupVersionResource, _ name: String, namespace: String = "default") -> JSON? {
        state.withLock { $0.objects[r]?[ObjectKey(namespace: namespace, name: name)] }
    }

    func call(_ call: APICall) async throws(StatusError) -> JSON {
        let result: Result<JSON, StatusError> = state.withLock { s in
            do throws(StatusError) {
                return .success(try Self.apply(call, &s))
            } catch {
                return .failure(error)
            }
        }
        bell.raise()
        return try result.get()
    }

    func watch(_ call: APICall) async throws(StatusError) -> WatchStream {
        let (stream, continuation) = AsyncThrowingStream<WatchEvent, any Error>.makeStream()
        let from: Int = Int(call.query["resourceVersion"] ?? "0") ?? 0
        let id: Int = state.withLock { s in
            s.next += 1
            for old in s.log[call.resource] ?? [] where old.revision > from { continuation.yield(old.event) }
            s.watchers[s.next] = (call.resource, continuation)
            return s.next
        }
        continuation.onTermination = { [weak self] _ in self?.state.withLock { _ = $0.watchers.removeValue(forKey: id) }
        }
        return stream
    }

    private static func record(_ kind: WatchEvent.Kind, _ object: JSON, _ r: GroupVersionResource, _ s: inout State) {
        let event: WatchEvent = WatchEvent(kind: kind, object: object)
        s.log[r, default: []].append(Logged(revision: s.revision, event: event))
        for (resource, watcher) in s.watchers.values where resource == r { watcher.yield(event) }
    }

    private static func store(
        _ object: JSON, _ key: ObjectKey, _ r: GroupVersionResource, _ kind: WatchEvent.Kind, _ s: inout State
    ) -> JSON {
        s.revision += 1
        var o: JSON = object
        o.metadata.resourceVersion = .string(String(s.revision))
        let isOver: Bool =
            o.metadata.deletionTimestamp.exists && o.metadata.finalizers.elements.isEmpty
            && !(r.resource == "namespaces" && !o.spec.finalizers.elements.isEmpty)
            && !(r.resource == "pods" && !o.spec.nodeName.text.isEmpty
                && (o.metadata.deletionGracePeriodSeconds.asInt ?? 0) > 0)
        if isOver {
            s.objects[r]?[key] = nil
            record(.deleted, o, r, &s)
        } else {
            s.objects[r, default: [:]][key] = o
            record(kind, o, r, &s)
        }
        return o
    }

    private static func apply(_ call: APICall, _ s: inout State) throws(StatusError) -> JSON {
        let r: GroupVersionResource = call.resource
        let key: ObjectKey = ObjectKey(namespace: call.namespace, name: call.name)
        switch call.verb {
        case .get, .list: break
        default:
            let sub: String = call.subresource.isEmpty ? "" : "/" + call.subresource
            s.calls.append("\(call.verb.rawValue) \(r.resource)\(sub) \(call.name)")
        }
        switch call.verb {
        case .list:
            let items: [JSON] = (s.objects[r] ?? [:]).filter {
                call.namespace.isEmpty || $0.key.namespace == call.namespace
            }
            .map { $0.value }
            return [
                "kind": "List", "metadata": ["resourceVersion": .string(String(s.revision))], "items": .array(items),
            ]
        case .get:
            guard let o = s.objects[r]?[key] else { throw .notFound(r.groupResource, call.name) }
            return o
        case .create: return try create(call, &s)
        case .update, .patch: return try change(call, key, &s)
        case .delete: return try delete(call, key, &s)
        case .deletecollection:
            for k in (s.objects[r] ?? [:]).keys where k.namespace == call.namespace {
                var one: APICall = call
                one.name = k.name
                _ = try delete(one, k, &s)
            }
            return ["kind": "Status", "status": "Success"]
        case .watch: throw .badRequest("watch")
        }
    }

    private static func create(_ call: APICall, _ s: inout State) throws(StatusError) -> JSON {
        var o: JSON = call.body
        let namespaces: GroupVersionResource = GroupVersionResource("v1", "namespaces")
        let home: ObjectKey = ObjectKey(namespace: "", name: call.namespace)
        if s.endedNamespaces.contains(call.namespace)
            || s.objects[namespaces]?[home]?.metadata.deletionTimestamp.exists == true
        {
            var refused: StatusError = .forbidden(call.resource.groupResource, "", "the namespace is being terminated")
            refused.details.causes = [["reason": "NamespaceTerminating"]]
            throw refused
        }
        if o.metadata.name.text.isEmpty {
            s.next += 1
            o.metadata.name = .string(o.metadata.generateName.text + "x\(s.next)")
        }
        if !call.namespace.isEmpty { o.metadata.namespace = .string(call.namespace) }
        let key: ObjectKey = ObjectKey(of: o)
        if s.objects[call.resource]?[key] != nil { throw .alreadyExists(call.resource.groupResource, key.name) }
        o.metadata.uid = .string(Identifier.uid())
        o.metadata.creationTimestamp = .string(Timestamp.now.rfc3339)
        o.metadata.generation = 1
        return store(o, key, call.resource, .added, &s)
    }

    private static func merge(_ patch: JSON, into object: JSON) -> JSON {
        guard case .object(let members) = patch else { return patch }
        var out: JSONObject = object.fields
        for (k, v) in members { out[k] = v.isNull ? JSON?.none : merge(v, into: out[k] ?? .null) }
        return .object(out)
    }

    private static func change(_ call: APICall, _ key: ObjectKey, _ s: inout State) throws(StatusError) -> JSON {
        let r: GroupVersionResource = call.resource
        guard let old = s.objects[r]?[key] else { throw .notFound(r.groupResource, key.name) }
        var new: JSON = call.verb == .patch ? merge(call.body, into: old) : call.body
        let sent: JSON = call.body.metadata
        if sent.uid.exists, sent.uid != old.metadata.uid { throw .conflict(r.groupResource, key.name, "uid") }
        if sent.resourceVersion.exists, sent.resourceVersion != old.metadata.resourceVersion {
            throw .modified(r.groupResource, key.name)
        }
        if call.subresource == "status" {
            var o: JSON = old
            o.status = new.status
            new = o
        } else if call.subresource == "finalize" {
            var o: JSON = old
            o.spec.finalizers = new.spec.finalizers
            new = o
            if new.metadata.deletionTimestamp.exists, new.spec.finalizers.elements.isEmpty {
                s.objects[r]?[key] = nil
                s.endedNamespaces.insert(key.name)
                s.revision += 1
                record(.deleted, new, r, &s)
                return new
            }
        } else if new.spec != old.spec {
            new.metadata.generation = JSON((old.metadata.generation.asInt ?? 0) + 1)
        }
        var unversioned: JSON = new
        unversioned.metadata.resourceVersion = old.metadata.resourceVersion
        if unversioned == old { return old }
        return store(new, key, r, .modified, &s)
    }

    private static func delete(_ call: APICall, _ key: ObjectKey, _ s: inout State) throws(StatusError) -> JSON {
        let r: GroupVersionResource = call.resource
        guard var o = s.objects[r]?[key] else { throw .notFound(r.groupResource, key.name) }
        let uid: JSON = call.body.preconditions.uid
        if uid.exists, uid != o.metadata.uid { throw .conflict(r.groupResource, key.name, "uid") }
        switch call.body.propagationPolicy.text {
        case "Foreground": o.metadata.finalizers.elements.append("foregroundDeletion")
        case "Orphan": o.metadata.finalizers.elements.append("orphan")
        default: break
        }
        if !o.metadata.deletionTimestamp.exists { o.metadata.deletionTimestamp = .string(Timestamp.now.rfc3339) }
        if r.resource == "namespaces", o.spec.finalizers.elements.contains("kubernetes") {
            o.status.phase = "Terminating"
            s.revision += 1
            o.metadata.resourceVersion = .string(String(s.revision))
            s.objects[r]![key] = o
            record(.modified, o, r, &s)
            return o
        }
        if r.resource == "pods" {
            o.metadata.deletionGracePeriodSeconds =
                call.body.gracePeriodSeconds.exists ? call.body.gracePeriodSeconds : 30
        }
        return store(o, key, r, .modified, &s)
    }
}

/// Runs the given components beside `body` and ends them when it returns.
func withComponents(_ parts: [any Component], _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for part in parts { group.addTask { try await part.run() } }
        try await body()
        group.cancelAll()
    }
}

struct TimedOut: Error {}

extension FakeAPI {
    /// Returns when `condition` holds; looks again after every call to the API.
    func wait(seconds: Int = 20, _ condition: () -> Bool) async throws {
        let deadline: Timestamp = Timestamp.now + .seconds(seconds)
        while !condition() {
            if Timestamp.now > deadline { throw TimedOut() }
            await bell.wait(until: min(deadline, Timestamp.now + .milliseconds(200)), SystemTime())
        }
    }
}
