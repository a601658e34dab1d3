// Issues the certificates of approved requests with the cluster's own authority.

import KubeAPI
import KubeBase
package import KubeCrypto
import KubeModel
package import KubeServer
import KubeWire
import Logging

/// pkg/controller/certificates/signer for the four `kubernetes.io/` signers of client and kubelet certificates.
///
///     request created → approved → signed (or Failed with a reason)
package final class CertificateSigner: Component {
    /// Of certificates whose request does not say `expirationSeconds`; a longer wish is cut to it.
    private static let validityMax: Duration = .seconds(365 * 24 * 3600)
    private static let queueMax: Int = 1000

    private let authority: CertificateAuthority
    private let transport: any APITransport
    private let work: AsyncStream<JSON>
    private let log: Logger = .component("csrsigning")

    package init(authority: CertificateAuthority, registry: any ObjectRegistry) {
        self.authority = authority
        let account: UserInfo = UserInfo(
            name: "system:serviceaccount:kube-system:certificate-controller",
            groups: [
                UserInfo.Group.serviceAccounts, "system:serviceaccounts:kube-system", UserInfo.Group.authenticated,
            ])
        transport = registry.transport(user: account)
        let (stream, continuation): (AsyncStream<JSON>, AsyncStream<JSON>.Continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.queueMax))
        work = stream
        registry.onChange(API.certificateSigningRequests) { _, new in
            if let new, Self.isDue(new) { continuation.yield(new) }
        }
    }

    package var name: String { "certificatesigningrequest-signing-controller" }

    package func run() async throws {
        for await request in work { await settle(request) }
    }

    static func isDue(_ request: JSON) -> Bool {
        let types: [String] = request.status.conditions.elements.map { $0.type.text }
        return types.contains("Approved") && !types.contains("Denied") && !types.contains("Failed")
            && request.status.certificate.text.isEmpty && usages[request.spec.signerName.text] != nil
    }

    private static let client: Set<String> = ["client auth", "digital signature", "key encipherment"]
    private static let server: Set<String> = ["digital signature", "key encipherment", "server auth"]
    /// Signer → what a certificate of it may be used for.
    private static let usages: [String: Set<String>] = [
        "kubernetes.io/kube-apiserver-client": client, "kubernetes.io/kube-apiserver-client-kubelet": client,
        "kubernetes.io/kubelet-serving": server, "kubernetes.io/legacy-unknown": client.union(server),
    ]

    /// Why the signer will not sign; nil when it will.
    static func complaint(_ signer: String, usages wanted: [String], _ request: SigningRequest) -> String? {
        let allowed: Set<String> = usages[signer] ?? []
        if signer != "kubernetes.io/legacy-unknown", !Set(wanted).isSubset(of: allowed) {
            return "usages did not match \(allowed.sorted())"
        }
        if signer.contains("kubelet"), request.otherNameCount > 0 {
            return "email and URI subjectAltNames are not allowed"
        }
        switch signer {
        case "kubernetes.io/kube-apiserver-client":
            return wanted.contains("client auth") ? nil : "usages did not contain client auth"
        case "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving":
            if request.organizations != ["system:nodes"] { return "subject organization is not system:nodes" }
            if !request.commonName.hasPrefix("system:node:") { return "subject common name does not begin with system:node:" }
            let hasNames: Bool = !request.dnsNames.isEmpty || !request.ipAddresses.isEmpty
            if signer == "kubernetes.io/kubelet-serving" {
                if !wanted.contains("server auth") { return "usages did not contain server auth" }
                return hasNames ? nil : "DNS or IP subjectAltName is required"
            }
            if !wanted.contains("client auth") || !wanted.contains("digital signature") {
                return "usages did not contain client auth and digital signature"
            }
            return hasNames ? "DNS and IP subjectAltNames are not allowed" : nil
        default: return nil
        }
    }

    private func settle(_ object: JSON) async {
        var signed: JSON = object
        do {
            let pem: String = String(decoding: Base64.decode(object.spec.request.text) ?? [], as: UTF8.self)
            let wanted: [String] = object.spec.usages.strings
            if let why = Self.complaint(object.spec.signerName.text, usages: wanted, try SigningRequest(pem: pem)) {
                fail(&signed, "SignerValidationFailure", why)
            } else {
                let asked: Duration = object.spec.expirationSeconds.asInt.map { .seconds($0) } ?? Self.validityMax
                let certificate: String = try authority.sign(
                    csrPEM: pem, isServer: wanted.contains("server auth"), isClient: wanted.contains("client auth"),
                    validity: min(asked, Self.validityMax))
                signed.status.certificate = .string(Base64.encode(Array(certificate.utf8)))
            }
        } catch {
            fail(&signed, "SigningFailure", "\(error)")
        }
        var call: APICall = APICall(.update, API.certificateSigningRequests)
        call.name = object.meta.name
        call.subresource = "status"
        call.query["fieldManager"] = "kube-controller-manager"
        call.body = signed
        do throws(StatusError) {
            _ = try await transport.call(call)
        } catch {
            // A conflict means a newer state, which is in the queue already.
            if !error.isConflict, !error.isNotFound { log.warning("certificate of \(object.meta.name): \(error)") }
        }
    }

    private func fail(_ request: inout JSON, _ reason: String, _ message: String) {
        let now: JSON = .string(Timestamp.now.rfc3339)
        request.status.conditions.elements.append([
            "type": "Failed", "status": "True", "reason": .string(reason), "message": .string(message),
            "lastUpdateTime": now, "lastTransitionTime": now,
        ])
    }
}
