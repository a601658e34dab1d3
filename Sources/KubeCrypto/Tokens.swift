// Signed tokens: compact JSON Web Tokens by ES256 (RFC 7515, 7518) and the key set that verifies them (RFC 7517).

import Crypto
import FoundationEssentials
package import KubeWire

/// A P-256 key that signs service-account tokens.
package struct SigningKey: Sendable {
    private let key: P256.Signing.PrivateKey
    /// base64url of the SHA-256 of the public key's DER form, as upstream's legacy and bound tokens have it.
    package let keyID: String

    package static func create() throws -> Self { Self(P256.Signing.PrivateKey()) }

    package init(pem: String) throws {
        do { self.init(try P256.Signing.PrivateKey(pemRepresentation: pem)) } catch {
            throw CryptoError("the signing key is not a P-256 private key in PEM form")
        }
    }

    private init(_ key: P256.Signing.PrivateKey) {
        self.key = key
        keyID = Base64URL.encode(Digest.sha256(Array(key.publicKey.derRepresentation)))
    }

    package var pem: String { key.pemRepresentation + "\n" }
    package var publicPEM: String { key.publicKey.pemRepresentation + "\n" }

    /// The compact JWT of `claims`.
    package func sign(_ claims: JSON) throws -> String {
        let header: JSON = ["alg": "ES256", "kid": JSON(keyID)]
        let text: String = Base64URL.encode(header.encoded()) + "." + Base64URL.encode(claims.encoded())
        let signature: P256.Signing.ECDSASignature = try key.signature(for: Array(text.utf8))
        return text + "." + Base64URL.encode(Array(signature.rawRepresentation))
    }

    fileprivate func verifies(_ signature: [UInt8], of text: [UInt8]) -> Bool {
        guard let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
        return key.publicKey.isValidSignature(parsed, for: text)
    }

    /// The public key as a JSON Web Key.
    package var jwk: JSON {
        let raw: [UInt8] = Array(key.publicKey.rawRepresentation)
        return [
            "use": "sig", "kty": "EC", "kid": JSON(keyID), "crv": "P-256", "alg": "ES256",
            "x": JSON(Base64URL.encode(Array(raw[0..<32]))), "y": JSON(Base64URL.encode(Array(raw[32..<64]))),
        ]
    }

    /// The JSON Web Key Set served at /openid/v1/jwks.
    package static func jwks(_ keys: [SigningKey]) -> JSON { ["keys": JSON(keys.map { $0.jwk })] }
}

/// The claims of a token that one of `keys` signed. The caller checks exp, nbf, iss and aud.
package func verifyToken(_ jwt: String, keys: [SigningKey]) throws -> JSON {
    let parts: [Substring] = jwt.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
        let signature = Base64URL.decode(parts[2])
    else { throw CryptoError("the token is not a compact JWT") }
    let facts: JSON = try JSON.parse(header, limits: JSONLimits(depthMax: 8))
    guard facts.alg.text == "ES256" else { throw CryptoError("the token's algorithm is not ES256") }
    let signed: [UInt8] = Array((parts[0] + "." + parts[1]).utf8)
    let kid: String = facts.kid.text
    let candidates: [SigningKey] = kid.isEmpty ? keys : keys.filter { $0.keyID == kid }
    guard candidates.contains(where: { $0.verifies(signature, of: signed) }) else {
        throw CryptoError("the token's signature is not by a known key")
    }
    return try JSON.parse(payload, limits: JSONLimits(depthMax: 64))
}

/// Base 64 with `-` and `_` and without padding (RFC 4648 section 5).
package enum Base64URL {
    private static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count * 4 / 3 + 3)
        var i: Int = 0
        while i < bytes.count {
            let rest: Int = bytes.count - i
            let word: UInt32 =
                UInt32(bytes[i]) << 16 | (rest > 1 ? UInt32(bytes[i + 1]) << 8 : 0)
                | (rest > 2 ? UInt32(bytes[i + 2]) : 0)
            out.append(alphabet[Int(word >> 18 & 63)])
            out.append(alphabet[Int(word >> 12 & 63)])
            if rest > 1 { out.append(alphabet[Int(word >> 6 & 63)]) }
            if rest > 2 { out.append(alphabet[Int(word & 63)]) }
            i += 3
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// nil for a character outside the alphabet or an impossible length.
    package static func decode(_ text: Substring) -> [UInt8]? {
        var out: [UInt8] = []
        var word: UInt32 = 0
        var bits: Int = 0
        for c in text.utf8 {
            let value: UInt32
            switch c {
            case 65...90: value = UInt32(c - 65)
            case 97...122: value = UInt32(c - 71)
            case 48...57: value = UInt32(c + 4)
            case 45: value = 62
            case 95: value = 63
            default: return nil
            }
            word = word << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                out.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
            }
        }
        return bits == 6 ? nil : out
    }
}
