// What one kind does on its way into the store: k8s.io/apiserver/pkg/registry/rest strategies as one protocol.

package import KubeModel
package import KubeWire

/// Every requirement has a default: a kind overrides what is special about it. Calls on a create, in this order:
/// `prepareForCreate` → (generic metadata checks) → `validate` → `warnings` → `beginCreate` → store → or `undo`.
/// The objects are in the served version that the definition names, with kind, apiVersion and defaults.
package protocol Strategy: Sendable {
    var nameRule: NameRule { get }
    /// PUT of an absent object creates it.
    var allowsCreateOnUpdate: Bool { get }
    /// PUT without resourceVersion is taken.
    var allowsUnconditionalUpdate: Bool { get }
    /// What a delete without propagationPolicy does with dependents.
    var defaultPropagation: Propagation { get }
    /// metadata.generation is kept: 1 at create, +1 when something other than metadata and status changes.
    var keepsGeneration: Bool { get }
    /// A change of status counts for the generation too: custom kinds without a status subresource.
    var countsStatus: Bool { get }

    /// Clears what clients may not set (status) and fills what is computed.
    func prepareForCreate(_ object: inout JSON, _ context: RequestContext)
    func validate(_ object: JSON, _ context: RequestContext) -> [FieldError]
    func warnings(onCreate object: JSON, _ context: RequestContext) -> [String]

    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext)
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError]
    func warnings(onUpdate new: JSON, old: JSON, _ context: RequestContext) -> [String]

    /// Default: everything but `status` is taken from `old` (metadata too, but for managedFields).
    func prepareForStatusUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext)
    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError]

    /// Grace in seconds for this delete; nil: the object goes at once. `requested` is of DeleteOptions.
    /// Pods: spec.terminationGracePeriodSeconds, 0 when not scheduled or already ended.
    func gracePeriodSeconds(of object: JSON, requested: Int?, _ context: RequestContext) -> Int?
    /// Refuses a delete, or changes the object instead (namespaces: phase Terminating). Called before finalizers are
    /// looked at.
    func checkDelete(_ object: JSON, _ context: RequestContext) async throws(StatusError)
    /// Changes that marking for deletion brings beside deletionTimestamp (namespaces: status.phase = Terminating).
    func markDeleted(_ object: inout JSON, _ context: RequestContext)
    /// True when the object may leave the store now that it is marked and has no metadata.finalizers (namespaces wait
    /// for spec.finalizers).
    func canRemove(_ object: JSON) -> Bool

    /// Takes what must be unique (cluster IPs, node ports), as the last step before the write; the answer undoes it
    /// when the write fails or was a dry run.
    func beginCreate(_ object: inout JSON, _ context: RequestContext) async throws(StatusError) -> Undo?
    func beginUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) async throws(StatusError) -> Undo?
    func afterCreate(_ object: JSON, _ context: RequestContext) async
    func afterUpdate(_ new: JSON, old: JSON, _ context: RequestContext) async
    /// The object has left the store.
    func afterDelete(_ object: JSON, _ context: RequestContext) async
}

package typealias Undo = @Sendable () async -> Void

package enum Propagation: Sendable, Equatable { case orphan, background, foreground }

/// What `metadata.name` must look like.
package enum NameRule: Sendable {
    /// RFC 1123 subdomain, ≤ 253: most kinds.
    case subdomain
    /// RFC 1123 label, ≤ 63: namespaces, and services since 1.34 (relaxed) .
    case label
    /// RFC 1035 label, ≤ 63: services.
    case label1035
    /// Anything that can stand in a path: RBAC kinds.
    case pathSegment
    /// The strategy checks it itself.
    case custom
}

extension Strategy {
    package var nameRule: NameRule { .subdomain }
    package var allowsCreateOnUpdate: Bool { false }
    package var allowsUnconditionalUpdate: Bool { true }
    package var defaultPropagation: Propagation { .background }
    package var keepsGeneration: Bool { false }
    package var countsStatus: Bool { false }
    package func prepareForCreate(_ object: inout JSON, _ context: RequestContext) {}
    package func validate(_ object: JSON, _ context: RequestContext) -> [FieldError] { [] }
    package func warnings(onCreate object: JSON, _ context: RequestContext) -> [String] { [] }
    package func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {}
    package func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        validate(new, context)
    }
    package func warnings(onUpdate new: JSON, old: JSON, _ context: RequestContext) -> [String] { [] }
    package func prepareForStatusUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepAllButStatusAndMetadata(&new, old: old)
    }
    package func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] { [] }
    package func gracePeriodSeconds(of object: JSON, requested: Int?, _ context: RequestContext) -> Int? { nil }
    package func checkDelete(_ object: JSON, _ context: RequestContext) async throws(StatusError) {}
    package func markDeleted(_ object: inout JSON, _ context: RequestContext) {}
    package func canRemove(_ object: JSON) -> Bool { true }
    package func beginCreate(_ object: inout JSON, _ context: RequestContext) async throws(StatusError) -> Undo? { nil }
    package func beginUpdate(
        _ new: inout JSON, old: JSON, _ context: RequestContext
    ) async throws(StatusError) -> Undo? { nil }
    package func afterCreate(_ object: JSON, _ context: RequestContext) async {}
    package func afterUpdate(_ new: JSON, old: JSON, _ context: RequestContext) async {}
    package func afterDelete(_ object: JSON, _ context: RequestContext) async {}

    /// For a `status` write: `new` becomes `old` with new's status, managedFields and resourceVersion.
    package static func keepAllButStatus(_ new: inout JSON, old: JSON) {
        var result: JSON = old
        result.status = new.status
        result.metadata.managedFields = new.metadata.managedFields
        result.metadata.resourceVersion = new.metadata.resourceVersion
        new = result
    }

    /// For a `status` write of most built-in kinds: labels, annotations and finalizers may change with it; owners not.
    package static func keepAllButStatusAndMetadata(_ new: inout JSON, old: JSON) {
        var result: JSON = old
        result.status = new.status
        result.metadata = new.metadata
        result.metadata.ownerReferences = old.metadata.ownerReferences
        new = result
    }

    /// For a write of the object itself: status stays what it was.
    package static func keepStatus(_ new: inout JSON, old: JSON) { new.status = old.status }
}

/// Kinds with `spec` and `status` and nothing special: status is cleared at create, kept at update, generation counts.
package struct SpecStatusStrategy: Strategy {
    package init() {}
    package var keepsGeneration: Bool { true }
    package func prepareForCreate(_ object: inout JSON, _ context: RequestContext) { object.status = [:] }
    package func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepStatus(&new, old: old)
    }
}

/// Kinds without status (ConfigMap, Secret, roles): nothing to do.
package struct PlainStrategy: Strategy {
    package init() {}
}
