// A local copy of one resource kept by list and watch: client-go's reflector, store and informer in one.

import KubeBase
package import KubeModel
package import KubeWire
import Logging
import Synchronization

/// Holds the newest known state of every object of a resource. Objects are immutable values: never copied, never locked
/// outside a look-up. Handlers run in order on the informer's task; they must not block (enqueue a key, set a flag).
///
///     run → list → synced → watch ⟲ (end: watch again from the last revision; 410: list again; error: back off)
package final class Informer: Component {
    /// `old` is nil for an object that is new to us, `new` is nil for one that is gone.
    package typealias Handler = @Sendable (_ old: JSON?, _ new: JSON?) -> Void
    /// Cuts an object down to what is kept of it.
    package typealias Transform = @Sendable (JSON) -> JSON

    private struct State {
        var objects: ObjectCache = ObjectCache()
        var isSynced: Bool = false
        var isOver: Bool = false
        var handlers: [Handler] = []
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: Int = 0
    }

    package let resource: GroupVersionResource
    package let namespace: String
    private let client: Client
    private let query: [String: String]
    private let transform: Transform?
    private let state: Mutex<State> = Mutex(State())
    /// Held while a change is made and told, so that every handler sees changes in their order; handlers may read.
    private let delivery: Mutex<Void> = Mutex(())
    private let ending: Wakeup = Wakeup()
    private let log: Logger

    /// `query` may hold labelSelector and fieldSelector.
    package init(
        _ client: Client, _ resource: GroupVersionResource, namespace: String = "", query: [String: String] = [:],
        transform: Transform? = nil
    ) {
        self.client = client
        self.resource = resource
        self.namespace = namespace
        self.query = query
        self.transform = transform
        self.log = .component("informer.\(resource.resource)")
    }

    package var name: String { "informer \(resource)" }

    /// To be called before `run`; a handler added later first sees every object as new.
    package func onChange(_ handler: @escaping Handler) {
        delivery.withLock { _ in
            let known: [JSON] = state.withLock {
                $0.handlers.append(handler)
                return $0.objects.all
            }
            for object in known { handler(nil, object) }
        }
    }

    /// A second way to find objects; see `list(index:_:)`. Adding a name again changes nothing.
    package func addIndex(_ name: String, _ keys: @escaping ObjectCache.IndexKeys) {
        state.withLock { $0.objects.addIndex(name, keys) }
    }

    package func get(_ key: ObjectKey) -> JSON? { state.withLock { $0.objects[key] } }
    package func get(namespace: String = "", _ name: String) -> JSON? {
        get(ObjectKey(namespace: namespace, name: name))
    }
    /// In no particular order.
    package func list() -> [JSON] { state.withLock { $0.objects.all } }
    package func list(namespace: String) -> [JSON] { state.withLock { $0.objects.all(namespace: namespace) } }
    package func list(index: String, _ key: String) -> [JSON] {
        state.withLock { $0.objects.all(index: index, key) }
    }
    package var count: Int { state.withLock { $0.objects.count } }
    package var isSynced: Bool { state.withLock { $0.isSynced } }

    /// Returns when the first list has arrived (or at once when it has), or when it never will: stopped or cancelled.
    package func waitForSync() async {
        let id: Int = state.withLock {
            $0.nextWaiter += 1
            return $0.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
                let isOver: Bool = state.withLock {
                    if $0.isSynced || $0.isOver || Task.isCancelled { return true }
                    $0.waiters[id] = waiter
                    return false
                }
                if isOver { waiter.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// Ends `run`.
    package func stop() {
        state.withLock { $0.isOver = true }
        ending.raise()
    }

    package func run() async throws {
        defer { for waiter in takeWaiters(over: true) { waiter.resume() } }
        guard !state.withLock({ $0.isOver }) else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.ending.wait() }
            group.addTask { try? await self.listAndWatch() }
            await group.next()
            group.cancelAll()
        }
    }

    private func listAndWatch() async throws {
        var backoff: Duration = .milliseconds(50)
        while !Task.isCancelled {
            do {
                var revision: String = try await relist()
                backoff = .milliseconds(50)
                while !Task.isCancelled { revision = try await follow(from: revision) }
            } catch let error as StatusError where error.isExpired {
                log.debug("\(resource): \(error); listing again")
                try await Task.sleep(for: .milliseconds(10))
            } catch is CancellationError {
                return
            } catch {
                log.debug("list or watch of \(resource) failed, again in \(backoff): \(error)")
                try await Task.sleep(for: backoff)
                backoff = min(backoff * 2, .seconds(5))
            }
        }
    }

    private func takeWaiters(over: Bool = false) -> [CheckedContinuation<Void, Never>] {
        state.withLock {
            let waiters: [CheckedContinuation<Void, Never>] = Array($0.waiters.values)
            $0.waiters = [:]
            if over { $0.isOver = true } else { $0.isSynced = true }
            return waiters
        }
    }

    private func kept(_ object: JSON) -> JSON { transform.map { $0(object) } ?? object }

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
            fresh[ObjectKey(of: object)] = kept(object)
        }
        delivery.withLock { _ in replace(by: fresh) }
        for waiter in takeWaiters() { waiter.resume() }
        return list.metadata.resourceVersion.text
    }

    private func replace(by fresh: [ObjectKey: JSON]) {
        let (changes, handlers): ([(old: JSON?, new: JSON?)], [Handler]) = state.withLock { s in
            var changes: [(old: JSON?, new: JSON?)] = []
            for old in s.objects.all where fresh[ObjectKey(of: old)] == nil {
                _ = s.objects.remove(ObjectKey(of: old))
                changes.append((old, nil))
            }
            for (key, object) in fresh {
                let old: JSON? = s.objects.store(object, key)
                if let old, old.metadata.resourceVersion == object.metadata.resourceVersion { continue }
                changes.append((old, object))
            }
            return (changes, s.handlers)
        }
        for change in changes { for handler in handlers { handler(change.old, change.new) } }
    }

    /// Watches until the server ends the watch; answers the last revision seen.
    private func follow(from start: String) async throws -> String {
        var revision: String = start
        var watchQuery: [String: String] = query
        watchQuery["resourceVersion"] = start
        watchQuery["allowWatchBookmarks"] = "true"
        let events: WatchStream = try await client.watch(resource, namespace: namespace, query: watchQuery)
        var isEmpty: Bool = true
        for try await event in events {
            isEmpty = false
            switch event.kind {
            case .error: throw StatusError(status: event.object, code: 500)
            case .bookmark: break
            case .added, .modified: store(kept(event.object), key: ObjectKey(of: event.object))
            case .deleted: remove(event.object, key: ObjectKey(of: event.object))
            }
            revision = event.object.metadata.resourceVersion.text
        }
        try Task.checkCancellation()
        // A server that ends each watch at once must not be asked in a tight loop.
        if isEmpty { try await Task.sleep(for: .milliseconds(100)) }
        return revision
    }

    private func store(_ object: JSON, key: ObjectKey) {
        delivery.withLock { _ in
            let (old, handlers): (JSON?, [Handler]) = state.withLock { ($0.objects.store(object, key), $0.handlers) }
            for handler in handlers { handler(old, object) }
        }
    }

    private func remove(_ object: JSON, key: ObjectKey) {
        delivery.withLock { _ in
            let (old, handlers): (JSON?, [Handler]) = state.withLock { ($0.objects.remove(key), $0.handlers) }
            for handler in handlers { handler(old ?? object, nil) }
        }
    }
}
