// Reading certificates and PKCS#10 requests, and the forms of IP addresses inside them.

import Crypto
import FoundationEssentials
import Glibc
package import KubeBase
import SwiftASN1
import X509

/// What a parsed certificate says.
package struct CertificateFacts: Sendable {
    package var commonName: String
    package var organizations: [String]
    package var notBefore: Timestamp
    package var notAfter: Timestamp
    package var dnsNames: [String]
    package var ipAddresses: [String]
    /// Lower-case hexadecimal SHA-256 of the DER form.
    package var fingerprint: String

    /// The first certificate of `pem`.
    package init(pem: String) throws { try self.init(der: PEMDocument(pemString: firstCertificate(of: pem)).derBytes) }

    package init(der: [UInt8]) throws {
        let certificate: Certificate = try Certificate(derEncoded: der)
        (commonName, organizations) = names(of: certificate.subject)
        notBefore = Timestamp(seconds: Int64(certificate.notValidBefore.timeIntervalSince1970))
        notAfter = Timestamp(seconds: Int64(certificate.notValidAfter.timeIntervalSince1970))
        let alternatives: [GeneralName] = (try? certificate.extensions.subjectAlternativeNames).map { Array($0) } ?? []
        (dnsNames, ipAddresses) = texts(of: alternatives)
        fingerprint = Digest.hex(Digest.sha256(der))
    }
}

/// A parsed PKCS#10 request whose own signature was checked.
package struct SigningRequest: Sendable {
    package var commonName: String
    package var organizations: [String]
    package var dnsNames: [String]
    package var ipAddresses: [String]
    /// Alternative names of other kinds: e-mail addresses, URIs.
    package var otherNameCount: Int { names.count - dnsNames.count - ipAddresses.count }
    let publicKey: Certificate.PublicKey
    let subject: DistinguishedName
    let names: [GeneralName]

    package init(pem: String) throws {
        let request: CertificateSigningRequest = try CertificateSigningRequest(pemEncoded: pem)
        guard request.publicKey.isValidSignature(request.signature, for: request) else {
            throw CryptoError("the certificate request is not signed by its own key")
        }
        publicKey = request.publicKey
        subject = request.subject
        (commonName, organizations) = KubeCrypto.names(of: request.subject)
        let asked: Certificate.Extensions? = try request.attributes.extensionRequest?.extensions
        names = try asked?.subjectAlternativeNames.map { Array($0) } ?? []
        (dnsNames, ipAddresses) = texts(of: names)
    }

    /// A new P-256 key and a request for it.
    package static func create(
        commonName: String, organizations: [String] = [], dnsNames: [String] = [], ipAddresses: [String] = []
    ) throws -> (csrPEM: String, keyPEM: String) {
        let key: P256.Signing.PrivateKey = P256.Signing.PrivateKey()
        let names: [GeneralName] = try CertificateAuthority.generalNames(dns: dnsNames, ip: ipAddresses)
        let extensions: Certificate.Extensions = try Certificate.Extensions {
            if !names.isEmpty { SubjectAlternativeNames(names) }
        }
        let attributes: CertificateSigningRequest.Attributes =
            try names.isEmpty
            ? CertificateSigningRequest.Attributes()
            : CertificateSigningRequest.Attributes([.init(ExtensionRequest(extensions: extensions))])
        let request: CertificateSigningRequest = try CertificateSigningRequest(
            version: .v1,
            subject: CertificateAuthority.subject(commonName: commonName, organizations: organizations),
            privateKey: .init(key), attributes: attributes, signatureAlgorithm: .ecdsaWithSHA256)
        return (try request.serializeAsPEM().pemString + "\n", key.pemRepresentation + "\n")
    }
}

/// The first PEM block of a chain, since a document parser wants exactly one.
private func firstCertificate(of pem: String) throws -> String {
    let end: String = "-----END CERTIFICATE-----"
    guard let start = pem.firstRange(of: "-----BEGIN CERTIFICATE-----"),
        let stop = pem[start.upperBound...].firstRange(of: end)
    else { throw CryptoError("no certificate in the PEM text") }
    return String(pem[start.lowerBound..<stop.upperBound])
}

private func names(of subject: DistinguishedName) -> (commonName: String, organizations: [String]) {
    var commonName: String = ""
    var organizations: [String] = []
    for relative in subject {
        for attribute in relative {
            let text: String = String(attribute.value) ?? ""
            if attribute.type == .RDNAttributeType.commonName { commonName = text }
            if attribute.type == .RDNAttributeType.organizationName { organizations.append(text) }
        }
    }
    return (commonName, organizations)
}

private func texts(of names: [GeneralName]) -> (dns: [String], ip: [String]) {
    var dns: [String] = []
    var ip: [String] = []
    for name in names {
        switch name {
        case .dnsName(let text): dns.append(text)
        case .ipAddress(let octets): ip.append(addressText(Array(octets.bytes)))
        default: break
        }
    }
    return (dns, ip)
}

/// 4 or 16 bytes in network order; nil when `text` is no address.
func addressBytes(_ text: String) -> [UInt8]? {
    var four: in_addr = in_addr()
    if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
    var six: in6_addr = in6_addr()
    if inet_pton(AF_INET6, text, &six) == 1 { return withUnsafeBytes(of: &six) { Array($0) } }
    return nil
}

private func addressText(_ bytes: [UInt8]) -> String {
    guard bytes.count == 4 || bytes.count == 16 else { return "" }
    var out: [CChar] = [CChar](repeating: 0, count: 64)
    guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &out, 64) != nil else { return "" }
    return String(decoding: out.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
