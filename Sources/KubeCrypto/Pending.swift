// Shapes published early so that other targets compile; each moves to its own file as its body arrives.

package import KubeBase
package import KubeWire

package struct CryptoError: Error, Sendable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}

/// What a certificate is asked to say.
package struct CertificateRequest: Sendable {
    package var commonName: String
    package var organizations: [String]
    package var dnsNames: [String]
    package var ipAddresses: [String]
    package var isServer: Bool
    package var isClient: Bool
    package var validity: Duration
    package init(
        commonName: String, organizations: [String] = [], dnsNames: [String] = [], ipAddresses: [String] = [],
        isServer: Bool, isClient: Bool, validity: Duration
    ) {
        self.commonName = commonName
        self.organizations = organizations
        self.dnsNames = dnsNames
        self.ipAddresses = ipAddresses
        self.isServer = isServer
        self.isClient = isClient
        self.validity = validity
    }
}

package struct CertificateAuthority: Sendable {
    package static func create(commonName: String, validity: Duration) throws -> Self { fatalError("pending") }
    package init(certificatePEM: String, keyPEM: String) throws { fatalError("pending") }
    package var certificatePEM: String { fatalError("pending") }
    package var keyPEM: String { fatalError("pending") }
    package func issue(
        _ request: CertificateRequest
    ) throws -> (certificatePEM: String, keyPEM: String) { fatalError("pending") }
    /// Signs a PKCS#10 request: its subject, its SANs and its key.
    package func sign(
        csrPEM: String, isServer: Bool, isClient: Bool, validity: Duration
    ) throws -> String { fatalError("pending") }
}

/// The facts of a parsed PKCS#10 request.
package struct SigningRequest: Sendable {
    package var commonName: String
    package var organizations: [String]
    package var dnsNames: [String]
    package var ipAddresses: [String]
    package init(pem: String) throws { fatalError("pending") }
    /// A new key and a request for it.
    package static func create(
        commonName: String, organizations: [String], dnsNames: [String], ipAddresses: [String]
    ) throws -> (csrPEM: String, keyPEM: String) { fatalError("pending") }
}

/// The facts of a parsed certificate.
package struct CertificateFacts: Sendable {
    package var commonName: String
    package var organizations: [String]
    package var notBefore: Timestamp
    package var notAfter: Timestamp
    package var dnsNames: [String]
    package var ipAddresses: [String]
    package init(pem: String) throws { fatalError("pending") }
    package init(der: [UInt8]) throws { fatalError("pending") }
}

/// A key that signs service-account tokens: ES256.
package struct SigningKey: Sendable {
    package static func create() throws -> Self { fatalError("pending") }
    package init(pem: String) throws { fatalError("pending") }
    package var pem: String { fatalError("pending") }
    package var publicPEM: String { fatalError("pending") }
    package var keyID: String { fatalError("pending") }
    /// The compact JWT of `claims`.
    package func sign(_ claims: JSON) throws -> String { fatalError("pending") }
    /// The public key as a JSON Web Key.
    package var jwk: JSON { fatalError("pending") }
    /// The JSON Web Key Set served at /openid/v1/jwks.
    package static func jwks(_ keys: [SigningKey]) -> JSON { fatalError("pending") }
}

/// The claims of a token whose signature one of `keys` made. The caller checks exp, nbf, iss and aud.
package func verifyToken(_ jwt: String, keys: [SigningKey]) throws -> JSON { fatalError("pending") }

package enum Digest {
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { fatalError("pending") }
    package static func sha1(_ bytes: [UInt8]) -> [UInt8] { fatalError("pending") }
    /// Lower-case hexadecimal.
    package static func hex(_ bytes: [UInt8]) -> String { fatalError("pending") }
}

/// `count` bytes from the system's secure generator.
package func secureRandomBytes(_ count: Int) -> [UInt8] { fatalError("pending") }

/// AES-256-GCM.
package struct SealingKey: Sendable {
    /// 32 bytes.
    package var bytes: [UInt8]
    package static func create() -> Self { fatalError("pending") }
    package init(bytes: [UInt8]) throws { fatalError("pending") }
    /// nonce + ciphertext + tag; `context` is authenticated but not stored.
    package func seal(_ bytes: [UInt8], context: [UInt8] = []) throws -> [UInt8] { fatalError("pending") }
    package func open(_ sealed: [UInt8], context: [UInt8] = []) throws -> [UInt8] { fatalError("pending") }
}
