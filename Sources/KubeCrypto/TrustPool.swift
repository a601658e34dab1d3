// Which certificates are believed: authorities, and the check of a chain against them (RFC 5280).

import FoundationEssentials
import SwiftASN1
import X509

/// The certificates of authorities that sign clients' certificates.
package struct TrustPool: Sendable {
    private let roots: [Certificate]

    /// Every certificate of a PEM bundle.
    package init(pem: String) throws {
        let blocks: [String] = PEMBlocks.all(of: pem).filter { $0.hasPrefix("-----BEGIN CERTIFICATE-----") }
        let certificates: [Certificate] = try blocks.map { try Certificate(pemEncoded: $0) }
        guard !certificates.isEmpty else { throw CryptoError("no certificate in the PEM text") }
        roots = certificates
    }

    /// Whether the first of `chain` (DER, the leaf first) was issued by one of ours, for clients, and is valid now.
    package func trusts(chain: [[UInt8]]) async -> Bool {
        guard let first = chain.first, let leaf = try? Certificate(derEncoded: first) else { return false }
        let rest: [Certificate] = chain.dropFirst().compactMap { try? Certificate(derEncoded: $0) }
        if let usage = try? leaf.extensions.extendedKeyUsage {
            guard usage.contains(.clientAuth) || usage.contains(.any) else { return false }
        }
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) { RFC5280Policy() }
        guard case .validCertificate = await verifier.validate(leaf: leaf, intermediates: CertificateStore(rest)) else {
            return false
        }
        return true
    }
}
