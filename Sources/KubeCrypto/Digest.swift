// Hashes, secure random bytes and sealing of secrets at rest.

import Crypto
import FoundationEssentials

package enum Digest {
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
    package static func sha1(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.SHA1.hash(data: bytes)) }
    /// Lower-case hexadecimal.
    package static func hex(_ bytes: [UInt8]) -> String {
        let digits: [UInt8] = Array("0123456789abcdef".utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            out.append(digits[Int(byte >> 4)])
            out.append(digits[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// `count` bytes from the system's secure generator.
package func secureRandomBytes(_ count: Int) -> [UInt8] {
    var generator: SystemRandomNumberGenerator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
}

/// Equal without telling by its time where two secrets differ.
package func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}

/// An AES-256-GCM key.
package struct SealingKey: Sendable {
    /// 32 bytes.
    package let bytes: [UInt8]

    package static func create() -> Self { Self(checked: secureRandomBytes(32)) }

    package init(bytes: [UInt8]) throws {
        guard bytes.count == 32 else { throw CryptoError("a sealing key has 32 bytes, not \(bytes.count)") }
        self.bytes = bytes
    }

    private init(checked: [UInt8]) { bytes = checked }

    /// nonce (12 bytes) + ciphertext + tag (16 bytes); `context` is authenticated but not stored.
    package func seal(_ plain: [UInt8], context: [UInt8] = []) throws -> [UInt8] {
        let box: AES.GCM.SealedBox = try AES.GCM.seal(plain, using: SymmetricKey(data: bytes), authenticating: context)
        guard let combined = box.combined else { throw CryptoError("sealing failed") }
        return Array(combined)
    }

    package func open(_ sealed: [UInt8], context: [UInt8] = []) throws -> [UInt8] {
        do {
            let box: AES.GCM.SealedBox = try AES.GCM.SealedBox(combined: sealed)
            return Array(try AES.GCM.open(box, using: SymmetricKey(data: bytes), authenticating: context))
        } catch { throw CryptoError("the sealed bytes were not made with this key and context") }
    }
}
