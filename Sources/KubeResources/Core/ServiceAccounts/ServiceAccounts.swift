// ServiceAccounts and their tokens.

import KubeAPI
import KubeBase
import KubeCrypto
import KubeModel
import KubeServer
import KubeWire

enum ServiceAccounts {
    static let entry: Entry = Entry(API.serviceAccounts) { d, settings in
        d.setHandler("token", .custom(TokenRequestHandler(settings: settings)))
    }
}

/// `serviceaccounts/NAME/token`: authentication.k8s.io/v1 TokenRequest (KEP-1205).
struct TokenRequestHandler: SubresourceHandler {
    /// What projected volumes ask for: 1 h and 7 s.
    private static let warnOnlySeconds: Int64 = 3607
    private static let extendedSeconds: Int64 = 365 * 24 * 3600

    let settings: ClusterSettings

    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let context: RequestContext = call.context
        var request: JSON = call.body
        try check(request, account: context.name)
        let account: JSON? = context.registry.get(
            API.serviceAccounts, namespace: context.namespace, name: context.name)
        guard let account else { throw .notFound(API.serviceAccounts.groupResource, context.name) }
        let audiences: [String] =
            request.spec.audiences.strings.isEmpty ? settings.audiences : request.spec.audiences.strings
        let seconds: Int64 = request.spec.expirationSeconds.asInt64 ?? 3600
        let bound: JSON = try boundObject(request.spec.boundObjectRef, context)
        try await NodeTokens.check(request, bound: bound, context)
        let now: Timestamp = context.now
        let told: Timestamp = Timestamp(seconds: now.seconds + seconds)
        // Clients that never read their token again get a year, and are warned of from the promised end on.
        let isExtended: Bool = seconds == Self.warnOnlySeconds && bound.pod.exists && audiences == settings.audiences
        let expiry: Timestamp = isExtended ? Timestamp(seconds: now.seconds + Self.extendedSeconds) : told
        var claims: JSON = [
            "aud": JSON(audiences), "exp": JSON(expiry.seconds), "iat": JSON(now.seconds),
            "iss": .string(settings.issuer), "jti": .string(Identifier.uid()),
        ]
        var own: JSON = ["namespace": .string(context.namespace)]
        for (key, value) in bound.fields { own[key] = value }
        if isExtended { own.warnafter = JSON(told.seconds) }
        own.serviceaccount = ["name": .string(context.name), "uid": account.metadata.uid]
        claims["kubernetes.io"] = own
        claims.nbf = JSON(now.seconds)
        claims.sub = .string("system:serviceaccount:\(context.namespace):\(context.name)")
        guard let key = settings.signingKeys.first else { throw .internalError("no key to sign tokens with") }
        let token: String
        do { token = try key.sign(claims) } catch { throw .internalError("failed to generate token: \(error)") }
        request.apiVersion = "authentication.k8s.io/v1"
        request.kind = "TokenRequest"
        request.metadata = [
            "name": .string(context.name), "namespace": .string(context.namespace),
            "creationTimestamp": .string(now.rfc3339),
        ]
        request.spec.audiences = JSON(audiences)
        request.spec.expirationSeconds = JSON(seconds)
        request.status = ["token": .string(token), "expirationTimestamp": .string(told.rfc3339)]
        return .object(request, status: 201)
    }

    private func check(_ request: JSON, account: String) throws(StatusError) {
        var out: Faults = Faults()
        if let seconds = request.spec.expirationSeconds.asInt64 {
            let field: String = "spec.expirationSeconds"
            if seconds < 600 {
                out.invalid(field, JSON(seconds), "may not specify a duration less than 10 minutes")
            } else if seconds > 1 << 32 {
                out.invalid(field, JSON(seconds), "may not specify a duration larger than 2^32 seconds")
            }
        }
        if !out.list.isEmpty {
            throw .invalid(
                kind: GroupKind(group: "authentication.k8s.io", kind: "TokenRequest"), name: account, out.list)
        }
    }

    /// The claims of the pod, secret or node that the token dies with.
    private func boundObject(_ ref: JSON, _ context: RequestContext) throws(StatusError) -> JSON {
        guard ref.exists else { return .object(JSONObject()) }
        let resource: GroupVersionResource
        let namespace: String
        switch ref.kind.text {
        case "Pod": (resource, namespace) = (API.pods, context.namespace)
        case "Secret": (resource, namespace) = (API.secrets, context.namespace)
        case "Node": (resource, namespace) = (API.nodes, "")
        default:
            throw .badRequest("cannot bind token for serviceaccount to object of type \(ref.apiVersion.text), Kind=\(ref.kind.text)")
        }
        guard let object = context.registry.get(resource, namespace: namespace, name: ref.name.text) else {
            throw .notFound(resource.groupResource, ref.name.text)
        }
        if !ref.uid.text.isEmpty, ref.uid != object.metadata.uid {
            throw .conflict(
                resource.groupResource, ref.name.text,
                "the UID in the bound object reference (\(ref.uid.text)) does not match the UID in record. "
                    + "The object might have been deleted and then recreated")
        }
        if ref.kind.text == "Pod", object.spec.serviceAccountName.text != context.name {
            throw .badRequest(
                "cannot bind token for serviceaccount \"\(context.name)\" to pod running with different serviceaccount name.")
        }
        var claims: JSON = .object(JSONObject())
        if ref.kind.text == "Pod", !object.spec.nodeName.text.isEmpty {
            var node: JSON = ["name": object.spec.nodeName]
            if let n = context.registry.get(API.nodes, namespace: "", name: object.spec.nodeName.text) {
                node.uid = n.metadata.uid
            }
            claims.node = node
        }
        claims[ref.kind.text.lowercased()] = ["name": object.metadata.name, "uid": object.metadata.uid]
        return claims
    }
}
