// matchConditions: CEL expressions that must all hold before a webhook is called.

import KubeModel
import KubeWire

struct MatchConditions: Sendable {
    let expressions: [(name: String, expression: String)]
    let failsClosed: Bool

    init(_ json: JSON, failsClosed: Bool) {
        expressions = json.elements.map { ($0.name.text, $0.expression.text) }
        self.failsClosed = failsClosed
    }

    func hold(
        _ invocation: WebhookInvocation, _ request: AdmissionRequest, _ versions: RequestVersions
    ) async throws(StatusError) -> Bool {
        guard !expressions.isEmpty else { return true }
        guard failsClosed else { return false }
        throw .forbidden(request.resource.groupResource, request.name, "match conditions cannot be evaluated yet")
    }
}
