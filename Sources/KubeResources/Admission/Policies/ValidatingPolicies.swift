// The ValidatingAdmissionPolicy plugin: all policies that mean a request judge it, binding by binding.

import KubeAPI
import KubeCEL
package import KubeModel
package import KubeServer
import KubeWire

package final class ValidatingPolicies: AdmissionPlugin {
    package let name: String = "ValidatingAdmissionPolicy"
    private let source: PolicySource<ValidatingPolicy> = PolicySource(
        API.validatingAdmissionPolicies, API.validatingAdmissionPolicyBindings
    ) { ValidatingPolicy($0) }

    package init() {}

    /// What all policies found, until it is told.
    private struct Findings {
        var denials: [(policy: String, binding: String?, denial: ValidatingPolicy.Denial)] = []
        var failures: [JSON] = []
        var annotations: [(key: String, values: [String])] = []

        mutating func annotate(_ key: String, _ value: String) {
            if let i = annotations.firstIndex(where: { $0.key == key }) {
                if !annotations[i].values.contains(value) { annotations[i].values.append(value) }
            } else {
                annotations.append((key, [value]))
            }
        }
    }

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard !AdmissionExemption.holds(request) else { return }
        let all: [PolicySource<ValidatingPolicy>.Bound] = source.bound(request.context.registry)
        guard !all.isEmpty else { return }
        let seen: PolicyRequest = PolicyRequest(request)
        var findings: Findings = Findings()
        for bound in all {
            do throws(StatusError) {
                try await judge(bound, seen, &findings)
            } catch {
                failed(bound.policy, nil, error.message, &findings)
            }
        }
        try tell(findings, request)
    }

    private func failed(_ policy: ValidatingPolicy, _ binding: String?, _ why: String, _ findings: inout Findings) {
        guard policy.failsClosed else { return }
        let what: String = binding == nil ? "policy" : "binding"
        findings.denials.append(
            (policy.name, binding, .init(message: "failed to configure \(what): \(why)", reason: "", index: 0)))
    }

    private func judge(
        _ bound: PolicySource<ValidatingPolicy>.Bound, _ seen: PolicyRequest, _ findings: inout Findings
    ) async throws(StatusError) {
        let policy: ValidatingPolicy = bound.policy
        guard try seen.match(policy.constraints) != nil else { return }
        var variables: [String: CELValue]?
        for binding in bound.bindings {
            guard try seen.match(binding.constraints) != nil else { continue }
            let params: [JSON]
            do throws(PolicyFault) {
                params = try policy.params?.find(binding.params, seen.request) ?? [.null]
            } catch {
                failed(policy, binding.name, error.description, &findings)
                continue
            }
            for param in params {
                if variables == nil { variables = try await seen.variables(policy.constraints) }
                guard let judgement = await policy.judge(variables ?? [:], param: param, seen.checks) else { continue }
                for denial in judgement.denials { record(denial, policy, binding, seen.request, &findings) }
                for (key, value) in judgement.annotations { findings.annotate("\(policy.name)/\(key)", value) }
            }
        }
    }

    private func record(
        _ denial: ValidatingPolicy.Denial, _ policy: ValidatingPolicy, _ binding: PolicyBinding,
        _ request: AdmissionRequest, _ findings: inout Findings
    ) {
        for action in binding.actions {
            switch action {
            case "Deny": findings.denials.append((policy.name, binding.name, denial))
            case "Warn":
                request.context.warn(
                    "Validation failed for ValidatingAdmissionPolicy '\(policy.name)' with binding '\(binding.name)': \(denial.message)"
                )
            case "Audit":
                findings.failures.append([
                    "message": .string(denial.message), "policy": .string(policy.name),
                    "binding": .string(binding.name), "expressionIndex": JSON(denial.index),
                    "validationActions": JSON(binding.actions),
                ])
            default: break
            }
        }
    }

    private func tell(_ findings: Findings, _ request: AdmissionRequest) throws(StatusError) {
        for (key, values) in findings.annotations { request.context.annotate(key, values.joined(separator: ", ")) }
        if !findings.failures.isEmpty {
            request.context.annotate(
                "validation.policy.admission.k8s.io/validation_failure", "\(JSON.array(findings.failures))")
        }
        guard let (policy, binding, denial) = findings.denials.first else { return }
        throw PolicyDenial.status("ValidatingAdmissionPolicy", policy, binding, denial.message, denial.reason, request)
    }
}

enum PolicyDenial {
    /// Forbidden's message with the reason and code of the validation (Invalid, 422, unless it says otherwise).
    static func status(
        _ kind: String, _ policy: String, _ binding: String?, _ why: String, _ reason: String,
        _ request: AdmissionRequest
    ) -> StatusError {
        let with: String = binding.map { " with binding '\($0)'" } ?? ""
        let message: String = "\(kind) '\(policy)'\(with) denied request: \(why)"
        var error: StatusError = .forbidden(request.resource.groupResource, request.name, message)
        error.reason = reason.isEmpty ? "Invalid" : reason
        error.code =
            switch error.reason {
            case "Forbidden": 403
            case "Unauthorized": 401
            case "RequestEntityTooLarge": 413
            default: 422
            }
        error.details.causes = [["message": .string(message)]]
        return error
    }
}
