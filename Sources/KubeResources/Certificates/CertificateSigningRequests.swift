// Requests for certificates: who asks is written by the server; approval and issue are separate rights.

import KubeAPI
import KubeBase
import KubeCrypto
import KubeModel
import KubeServer
import KubeWire

struct SigningRequestStrategy: Strategy {
    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) {
        o.status = [:]
        let user: JSON = context.user.json
        for f in ["username", "uid", "groups", "extra"] { o.spec[f] = user[f] }
    }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        new.spec = old.spec
        Self.keepStatus(&new, old: old)
    }
    /// Issues the certificate; approval stays as it is.
    func prepareForStatusUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        let decisions: [JSON] = old.status.conditions.elements.filter { Self.isDecision($0) }
        let others: [JSON] = new.status.conditions.elements.filter { !Self.isDecision($0) }
        Self.keepAllButStatusAndMetadata(&new, old: old)
        let all: [JSON] = decisions + others
        new.status.conditions = all.isEmpty ? .null : .array(all)
    }
    static func isDecision(_ c: JSON) -> Bool { ["Approved", "Denied"].contains(c.type.text) }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        if o.spec.request.text.isEmpty {
            out.required("spec.request")
        } else {
            let pem: String = String(decoding: Base64.decode(o.spec.request.text) ?? [], as: UTF8.self)
            if !pem.contains("CERTIFICATE REQUEST") {
                out.invalid("spec.request", o.spec.request, "PEM block type must be CERTIFICATE REQUEST")
            } else if (try? SigningRequest(pem: pem)) == nil {
                out.invalid("spec.request", o.spec.request, "unable to parse certificate request")
            }
        }
        if o.spec.usages.elements.isEmpty { out.required("spec.usages") }
        if o.spec.signerName.text.isEmpty {
            out.required("spec.signerName")
        } else if !o.spec.signerName.text.contains("/") {
            out.invalid(
                "spec.signerName", o.spec.signerName, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
        }
        if let seconds = o.spec.expirationSeconds.asInt, seconds < 600 {
            out.invalid(
                "spec.expirationSeconds", o.spec.expirationSeconds, "may not specify a duration less than 600 seconds (10 minutes)")
        }
        return out.list
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] { [] }
    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        if !old.status.certificate.text.isEmpty, new.status.certificate != old.status.certificate {
            out.invalid("status.certificate", "<certificate data>", "field may not be changed once set")
        }
        return out.list
    }
}

/// `certificatesigningrequests/approval`
struct SigningApprovalStrategy: Strategy {
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        var result: JSON = old
        result.status.conditions = new.status.conditions
        for i in result.status.conditions.elements.indices {
            for f in ["lastUpdateTime", "lastTransitionTime"] where !result.status.conditions[i][f].exists {
                result.status.conditions.elements[i][f] = .string(context.now.rfc3339)
            }
        }
        result.metadata = new.metadata
        new = result
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        let types: [String] = new.status.conditions.elements.map { $0.type.text }
        if types.contains("Approved"), types.contains("Denied") {
            out.invalid("status.conditions", "Denied", "Approved and Denied conditions are mutually exclusive")
        }
        for c in old.status.conditions.elements where SigningRequestStrategy.isDecision(c) && !types.contains(c.type.text) {
            out.forbidden("status.conditions", "updates may not remove a condition of type \"\(c.type.text)\"")
        }
        return out.list
    }
}

enum CertificateSigningRequests {
    static let entry: Entry = Entry(API.certificateSigningRequests) { d, _ in
        d.strategy = SigningRequestStrategy()
        d.setHandler("approval", .object(SigningApprovalStrategy()))
    }
}
