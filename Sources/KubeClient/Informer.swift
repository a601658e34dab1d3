// A local copy of one resource kept by list and watch: client-go's reflector, store and informer in one.

package import KubeBase
package import KubeModel
package import KubeWire
import Logging
import Synchronization

/// Holds the newest known state of every object of a resource. Objects are immutable values: never copied, never locked
/// outside a look-up. Handlers run in order on the informer's task; they must not block (enqueue a key, set a flag).
///
///     run → list → synced → watch ⟲ (ends: watch again from the last revision; 410: list again; error: back off)
package final class Informer: Component {
    /// `old` is nil for an object that is new to us, `new` is nil for one that is gone.
    package typealias Handler = @Sendable (_ old: JSON?, _ new: JSON?) -> Void

    private struct State {
        var objects: [ObjectKey: JSON] = [:]
        var isSynced: Bool = false
        var handlers: [Handler] = []
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    package let resource: GroupVersionResource
    package let namespace: String
    private let client: Client
    private let query: [String: String]
    private let state: Mutex<State> = Mutex(State())
    private let log: Logger

    /// `query` may hold labelSelector and fieldSelector.
    package init(
        _ client: Client, _ resource: GroupVersionResource, namespace: String = "", query: [String: String] = [:]
    ) {
        self.client = client
        self.resource = resource
        self.namespace = namespace
        self.query = query
        self.log = .component("informer.\(resource.resource)")
    }

    package var name: String { "informer \(resource)" }

    /// To be called before `run`; a handler added later first sees every object as new.
    package func onChange(_ handler: @escaping Handler) {
        let known: [JSON] = state.withLock {
            $0.handlers.append(handler)
            return Array($0.objects.values)
        }
        for object in known { handler(nil, object) }
    }

    package func get(_ key: ObjectKey) -> JSON? { state.withLock { $0.objects[key] } }
    package func get(namespace: String = "", _ name: String) -> JSON? {
        get(ObjectKey(namespace: namespace, name: name))
    }
    /// In no particular order.
    package func list() -> [JSON] { state.withLock { Array($0.objects.values) } }
    package func list(namespace: String) -> [JSON] {
        state.withLock { s in s.objects.compactMap { $0.key.namespace == namespace ? $0.value : nil } }
    }
    package var isSynced: Bool { state.withLock { $0.isSynced } }

    /// Returns when the first list has arrived (or at once when it has).
    package func waitForSync() async {
        await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
            let isSynced: Bool = state.withLock {
                if !$0.isSynced { $0.waiters.append(waiter) }
                return $0.isSynced
            }
            if isSynced { waiter.resume() }
        }
    }

    package func run() async throws {
        defer { release() }
        var backoff: Duration = .milliseconds(50)
        while !Task.isCancelled {
            do {
                var revision: String = try await relist()
                backoff = .milliseconds(50)
                while !Task.isCancelled { revision = try await follow(from: revision) }
            } catch let error as StatusError where error.isExpired {
                continue
            } catch is CancellationError {
                return
            } catch {
                log.debug("list or watch of \(resource) failed, again in \(backoff): \(error)")
                try await Task.sleep(for: backoff)
                backoff = min(backoff * 2, .seconds(5))
            }
        }
    }

    private func release() {
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock {
            let w: [CheckedContinuation<Void, Never>] = $0.waiters
            $0.waiters = []
            return w
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Lists, tells handlers what differs, and answers the list's revision.
    private func relist() async throws -> String {
        let list: JSON = try await client.list(resource, namespace: namespace, query: query)
        let apiVersion: String = list.apiVersion.text
        let kind: String = String(list.kind.text.dropLast(list.kind.text.hasSuffix("List") ? 4 : 0))
        var fresh: [ObjectKey: JSON] = [:]
        for item in list["items"].elements {
            var object: JSON = item
            if !object.kind.exists {
                object.kind = .string(kind)
                object.apiVersion = .string(apiVersion)
            }
            fresh[ObjectKey(of: object)] = object
        }
        let (old, handlers, waiters): ([ObjectKey: JSON], [Handler], [CheckedContinuation<Void, Never>]) =
            state.withLock {
                let old: [ObjectKey: JSON] = $0.objects
                let waiters: [CheckedContinuation<Void, Never>] = $0.waiters
                $0.objects = fresh
                $0.isSynced = true
                $0.waiters = []
                return (old, $0.handlers, waiters)
            }
        for (key, object) in fresh where old[key]?.metadata.resourceVersion != object.metadata.resourceVersion {
            for handler in handlers { handler(old[key], object) }
        }
        for (key, object) in old where fresh[key] == nil { for handler in handlers { handler(object, nil) } }
        for waiter in waiters { waiter.resume() }
        return list.metadata.resourceVersion.text
    }

    /// Watches until the server ends the watch; answers the last revision seen.
    private func follow(from start: String) async throws -> String {
        var revision: String = start
        var watchQuery: [String: String] = query
        watchQuery["resourceVersion"] = start
        watchQuery["allowWatchBookmarks"] = "true"
        let events: WatchStream = try await client.watch(resource, namespace: namespace, query: watchQuery)
        for try await event in events {
            switch event.kind {
            case .error: throw StatusError(status: event.object, code: 500)
            case .bookmark: break
            case .added, .modified: store(event.object, key: ObjectKey(of: event.object))
            case .deleted: remove(event.object, key: ObjectKey(of: event.object))
            }
            revision = event.object.metadata.resourceVersion.text
        }
        try Task.checkCancellation()
        return revision
    }

    private func store(_ object: JSON, key: ObjectKey) {
        let (old, handlers): (JSON?, [Handler]) = state.withLock {
            ($0.objects.updateValue(object, forKey: key), $0.handlers)
        }
        for handler in handlers { handler(old, object) }
    }

    private func remove(_ object: JSON, key: ObjectKey) {
        let (old, handlers): (JSON?, [Handler]) = state.withLock { ($0.objects.removeValue(forKey: key), $0.handlers) }
        for handler in handlers { handler(old ?? object, nil) }
    }
}
