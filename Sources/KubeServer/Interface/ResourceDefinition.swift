// All that the server must know about one served resource; KubeResources makes one per built-in kind.

package import KubeAPI
package import KubeModel
package import KubeWire

/// One version of one resource, as discovery shows it, plus how its objects are kept and judged.
package struct ResourceDefinition: Sendable {
    package var gvr: GroupVersionResource
    package var kind: String
    package var listKind: String
    package var singular: String
    package var shortNames: [String] = []
    package var categories: [String] = []
    package var isNamespaced: Bool
    package var verbs: [String]
    /// What discovery shows instead of `verbs`; empty: the same.
    package var shownVerbs: [String] = []
    package var subresources: [SubresourceDefinition] = []
    /// The schema's type: `core/v1.Pod`. Empty: no schema (anything goes), as for custom resources without one.
    package var typeName: String = ""
    /// `/registry/pods`, without a slash at the end; empty when objects are not stored (TokenReview): then `virtual`
    /// serves it.
    package var storagePrefix: String
    /// `apiVersion` and `kind` of stored objects; several served versions share one.
    package var storage: GroupVersionKind
    /// base64 of the first 8 bytes of SHA-256 of `group/version/kind`; discovery's storageVersionHash.
    package var storageHash: String = ""
    package var strategy: any Strategy
    /// Converts between this served version and the storage version; nil: they differ in apiVersion only.
    package var conversion: (any VersionConversion)?
    /// Serves the verbs of a resource that has no storage (reviews, componentstatuses, bindings).
    package var virtual: (any SubresourceHandler)?
    /// Fields that field selectors accept beside metadata.name and metadata.namespace.
    package var selectable: SelectableFields
    /// How objects print in a meta.k8s.io/v1 Table.
    package var columns: PrintColumns
    /// True for kinds of a CustomResourceDefinition.
    package var isCustom: Bool = false
    /// Prunes, defaults and judges custom objects.
    package var custom: StructuralSchema?
    /// All versions of a custom kind, and how objects get from one to another.
    package var versions: CustomVersions?
    /// Told to those who use a deprecated version.
    package var deprecationWarning: String?
    /// The schema that knows `typeName`; nil: custom resources without one.
    package var schema: Schema? = BuiltIn.schema
    /// How lists and maps of a custom kind merge when applied: from its own schema.
    package var customMerge: Schema?
    /// Preferred over other versions of the group in discovery when lower.
    package var isDeprecated: Bool = false
    /// OpenAPI v3 of a kind that neither the tables nor a CustomResourceDefinition describe.
    package var openAPISchema: JSON?
    /// DELETE answers the object as it was instead of a Status: what typed clients expect of this kind.
    package var returnsDeleted: Bool = false

    package init(
        gvr: GroupVersionResource, kind: String, listKind: String, singular: String, isNamespaced: Bool,
        verbs: [String], storagePrefix: String, strategy: any Strategy
    ) {
        self.gvr = gvr
        self.kind = kind
        self.listKind = listKind
        self.singular = singular
        self.isNamespaced = isNamespaced
        self.verbs = verbs
        self.storagePrefix = storagePrefix
        self.storage = GroupVersionKind(group: gvr.group, version: gvr.version, kind: kind)
        self.strategy = strategy
        selectable = SelectableFields.of(gvr.groupResource, namespaced: isNamespaced)
        columns = PrintColumns.builtIn(gvr.groupResource)
    }

    package var gvk: GroupVersionKind { GroupVersionKind(group: gvr.group, version: gvr.version, kind: kind) }
    package var groupResource: GroupResource { gvr.groupResource }
    package var groupKind: GroupKind { GroupKind(group: gvr.group, kind: kind) }
    package var apiVersion: String { gvr.groupVersion.description }
    /// Apply and the tracking of field managers for this kind.
    package var ownership: ServerSideApply {
        customMerge.map { ServerSideApply(schema: $0, type: Schema.customRoot) }
            ?? ServerSideApply(schema: schema, type: typeName)
    }
    package var isStored: Bool { !storagePrefix.isEmpty }
    package func subresource(_ name: String) -> SubresourceDefinition? { subresources.first { $0.name == name } }

    /// A stored object in this version.
    package func served(_ stored: JSON) -> JSON {
        guard storage != gvk else { return stored }
        var object: JSON = conversion?.fromStorage(stored) ?? stored
        object.apiVersion = .string(apiVersion)
        object.kind = .string(kind)
        return object
    }

    /// An object of this version as it is stored.
    package func stored(_ served: JSON) -> JSON {
        guard storage != gvk else { return served }
        var object: JSON = conversion?.toStorage(served) ?? served
        object.apiVersion = .string(storage.groupVersion.description)
        object.kind = .string(storage.kind)
        return object
    }

    /// Every standard verb.
    package static let allVerbs: [String] = [
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    ]
}

package struct SubresourceDefinition: Sendable {
    /// `status`, `scale`, `log`, …
    package var name: String
    package var kind: GroupVersionKind
    package var typeName: String = ""
    package var verbs: [String]
    package var handler: Handling

    package enum Handling: Sendable {
        /// get, update and patch of the same object through the strategy's `prepareForStatusUpdate`.
        case status
        /// get, update and patch of the same object through another strategy (ephemeralcontainers, resize, approval).
        case object(any Strategy)
        /// autoscaling/v1 Scale over `spec.replicas`, `status.replicas` and the selector.
        case scale(ScalePaths)
        case custom(any SubresourceHandler)
    }

    package init(name: String, kind: GroupVersionKind, typeName: String = "", verbs: [String], handler: Handling) {
        self.name = name
        self.kind = kind
        self.typeName = typeName
        self.verbs = verbs
        self.handler = handler
    }
}

/// Where a Scale finds its numbers in the object.
package struct ScalePaths: Sendable {
    package var specReplicas: [String] = ["spec", "replicas"]
    package var statusReplicas: [String] = ["status", "replicas"]
    /// A LabelSelector object, a map of strings (ReplicationController) or a string (custom resources).
    package var selector: [String] = ["spec", "selector"]
    package init() {}
}

/// Between a served version and the storage version of the same kind. kind and apiVersion are set by the caller.
package protocol VersionConversion: Sendable {
    func toStorage(_ object: JSON) -> JSON
    func fromStorage(_ object: JSON) -> JSON
}
