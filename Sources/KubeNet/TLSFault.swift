// Why a server's certificate was not believed, in Go's words: users search for them.

import KubeBase
import KubeCrypto
import NIOSSL

enum TLSFault {
    /// `certificate` is the peer's, when the handshake got that far; `name` is what it was to be valid for.
    static func error(_ error: any Error, certificate: NIOSSLCertificate?, name: String) -> NetError? {
        let words: String = "\(error)"
        if error is NIOSSLExtraError, words.contains("failedToValidateHostname") {
            return unverified(wrongName(facts(certificate), name))
        }
        guard error is NIOSSLError || error is BoringSSLError else { return nil }
        if words.contains("CERTIFICATE_VERIFY_FAILED") {
            return unverified(untrusted(facts(certificate), now: Timestamp.now))
        }
        if words.contains("WRONG_VERSION_NUMBER") || words.contains("HTTP_REQUEST") {
            return NetError(.tls, "http: server gave HTTP response to HTTPS client")
        }
        for (alert, text) in alerts where words.contains(alert) { return NetError(.tls, "remote error: tls: " + text) }
        return nil
    }

    private static let alerts: [(String, String)] = [
        ("ALERT_BAD_CERTIFICATE", "bad certificate"), ("CERTIFICATE_REQUIRED", "certificate required"),
        ("ALERT_UNKNOWN_CA", "unknown certificate authority"), ("UNRECOGNIZED_NAME", "unrecognized name"),
        ("ALERT_HANDSHAKE_FAILURE", "handshake failure"), ("ALERT_PROTOCOL_VERSION", "protocol version not supported"),
        ("ALERT_CERTIFICATE_EXPIRED", "expired certificate"), ("ALERT_INTERNAL_ERROR", "internal error"),
    ]

    private static func unverified(_ why: String) -> NetError {
        NetError(.tls, "tls: failed to verify certificate: x509: " + why)
    }

    private static func facts(_ certificate: NIOSSLCertificate?) -> CertificateFacts? {
        guard let der = try? certificate?.toDERBytes() else { return nil }
        return try? CertificateFacts(der: der)
    }

    static func untrusted(_ facts: CertificateFacts?, now: Timestamp) -> String {
        let expired: String = "certificate has expired or is not yet valid: current time \(now.rfc3339) is "
        if let facts, facts.notAfter < now { return expired + "after \(facts.notAfter.rfc3339)" }
        if let facts, now < facts.notBefore { return expired + "before \(facts.notBefore.rfc3339)" }
        return "certificate signed by unknown authority"
    }

    static func wrongName(_ facts: CertificateFacts?, _ name: String) -> String {
        guard let facts else { return "certificate is not valid for \(name)" }
        if name.utf8.allSatisfy({ $0 >= 46 && $0 <= 57 }) || name.contains(":") {
            if facts.ipAddresses.isEmpty {
                return "cannot validate certificate for \(name) because it doesn't contain any IP SANs"
            }
            return "certificate is valid for \(facts.ipAddresses.joined(separator: ", ")), not \(name)"
        }
        if facts.dnsNames.isEmpty {
            if facts.ipAddresses.isEmpty {
                return "certificate relies on legacy Common Name field, use SANs instead"
            }
            return "certificate is not valid for any names, but wanted to match \(name)"
        }
        return "certificate is valid for \(facts.dnsNames.joined(separator: ", ")), not \(name)"
    }
}
