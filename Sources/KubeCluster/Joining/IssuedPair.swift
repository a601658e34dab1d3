// A key of this machine and the certificate that the cluster issued for it, kept in a file pair.

import KubeAPI
import KubeBase
import KubeClient
import KubeCrypto
import KubeModel
import KubeNet
import KubeOS
import KubeWire

/// What a machine asks the cluster's signers for (KEP-1513).
struct IssuedPair: Sendable {
    let file: String
    let signer: String
    let usages: [String]
    let commonName: String
    let organizations: [String]
    var dnsNames: [String] = []
    var ipAddresses: [String] = []

    /// How long a request may wait for approval before it is made again.
    static let approvalTimeout: Duration = .seconds(15 * 60)

    /// What is on disk, if it is whole and still good for a while.
    func stored(now: Timestamp = .now) -> Credentials.Pair? {
        guard let certificate = try? Files.text(file + ".crt"), let key = try? Files.text(file + ".key"),
            let facts = try? CertificateFacts(pem: certificate), facts.notAfter > now, facts.commonName == commonName,
            Set(facts.dnsNames).isSuperset(of: dnsNames), Set(facts.ipAddresses).isSuperset(of: ipAddresses)
        else { return nil }
        return Credentials.Pair(certificatePEM: certificate, keyPEM: key)
    }

    /// The moment to renew: when four fifths of its life are over.
    static func renewal(_ pair: Credentials.Pair) -> Timestamp? {
        guard let facts = try? CertificateFacts(pem: pair.certificatePEM) else { return nil }
        let life: Int64 = facts.notAfter.seconds - facts.notBefore.seconds
        return Timestamp(seconds: facts.notBefore.seconds + life * 4 / 5)
    }

    /// A new key, a CertificateSigningRequest for it, and the certificate once it is issued.
    func request(_ client: Client) async throws -> Credentials.Pair {
        let made: (csrPEM: String, keyPEM: String) = try SigningRequest.create(
            commonName: commonName, organizations: organizations, dnsNames: dnsNames, ipAddresses: ipAddresses)
        let created: JSON = try await client.create(
            API.certificateSigningRequests,
            [
                "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
                "metadata": ["generateName": "csr-"],
                "spec": [
                    "request": .string(Base64.encode(Array(made.csrPEM.utf8))), "signerName": .string(signer),
                    "usages": JSON(usages),
                ],
            ])
        let certificate: String = try await issued(created.meta.name, client)
        let pair: Credentials.Pair = Credentials.Pair(certificatePEM: certificate, keyPEM: made.keyPEM)
        try Files.makeDirectories(String(file[..<file.lastIndex(of: "/")!]), mode: 0o700)
        try Files.writeAtomically(file + ".key", pair.keyPEM, mode: 0o600)
        try Files.writeAtomically(file + ".crt", pair.certificatePEM)
        return pair
    }

    /// Watches one request until it is signed or refused.
    private func issued(_ name: String, _ client: Client) async throws -> String {
        try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask {
                while true {
                    let events: WatchStream = try await client.watch(
                        API.certificateSigningRequests, query: ["fieldSelector": "metadata.name=\(name)"])
                    for try await event in events {
                        if let answer = try Self.answer(event.object) { return answer }
                    }
                }
            }
            group.addTask {
                try await Task.sleep(for: Self.approvalTimeout)
                throw ClusterError("certificate request \(name) was not approved in time; see kubectl get csr")
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
    }

    private static func answer(_ request: JSON) throws -> String? {
        if let bytes = Base64.decode(request.status.certificate.text), !bytes.isEmpty {
            return String(decoding: bytes, as: UTF8.self)
        }
        for c in request.status.conditions.elements where ["Denied", "Failed"].contains(c.type.text) {
            throw ClusterError("certificate request \(request.meta.name): \(c.type.text): \(c.message.text)")
        }
        return nil
    }
}
