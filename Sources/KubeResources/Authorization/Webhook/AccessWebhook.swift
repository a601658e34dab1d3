// An authorizer that asks another server: authorization.k8s.io SubjectAccessReview by webhook.

package import KubeBase
package import KubeCEL
import KubeModel
package import KubeServer
import KubeWire
import Logging

/// `--authorization-webhook-config-file`, or a Webhook of an AuthorizationConfiguration.
package final class AccessWebhook: Authorizer {
    package struct Settings: Sendable {
        package var client: ClientConfiguration
        /// `v1` or `v1beta1`.
        package var version: String = "v1beta1"
        package var allowedTTL: Duration = .seconds(300)
        package var refusedTTL: Duration = .seconds(30)
        package var timeout: Duration = .seconds(30)
        /// What a failure means: Deny, else no opinion.
        package var failsClosed: Bool = false
        /// CEL over `request`; all must hold, or the webhook is not asked.
        package var conditions: [CELProgram] = []
        package init(client: ClientConfiguration) { self.client = client }
    }

    /// Larger questions are not kept.
    private static let keyBytesMax: Int = 10_000
    private static let pauses: [Duration] = [.zero, .milliseconds(500), .milliseconds(750)]

    private let settings: Settings
    private let outbound: Outbound
    private let registry: any ObjectRegistry
    private let time: any TimeSource
    private let cache: AnswerCache<JSON, Decision> = AnswerCache()
    private let log: Logger = .component("authorization")

    package init(
        _ settings: Settings, registry: any ObjectRegistry, outbound: Outbound = Outbound(),
        time: any TimeSource = SystemTime()
    ) {
        self.settings = settings
        self.registry = registry
        self.outbound = outbound
        self.time = time
    }

    package func authorize(_ attributes: RequestAttributes) async -> Decision {
        let spec: JSON = Self.spec(attributes, version: settings.version)
        if !settings.conditions.isEmpty {
            switch isMeant(Self.spec(attributes, version: "v1")) {
            case .allow?: break
            case let decision?: return decision
            case nil: return .noOpinion(reason: "")
            }
        }
        let now: Timestamp = time.now()
        if let known = cache.answer(spec, now: now) { return known }
        do throws(OutboundError) {
            let decision: Decision = try await ask(spec)
            let ttl: Duration = if case .allow = decision { settings.allowedTTL } else { settings.refusedTTL }
            if spec.encoded().count <= Self.keyBytesMax {
                cache.keep(decision, for: spec, until: time.now() + ttl, now: now)
            }
            return decision
        } catch {
            log.error("Failed to make webhook authorizer request: \(error)")
            return settings.failsClosed ? .deny(reason: error.description) : .noOpinion(reason: error.description)
        }
    }

    /// nil: a condition says that this is not for the webhook; allow: it is; else what a failing condition means.
    private func isMeant(_ spec: JSON) -> Decision? {
        var budget: CELBudget = CELBudget(CELBudget.matchConditionsMax)
        var failure: String?
        let value: CELValue = CELValue(spec)
        for condition in settings.conditions {
            do throws(CELError) {
                if try condition.evaluate(["request": value], limit: &budget).asBool == false { return nil }
            } catch {
                failure = "cel evaluation error: \(error)"
            }
        }
        guard let failure else { return .allow(reason: "") }
        return settings.failsClosed ? .deny(reason: failure) : .noOpinion(reason: failure)
    }

    private func ask(_ spec: JSON) async throws(OutboundError) -> Decision {
        let review: JSON = [
            "kind": "SubjectAccessReview", "apiVersion": .string("authorization.k8s.io/\(settings.version)"),
            "metadata": [:], "spec": spec,
        ]
        var failure: OutboundError = OutboundError("nobody was asked")
        for pause in Self.pauses {
            if pause > .zero {
                do { try await time.sleep(for: pause) } catch { throw failure }
            }
            do throws(OutboundError) {
                let answer: JSON = try await outbound.post(
                    review, to: settings.client, timeout: settings.timeout, registry: registry)
                return try Self.decision(answer)
            } catch {
                failure = error
                if (400..<500).contains(error.status), error.status != 429 { throw error }
            }
        }
        throw failure
    }

    static func decision(_ answer: JSON) throws(OutboundError) -> Decision {
        let status: JSON = answer.status
        let (isAllowed, isDenied): (Bool, Bool) = (status.allowed.isTrue, status.denied.isTrue)
        if isAllowed, isDenied {
            throw OutboundError("webhook subject access review returned both allow and deny response", status: 400)
        }
        let reason: String = status.reason.text
        return isAllowed ? .allow(reason: reason) : isDenied ? .deny(reason: reason) : .noOpinion(reason: reason)
    }

    /// SubjectAccessReviewSpec; v1beta1 calls the groups `group`.
    static func spec(_ a: RequestAttributes, version: String) -> JSON {
        var out: JSON = [:]
        if a.isResourceRequest {
            var r: JSON = [:]
            let members: [(String, String)] = [
                ("namespace", a.namespace), ("verb", a.verb), ("group", a.group), ("version", a.version),
                ("resource", a.resource), ("subresource", a.subresource), ("name", a.name),
            ]
            for (key, value) in members where !value.isEmpty { r[key] = .string(value) }
            if !a.fieldSelector.isEmpty { r.fieldSelector.rawSelector = .string(a.fieldSelector) }
            if !a.labelSelector.isEmpty { r.labelSelector.rawSelector = .string(a.labelSelector) }
            out.resourceAttributes = r
        } else {
            out.nonResourceAttributes = ["path": .string(a.path), "verb": .string(a.verb)]
        }
        out.user = .string(a.user.name)
        if !a.user.groups.isEmpty { out[version == "v1beta1" ? "group" : "groups"] = JSON(a.user.groups) }
        for (key, values) in a.user.extra.sorted(by: { $0.key < $1.key }) { out.extra[key] = JSON(values) }
        if !a.user.uid.isEmpty { out.uid = .string(a.user.uid) }
        return out
    }

    private static func texts(_ names: [String]) -> [(name: String, declaration: CELDeclaration)] {
        names.map { ($0, CELDeclaration.of(.string)) }
    }
    /// The variable `request` is the SubjectAccessReviewSpec.
    package static let environment: CELEnvironment = CELEnvironment(variables: [
        (
            "request",
            .object(
                "kubernetes.SubjectAccessReviewSpec",
                texts(["user", "uid"]) + [
                    ("groups", .of(.list(.string))), ("extra", .of(.map(.string, .list(.string)))),
                    (
                        "resourceAttributes",
                        .object(
                            "kubernetes.ResourceAttributes",
                            texts(["namespace", "verb", "group", "version", "resource", "subresource", "name"])
                                + [("fieldSelector", .dyn), ("labelSelector", .dyn)])
                    ),
                    ("nonResourceAttributes", .object("kubernetes.NonResourceAttributes", texts(["path", "verb"]))),
                ])
        )
    ])
}
