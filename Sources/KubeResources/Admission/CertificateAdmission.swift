// Who may approve and sign certificates, and who nobody may ask to be.

import KubeAPI
import KubeCrypto
package import KubeModel
package import KubeServer
import KubeWire

/// Approving needs the verb `approve` on the signer.
package struct CertificateApproval: AdmissionPlugin {
    package let name: String = "CertificateApproval"
    package init() {}

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.certificateSigningRequests, request.subresource == "approval" else { return }
        try await SignerRight.check("approve", "approve", request)
    }
}

/// Signing (writing the certificate or a Failed condition) needs the verb `sign` on the signer.
package struct CertificateSigning: AdmissionPlugin {
    package let name: String = "CertificateSigning"
    package init() {}

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.certificateSigningRequests, request.subresource == "status" else { return }
        let (new, old): (JSON, JSON) = (request.object.status, request.oldObject.status)
        if new.certificate == old.certificate, Faults.same(new.conditions, old.conditions) { return }
        try await SignerRight.check("sign", "sign", request)
    }
}

private enum SignerRight {
    static func check(_ verb: String, _ shown: String, _ request: AdmissionRequest) async throws(StatusError) {
        let signer: String = request.oldObject.spec.signerName.text
        let wildcard: String = (signer.split(separator: "/").first.map { String($0) } ?? "") + "/*"
        let resource: GroupVersionResource = GroupVersionResource("certificates.k8s.io/v1", "signers")
        for name in [signer, wildcard] {
            let attributes: RequestAttributes = RequestAttributes(user: request.user, verb: verb, resource, name: name)
            if case .allow = await request.context.registry.authorizer.authorize(attributes) { return }
        }
        throw .forbidden(
            request.resource.groupResource, request.name,
            "user not permitted to \(shown) requests with signerName \"\(signer)\"")
    }
}

/// Nobody becomes a member of system:masters by the client signer.
package struct CertificateSubjectRestriction: AdmissionPlugin {
    package let name: String = "CertificateSubjectRestriction"
    package init() {}

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.certificateSigningRequests, request.operation == .create,
            request.subresource.isEmpty, request.object.spec.signerName.text == "kubernetes.io/kube-apiserver-client"
        else { return }
        let pem: String = String(decoding: Base64.decode(request.object.spec.request.text) ?? [], as: UTF8.self)
        if let asked = try? SigningRequest(pem: pem), asked.organizations.contains(UserInfo.Group.masters) {
            throw .forbidden(
                request.resource.groupResource, request.name,
                "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed")
        }
    }
}
