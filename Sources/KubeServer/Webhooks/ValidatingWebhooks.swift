// The ValidatingAdmissionWebhook plugin: all that want to see the request are asked at once, each may say no.

import KubeAPI
import KubeBase
package import KubeModel
import KubeWire
import Logging

package final class ValidatingWebhooks: AdmissionPlugin {
    package let name: String = "ValidatingAdmissionWebhook"
    private let source: WebhookSource = WebhookSource(API.validatingWebhookConfigurations)
    private let call: WebhookCall
    private let log: Logger = .component("admission")

    package init(outbound: Outbound = Outbound()) { call = WebhookCall(outbound: outbound) }

    /// One webhook's question, its objects in the version it wants.
    private struct Question: Sendable {
        let invocation: WebhookInvocation
        let object: JSON
        let oldObject: JSON
    }

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard !AdmissionExemption.holds(request) else { return }
        let webhooks: [Webhook] = source.webhooks(request.context.registry)
        guard !webhooks.isEmpty else { return }
        let questions: [Question] = try await questions(request, webhooks)
        guard !questions.isEmpty else { return }
        if questions.count == 1 {
            if let error = await ask(questions[0], 0, request) { throw error }
            return
        }
        let errors: [StatusError?] = await withTaskGroup(of: (Int, StatusError?).self) { group in
            for (index, question) in questions.enumerated() {
                group.addTask { (index, await self.ask(question, index, request)) }
            }
            var all: [StatusError?] = Array(repeating: nil, count: questions.count)
            for await (index, error) in group { all[index] = error }
            return all
        }
        if let first = errors.lazy.compactMap({ $0 }).first { throw first }
    }

    private func questions(
        _ request: AdmissionRequest, _ webhooks: [Webhook]
    ) async throws(StatusError) -> [Question] {
        let versions: RequestVersions = RequestVersions(request)
        var out: [Question] = []
        for webhook in webhooks {
            guard let invocation = try await webhook.invocation(for: request, versions),
                try await webhook.conditions.hold(invocation, request, versions)
            else { continue }
            do throws(StatusError) {
                out.append(
                    Question(
                        invocation: invocation,
                        object: try await versions.converted(request.object, to: invocation.kind),
                        oldObject: try await versions.converted(request.oldObject, to: invocation.kind)))
            } catch {
                throw .internalError(error.message)
            }
        }
        return out
    }

    private func ask(_ question: Question, _ index: Int, _ request: AdmissionRequest) async -> StatusError? {
        let webhook: Webhook = question.invocation.webhook
        do throws(WebhookFailure) {
            _ = try await call.verdict(
                question.invocation, request, object: question.object, oldObject: question.oldObject,
                isMutating: false)
            return nil
        } catch {
            guard case .calling(let why) = error, webhook.ignoresFailures else { return error.status }
            log.warning("Failed calling webhook, failing open \(webhook.name): \(why)")
            request.context.annotate(
                "failed-open.validating.webhook.admission.k8s.io/round_0_index_\(index)", webhook.name)
            return nil
        }
    }
}
