// One call of one admission webhook, and what went wrong with it.

import KubeBase
import KubeModel
import KubeWire

/// Why a webhook did not say yes.
enum WebhookFailure: Error {
    /// It could not be asked, or its answer is unusable: failurePolicy decides.
    case calling(String)
    /// It said no.
    case denied(StatusError)
    /// Neither policy nor verdict: dry run not supported, a patch that does not apply.
    case refused(StatusError)

    /// What the client is told when the failure is not ignored.
    var status: StatusError {
        switch self {
        case .calling(let why): .internalError(why)
        case .denied(let error), .refused(let error): error
        }
    }
}

struct WebhookCall {
    let outbound: Outbound

    /// `object` and `oldObject` are in the invocation's kind. Warnings and annotations are passed on.
    func verdict(
        _ invocation: WebhookInvocation, _ request: AdmissionRequest, object: JSON, oldObject: JSON, isMutating: Bool
    ) async throws(WebhookFailure) -> AdmissionReview.Verdict {
        let webhook: Webhook = invocation.webhook
        if request.isDryRun { try Self.checkDryRun(webhook) }
        let verdict: AdmissionReview.Verdict = try await answer(
            invocation, request, object: object, oldObject: oldObject, isMutating: isMutating)
        for (key, value) in verdict.annotations.sorted(by: { $0.key < $1.key }) {
            request.context.annotate("\(webhook.name)/\(key)", value)
        }
        for warning in verdict.warnings { request.context.warn(warning) }
        guard verdict.isAllowed else {
            throw .denied(AdmissionReview.denial(webhook.name, verdict.result))
        }
        return verdict
    }

    private static func checkDryRun(_ webhook: Webhook) throws(WebhookFailure) {
        switch webhook.sideEffects {
        case nil: throw .calling(said(webhook, "Webhook SideEffects is nil"))
        case .none?, .noneOnDryRun?: return
        case .some?, .unknown?:
            throw .refused(.badRequest("admission webhook \(JSON(webhook.name)) does not support dry run"))
        }
    }

    private func answer(
        _ invocation: WebhookInvocation, _ request: AdmissionRequest, object: JSON, oldObject: JSON, isMutating: Bool
    ) async throws(WebhookFailure) -> AdmissionReview.Verdict {
        let webhook: Webhook = invocation.webhook
        let review: AdmissionReview
        do throws(AdmissionReview.Fault) {
            review = try AdmissionReview(
                request, as: invocation, object: object, oldObject: oldObject, uid: Identifier.uid())
        } catch {
            throw .calling(Self.said(webhook, "could not create admission objects: \(error)"))
        }
        guard let client = webhook.client else {
            throw .calling(
                Self.said(webhook, "could not get REST client: webhook configuration must have either service or URL"))
        }
        let answer: JSON
        do throws(OutboundError) {
            answer = try await outbound.post(
                review.json, to: client, timeout: .seconds(webhook.timeoutSeconds), showsTimeout: true,
                registry: request.context.registry)
        } catch {
            throw .calling(Self.said(webhook, "failed to call webhook: \(error)"))
        }
        do throws(AdmissionReview.Fault) {
            return try review.verdict(answer, isMutating: isMutating)
        } catch {
            throw .calling(Self.said(webhook, "received invalid webhook response: \(error)"))
        }
    }

    private static func said(_ webhook: Webhook, _ why: String) -> String {
        "failed calling webhook \(JSON(webhook.name)): \(why)"
    }
}
