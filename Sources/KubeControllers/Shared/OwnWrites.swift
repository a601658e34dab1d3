// A controller's own writes, laid over its informer's cache until the cache has caught up.

import KubeClient
import KubeModel
import KubeWire
import Synchronization

/// Without it, a reconcile that runs before the watch has shown our last create would create again.
final class OwnWrites: Sendable {
    private struct State {
        var written: [ObjectKey: JSON] = [:]
        /// uids
        var deleted: [ObjectKey: String] = [:]
        /// Uids whose deletion has shown, so that a late answer does not bring them back.
        var gone: Set<String> = []
    }
    private static let goneMax: Int = 4096
    private let state: Mutex<State> = Mutex(State())

    init(_ informer: Informer) {
        informer.onChange { [weak self] old, new in self?.seen(old, new) }
    }

    func wrote(_ object: JSON) {
        state.withLock {
            if !$0.gone.contains(object.metadata.uid.text) { $0.written[ObjectKey(of: object)] = object }
        }
    }
    func deleted(_ object: JSON) {
        state.withLock {
            if !$0.gone.contains(object.metadata.uid.text) {
                $0.deleted[ObjectKey(of: object)] = object.metadata.uid.text
            }
            $0.written[ObjectKey(of: object)] = nil
        }
    }

    private static func revision(_ object: JSON) -> UInt64 { UInt64(object.metadata.resourceVersion.text) ?? 0 }

    private func seen(_ old: JSON?, _ new: JSON?) {
        guard let object = new ?? old else { return }
        let key: ObjectKey = ObjectKey(of: object)
        state.withLock { s in
            if let mine = s.written[key], new == nil || Self.revision(object) >= Self.revision(mine) {
                s.written[key] = nil
            }
            if new == nil {
                if s.gone.count >= Self.goneMax { s.gone = [] }
                s.gone.insert(object.metadata.uid.text)
            }
            if new == nil, s.deleted[key] == object.metadata.uid.text { s.deleted[key] = nil }
        }
    }

    /// `cached` with the writes that belong to it: `belongs` picks among objects the cache may not have yet.
    func over(_ cached: [JSON], belongs: (JSON) -> Bool) -> [JSON] {
        let (written, deleted): ([ObjectKey: JSON], [ObjectKey: String]) = state.withLock { ($0.written, $0.deleted) }
        if written.isEmpty, deleted.isEmpty { return cached }
        var byKey: [ObjectKey: JSON] = [:]
        for object in cached { byKey[ObjectKey(of: object)] = object }
        for (key, object) in written where belongs(object) {
            if let there = byKey[key], Self.revision(there) >= Self.revision(object) { continue }
            byKey[key] = object
        }
        for (key, uid) in deleted where byKey[key]?.metadata.uid.text == uid { byKey[key] = nil }
        return Array(byKey.values)
    }
}
