// Which certificates are believed: authorities, and the check of a chain against them (RFC 5280).

import FoundationEssentials
import SwiftASN1
import X509

/// The certificates of authorities that sign clients' certificates.
package struct TrustPool: Sendable {
    private let roots: [Certificate]

    /// Every certificate of a PEM bundle.
    package init(pem: String) throws {
        let certificates: [Certificate] = try certificateBlocks(of: pem).map { try Certificate(pemEncoded: $0) }
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

/// Every PEM certificate block of `pem`.
func certificateBlocks(of pem: String) -> [String] {
    let (begin, end): (String, String) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    var out: [String] = []
    var rest: Substring = pem[...]
    while let start = rest.firstRange(of: begin), let stop = rest[start.upperBound...].firstRange(of: end) {
        out.append(String(rest[start.lowerBound..<stop.upperBound]))
        rest = rest[stop.upperBound...]
    }
    return out
}
