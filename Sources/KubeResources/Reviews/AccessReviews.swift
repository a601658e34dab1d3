// "May this user do that?": the review kinds of authorization.k8s.io; nothing is stored.

import KubeAPI
import KubeBase
import KubeModel
import KubeServer
import KubeWire

struct AccessReview: SubresourceHandler {
    enum Subject { case own, given, givenInNamespace }
    let subject: Subject

    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        var review: JSON = call.body
        let spec: JSON = review.spec
        try check(spec, call)
        var user: UserInfo = call.context.user
        if subject != .own {
            user = UserInfo(
                name: spec.user.text, uid: spec.uid.text, groups: spec.groups.strings,
                extra: Dictionary(uniqueKeysWithValues: spec.extra.fields.pairs.map { ($0.key, $0.value.strings) }))
        }
        let decision: Decision = await call.registry.authorizer.authorize(Self.attributes(spec, user))
        var status: JSON = ["allowed": false]
        switch decision {
        case .allow(let reason):
            status.allowed = true
            if !reason.isEmpty { status.reason = .string(reason) }
        case .deny(let reason):
            status.denied = true
            if !reason.isEmpty { status.reason = .string(reason) }
        case .noOpinion(let reason):
            if !reason.isEmpty { status.reason = .string(reason) }
        }
        review.status = status
        return .object(call.complete(review), status: 201)
    }

    private func check(_ spec: JSON, _ call: SubresourceCall) throws(StatusError) {
        var out: Faults = Faults()
        if spec.resourceAttributes.exists, spec.nonResourceAttributes.exists {
            out.invalid(
                "spec.nonResourceAttributes", spec.nonResourceAttributes,
                "cannot be specified in combination with resourceAttributes")
        }
        if !spec.resourceAttributes.exists, !spec.nonResourceAttributes.exists {
            out.invalid(
                "spec.resourceAttributes", spec.nonResourceAttributes,
                "exactly one of nonResourceAttributes or resourceAttributes must be specified")
        }
        if subject != .own, spec.user.text.isEmpty, spec.groups.elements.isEmpty {
            out.invalid("spec.user", spec.user.exists ? spec.user : "", "at least one of user or group must be specified")
        }
        if subject == .givenInNamespace {
            if spec.nonResourceAttributes.exists {
                out.invalid(
                    "spec.nonResourceAttributes", spec.nonResourceAttributes, "disallowed on this kind of request")
            }
            if spec.resourceAttributes.namespace.text != call.context.namespace {
                throw .badRequest(
                    "spec.resourceAttributes.namespace must match namespace: \(call.context.namespace)")
            }
        }
        if !out.list.isEmpty { throw .invalid(kind: call.definition.groupKind, name: "", out.list) }
    }

    /// As a query would carry it: the raw text, or the requirements put together (KEP-4601).
    static func selector(_ s: JSON) -> String {
        if !s.rawSelector.text.isEmpty { return s.rawSelector.text }
        return s.requirements.elements.compactMap { r in
            let (key, values): (String, [String]) = (r.key.text, r["values"].strings)
            switch r["operator"].text {
            case "In": return values.count == 1 ? "\(key)=\(values[0])" : "\(key) in (\(values.joined(separator: ",")))"
            case "NotIn":
                return values.count == 1 ? "\(key)!=\(values[0])" : "\(key) notin (\(values.joined(separator: ",")))"
            case "Exists": return key
            case "DoesNotExist": return "!" + key
            default: return nil
            }
        }.joined(separator: ",")
    }

    static func attributes(_ spec: JSON, _ user: UserInfo) -> RequestAttributes {
        if spec.nonResourceAttributes.exists {
            let n: JSON = spec.nonResourceAttributes
            return RequestAttributes(user: user, verb: n.verb.text, path: n.path.text)
        }
        let r: JSON = spec.resourceAttributes
        var a: RequestAttributes = RequestAttributes(
            user: user, verb: r.verb.text,
            GroupVersionResource(group: r.group.text, version: r.version.text, resource: r.resource.text),
            subresource: r.subresource.text, namespace: r.namespace.text, name: r.name.text)
        a.fieldSelector = Self.selector(r.fieldSelector)
        a.labelSelector = Self.selector(r.labelSelector)
        return a
    }
}

struct RulesReview: SubresourceHandler {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        var review: JSON = call.body
        let namespace: String = review.spec.namespace.text
        if namespace.isEmpty { throw .badRequest("no namespace on request") }
        let rules: AuthorizationRules =
            await call.registry.authorizer.rules(for: call.context.user, namespace: namespace) ?? AuthorizationRules()
        let resources: [JSON] = rules.resources.map { r in
            var o: JSON = ["verbs": JSON(r.verbs), "apiGroups": JSON(r.apiGroups), "resources": JSON(r.resources)]
            if !r.resourceNames.isEmpty { o.resourceNames = JSON(r.resourceNames) }
            return o
        }
        let paths: [JSON] = rules.paths.map { ["verbs": JSON($0.verbs), "nonResourceURLs": JSON($0.paths)] }
        review.status = [
            "resourceRules": .array(resources), "nonResourceRules": .array(paths),
            "incomplete": JSON(rules.isIncomplete),
        ]
        return .object(call.complete(review), status: 201)
    }
}

struct SelfReview: SubresourceHandler {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        var review: JSON = call.body
        review.metadata.creationTimestamp = .string(call.context.now.rfc3339)
        review.status = ["userInfo": call.context.user.json]
        return .object(call.complete(review), status: 201)
    }
}

/// authentication.k8s.io/v1 TokenReview through the server's own token authenticators.
struct TokenReview: SubresourceHandler {
    let settings: ClusterSettings

    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        var review: JSON = call.body
        let token: String = review.spec.token.text
        if token.isEmpty { throw .badRequest("token is required for TokenReview in authentication") }
        let asked: [String] = review.spec.audiences.strings
        review.status = settings.tokens.review(
            token, audiences: asked.isEmpty ? settings.audiences : asked, call.registry)
        return .object(call.complete(review), status: 201)
    }
}

extension SubresourceCall {
    /// kind and apiVersion first.
    func complete(_ object: JSON) -> JSON {
        var o: JSON = ["kind": .string(definition.kind), "apiVersion": .string(definition.apiVersion)]
        o.metadata = object.metadata.exists ? object.metadata : [:]
        for (key, value) in object.fields where !["kind", "apiVersion", "metadata"].contains(key) { o[key] = value }
        return o
    }
}

enum Reviews {
    static let entries: [Entry] = [
        Entry(API.subjectAccessReviews) { d, _ in d.virtual = AccessReview(subject: .given) },
        Entry(API.localSubjectAccessReviews) { d, _ in d.virtual = AccessReview(subject: .givenInNamespace) },
        Entry(API.selfSubjectAccessReviews) { d, _ in d.virtual = AccessReview(subject: .own) },
        Entry(API.selfSubjectRulesReviews) { d, _ in d.virtual = RulesReview() },
        Entry(API.selfSubjectReviews) { d, _ in d.virtual = SelfReview() },
        Entry(API.tokenReviews) { d, settings in d.virtual = TokenReview(settings: settings) },
    ]
}
