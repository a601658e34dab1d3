// The store's follower: hands each change to the cache of its prefix.

import Dispatch
import KubeBase
import KubeModel
package import KubeStore
import KubeWire
import Logging
import Synchronization

/// What a write carries past the store, so that its change need not be parsed again.
struct PendingObject: Sendable {
    var cache: ResourceCache
    var path: String
    /// nil: a deletion.
    var object: JSON?
    var encoded: StorageForm.Encoded?
}

/// Encrypts what lies in the store (secrets); KubeCluster gives one with its key.
package protocol ValueSealer: Sendable {
    func seal(_ value: [UInt8], key: String) throws -> [UInt8]
    /// Values that were never sealed come back as they are.
    func open(_ value: [UInt8], key: String) throws -> [UInt8]
}

package final class CacheHub: StoreSink {
    private struct State {
        var caches: [String: ResourceCache] = [:]
        /// Replayed rows whose prefix no resource has claimed yet (custom resources before their definition is read).
        var unclaimed: [String: [Change]] = [:]
        var start: StoreStart = StoreStart(
            compacted: .zero, newest: .zero, revision: .zero, lostAfter: .zero, lostBefore: .zero)
    }
    private let state: Mutex<State> = Mutex(State())
    private let newest: Atomic<Int64> = Atomic(0)
    let sealer: (any ValueSealer)?
    let fanOut: FanOut = FanOut()
    let revisionWait: RevisionWait = RevisionWait()
    private let log: Logger = .component("watchcache")

    let logLimits: EventLogLimits

    init(sealer: (any ValueSealer)?, logLimits: EventLogLimits) {
        self.sealer = sealer
        self.logLimits = logLimits
    }

    /// Every change up to it is in the caches.
    package var published: Revision { Revision(newest.load(ordering: .acquiring)) }

    func cache(prefix: String, _ groupResource: GroupResource) -> ResourceCache {
        let (cache, isNew): (ResourceCache, Bool) = state.withLock { s in
            if let known = s.caches[prefix] { return (known, false) }
            let made: ResourceCache = ResourceCache(prefix: prefix, groupResource: groupResource, hub: self)
            s.caches[prefix] = made
            return (made, true)
        }
        guard isNew else { return cache }
        let (mine, start): ([Change], StoreStart) = state.withLock { s in
            (s.unclaimed.removeValue(forKey: prefix) ?? [], s.start)
        }
        if !mine.isEmpty { replay(mine) }
        cache.opened(start)
        return cache
    }

    var caches: [ResourceCache] { state.withLock { Array($0.caches.values) } }

    /// The rows of a start. Their objects are made on all cores; they are put in their places in order.
    package func replay(_ changes: [Change]) {
        let caches: [ResourceCache?] = claim(changes)
        let made: Mutex<[Int: StoredObject]> = Mutex([:])
        DispatchQueue.concurrentPerform(iterations: CacheHub.stripes) { stripe in
            var mine: [Int: StoredObject] = [:]
            for i in stride(from: stripe, to: changes.count, by: CacheHub.stripes) {
                if let cache = caches[i] { mine[i] = object(replayed: changes[i], of: cache) }
            }
            made.withLock { $0.merge(mine) { $1 } }
        }
        let objects: [Int: StoredObject] = made.withLock { $0 }
        for (i, change) in changes.enumerated() {
            guard let cache = caches[i] else { continue }
            if let object = objects[i] {
                cache.apply(change.revision, path: object.path, object)
            } else if change.value == nil {
                cache.apply(change.revision, path: String(change.key.dropFirst(cache.prefix.count + 1)), nil)
            }
        }
    }

    private static let stripes: Int = 4

    /// The cache of each change; nil: no resource has claimed its prefix yet, and the change waits for one.
    private func claim(_ changes: [Change]) -> [ResourceCache?] {
        state.withLock { s in
            // Rows of one resource follow each other; the folder is asked for only when no cache lies below it.
            var last: (folder: String, cache: ResourceCache)?
            return changes.map { change in
                if let last, change.key.hasPrefix(last.folder) { return last.cache }
                let prefixes: [String] = CacheHub.prefixes(of: change.key)
                for prefix in prefixes {
                    guard let cache = s.caches[prefix] else { continue }
                    let folder: String = prefix + "/"
                    last = s.caches.keys.contains { $0.hasPrefix(folder) } ? nil : (folder, cache)
                    return cache
                }
                // Custom resources: /registry/GROUP/PLURAL/…
                if let guess = prefixes.first(where: { $0.utf8.filter { $0 == 47 }.count == 3 }) {
                    s.unclaimed[guess, default: []].append(change)
                }
                return nil
            }
        }
    }

    /// `/registry/a/b/c` → `/registry/a/b`, `/registry/a`.
    private static func prefixes(of key: String) -> [String] {
        var out: [String] = []
        var rest: Substring = Substring(key)
        while let slash = rest.lastIndex(of: "/"), slash > rest.startIndex {
            rest = rest[..<slash]
            out.append(String(rest))
        }
        return out
    }

    /// nil for a deletion, and for what cannot be read.
    private func object(replayed change: Change, of cache: ResourceCache) -> StoredObject? {
        guard let value = change.value else { return nil }
        let path: String = String(change.key.dropFirst(cache.prefix.count + 1))
        do {
            let plain: [UInt8] = try sealer?.open(value, key: change.key) ?? value
            if let bytes = StorageForm.stamped(plain, change.revision) {
                return try StoredObject(path: path, revision: change.revision, bytes: bytes)
            }
            return StoredObject(path: path, revision: change.revision, object: try JSON.parse(plain))
        } catch {
            log.error("\(change.key) at revision \(change.revision) cannot be read and is not served: \(error)")
            return nil
        }
    }

    package func opened(_ start: StoreStart) {
        newest.store(start.revision.value, ordering: .releasing)
        let all: [ResourceCache] = state.withLock { s in
            s.start = start
            return Array(s.caches.values)
        }
        for cache in all { cache.opened(start) }
    }

    package func publish(_ changes: [Change]) {
        var touched: [ObjectIdentifier: ResourceCache] = [:]
        for change in changes {
            guard let pending = change.payload as? PendingObject else { continue }
            var stored: StoredObject?
            if let object = pending.object {
                if let bytes = pending.encoded.flatMap({ StorageForm.filled($0, change.revision) }) {
                    stored = try? StoredObject(path: pending.path, revision: change.revision, bytes: bytes)
                }
                stored = stored ?? StoredObject(path: pending.path, revision: change.revision, object: object)
            }
            pending.cache.apply(change.revision, path: pending.path, stored)
            touched[ObjectIdentifier(pending.cache)] = pending.cache
        }
        if let last = changes.last {
            newest.store(last.revision.value, ordering: .sequentiallyConsistent)
            revisionWait.reached(last.revision)
        }
        for cache in touched.values { fanOut.wake(cache) }
    }
}
