// The objects of one resource by namespace and name, with indexes by whatever else is asked for often.

package import KubeModel
package import KubeWire

/// A value: the informer guards it with its lock.
package struct ObjectCache: Sendable {
    /// The index keys of an object: its owner's uid, its node's name.
    package typealias IndexKeys = @Sendable (JSON) -> [String]

    private struct Index: Sendable {
        var keys: IndexKeys
        var members: [String: Set<ObjectKey>] = [:]
    }

    private var byNamespace: [String: [String: JSON]] = [:]
    private var indexes: [String: Index] = [:]
    package private(set) var count: Int = 0

    package init() {}

    package subscript(_ key: ObjectKey) -> JSON? { byNamespace[key.namespace]?[key.name] }
    package var all: [JSON] { byNamespace.values.flatMap { $0.values } }
    package func all(namespace: String) -> [JSON] { byNamespace[namespace].map { Array($0.values) } ?? [] }
    package func all(index: String, _ key: String) -> [JSON] {
        guard let keys = indexes[index]?.members[key] else { return [] }
        return keys.compactMap { self[$0] }
    }

    /// Answers what stood there before.
    package mutating func store(_ object: JSON, _ key: ObjectKey) -> JSON? {
        let old: JSON? = byNamespace[key.namespace, default: [:]].updateValue(object, forKey: key.name)
        if old == nil { count += 1 }
        for name in indexes.keys { reindex(name, key, old: old, new: object) }
        return old
    }

    package mutating func remove(_ key: ObjectKey) -> JSON? {
        guard let old = byNamespace[key.namespace]?.removeValue(forKey: key.name) else { return nil }
        if byNamespace[key.namespace]?.isEmpty == true { byNamespace[key.namespace] = nil }
        count -= 1
        for name in indexes.keys { reindex(name, key, old: old, new: nil) }
        return old
    }

    /// Adding a name again changes nothing.
    package mutating func addIndex(_ name: String, _ keys: @escaping IndexKeys) {
        guard indexes[name] == nil else { return }
        indexes[name] = Index(keys: keys)
        for object in all { reindex(name, ObjectKey(of: object), old: nil, new: object) }
    }

    private mutating func reindex(_ name: String, _ key: ObjectKey, old: JSON?, new: JSON?) {
        // Only the function: a copy of the index would make each change copy all of its members.
        guard let keys = indexes[name]?.keys else { return }
        let before: [String] = old.map(keys) ?? []
        let after: [String] = new.map(keys) ?? []
        guard before != after else { return }
        for k in before {
            indexes[name]!.members[k]?.remove(key)
            if indexes[name]!.members[k]?.isEmpty == true { indexes[name]!.members[k] = nil }
        }
        for k in after { indexes[name]!.members[k, default: []].insert(key) }
    }
}
