// The expressions of a policy, compiled once per generation: variables, and what may name them.

import KubeCEL
import KubeModel
import KubeServer
import KubeWire
import Synchronization

/// spec.variables: each may name those before it. A variable that does not compile fails when it is asked for.
struct PolicyVariables: Sendable {
    fileprivate let programs: [String: Result<CELProgram, CELError>]
    /// Of `variables`, for the expressions that come after them.
    let declaration: CELDeclaration

    init(_ json: JSON, _ environment: PolicyEnvironment) {
        var fields: [(name: String, declaration: CELDeclaration)] = []
        var programs: [String: Result<CELProgram, CELError>] = [:]
        for variable in json.elements {
            let name: String = variable.name.text
            let text: String = variable.expression.text
            let here: CELEnvironment = environment.with(Self.declared(fields))
            let program: Result<CELProgram, CELError> = Result { () throws(CELError) in
                try CELProgram(text, here)
            }
            programs[name] = program
            let type: CELType = (try? program.get().resultType) ?? .dyn
            fields.append((name, CELDeclaration.of(type)))
        }
        self.programs = programs
        declaration = Self.declared(fields)
    }

    private static func declared(_ fields: [(name: String, declaration: CELDeclaration)]) -> CELDeclaration {
        .object("kubernetes.variables", fields)
    }
}

/// What expressions of one policy may name beside `variables`.
struct PolicyEnvironment: Sendable {
    var hasParams: Bool
    var isMutating: Bool = false
    /// `object` and `oldObject` of a known type, to check types only.
    var object: CELDeclaration = .dyn
    var params: CELDeclaration = .dyn

    func with(_ variables: CELDeclaration?, authorizer: Bool = true) -> CELEnvironment {
        var all: [(name: String, declaration: CELDeclaration)] = [
            ("object", object), ("oldObject", object), ("request", AdmissionExpressions.request),
            ("namespaceObject", AdmissionExpressions.namespace),
        ]
        if hasParams { all.append(("params", params)) }
        if let variables { all.append(("variables", variables)) }
        return CELEnvironment(variables: all, authorizer: authorizer, isMutating: isMutating)
    }
}

/// `variables` of one evaluation: each is computed when first asked for, and only once.
final class PolicyVariableValues: CELLazyFields {
    private let variables: PolicyVariables
    private let inputs: [String: CELValue]
    private let known: Mutex<[String: Result<CELValue, CELError>]> = Mutex([:])

    init(_ variables: PolicyVariables, _ inputs: [String: CELValue]) {
        self.variables = variables
        self.inputs = inputs
    }

    func field(_ name: String, _ budget: inout CELBudget) throws(CELError) -> CELValue? {
        guard let program = variables.programs[name] else { return nil }
        if let value = known.withLock({ $0[name] }) { return try value.get() }
        var all: [String: CELValue] = inputs
        all["variables"] = .lazy(self)
        do throws(CELError) {
            let value: CELValue = try program.get().evaluate(all, limit: &budget)
            known.withLock { $0[name] = .success(value) }
            return value
        } catch {
            // The answer to an authorization check comes later: only then is the value known.
            let failure: CELError =
                error.kind == .compile
                ? CELError(.runtime, "composited variable \"\(name)\" fails to compile: \(error)") : error
            if error.kind == .runtime || error.kind == .compile { known.withLock { $0[name] = .failure(failure) } }
            throw failure
        }
    }
}

/// One expression of a policy.
struct PolicyExpression: Sendable {
    let text: String
    let program: Result<CELProgram, CELError>

    init(_ text: String, _ environment: CELEnvironment, returns: [CELType]) {
        self.text = text
        program = Result { () throws(CELError) in try CELProgram(text, environment, returns: returns) }
    }

    /// The words of upstream's condition evaluator.
    func evaluate(
        _ inputs: [String: CELValue], _ budget: inout CELBudget, _ checks: AdmissionChecks
    ) async throws(PolicyFault) -> CELValue {
        do throws(CELError) {
            return try await AdmissionExpressions.evaluate(try program.get(), inputs, budget: &budget, checks)
        } catch {
            switch error.kind {
            case .compile: throw PolicyFault(description: "compilation error: \(error)")
            case .exhausted where budget.remaining == 0:
                throw PolicyFault(
                    description:
                        "validation failed due to running out of cost budget, no further validation rules will be run",
                    isOutOfBudget: true)
            default: throw PolicyFault(description: "expression '\(text)' resulted in error: \(error)")
            }
        }
    }
}

struct PolicyFault: Error, Sendable, CustomStringConvertible {
    let description: String
    var isOutOfBudget: Bool = false
}
