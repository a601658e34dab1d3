// A certificate authority: makes itself, and signs leaves for new keys and for PKCS#10 requests (RFC 5280).

import Crypto
import FoundationEssentials
import KubeBase
import SwiftASN1
import X509

/// What went wrong with a key, a certificate or a token, in one sentence.
package struct CryptoError: Error, Sendable, Hashable, CustomStringConvertible {
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

/// A P-256 (or loaded: any) authority. Certificates begin five minutes ago, for clocks that differ.
package struct CertificateAuthority: Sendable {
    package let certificatePEM: String
    package let keyPEM: String
    private let certificate: Certificate
    private let key: Certificate.PrivateKey

    package static func create(commonName: String, validity: Duration) throws -> Self {
        let key: P256.Signing.PrivateKey = P256.Signing.PrivateKey()
        let name: DistinguishedName = try subject(commonName: commonName, organizations: [])
        let period: (from: Date, to: Date) = Self.period(validity)
        let extensions: Certificate.Extensions = try Certificate.Extensions {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
            Critical(KeyUsage(digitalSignature: true, keyEncipherment: true, keyCertSign: true))
            SubjectKeyIdentifier(keyIdentifier: keyIdentifier(key.publicKey))
        }
        let certificate: Certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: period.from, notValidAfter: period.to, issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: .init(key))
        return try Self(
            certificatePEM: certificate.serializeAsPEM().pemString + "\n", keyPEM: key.pemRepresentation + "\n")
    }

    package init(certificatePEM: String, keyPEM: String) throws {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
        certificate = try Certificate(pemEncoded: certificatePEM)
        key = try Certificate.PrivateKey(pemEncoded: keyPEM)
    }

    /// A new key and its certificate.
    package func issue(_ request: CertificateRequest) throws -> (certificatePEM: String, keyPEM: String) {
        let leaf: P256.Signing.PrivateKey = P256.Signing.PrivateKey()
        let name: DistinguishedName = try Self.subject(
            commonName: request.commonName, organizations: request.organizations)
        let names: [GeneralName] = try Self.generalNames(dns: request.dnsNames, ip: request.ipAddresses)
        let pem: String = try sign(
            publicKey: .init(leaf.publicKey), subject: name, names: names, isServer: request.isServer,
            isClient: request.isClient, validity: request.validity)
        return (pem, leaf.pemRepresentation + "\n")
    }

    /// Signs a PKCS#10 request: its subject, its alternative names and its key. The caller has approved them.
    package func sign(csrPEM: String, isServer: Bool, isClient: Bool, validity: Duration) throws -> String {
        let request: SigningRequest = try SigningRequest(pem: csrPEM)
        return try sign(
            publicKey: request.publicKey, subject: request.subject, names: request.names, isServer: isServer,
            isClient: isClient, validity: validity)
    }

    private func sign(
        publicKey: Certificate.PublicKey, subject: DistinguishedName, names: [GeneralName], isServer: Bool,
        isClient: Bool, validity: Duration
    ) throws -> String {
        let period: (from: Date, to: Date) = Self.period(validity)
        var usages: [ExtendedKeyUsage.Usage] = []
        if isServer { usages.append(.serverAuth) }
        if isClient { usages.append(.clientAuth) }
        let usage: ExtendedKeyUsage = try ExtendedKeyUsage(usages)
        let extensions: Certificate.Extensions = try Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
            if !usages.isEmpty { usage }
            if let id = try? certificate.extensions.subjectKeyIdentifier {
                AuthorityKeyIdentifier(keyIdentifier: id.keyIdentifier)
            }
            if !names.isEmpty { SubjectAlternativeNames(names) }
        }
        let leaf: Certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: period.from, notValidAfter: min(period.to, certificate.notValidAfter),
            issuer: certificate.subject, subject: subject, extensions: extensions, issuerPrivateKey: key)
        return try leaf.serializeAsPEM().pemString + "\n"
    }

    private static func period(_ validity: Duration) -> (from: Date, to: Date) {
        let now: Date = Date(timeIntervalSince1970: Double(Timestamp.now.seconds))
        return (now.addingTimeInterval(-300), now.addingTimeInterval(Double(validity.components.seconds)))
    }

    private static func keyIdentifier(_ key: P256.Signing.PublicKey) -> ArraySlice<UInt8> {
        Digest.sha1(Array(key.x963Representation))[...]
    }

    static func subject(commonName: String, organizations: [String]) throws -> DistinguishedName {
        try DistinguishedName {
            for organization in organizations { OrganizationName(organization) }
            CommonName(commonName)
        }
    }

    static func generalNames(dns: [String], ip: [String]) throws -> [GeneralName] {
        try dns.map { GeneralName.dnsName($0) }
            + ip.map { text in
                guard let bytes = addressBytes(text) else { throw CryptoError("\(text) is not an IP address") }
                return GeneralName.ipAddress(ASN1OctetString(contentBytes: bytes[...]))
            }
    }
}
