// status.typeChecking of a ValidatingAdmissionPolicy: its expressions against the types of the resources that it names.

import KubeAPI
import KubeCEL
import KubeModel
import KubeServer
import KubeWire

enum PolicyTypeChecks {
    /// Kinds that are checked at most, as upstream's limit.
    private static let kindsMax: Int = 10

    /// `expressionWarnings` of TypeChecking.
    static func warnings(_ policy: JSON, _ registry: any ObjectRegistry) -> [JSON] {
        let spec: JSON = policy.spec
        let params: CELDeclaration = param(spec.paramKind, registry)
        let kinds: [(kind: String, declaration: CELDeclaration)] = kinds(spec.matchConstraints, registry)
        var checkers: [(kind: String, environment: CELEnvironment)] = []
        for (kind, declaration) in kinds {
            let environment: PolicyEnvironment = PolicyEnvironment(
                hasParams: spec.paramKind.exists, object: declaration, params: params)
            let variables: PolicyVariables = PolicyVariables(spec.variables, environment)
            checkers.append((kind, environment.with(variables.declaration)))
        }
        var out: [JSON] = []
        func check(_ expression: JSON, _ at: String) {
            guard !expression.text.isEmpty else { return }
            var found: [String] = []
            for (kind, environment) in checkers {
                do throws(CELError) {
                    _ = try CELProgram(expression.text, environment)
                } catch {
                    let prefix: String = "compilation failed: "
                    let why: Substring =
                        error.message.hasPrefix(prefix) ? error.message.dropFirst(prefix.count) : error.message[...]
                    found.append("\(kind): \(why)\n")
                }
            }
            if !found.isEmpty {
                out.append(["fieldRef": .string(at), "warning": .string(found.joined(separator: "\n"))])
            }
        }
        for (i, v) in spec.validations.elements.enumerated() {
            check(v.expression, "spec.validations[\(i)].expression")
            check(v.messageExpression, "spec.validations[\(i)].messageExpression")
        }
        for (i, a) in spec.auditAnnotations.elements.enumerated() {
            check(a.valueExpression, "spec.auditAnnotations[\(i)].valueExpression")
        }
        return out
    }

    /// Kinds that the rules name without wildcards, in order.
    private static func kinds(
        _ constraints: JSON, _ registry: any ObjectRegistry
    ) -> [(kind: String, declaration: CELDeclaration)] {
        var out: [(kind: String, declaration: CELDeclaration)] = []
        let definitions: [ResourceDefinition] = registry.definitions
        for rule in constraints.resourceRules.elements {
            for group in rule.apiGroups.strings where group != "*" {
                for version in rule.apiVersions.strings where version != "*" {
                    for resource in rule.resources.strings where !resource.contains("*") && !resource.contains("/") {
                        let gvr: GroupVersionResource = GroupVersionResource(
                            group: group, version: version, resource: resource)
                        guard let d = definitions.first(where: { $0.gvr == gvr }), let type = declaration(d) else {
                            continue
                        }
                        let kind: String = "\(d.apiVersion), Kind=\(d.kind)"
                        if !out.contains(where: { $0.kind == kind }) { out.append((kind, type)) }
                    }
                }
            }
        }
        return Array(out.sorted { $0.kind < $1.kind }.prefix(kindsMax))
    }

    private static func param(_ kind: JSON, _ registry: any ObjectRegistry) -> CELDeclaration {
        guard kind.exists,
            let d = registry.definitions.first(where: {
                $0.kind == kind.kind.text && $0.apiVersion == kind.apiVersion.text
            })
        else { return .dyn }
        return declaration(d) ?? .dyn
    }

    private static func declaration(_ d: ResourceDefinition) -> CELDeclaration? {
        if let custom = d.customDeclaration {
            return custom.with("metadata", built("meta/v1.ObjectMeta") ?? .dyn)
        }
        return d.isCustom || d.typeName.isEmpty ? nil : built(d.typeName)
    }

    private static func built(_ type: String) -> CELDeclaration? {
        BuiltIn.schema.position(of: type).map { object($0, []) }
    }

    /// `above`: the types around this one; one that contains itself is of no known type there.
    private static func object(_ i: Int, _ above: [Int]) -> CELDeclaration {
        let type: ObjectType = BuiltIn.schema.types[i]
        guard !above.contains(i), type.custom == nil else { return .dyn }
        return .object(type.name, type.members.map { ($0.name, value($0.type, above + [i])) })
    }

    private static func value(_ type: ValueType, _ above: [Int]) -> CELDeclaration {
        switch type {
        case .string, .quantity, .duration: .of(.string)
        case .int32, .int64: .of(.int)
        case .bool: .of(.bool)
        case .double: .of(.double)
        case .bytes: .of(.bytes)
        case .time, .microTime: .of(.timestamp)
        case .intOrString, .raw, .fieldsV1, .json, .any: .dyn
        case .object(let i): object(i, above)
        case .list(let e): .list(value(e, above))
        case .map(let v): .map(value(v, above))
        }
    }
}

/// The usual strategy with status.typeChecking written together with the spec that it is about.
struct ValidatingPolicyStrategy: Strategy {
    var keepsGeneration: Bool { true }

    private func checked(_ object: inout JSON, generation: Int64, _ context: RequestContext) {
        object.status = ["observedGeneration": JSON(generation)]
        let warnings: [JSON] = PolicyTypeChecks.warnings(object, context.registry)
        object.status.fields["typeChecking"] = warnings.isEmpty ? [:] : ["expressionWarnings": .array(warnings)]
    }

    func prepareForCreate(_ object: inout JSON, _ context: RequestContext) {
        checked(&object, generation: 1, context)
    }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepStatus(&new, old: old)
        guard !Faults.same(new.spec, old.spec) else { return }
        checked(&new, generation: (old.metadata.generation.asInt64 ?? 1) + 1, context)
        new.status.conditions = old.status.conditions
    }
    func validate(_ object: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        PolicyRules.validating(object, &out)
        return out.list
    }

    private static let kind: GroupKind = GroupKind(
        group: "admissionregistration.k8s.io", kind: "ValidatingAdmissionPolicy")

    func beginCreate(_ object: inout JSON, _ context: RequestContext) async throws(StatusError) -> Undo? {
        try await PolicyAuthority.checkPolicy(object, old: .null, Self.kind, context)
        return nil
    }
    func beginUpdate(
        _ new: inout JSON, old: JSON, _ context: RequestContext
    ) async throws(StatusError) -> Undo? {
        try await PolicyAuthority.checkPolicy(new, old: old, Self.kind, context)
        return nil
    }
}
