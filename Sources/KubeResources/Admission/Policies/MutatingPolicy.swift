// One MutatingAdmissionPolicy, compiled, and what it makes of an object.

import KubeAPI
import KubeBase
import KubeCEL
import KubeModel
import KubeServer
import KubeWire

struct MutatingPolicy: Sendable {
    enum Mutation: Sendable {
        /// An expression that gives `Object{…}`, merged as server-side apply does.
        case applied(PolicyExpression)
        /// An expression that gives a list of `JSONPatch{…}`.
        case patched(PolicyExpression)
    }

    let name: String
    let failsClosed: Bool
    let isReinvocable: Bool
    let constraints: PolicyConstraints
    let params: PolicyParameters?
    private let conditions: MatchConditions
    private let variables: PolicyVariables
    private let mutations: [Mutation]

    init(_ object: JSON) {
        let spec: JSON = object.spec
        name = object.meta.name
        failsClosed = spec.failurePolicy.text != "Ignore"
        isReinvocable = spec.reinvocationPolicy.text == "IfNeeded"
        constraints = PolicyConstraints(spec.matchConstraints)
        params = PolicyParameters(spec.paramKind)
        let environment: PolicyEnvironment = PolicyEnvironment(hasParams: spec.paramKind.exists, isMutating: true)
        conditions = MatchConditions(spec.matchConditions, failsClosed: failsClosed, environment: environment.with(nil))
        let variables: PolicyVariables = PolicyVariables(spec.variables, environment)
        self.variables = variables
        let whole: CELEnvironment = environment.with(variables.declaration)
        mutations = spec.mutations.elements.map { m in
            m.patchType.text == "JSONPatch"
                ? .patched(
                    PolicyExpression(m.jsonPatch.expression.text, whole, returns: [CELPatches.listType]))
                : .applied(
                    PolicyExpression(m.applyConfiguration.expression.text, whole, returns: [CELPatches.objectType]))
        }
    }

    /// The mutated object of `kind`; nil: the match conditions leave the request out.
    func mutated(
        _ seen: PolicyRequest, _ kind: GroupVersionKind, param: JSON
    ) async throws(PolicyFault) -> JSON? {
        var inputs: [String: CELValue]
        var object: JSON
        do throws(StatusError) {
            inputs = try await seen.variables(constraints)
            object = try await seen.converted(seen.request.object, to: kind)
        } catch {
            throw PolicyFault(description: error.message)
        }
        if params != nil { inputs["params"] = CELValue(param) }
        do throws(MatchConditionFault) {
            guard try await conditions.hold(inputs, seen.checks) else { return nil }
        } catch {
            throw PolicyFault(description: error.description)
        }
        var budget: CELBudget = CELBudget()
        for mutation in mutations {
            // Each mutation sees what those before it made.
            inputs["object"] = CELValue(object)
            inputs["variables"] = .lazy(PolicyVariableValues(variables, inputs))
            object = try await apply(mutation, object, kind, inputs, &budget, seen)
        }
        return object
    }

    private func apply(
        _ mutation: Mutation, _ object: JSON, _ kind: GroupVersionKind, _ inputs: [String: CELValue],
        _ budget: inout CELBudget, _ seen: PolicyRequest
    ) async throws(PolicyFault) -> JSON {
        switch mutation {
        case .patched(let expression):
            let value: CELValue = try await expression.evaluate(inputs, &budget, seen.checks)
            guard let patch = value.json, patch.asArray != nil else {
                throw PolicyFault(description: "type mismatch: JSONPatchType.expression should evaluate to array")
            }
            do throws(StatusError) {
                return try Patch.json(patch, to: object)
            } catch {
                throw PolicyFault(
                    description: "JSON Patch: \(error.details.causes[0].message.asString ?? error.message)")
            }
        case .applied(let expression):
            let value: CELValue = try await expression.evaluate(inputs, &budget, seen.checks)
            guard let configuration = value.json, configuration.asObject != nil else {
                throw PolicyFault(description: "invalid ApplyConfiguration: must evaluate to Object")
            }
            do throws(StatusError) {
                return try Self.merged(configuration, object, kind, seen)
            } catch {
                throw PolicyFault(description: "error applying patch: \(error.message)")
            }
        }
    }

    /// Merged by the schema's list types; owners of fields stay what they are.
    private static func merged(
        _ configuration: JSON, _ object: JSON, _ kind: GroupVersionKind, _ seen: PolicyRequest
    ) throws(StatusError) -> JSON {
        var bare: JSON = object
        bare.metadata.managedFields = .null
        var wanted: JSON = ["apiVersion": .string(kind.groupVersion.description), "kind": .string(kind.kind)]
        for (key, value) in configuration.fields { wanted[key] = value }
        let definition: ResourceDefinition? =
            seen.request.context.registry.definitions.first { $0.gvk == kind } ?? seen.definition
        let ownership: ServerSideApply = definition?.ownership ?? ServerSideApply(schema: nil, type: "")
        let atomic: [String] = ownership.atomicPaths(in: wanted)
        guard atomic.isEmpty else {
            throw .badRequest(
                "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
                    + atomic.joined(separator: ", "))
        }
        var result: JSON = try ownership.apply(
            wanted, to: bare, manager: "mutating-admission-policy", subresource: "", force: true,
            now: seen.request.context.now)
        result.metadata.managedFields = object.metadata.managedFields
        return result
    }
}
