// What is special about objects of a CustomResourceDefinition on their way into the store.

import KubeModel
import KubeWire

struct CustomStrategy: Strategy {
    let schema: StructuralSchema
    let gvk: GroupVersionKind
    let hasStatus: Bool
    /// Of the scale subresource; nil without one.
    var scale: ScalePaths?
    /// The definition is on its way out: nothing new is taken.
    var isTerminating: Bool = false

    var keepsGeneration: Bool { true }
    /// Without a status subresource a change of `status` counts too.
    var countsStatus: Bool { !hasStatus }
    var allowsUnconditionalUpdate: Bool { false }

    func prepareForCreate(_ object: inout JSON, _ context: RequestContext) {
        if hasStatus { object.status = .null }
    }

    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        if hasStatus { Self.keepStatus(&new, old: old) }
    }

    /// Everything but status is the old object's, and so is its generation.
    func prepareForStatusUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepAllButStatus(&new, old: old)
        if !new.status.exists { new.fields.remove("status") }
    }

    func beginCreate(_ object: inout JSON, _ context: RequestContext) async throws(StatusError) -> Undo? {
        guard isTerminating else { return nil }
        var error: StatusError = .methodNotSupported(context.resource.groupResource, "create")
        error.message = "create not allowed while custom resource definition is terminating"
        throw error
    }

    func validate(_ object: JSON, _ context: RequestContext) -> [FieldError] {
        var faults: [FieldError] = schema.faults(object)
        faults += scaleFaults(object, [\.specReplicas, \.statusReplicas])
        faults += EmbeddedRules.faults(object, schema.root)
        faults += ListTypeRules.faults(object, schema.root)
        return faults + ruleFaults(object, nil, after: faults, context)
    }

    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var faults: [FieldError] = schema.faults(new, old: old)
        faults += scaleFaults(new, [\.specReplicas, \.statusReplicas])
        return faults + updateFaults(new, old, after: faults, context)
    }

    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var faults: [FieldError] = []
        if let status = new.fields["status"] {
            faults += schema.faults(status, old: old.fields["status"], member: "status")
        }
        faults += scaleFaults(new, [\.statusReplicas])
        return faults + updateFaults(new, old, after: faults, context)
    }

    private func updateFaults(
        _ new: JSON, _ old: JSON, after: [FieldError], _ context: RequestContext
    ) -> [FieldError] {
        var faults: [FieldError] = EmbeddedRules.faults(new, schema.root)
        if ListTypeRules.faults(old, schema.root).isEmpty { faults += ListTypeRules.faults(new, schema.root) }
        return faults + ruleFaults(new, old, after: after + faults, context)
    }

    private func ruleFaults(
        _ new: JSON, _ old: JSON?, after: [FieldError], _ context: RequestContext
    ) -> [FieldError] {
        guard let rules = schema.rules else { return [] }
        if RuleJudge.isBlocked(after) { return [RuleJudge.blocked] }
        var judge: RuleJudge = RuleJudge()
        judge.check(new, old, rules, "")
        for warning in judge.warnings { context.warn(warning.description) }
        return judge.faults
    }

    func warnings(onCreate object: JSON, _ context: RequestContext) -> [String] {
        FinalizerWarnings.of(object.metadata.finalizers.strings)
    }
    func warnings(onUpdate new: JSON, old: JSON, _ context: RequestContext) -> [String] {
        let known: Set<String> = Set(old.metadata.finalizers.strings)
        return FinalizerWarnings.of(new.metadata.finalizers.strings.filter { !known.contains($0) })
    }

    /// Replicas at the scale's paths are whole numbers from 0 to 2³¹-1.
    private func scaleFaults(_ object: JSON, _ places: [KeyPath<ScalePaths, [String]>]) -> [FieldError] {
        guard let scale else { return [] }
        var faults: [FieldError] = []
        for place in places {
            let path: [String] = scale[keyPath: place]
            let value: JSON = object.at(path)
            guard value.exists else { continue }
            let name: String = path.joined(separator: ".")
            guard let n = value.asInt64 else {
                faults.append(.invalid(name, value, "should be an integer"))
                continue
            }
            if n < 0 { faults.append(.invalid(name, value, "should be a non-negative integer")) }
            if n > Int64(Int32.max) {
                faults.append(.invalid(name, value, "should be less than or equal to \(Int32.max)"))
            }
        }
        return faults
    }
}

/// Hints about finalizers that other writers may take for theirs.
enum FinalizerWarnings {
    static func of(_ finalizers: [String]) -> [String] {
        var out: [String] = []
        for name in finalizers.sorted() {
            for why in NameRules.qualifiedName(name) { out.append("metadata.finalizers: \"\(name)\": \(why)") }
            if name.contains("/") || ["orphan", "foregroundDeletion", "kubernetes"].contains(name) { continue }
            let path: String = name.contains(".") ? " including a path (/)" : ""
            out.append(
                "metadata.finalizers: \"\(name)\": prefer a domain-qualified finalizer name\(path) to avoid accidental "
                    + "conflicts with other finalizer writers")
        }
        return out
    }
}
