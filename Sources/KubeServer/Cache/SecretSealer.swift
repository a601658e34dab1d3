// Encryption at rest: AES-GCM over the values of chosen prefixes, each bound to its key, with keys that can be changed.

package import KubeCrypto
import KubeModel
import KubeWire
import Synchronization

/// Which stored prefixes are sealed, with which keys: apiserver.config.k8s.io/v1 EncryptionConfiguration, cut to AES-GCM.
package struct SealingRing: Sendable {
    package struct Key: Sendable {
        package var name: String
        package var key: SealingKey
        package init(name: String, key: SealingKey) {
            self.name = name
            self.key = key
        }
    }
    /// The first seals, all open. Empty: new values are written plain.
    package var keys: [Key]
    /// Other keys that open values of before.
    package var oldKeys: [Key]
    /// `/registry/secrets/`
    package var prefixes: [String]

    package init(keys: [Key], oldKeys: [Key] = [], prefixes: [String] = ["/registry/secrets/"]) {
        self.keys = keys
        self.oldKeys = oldKeys
        self.prefixes = prefixes
    }
}

/// The stored form is `k8s:enc:aesgcm:v1:NAME:` and the sealed bytes, so that plain values of before stay readable.
package final class SecretSealer: ValueSealer {
    private static let mark: [UInt8] = Array("k8s:enc:aesgcm:v1:".utf8)
    private struct State {
        var ring: SealingRing
        /// Read from the store in another form than the ring would write now.
        var stale: Set<String> = []
    }
    private let state: Mutex<State>

    package init(ring: SealingRing) { state = Mutex(State(ring: ring)) }

    package convenience init(key: SealingKey, prefixes: [String] = ["/registry/secrets/"]) {
        self.init(ring: SealingRing(keys: [SealingRing.Key(name: "key1", key: key)], prefixes: prefixes))
    }

    /// New keys: what is stored under the old ones is read with them until it was written again.
    package func replace(_ ring: SealingRing) { state.withLock { $0.ring = ring } }

    package func covers(_ path: String) -> Bool {
        state.withLock { s in s.ring.prefixes.contains { path.hasPrefix($0) } }
    }
    package func isStale(_ path: String) -> Bool { state.withLock { $0.stale.contains(path) } }

    package func seal(_ value: [UInt8], key path: String) throws -> [UInt8] {
        let key: SealingRing.Key? = state.withLock { s in
            guard s.ring.prefixes.contains(where: { path.hasPrefix($0) }) else { return nil }
            if !s.stale.isEmpty { s.stale.remove(path) }
            return s.ring.keys.first
        }
        guard let key else { return value }
        return SecretSealer.mark + Array((key.name + ":").utf8)
            + (try key.key.seal(value, context: Array(path.utf8)))
    }

    package func open(_ value: [UInt8], key path: String) throws -> [UInt8] {
        let ring: SealingRing = state.withLock { $0.ring }
        let isCovered: Bool = ring.prefixes.contains { path.hasPrefix($0) }
        guard value.starts(with: SecretSealer.mark) else {
            note(path, isStale: isCovered && !ring.keys.isEmpty)
            return value
        }
        let rest: ArraySlice<UInt8> = value.dropFirst(SecretSealer.mark.count)
        let context: [UInt8] = Array(path.utf8)
        for key in ring.keys + ring.oldKeys {
            let name: [UInt8] = Array((key.name + ":").utf8)
            guard rest.starts(with: name), let plain = try? key.key.open(Array(rest.dropFirst(name.count)), context: context)
            else { continue }
            note(path, isStale: !isCovered || key.name != ring.keys.first?.name)
            return plain
        }
        // The first form had no name.
        for key in ring.keys + ring.oldKeys {
            guard let plain = try? key.key.open(Array(rest), context: context) else { continue }
            note(path, isStale: true)
            return plain
        }
        throw CryptoError("no key of the encryption configuration opens the stored value")
    }

    private func note(_ path: String, isStale: Bool) {
        state.withLock { s in
            if isStale {
                s.stale.insert(path)
            } else if !s.stale.isEmpty {
                s.stale.remove(path)
            }
        }
    }
}

extension APIServer {
    /// Writes again what is not sealed with the newest key; `all`: whatever the sealer has seen, since the keys changed.
    /// Answers how many objects were written.
    @discardableResult
    package func reseal(_ sealer: SecretSealer, all: Bool) async throws -> Int {
        var count: Int = 0
        var seen: Set<String> = []
        for definition in registry.definitions where definition.isStored {
            guard seen.insert(definition.storagePrefix).inserted else { continue }
            let prefix: String = definition.storagePrefix + "/"
            for stored in registry.cache(definition).snapshot(folder: "").objects {
                let key: String = prefix + stored.path
                guard all ? sealer.covers(key) : sealer.isStale(key) else { continue }
                do throws(StatusError) {
                    _ = try await registry.replace(definition, stored, with: definition.served(stored.object))
                    count += 1
                } catch {
                    // Somebody else has written it meanwhile, with the newest key, or has deleted it.
                    if !error.isConflict, !error.isNotFound { throw error }
                }
            }
        }
        return count
    }
}
