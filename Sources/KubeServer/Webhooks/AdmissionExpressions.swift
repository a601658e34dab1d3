// CEL expressions about a request: object, oldObject, request, authorizer.

package import KubeCEL
import KubeModel
import KubeWire

package enum AdmissionExpressions {
    private static func textual(_ names: [String]) -> [(name: String, declaration: CELDeclaration)] {
        names.map { ($0, CELDeclaration.of(.string)) }
    }
    private static let kind: CELDeclaration = .object(
        "kubernetes.GroupVersionKind", textual(["group", "version", "kind"]))
    private static let resource: CELDeclaration = .object(
        "kubernetes.GroupVersionResource", textual(["group", "version", "resource"]))
    private static let userInfo: CELDeclaration = .object(
        "kubernetes.UserInfo",
        textual(["username", "uid"]) + [
            ("groups", .of(.list(.string))), ("extra", .of(.map(.string, .list(.string)))),
        ])
    /// The variable `request`: admission.k8s.io/v1 AdmissionRequest without its objects.
    package static let request: CELDeclaration = .object(
        "kubernetes.AdmissionRequest",
        [
            ("kind", kind), ("resource", resource), ("requestKind", kind), ("requestResource", resource),
            ("userInfo", userInfo), ("dryRun", .of(.bool)), ("options", .dyn),
        ] + textual(["subResource", "requestSubResource", "name", "namespace", "operation", "uid"]))

    /// What match conditions may name.
    package static let environment: CELEnvironment = CELEnvironment(
        variables: [("object", CELDeclaration.dyn), ("oldObject", .dyn), ("request", request)], authorizer: true)

    /// Why a match condition is not one: `compilation failed: …`; nil: it is.
    package static func fault(of expression: String, _ environment: CELEnvironment = environment) -> String? {
        do throws(CELError) {
            _ = try CELProgram(expression, environment, returns: .bool)
            return nil
        } catch {
            return error.message
        }
    }

    /// Evaluates; each authorization check that the expression makes is answered when it is met.
    package static func evaluate(
        _ program: CELProgram, _ variables: [String: CELValue], budget: inout CELBudget, _ checks: AdmissionChecks
    ) async throws(CELError) -> CELValue {
        while true {
            do throws(CELError) {
                return try program.evaluate(variables, limit: &budget)
            } catch {
                guard error.kind == .pending, await checks.answer() else { throw error }
            }
        }
    }
}

/// The variable `authorizer` of one request: the request's own user asks the server's authorizers.
package struct AdmissionChecks: Sendable {
    private let memo: CELAuthorizationMemo = CELAuthorizationMemo()
    private let request: AdmissionRequest

    package init(_ request: AdmissionRequest) { self.request = request }

    package var variables: [String: CELValue] {
        var own: CELAccessCheck = CELAccessCheck()
        own.group = request.resource.group
        own.resource = request.resource.resource
        own.subresource = request.subresource
        own.namespace = request.namespace
        own.name = request.name
        return ["authorizer": .authorizer(memo), "authorizer.requestResource": .requestResource(own, memo)]
    }

    /// Asks for the check that the last evaluation lacked; false: it lacked none.
    func answer() async -> Bool {
        guard let check = memo.wanted else { return false }
        var user: UserInfo = request.user
        if !check.serviceAccount.isEmpty {
            user = UserInfo(name: check.serviceAccount)
            let namespace: String = user.serviceAccount?.namespace ?? ""
            user.groups = [
                UserInfo.Group.serviceAccounts, "\(UserInfo.Group.serviceAccounts):\(namespace)",
                UserInfo.Group.authenticated,
            ]
        }
        var attributes: RequestAttributes
        if check.path.isEmpty {
            attributes = RequestAttributes(
                user: user, verb: check.verb,
                GroupVersionResource(group: check.group, version: "*", resource: check.resource),
                subresource: check.subresource, namespace: check.namespace, name: check.name)
            attributes.fieldSelector = check.fieldSelector
            attributes.labelSelector = check.labelSelector
        } else {
            attributes = RequestAttributes(user: user, verb: check.verb, path: check.path)
        }
        let decision: CELAccessDecision =
            switch await request.context.registry.authorizer.authorize(attributes) {
            case .allow(let reason): CELAccessDecision(isAllowed: true, reason: reason)
            case .deny(let reason), .noOpinion(let reason): CELAccessDecision(isAllowed: false, reason: reason)
            }
        memo.put(check, decision)
        return true
    }
}
