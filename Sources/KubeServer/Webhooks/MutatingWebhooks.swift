// The MutatingAdmissionWebhook plugin: webhooks may patch the object, one after the other.

import KubeAPI
import KubeBase
package import KubeModel
import KubeWire
import Logging

package final class MutatingWebhooks: AdmissionPlugin {
    package let name: String = "MutatingAdmissionWebhook"
    private let source: WebhookSource = WebhookSource(API.mutatingWebhookConfigurations)
    private let call: WebhookCall
    private let log: Logger = .component("admission")

    package init(outbound: Outbound = Outbound()) { call = WebhookCall(outbound: outbound) }

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard !AdmissionExemption.holds(request) else { return }
        let webhooks: [Webhook] = source.webhooks(request.context.registry)
        guard !webhooks.isEmpty else { return }
        let versions: RequestVersions = RequestVersions(request)
        request.reinvocation.begin(with: request.object)
        for (index, webhook) in webhooks.enumerated() {
            guard let invocation = try await webhook.invocation(for: request, versions),
                request.reinvocation.calls(webhook.id),
                try await webhook.conditions.hold(invocation, request, versions)
            else { continue }
            try await run(invocation, index, &request, versions)
        }
        request.reinvocation.end(with: request.object)
    }

    private func run(
        _ invocation: WebhookInvocation, _ index: Int, _ request: inout AdmissionRequest, _ versions: RequestVersions
    ) async throws(StatusError) {
        let webhook: Webhook = invocation.webhook
        let place: String = "round_\(request.reinvocation.isSecondRound ? 1 : 0)_index_\(index)"
        let note: JSON = ["configuration": .string(webhook.configuration), "webhook": .string(webhook.name)]
        do throws(WebhookFailure) {
            let isChanged: Bool = try await patch(invocation, &request, versions)
            if isChanged { request.reinvocation.changed() }
            var told: JSON = note
            told.mutated = JSON(isChanged)
            request.context.annotate("mutation.webhook.admission.k8s.io/\(place)", "\(told)")
            if webhook.isReinvocable { request.reinvocation.wasCalled(webhook.id) }
        } catch {
            if webhook.isReinvocable { request.reinvocation.wasCalled(webhook.id) }
            guard case .calling(let why) = error, webhook.ignoresFailures else { throw error.status }
            log.warning("Failed calling webhook, failing open \(webhook.name): \(why)")
            request.context.annotate("failed-open.mutating.webhook.admission.k8s.io/\(place)", webhook.name)
            if Task.isCancelled { throw .timeout("request did not complete within requested timeout") }
        }
    }

    /// Asks and applies; true when the object is another one now.
    private func patch(
        _ invocation: WebhookInvocation, _ request: inout AdmissionRequest, _ versions: RequestVersions
    ) async throws(WebhookFailure) -> Bool {
        let (object, old): (JSON, JSON)
        do throws(StatusError) {
            object = try await versions.converted(request.object, to: invocation.kind)
            old = try await versions.converted(request.oldObject, to: invocation.kind)
        } catch {
            throw .refused(.internalError(error.message))
        }
        let verdict: AdmissionReview.Verdict = try await call.verdict(
            invocation, request, object: object, oldObject: old, isMutating: true)
        guard !verdict.patch.isEmpty else { return false }
        do throws(StatusError) {
            guard let patched = try Self.applied(verdict.patch, to: object, invocation.webhook.name) else {
                return false
            }
            let normal: JSON = try versions.normal(patched, invocation.kind)
            guard normal != object else { return false }
            request.object = try await versions.converted(normal, to: versions.kind)
            return true
        } catch {
            throw .refused(error)
        }
    }

    /// nil: an empty patch.
    static func applied(_ bytes: [UInt8], to object: JSON, _ webhook: String) throws(StatusError) -> JSON? {
        let patch: JSON
        do { patch = try JSON.parse(bytes) } catch { throw .internalError("\(error)") }
        guard let operations = patch.asArray else {
            throw .internalError("json: cannot unmarshal \(patch.typeName) into Go value of type jsonpatch.Patch")
        }
        if operations.isEmpty { return nil }
        guard object.exists else {
            throw .internalError(
                "admission webhook \(JSON(webhook)) attempted to modify the object, which is not supported for this "
                    + "operation"
            )
        }
        do throws(StatusError) {
            return try Patch.json(patch, to: object)
        } catch {
            throw .internalError(error.details.causes[0].message.asString ?? error.message)
        }
    }
}
