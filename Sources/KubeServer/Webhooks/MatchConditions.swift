// matchConditions: CEL expressions that must all hold before a webhook or a policy is asked.

package import KubeCEL
import KubeModel
package import KubeWire

/// One that is false means no, whatever the others say; one that fails is judged by the failure policy.
package struct MatchConditions: Sendable {
    private struct Condition: Sendable {
        let expression: String
        let program: Result<CELProgram, CELError>
    }
    private let conditions: [Condition]
    /// failurePolicy Fail.
    private let failsClosed: Bool

    package init(_ json: JSON, failsClosed: Bool, environment: CELEnvironment = AdmissionExpressions.environment) {
        conditions = json.elements.map { condition in
            let text: String = condition.expression.text
            return Condition(
                expression: text,
                program: Result { () throws(CELError) in try CELProgram(text, environment, returns: .bool) })
        }
        self.failsClosed = failsClosed
    }

    package var isEmpty: Bool { conditions.isEmpty }

    /// Throws in words what failed when nothing is false and failures count.
    package func hold(
        _ variables: [String: CELValue], _ checks: AdmissionChecks
    ) async throws(MatchConditionFault) -> Bool {
        var budget: CELBudget = CELBudget(CELBudget.matchConditionsMax)
        var faults: [String] = []
        for condition in conditions {
            do throws(CELError) {
                let program: CELProgram = try condition.program.get()
                let value: CELValue = try await AdmissionExpressions.evaluate(
                    program, variables, budget: &budget, checks)
                if value.asBool == false { return false }
            } catch {
                faults.append("expression '\(condition.expression)' resulted in error: \(error)")
            }
        }
        if faults.isEmpty { return true }
        guard failsClosed else { return false }
        throw MatchConditionFault(
            description: faults.count == 1 ? faults[0] : "[" + faults.joined(separator: ", ") + "]")
    }

    /// For a webhook: the objects are seen in the version that it asks for.
    func hold(
        _ invocation: WebhookInvocation, _ request: AdmissionRequest, _ versions: RequestVersions
    ) async throws(StatusError) -> Bool {
        guard !isEmpty else { return true }
        let object: JSON = try await versions.converted(request.object, to: invocation.kind)
        let old: JSON = try await versions.converted(request.oldObject, to: invocation.kind)
        let told: JSON = AdmissionReview.told(request, invocation, object: .null, oldObject: .null, uid: "")
        let checks: AdmissionChecks = AdmissionChecks(request)
        var variables: [String: CELValue] = checks.variables
        variables["object"] = CELValue(object)
        variables["oldObject"] = CELValue(old)
        variables["request"] = CELValue(told, AdmissionExpressions.request)
        do throws(MatchConditionFault) {
            return try await hold(variables, checks)
        } catch {
            throw .forbidden(request.resource.groupResource, request.name, error.description)
        }
    }
}

package struct MatchConditionFault: Error, CustomStringConvertible {
    package let description: String
}
