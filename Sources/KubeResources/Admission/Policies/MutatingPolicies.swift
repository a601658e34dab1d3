// The MutatingAdmissionPolicy plugin: policies change an object one after the other, and may be asked again.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

package final class MutatingPolicies: AdmissionPlugin {
    package let name: String = "MutatingAdmissionPolicy"
    private let source: PolicySource<MutatingPolicy> = PolicySource(
        API.mutatingAdmissionPolicies, API.mutatingAdmissionPolicyBindings
    ) { MutatingPolicy($0) }

    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        // What is deleted or connected to cannot be changed.
        guard !AdmissionExemption.holds(request), request.operation == .create || request.operation == .update else {
            return
        }
        let all: [PolicySource<MutatingPolicy>.Bound] = source.bound(request.context.registry)
        guard !all.isEmpty else { return }
        request.reinvocation.begin(with: request.object)
        for bound in all {
            for binding in bound.bindings { try await mutate(bound.policy, binding, &request) }
        }
        request.reinvocation.end(with: request.object)
    }

    private func mutate(
        _ policy: MutatingPolicy, _ binding: PolicyBinding, _ request: inout AdmissionRequest
    ) async throws(StatusError) {
        do throws(PolicyFault) {
            let first: PolicyRequest = PolicyRequest(request)
            guard let kind = try Self.match(policy, binding, first) else { return }
            let params: [JSON]
            do throws(PolicyFault) {
                params = try policy.params?.find(binding.params, request) ?? [.null]
            } catch {
                throw PolicyFault(description: "failed to configure binding: \(error)")
            }
            for (i, param) in params.enumerated() {
                let id: String = "policy/\(policy.name)/\(binding.name)/\(i)"
                guard request.reinvocation.calls(id) else { continue }
                try await mutate(policy, kind, param, id, &request)
            }
        } catch {
            guard policy.failsClosed else { return }
            throw PolicyDenial.status(
                "MutatingAdmissionPolicy", policy.name, binding.name, error.description, "", request)
        }
    }

    private static func match(
        _ policy: MutatingPolicy, _ binding: PolicyBinding, _ seen: PolicyRequest
    ) throws(PolicyFault) -> GroupVersionKind? {
        do throws(StatusError) {
            guard let kind = try seen.match(policy.constraints), try seen.match(binding.constraints) != nil else {
                return nil
            }
            return kind
        } catch {
            throw PolicyFault(description: "failed to configure policy: \(error.message)")
        }
    }

    private func mutate(
        _ policy: MutatingPolicy, _ kind: GroupVersionKind, _ param: JSON, _ id: String,
        _ request: inout AdmissionRequest
    ) async throws(PolicyFault) {
        let seen: PolicyRequest = PolicyRequest(request)
        guard let mutated = try await policy.mutated(seen, kind, param: param) else { return }
        let before: JSON = request.object
        do throws(StatusError) {
            let accepted: JSON = try await seen.accepted(mutated, kind)
            if accepted != before {
                request.object = accepted
                request.reinvocation.changed()
            }
        } catch {
            throw PolicyFault(description: error.message)
        }
        if policy.isReinvocable { request.reinvocation.wasCalled(id) }
    }
}
