// One ValidatingAdmissionPolicy, compiled, and its judgement of a request.

import KubeCEL
import KubeModel
import KubeServer
import KubeWire

struct ValidatingPolicy: Sendable {
    struct Validation: Sendable {
        let expression: PolicyExpression
        let message: String
        let reason: String
        let messageExpression: PolicyExpression?
    }
    struct AuditAnnotation: Sendable {
        let key: String
        let value: PolicyExpression
    }
    /// Of one validation that did not hold.
    struct Denial: Sendable, Equatable {
        var message: String
        var reason: String
        var index: Int
    }
    struct Judgement: Sendable {
        var denials: [Denial] = []
        var annotations: [(key: String, value: String)] = []
    }

    let name: String
    let failsClosed: Bool
    let constraints: PolicyConstraints
    let params: PolicyParameters?
    private let conditions: MatchConditions
    private let variables: PolicyVariables
    private let validations: [Validation]
    private let annotations: [AuditAnnotation]
    /// A message made by an expression is this long at most, in bytes.
    private static let messageBytesMax: Int = 5 * 1024
    private static let annotationBytesMax: Int = 10 * 1024

    init(_ object: JSON) {
        let spec: JSON = object.spec
        name = object.meta.name
        failsClosed = spec.failurePolicy.text != "Ignore"
        constraints = PolicyConstraints(spec.matchConstraints)
        params = PolicyParameters(spec.paramKind)
        let environment: PolicyEnvironment = PolicyEnvironment(hasParams: spec.paramKind.exists)
        conditions = MatchConditions(spec.matchConditions, failsClosed: failsClosed, environment: environment.with(nil))
        let variables: PolicyVariables = PolicyVariables(spec.variables, environment)
        self.variables = variables
        let whole: CELEnvironment = environment.with(variables.declaration)
        let bare: CELEnvironment = environment.with(variables.declaration, authorizer: false)
        validations = spec.validations.elements.map { v in
            Validation(
                expression: PolicyExpression(v.expression.text, whole, returns: [.bool]), message: v.message.text,
                reason: v.reason.text,
                messageExpression: v.messageExpression.text.isEmpty
                    ? nil : PolicyExpression(v.messageExpression.text, bare, returns: [.string]))
        }
        annotations = spec.auditAnnotations.elements.map { a in
            AuditAnnotation(
                key: a.key.text, value: PolicyExpression(a.valueExpression.text, whole, returns: [.string, .null]))
        }
    }

    /// `param` null: no params. Nil: the match conditions leave the request out.
    func judge(
        _ variables: [String: CELValue], param: JSON, _ checks: AdmissionChecks
    ) async -> Judgement? {
        var inputs: [String: CELValue] = variables
        if params != nil { inputs["params"] = CELValue(param) }
        var out: Judgement = Judgement()
        do throws(MatchConditionFault) {
            guard try await conditions.hold(inputs, checks) else { return nil }
        } catch {
            out.denials.append(Denial(message: error.description, reason: "", index: 0))
            return out
        }
        inputs["variables"] = .lazy(PolicyVariableValues(self.variables, inputs))
        var budget: CELBudget = CELBudget()
        for (index, validation) in validations.enumerated() {
            do throws(PolicyFault) {
                let value: CELValue = try await validation.expression.evaluate(inputs, &budget, checks)
                if value.asBool == true { continue }
                out.denials.append(
                    Denial(
                        message: await message(validation, inputs, &budget, checks), reason: validation.reason,
                        index: index))
            } catch {
                if failsClosed { out.denials.append(Denial(message: error.description, reason: "", index: index)) }
                if error.isOutOfBudget { break }
            }
        }
        var rest: CELBudget = CELBudget()
        for annotation in annotations {
            do throws(PolicyFault) {
                let value: CELValue = try await annotation.value.evaluate(inputs, &rest, checks)
                guard let text = value.asString.map({ Self.trimmed($0) }), !text.isEmpty else { continue }
                out.annotations.append(
                    (annotation.key, String(decoding: text.utf8.prefix(Self.annotationBytesMax), as: UTF8.self)))
            } catch {
                if failsClosed { out.denials.append(Denial(message: error.description, reason: "", index: 0)) }
            }
        }
        return out
    }

    /// messageExpression if it gives one good line, else message, else the expression.
    private func message(
        _ v: Validation, _ inputs: [String: CELValue], _ budget: inout CELBudget, _ checks: AdmissionChecks
    ) async -> String {
        let plain: String = v.message.isEmpty ? "failed expression: " + Self.trimmed(v.expression.text) : v.message
        guard let expression = v.messageExpression else { return plain }
        do throws(PolicyFault) {
            let text: String = Self.trimmed(try await expression.evaluate(inputs, &budget, checks).asString ?? "")
            let isGood: Bool = !text.isEmpty && !text.contains("\n") && text.utf8.count <= Self.messageBytesMax
            return isGood ? text : plain
        } catch {
            return plain
        }
    }

    static func trimmed(_ text: String) -> String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
