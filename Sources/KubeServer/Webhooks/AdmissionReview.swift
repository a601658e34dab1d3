// admission.k8s.io AdmissionReview: what a webhook is told of a request, and what its answer means.

import KubeModel
import KubeWire

/// Pure. The words of errors are those of k8s.io/apiserver/pkg/admission/plugin/webhook/request.
struct AdmissionReview {
    struct Fault: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    static let group: String = "admission.k8s.io"
    static let versions: [String] = ["v1", "v1beta1"]

    let version: String
    let uid: String
    let json: JSON

    /// `object` and `oldObject` are in the invocation's kind.
    init(
        _ request: AdmissionRequest, as invocation: WebhookInvocation, object: JSON, oldObject: JSON, uid: String
    ) throws(Fault) {
        guard let version = invocation.webhook.reviewVersions.first(where: { Self.versions.contains($0) }) else {
            throw Fault(description: "webhook does not accept known AdmissionReview versions (v1, v1beta1)")
        }
        self.version = version
        self.uid = uid
        json = [
            "kind": "AdmissionReview", "apiVersion": .string("\(Self.group)/\(version)"),
            "request": Self.told(request, invocation, object: object, oldObject: oldObject, uid: uid),
        ]
    }

    static func told(
        _ request: AdmissionRequest, _ invocation: WebhookInvocation, object: JSON, oldObject: JSON, uid: String
    ) -> JSON {
        told(request, invocation.resource, invocation.kind, object: object, oldObject: oldObject, uid: uid)
    }

    static func told(
        _ request: AdmissionRequest, _ resource: GroupVersionResource, _ kind: GroupVersionKind, object: JSON,
        oldObject: JSON, uid: String
    ) -> JSON {
        var out: JSON = ["uid": .string(uid), "kind": kind.json, "resource": resource.json]
        if !request.subresource.isEmpty { out.subResource = .string(request.subresource) }
        out.requestKind = request.kind.json
        out.requestResource = request.resource.json
        if !request.subresource.isEmpty { out.requestSubResource = .string(request.subresource) }
        if !request.name.isEmpty { out.name = .string(request.name) }
        if !request.shownNamespace.isEmpty { out.namespace = .string(request.shownNamespace) }
        out.operation = .string(request.operation.rawValue)
        out.userInfo = request.user.json
        out.fields["object"] = object
        out.fields["oldObject"] = oldObject
        out.dryRun = JSON(request.isDryRun)
        out.fields["options"] = shownOptions(request)
        return out
    }

    private static func shownOptions(_ request: AdmissionRequest) -> JSON {
        guard request.operation != .connect else { return .null }
        let kind: String =
            switch request.operation {
            case .create: "CreateOptions"
            case .update: request.context.verb == .patch ? "PatchOptions" : "UpdateOptions"
            default: "DeleteOptions"
            }
        var out: JSON = ["kind": .string(kind), "apiVersion": "meta.k8s.io/v1"]
        for (key, value) in request.options.fields where key != "kind" && key != "apiVersion" { out[key] = value }
        return out
    }

    // MARK: the answer

    struct Verdict: Equatable {
        var isAllowed: Bool
        /// metav1.Status of a denial.
        var result: JSON
        /// RFC 6902; empty when the object stays as it is.
        var patch: [UInt8]
        var annotations: [String: String]
        var warnings: [String]
    }

    func verdict(_ answer: JSON, isMutating: Bool) throws(Fault) -> Verdict {
        let response: JSON = answer.response
        guard response.exists else { throw Fault(description: "webhook response was absent") }
        let given: GroupVersionKind = GroupVersionKind(of: answer)
        let expected: GroupVersionKind = GroupVersionKind(group: Self.group, version: version, kind: "AdmissionReview")
        if given != expected, version == "v1" || answer.kind.exists || answer.apiVersion.exists {
            throw Fault(description: "expected webhook response of \(expected.words), got \(given.words)")
        }
        if version == "v1", response.uid.text != uid {
            throw Fault(description: "expected response.uid=\(JSON(uid)), got \(JSON(response.uid.text))")
        }
        return Verdict(
            isAllowed: response.allowed.isTrue, result: response.status,
            patch: try isMutating ? patch(response) : noPatch(response),
            annotations: response.auditAnnotations.stringMap, warnings: response.warnings.strings)
    }

    private func patch(_ response: JSON) throws(Fault) -> [UInt8] {
        let type: JSON = response.patchType
        guard !response.patch.text.isEmpty else {
            if type.exists, version == "v1" {
                throw Fault(description: "webhook returned response.patchType but not response.patch")
            }
            return []
        }
        guard let bytes = Base64.decode(response.patch.text) else {
            throw Fault(description: "webhook returned a response.patch that is not base64")
        }
        if !type.exists {
            if version == "v1" { throw Fault(description: "webhook returned response.patch but not response.patchType") }
        } else if type.text != "JSONPatch" {
            throw Fault(
                description: version == "v1"
                    ? "webhook returned invalid response.patchType of \(JSON(type.text))"
                    : "unsupported patch type \(JSON(type.text))")
        }
        return bytes
    }

    private func noPatch(_ response: JSON) throws(Fault) -> [UInt8] {
        // v1beta1 let validating webhooks answer patches, and ignored them.
        guard version == "v1" else { return [] }
        if !response.patch.text.isEmpty {
            throw Fault(description: "validating webhook may not return response.patch")
        }
        if response.patchType.exists {
            throw Fault(description: "validating webhook may not return response.patchType")
        }
        return []
    }

    /// A denial as its Status: at least 400, its message says who denied.
    static func denial(_ webhook: String, _ result: JSON) -> StatusError {
        let denied: String = "admission webhook \(JSON(webhook)) denied the request"
        let (message, reason): (String, String) = (result.message.text, result.reason.text)
        let text: String =
            !message.isEmpty ? "\(denied): \(message)" : !reason.isEmpty ? "\(denied): \(reason)" : "\(denied) without explanation"
        return StatusError(
            code: max(400, result.code.asInt ?? 0), reason: reason, message: text, details: result.details)
    }
}

extension AdmissionRequest {
    /// Requests for a Namespace that exists carry its name as their namespace.
    var shownNamespace: String {
        let isOfNamespace: Bool = resource.group.isEmpty && resource.resource == "namespaces"
        return isOfNamespace && operation != .create ? name : namespace
    }
}

extension GroupVersionKind {
    /// As Go prints it: `apps/v1, Kind=Deployment`; the core group is empty.
    var words: String { "\(group)/\(version), Kind=\(kind)" }
    /// metav1.GroupVersionKind.
    var json: JSON { ["group": .string(group), "version": .string(version), "kind": .string(kind)] }
}

extension GroupVersionResource {
    /// metav1.GroupVersionResource.
    var json: JSON { ["group": .string(group), "version": .string(version), "resource": .string(resource)] }
}
