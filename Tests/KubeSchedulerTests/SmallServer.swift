// As much of an API server as the scheduler's shell talks to: lists, watches, bindings, status patches, events.

import KubeModel
import KubeWire
import Synchronization

final class SmallServer: APITransport {
    private struct State {
        var objects: [String: [ObjectKey: JSON]] = [:]
        var revision: Int = 0
        var watchers: [(resource: String, sink: WatchStream.Continuation)] = []
        var patches: [JSON] = []
    }
    private let state: Mutex<State> = Mutex(State())

    var patches: [JSON] { state.withLock { $0.patches } }
    func objects(_ resource: String) -> [JSON] { state.withLock { Array(($0.objects[resource] ?? [:]).values) } }

    func put(_ resource: String, _ object: JSON) { state.withLock { Self.put(resource, object, &$0) } }

    private static func put(_ resource: String, _ object: JSON, _ s: inout State) {
        s.revision += 1
        var stored: JSON = object
        stored.metadata.resourceVersion = .string(String(s.revision))
        let old: JSON? = s.objects[resource, default: [:]].updateValue(stored, forKey: ObjectKey(of: object))
        let event: WatchEvent = WatchEvent(kind: old == nil ? .added : .modified, object: stored)
        for w in s.watchers where w.resource == resource { w.sink.yield(event) }
    }

    func remove(_ resource: String, _ key: ObjectKey) {
        state.withLock { s in
            guard let old: JSON = s.objects[resource]?.removeValue(forKey: key) else { return }
            for w in s.watchers where w.resource == resource { w.sink.yield(WatchEvent(kind: .deleted, object: old)) }
        }
    }

    func call(_ call: APICall) async throws(StatusError) -> JSON {
        let resource: String = call.resource.resource
        let key: ObjectKey = ObjectKey(namespace: call.namespace, name: call.name)
        let result: Result<JSON, StatusError> = state.withLock { s in
            switch (call.verb, call.subresource) {
            case (.list, _):
                let items: [JSON] = Array((s.objects[resource] ?? [:]).values)
                return .success(
                    [
                        "kind": "List", "metadata": ["resourceVersion": .string(String(s.revision))],
                        "items": .array(items),
                    ])
            case (.create, "binding"):
                guard var pod: JSON = s.objects["pods"]?[key] else {
                    return .failure(.notFound(call.resource.groupResource, call.name))
                }
                guard pod.spec.nodeName.text.isEmpty else {
                    return .failure(StatusError(code: 409, reason: "Conflict", message: "already assigned"))
                }
                pod.spec.nodeName = call.body.target.name
                Self.put("pods", pod, &s)
                return .success([:])
            case (.create, _):
                Self.put(resource, call.body, &s)
                return .success(call.body)
            case (.patch, "status"):
                guard var pod: JSON = s.objects["pods"]?[key] else {
                    return .failure(.notFound(call.resource.groupResource, call.name))
                }
                s.patches.append(call.body)
                for (field, value) in call.body.status.fields { pod.status[field] = value }
                Self.put("pods", pod, &s)
                return .success(pod)
            case (.delete, _):
                guard let old: JSON = s.objects[resource]?.removeValue(forKey: key) else {
                    return .failure(.notFound(call.resource.groupResource, call.name))
                }
                for w in s.watchers where w.resource == resource {
                    w.sink.yield(WatchEvent(kind: .deleted, object: old))
                }
                return .success(old)
            default:
                return .failure(.badRequest("not served here: \(call.verb) \(resource) \(call.subresource)"))
            }
        }
        return try result.get()
    }

    func watch(_ call: APICall) async throws(StatusError) -> WatchStream {
        let (stream, sink) = WatchStream.makeStream()
        let from: Int = Int(call.query["resourceVersion"] ?? "") ?? 0
        state.withLock { s in
            // What came between the list and this watch.
            for object in (s.objects[call.resource.resource] ?? [:]).values
            where Int(object.metadata.resourceVersion.text) ?? 0 > from {
                sink.yield(WatchEvent(kind: .modified, object: object))
            }
            s.watchers.append((call.resource.resource, sink))
        }
        return stream
    }

    /// Waits for the first state of the object that `isWanted` holds for.
    func wait(_ resource: String, _ key: ObjectKey, until isWanted: (JSON) -> Bool) async throws -> JSON {
        let stream: WatchStream = try await watch(APICall(.watch, GroupVersionResource("v1", resource)))
        for try await event in stream where ObjectKey(of: event.object) == key && isWanted(event.object) {
            return event.object
        }
        throw CancellationError()
    }
}
