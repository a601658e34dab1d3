// Encryption at rest: AES-256-GCM over the values of chosen prefixes, each bound to its key.

package import KubeCrypto
import KubeWire

/// The stored form is `k8s:enc:aesgcm:v1:` and the sealed bytes, so that plain values of before stay readable.
package struct SecretSealer: ValueSealer {
    private static let mark: [UInt8] = Array("k8s:enc:aesgcm:v1:".utf8)
    private let key: SealingKey
    private let prefixes: [String]

    package init(key: SealingKey, prefixes: [String] = ["/registry/secrets/"]) {
        self.key = key
        self.prefixes = prefixes
    }

    package func seal(_ value: [UInt8], key path: String) throws -> [UInt8] {
        guard prefixes.contains(where: { path.hasPrefix($0) }) else { return value }
        return SecretSealer.mark + (try key.seal(value, context: Array(path.utf8)))
    }

    package func open(_ value: [UInt8], key path: String) throws -> [UInt8] {
        guard value.starts(with: SecretSealer.mark) else { return value }
        return try key.open(Array(value.dropFirst(SecretSealer.mark.count)), context: Array(path.utf8))
    }
}
