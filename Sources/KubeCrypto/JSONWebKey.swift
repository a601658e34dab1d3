// Tokens of other issuers: JSON Web Tokens taken apart, and the keys of a JSON Web Key Set that verify them.

import Crypto
import CryptoExtras
import FoundationEssentials
package import KubeWire

/// A compact JWS (RFC 7515) whose payload is an object; nothing in it is believed before its signature was verified.
package struct JSONWebToken: Sendable {
    package let header: JSON
    package let claims: JSON
    let signed: [UInt8]
    let signature: [UInt8]

    package var algorithm: String { header.alg.text }
    package var keyID: String { header.kid.text }

    /// nil: it is no such token.
    package init?(_ text: String) {
        let parts: [Substring] = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Base64URL.decode(parts[0]), let body = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2]), let header = try? JSON.parse(head),
            let claims = try? JSON.parse(body), header.asObject != nil, claims.asObject != nil
        else { return nil }
        self.header = header
        self.claims = claims
        self.signature = signature
        signed = Array("\(parts[0]).\(parts[1])".utf8)
    }
}

/// A public key for signatures (RFC 7517): RSA, or an elliptic curve of NIST.
package struct JSONWebKey: Sendable {
    private enum Public: Sendable {
        case rsa(_RSA.Signing.PublicKey)
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case p521(P521.Signing.PublicKey)
    }
    package let keyID: String
    /// Empty: any that fits the key.
    package let algorithm: String
    private let key: Public

    /// What a token may be signed by (RFC 7518 section 3.1).
    package static let algorithms: [String] = [
        "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512",
    ]

    /// nil: another use, another type, or faulty.
    package init?(_ json: JSON) {
        guard ["", "sig"].contains(json.use.text) else { return nil }
        func bytes(_ field: String) -> [UInt8]? { json[field].asString.flatMap { Base64URL.decode($0[...]) } }
        keyID = json.kid.text
        algorithm = json.alg.text
        switch json.kty.text {
        case "RSA":
            guard let n = bytes("n"), let e = bytes("e"),
                let made = try? _RSA.Signing.PublicKey(n: Data(n), e: Data(e))
            else { return nil }
            key = .rsa(made)
        case "EC":
            guard let x = bytes("x"), let y = bytes("y") else { return nil }
            let raw: [UInt8] = x + y
            switch json.crv.text {
            case "P-256":
                guard let made = try? P256.Signing.PublicKey(rawRepresentation: raw) else { return nil }
                key = .p256(made)
            case "P-384":
                guard let made = try? P384.Signing.PublicKey(rawRepresentation: raw) else { return nil }
                key = .p384(made)
            case "P-521":
                guard let made = try? P521.Signing.PublicKey(rawRepresentation: raw) else { return nil }
                key = .p521(made)
            default: return nil
            }
        default: return nil
        }
    }

    /// The keys of a set that serve; others are passed over.
    package static func keys(of set: JSON) -> [JSONWebKey] { set["keys"].elements.compactMap { JSONWebKey($0) } }

    package func verifies(_ token: JSONWebToken) -> Bool {
        guard algorithm.isEmpty || algorithm == token.algorithm else { return false }
        let (text, signature): ([UInt8], [UInt8]) = (token.signed, token.signature)
        switch (key, token.algorithm) {
        case (.p256(let key), "ES256"):
            guard let s = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(s, for: text)
        case (.p384(let key), "ES384"):
            guard let s = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(s, for: text)
        case (.p521(let key), "ES512"):
            guard let s = try? P521.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(s, for: text)
        case (.rsa(let key), let name) where name.hasPrefix("RS") || name.hasPrefix("PS"):
            let padding: _RSA.Signing.Padding = name.hasPrefix("PS") ? .PSS : .insecurePKCS1v1_5
            let s: _RSA.Signing.RSASignature = _RSA.Signing.RSASignature(rawRepresentation: signature)
            switch name.dropFirst(2) {
            case "256": return key.isValidSignature(s, for: SHA256.hash(data: text), padding: padding)
            case "384": return key.isValidSignature(s, for: SHA384.hash(data: text), padding: padding)
            case "512": return key.isValidSignature(s, for: SHA512.hash(data: text), padding: padding)
            default: return false
            }
        default: return false
        }
    }
}
