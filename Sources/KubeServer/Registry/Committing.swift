// The last step of every write: encode once, commit, and say failures in the API's words.

import KubeModel
import KubeStore
import KubeWire

extension Registry {
    /// Bytes of one object: etcd's request limit upstream.
    static let objectBytesMax: Int = 3 << 19

    /// Adds a new object; 409 AlreadyExists when the name is taken.
    func insert(_ definition: ResourceDefinition, _ served: JSON) async throws(StatusError) -> StoredObject {
        let name: String = served.metadata.name.text
        return try await commit(definition, served, name: name, expecting: .absent)
    }

    /// Writes over `stored`; a retryable 409 Conflict when it has moved on.
    func replace(
        _ definition: ResourceDefinition, _ stored: StoredObject, with served: JSON
    ) async throws(StatusError) -> StoredObject {
        try await commit(definition, served, name: stored.key.name, expecting: .revision(stored.revision))
    }

    private func commit(
        _ definition: ResourceDefinition, _ served: JSON, name: String, expecting: Write.Expectation
    ) async throws(StatusError) -> StoredObject {
        let cache: ResourceCache = cache(definition)
        let path: String = Registry.path(definition, served.metadata.namespace.text, name)
        // The placeholder keeps its place after uid; the real number comes with the commit.
        let object: JSON = StorageForm.stamped(try await toStorage(served, definition), .zero)
        let encoded: StorageForm.Encoded = StorageForm.encode(object)
        guard encoded.bytes.count <= Registry.objectBytesMax else {
            throw .tooLarge("Request entity too large: limit is \(Registry.objectBytesMax)")
        }
        let pending: PendingObject = PendingObject(cache: cache, path: path, object: object, encoded: encoded)
        let key: String = definition.storagePrefix + "/" + path
        let write: Write = Write(
            key: key, value: try sealed(encoded.bytes, key: key, definition), expectation: expecting,
            durability: definition.durability, payload: pending)
        let revision: Revision = try await commit(write, definition, name: name)
        if let now = cache.get(path), now.revision == revision { return now }
        // Someone has written again meanwhile: answer what this write made.
        return StoredObject(path: path, revision: revision, object: object)
    }

    private func sealed(
        _ bytes: [UInt8], key: String, _ definition: ResourceDefinition
    ) throws(StatusError) -> [UInt8] {
        guard let sealer = hub.sealer else { return bytes }
        do {
            return try sealer.seal(bytes, key: key)
        } catch {
            throw .internalError("cannot encrypt \(definition.groupResource): \(error)")
        }
    }

    /// Takes the object out of the store; a retryable 409 Conflict when it has moved on.
    func erase(_ definition: ResourceDefinition, _ stored: StoredObject) async throws(StatusError) {
        let pending: PendingObject = PendingObject(
            cache: cache(definition), path: stored.path, object: nil, encoded: nil)
        let write: Write = Write(
            key: definition.storagePrefix + "/" + stored.path, value: nil, expectation: .revision(stored.revision),
            durability: definition.durability, payload: pending)
        _ = try await commit(write, definition, name: stored.key.name)
    }

    private func commit(
        _ write: Write, _ definition: ResourceDefinition, name: String
    ) async throws(StatusError) -> Revision {
        let start: Int64 = Fairness.now()
        defer { StoreMetrics.took(write, definition.groupResource, since: start) }
        do throws(StoreError) {
            return try await store.commit([write])[0]
        } catch {
            throw Registry.status(error, write, definition.groupResource, name)
        }
    }

    /// The one place where a store's error becomes a Status.
    private static func status(
        _ error: StoreError, _ write: Write, _ resource: GroupResource, _ name: String
    ) -> StatusError {
        switch error {
        case .conflict(_, let newest):
            if write.expectation == .absent { return .alreadyExists(resource, name) }
            if newest == nil { return .notFound(resource, name) }
            var conflict: StatusError = .modified(resource, name)
            conflict.details.retry = true
            return conflict
        case .noSpace(let why):
            return StatusError(
                code: 507, reason: "InsufficientStorage",
                message: "etcdserver: mvcc: database space exceeded (\(why))")
        case .failed(let why): return .internalError(why)
        case .stopped: return .serviceUnavailable("the server is shutting down")
        }
    }
}

extension ResourceDefinition {
    /// Leases and events do not cost a disk write each: a crash may lose their last two seconds.
    var durability: Durability {
        switch (gvr.group, gvr.resource) {
        case ("coordination.k8s.io", "leases"), ("", "events"), ("events.k8s.io", "events"): .grouped
        default: .synced
        }
    }
}
