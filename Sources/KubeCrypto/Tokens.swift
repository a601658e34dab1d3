// Signed tokens: compact JSON Web Tokens by ES256 or RS256 (RFC 7515, 7518) and the key set that verifies them (RFC 7517).

import Crypto
import CryptoExtras
import FoundationEssentials
package import KubeWire

/// A key that signs service-account tokens: P-256 (ES256) or RSA (RS256).
package struct SigningKey: Sendable {
    private enum Secret: Sendable {
        case p256(P256.Signing.PrivateKey)
        case rsa(_RSA.Signing.PrivateKey)
    }
    private let secret: Secret
    /// What others need to check the signatures.
    package let verification: VerificationKey
    package var keyID: String { verification.keyID }

    package static func create() throws -> Self { Self(P256.Signing.PrivateKey()) }

    /// PKCS#8, SEC 1 or PKCS#1.
    package init(pem: String) throws {
        if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) {
            self.init(key)
        } else if let key = try? _RSA.Signing.PrivateKey(pemRepresentation: pem) {
            self.init(key)
        } else {
            throw CryptoError("the signing key is not a P-256 or RSA (2048 bits and more) private key in PEM form")
        }
    }

    private init(_ key: _RSA.Signing.PrivateKey) {
        secret = .rsa(key)
        verification = VerificationKey(key.publicKey)
    }
    private init(_ key: P256.Signing.PrivateKey) {
        secret = .p256(key)
        verification = VerificationKey(key.publicKey)
    }

    package var pem: String {
        switch secret {
        case .p256(let key): key.pemRepresentation + "\n"
        case .rsa(let key): key.pemRepresentation + "\n"
        }
    }
    package var publicPEM: String { verification.pem }

    /// The compact JWT of `claims`.
    package func sign(_ claims: JSON) throws -> String {
        let header: JSON = ["alg": .string(verification.algorithm), "kid": JSON(keyID)]
        let text: String = Base64URL.encode(header.encoded()) + "." + Base64URL.encode(claims.encoded())
        let bytes: [UInt8] = Array(text.utf8)
        let signature: [UInt8]
        switch secret {
        case .p256(let key): signature = Array(try key.signature(for: bytes).rawRepresentation)
        case .rsa(let key):
            signature = Array(
                try key.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5).rawRepresentation)
        }
        return text + "." + Base64URL.encode(signature)
    }

    /// The public key as a JSON Web Key.
    package var jwk: JSON { verification.jwk }
    /// The JSON Web Key Set served at /openid/v1/jwks.
    package static func jwks(_ keys: [SigningKey]) -> JSON { VerificationKey.jwks(keys.map { $0.verification }) }
}

/// The public half: a key whose signatures are accepted, also when it signs no more.
package struct VerificationKey: Sendable {
    private enum Public: Sendable {
        case p256(P256.Signing.PublicKey)
        case rsa(_RSA.Signing.PublicKey)
    }
    private let key: Public
    /// base64url of the SHA-256 of the public key's DER form, as upstream's legacy and bound tokens have it.
    package let keyID: String

    /// A public key in PEM form (PKIX), or a private one whose public half is meant.
    package init(pem: String) throws {
        if let key = try? P256.Signing.PublicKey(pemRepresentation: pem) {
            self.init(key)
        } else if let key = try? _RSA.Signing.PublicKey(pemRepresentation: pem) {
            self.init(key)
        } else {
            self = try SigningKey(pem: pem).verification
        }
    }

    fileprivate init(_ key: P256.Signing.PublicKey) {
        self.key = .p256(key)
        keyID = Base64URL.encode(Digest.sha256(Array(key.derRepresentation)))
    }
    fileprivate init(_ key: _RSA.Signing.PublicKey) {
        self.key = .rsa(key)
        keyID = Base64URL.encode(Digest.sha256(Array(key.derRepresentation)))
    }

    package var algorithm: String {
        switch key {
        case .p256: "ES256"
        case .rsa: "RS256"
        }
    }
    package var pem: String {
        switch key {
        case .p256(let key): key.pemRepresentation + "\n"
        case .rsa(let key): key.pemRepresentation + "\n"
        }
    }

    fileprivate func verifies(_ signature: [UInt8], of text: [UInt8]) -> Bool {
        switch key {
        case .p256(let key):
            guard let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(parsed, for: text)
        case .rsa(let key):
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: text),
                padding: .insecurePKCS1v1_5)
        }
    }

    /// The public key as a JSON Web Key.
    package var jwk: JSON {
        switch key {
        case .p256(let key):
            let raw: [UInt8] = Array(key.rawRepresentation)
            return [
                "use": "sig", "kty": "EC", "kid": JSON(keyID), "crv": "P-256", "alg": "ES256",
                "x": JSON(Base64URL.encode(Array(raw[0..<32]))), "y": JSON(Base64URL.encode(Array(raw[32..<64]))),
            ]
        case .rsa(let key):
            guard let parts = try? key.getKeyPrimitives() else { return .null }
            return [
                "use": "sig", "kty": "RSA", "kid": JSON(keyID), "alg": "RS256",
                "n": JSON(Base64URL.encode(Array(parts.modulus))),
                "e": JSON(Base64URL.encode(Array(parts.publicExponent))),
            ]
        }
    }

    package static func jwks(_ keys: [VerificationKey]) -> JSON { ["keys": JSON(keys.map { $0.jwk })] }
}

/// The claims of a token that one of `keys` signed. The caller checks exp, nbf, iss and aud.
package func verifyToken(_ jwt: String, keys: [SigningKey]) throws -> JSON {
    try verifyToken(jwt, keys: keys.map { $0.verification })
}

package func verifyToken(_ jwt: String, keys: [VerificationKey]) throws -> JSON {
    let parts: [Substring] = jwt.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
        let signature = Base64URL.decode(parts[2])
    else { throw CryptoError("the token is not a compact JWT") }
    let facts: JSON = try JSON.parse(header, limits: JSONLimits(depthMax: 8))
    // A key knows its algorithm: a token cannot choose another one for it.
    guard ["ES256", "RS256"].contains(facts.alg.text) else {
        throw CryptoError("the token's algorithm is neither ES256 nor RS256")
    }
    let signed: [UInt8] = Array((parts[0] + "." + parts[1]).utf8)
    let kid: String = facts.kid.text
    let candidates: [VerificationKey] = keys.filter {
        $0.algorithm == facts.alg.text && (kid.isEmpty || $0.keyID == kid)
    }
    guard candidates.contains(where: { $0.verifies(signature, of: signed) }) else {
        throw CryptoError("the token's signature is not by a known key")
    }
    return try JSON.parse(payload, limits: JSONLimits(depthMax: 64))
}

/// The claims of a JWT whose signature nobody has checked: to read its issuer.
package func unverifiedClaims(_ jwt: String) -> JSON? {
    let parts: [Substring] = jwt.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let payload = Base64URL.decode(parts[1]) else { return nil }
    return try? JSON.parse(payload, limits: JSONLimits(depthMax: 64))
}
