// Short ways to compile and evaluate in tests.

import KubeCEL
import KubeWire

enum Cel {
    static let none: CELEnvironment = CELEnvironment(variables: [(name: String, type: CELType)]())

    /// The value as text (`%s`-like JSON), or the error's message after `error: `.
    static func value(
        _ text: String, _ variables: [String: JSON] = [:], limit: UInt64 = CELBudget.callMax
    ) -> String {
        let environment: CELEnvironment = CELEnvironment(
            variables: variables.keys.sorted().map { (name: $0, type: CELType.dyn) })
        do throws(CELError) {
            let program: CELProgram = try CELProgram(text, environment)
            var budget: CELBudget = CELBudget(perCall: limit)
            let v: CELValue = try program.evaluate(variables.mapValues { CELValue($0) }, limit: &budget)
            if case .bool(let b) = v { return b ? "true" : "false" }
            return v.json.map { "\($0)" } ?? "\(v.type)"
        } catch {
            return "error: " + error.message
        }
    }

    /// Typed by a schema as `self` (and `oldSelf`).
    static func program(_ text: String, schema: JSON, isRoot: Bool = true) throws(CELError) -> CELProgram {
        let d: CELDeclaration = .schema(schema, isResourceRoot: isRoot) ?? .dyn
        return try CELProgram(
            text, CELEnvironment(variables: [(name: "self", declaration: d), (name: "oldSelf", declaration: d)]),
            returns: [.bool])
    }

    static func fault(_ text: String, schema: JSON) -> String {
        do throws(CELError) {
            _ = try program(text, schema: schema)
            return ""
        } catch {
            return error.message
        }
    }
}
