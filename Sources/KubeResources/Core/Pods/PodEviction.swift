// `pods/eviction`: a delete that respects disruption budgets.

import KubeAPI
import KubeBase
package import KubeModel
package import KubeServer
import KubeWire

package struct PodEviction: SubresourceHandler {
    package init() {}
    private static let budgetsResource: GroupResource = API.podDisruptionBudgets.groupResource

    package func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let context: RequestContext = call.context
        guard let pod = context.registry.get(API.pods, namespace: context.namespace, name: context.name) else {
            throw .notFound(API.pods.groupResource, context.name)
        }
        let named: String = call.body.metadata.name.text
        guard named.isEmpty || named == context.name else {
            throw .badRequest("name in URL does not match name in Eviction object")
        }
        if !Self.needsNoBudget(pod) { try await takeFromBudget(pod, context) }
        if !context.isDryRun { try await delete(call, pod) }
        return PodBinding.success
    }

    private static func needsNoBudget(_ pod: JSON) -> Bool {
        pod.meta.isDeleting || ["Succeeded", "Failed", "Pending"].contains(pod.status.phase.text)
    }

    private func takeFromBudget(_ pod: JSON, _ context: RequestContext) async throws(StatusError) {
        let budgets: [JSON] = context.registry.list(API.podDisruptionBudgets, namespace: context.namespace)
            .filter { LabelSelector($0.spec.selector).matches(object: pod) }
        if budgets.count > 1 {
            throw .internalError(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")
        }
        guard let budget = budgets.first else { return }
        let isReady: Bool = pod.status.conditions.elements.contains {
            $0.type.text == "Ready" && $0.status.text == "True"
        }
        if !isReady {
            let healthy: Int = budget.status.currentHealthy.asInt ?? 0
            let wanted: Int = budget.status.desiredHealthy.asInt ?? 0
            if budget.spec.unhealthyPodEvictionPolicy.text == "AlwaysAllow" || (wanted > 0 && healthy >= wanted) {
                return
            }
        }
        let now: Timestamp = context.now
        let isDryRun: Bool = context.isDryRun
        try await context.registry.update(
            API.podDisruptionBudgets, namespace: context.namespace, name: budget.meta.name
        ) { (b: inout JSON) throws(StatusError) -> Bool in
            try Self.take(from: &b, pod: pod.meta.name, now: now)
            return !isDryRun
        }
    }

    private static func take(from budget: inout JSON, pod: String, now: Timestamp) throws(StatusError) {
        let name: String = budget.meta.name
        if (budget.status.observedGeneration.asInt ?? 0) < budget.meta.generation {
            var error: StatusError = .tooManyRequests(
                "Cannot evict pod as it would violate the pod's disruption budget.", retryAfterSeconds: 10)
            error.details.causes = [
                [
                    "reason": "DisruptionBudget",
                    "message": "The disruption budget \(name) is still being processed by the server.",
                ]
            ]
            throw error
        }
        let allowed: Int = budget.status.disruptionsAllowed.asInt ?? 0
        if allowed < 0 { throw .forbidden(budgetsResource, name, "pdb disruptions allowed is negative") }
        if budget.status.disruptedPods.fields.count > 2000 {
            throw .forbidden(
                budgetsResource, name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller")
        }
        if allowed == 0 {
            var error: StatusError = .tooManyRequests(
                "Cannot evict pod as it would violate the pod's disruption budget.", retryAfterSeconds: 0)
            error.details = [
                "causes": [
                    [
                        "reason": "DisruptionBudget",
                        "message":
                            "The disruption budget \(name) needs \(budget.status.desiredHealthy.asInt ?? 0) healthy pods and has \(budget.status.currentHealthy.asInt ?? 0) currently",
                    ]
                ]
            ]
            throw error
        }
        budget.status.disruptionsAllowed = JSON(allowed - 1)
        budget.status.disruptedPods[pod] = .string(now.rfc3339)
    }

    private func delete(_ call: SubresourceCall, _ pod: JSON) async throws(StatusError) {
        var request: APICall = APICall(.delete, API.pods)
        request.namespace = call.context.namespace
        request.name = call.context.name
        request.body = call.body.deleteOptions
        try await mark(call, pod, request)
    }

    private func mark(_ call: SubresourceCall, _ pod: JSON, _ request: APICall) async throws(StatusError) {
        _ = try? await call.registry.update(API.pods, namespace: request.namespace, name: request.name) {
            (p: inout JSON) throws(StatusError) -> Bool in
            guard p.meta.uid == pod.meta.uid, !Self.needsNoBudget(p) else { return false }
            var list: [JSON] = p.status.conditions.elements.filter { $0.type.text != "DisruptionTarget" }
            list.append([
                "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting", "lastTransitionTime": .string(call.context.now.rfc3339),
            ])
            p.status.conditions = .array(list)
            return true
        }
        _ = try await call.registry.transport(user: .loopback).call(request)
    }
}
