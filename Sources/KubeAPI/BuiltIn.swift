// The built-in kinds: their schema, and what discovery and storage need to know of each resource.

package import KubeModel
package import KubeWire

/// What discovery says of one served resource, and where it is stored.
package struct ResourceFacts: Sendable {
    package struct Subresource: Sendable {
        package var name: String
        package var kind: String
        /// Group and version of the kind when they differ from the parent's (`autoscaling/v1 Scale`); else empty.
        package var group: String
        package var version: String
        /// Name in the schema: `core/v1.Binding`.
        package var type: String
        package var verbs: [String]
        package init(
            name: String, kind: String, group: String, version: String, type: String, verbs: [String]
        ) {
            self.name = name
            self.kind = kind
            self.group = group
            self.version = version
            self.type = type
            self.verbs = verbs
        }
    }
    package var gvr: GroupVersionResource
    package var kind: String
    package var listKind: String
    /// Names in the schema: `core/v1.Pod`, `core/v1.PodList` (empty when it can't be listed).
    package var type: String
    package var listType: String
    package var singular: String
    package var namespaced: Bool
    package var verbs: [String]
    package var shortNames: [String]
    package var categories: [String]
    package var subresources: [Subresource]
    /// GA, beta or alpha.
    package var stability: String
    package var deprecated: Bool
    package var enabledByDefault: Bool
    /// `/registry/pods`; objects lie at `/NAMESPACE/NAME` or `/NAME` below it. Empty when nothing is stored.
    package var storagePrefix: String
    package var storageVersionHash: String

    package var gvk: GroupVersionKind { GroupVersionKind(group: gvr.group, version: gvr.version, kind: kind) }

    package init(
        gvr: GroupVersionResource, kind: String, listKind: String, type: String, listType: String, singular: String,
        namespaced: Bool, verbs: [String], shortNames: [String] = [], categories: [String] = [],
        subresources: [Subresource] = [], stability: String = "GA", deprecated: Bool = false,
        enabledByDefault: Bool = true, storagePrefix: String, storageVersionHash: String = ""
    ) {
        self.gvr = gvr
        self.kind = kind
        self.listKind = listKind
        self.type = type
        self.listType = listType
        self.singular = singular
        self.namespaced = namespaced
        self.verbs = verbs
        self.shortNames = shortNames
        self.categories = categories
        self.subresources = subresources
        self.stability = stability
        self.deprecated = deprecated
        self.enabledByDefault = enabledByDefault
        self.storagePrefix = storagePrefix
        self.storageVersionHash = storageVersionHash
    }

    init(record r: JSON) {
        let kind: String = r.kind.text
        self.init(
            gvr: GroupVersionResource(group: r.group.text, version: r.version.text, resource: r.plural.text),
            kind: kind, listKind: kind + "List", type: r.type.text, listType: r.listType.text,
            singular: r.singular.text, namespaced: r.namespaced.isTrue, verbs: r.verbs.strings,
            shortNames: r.shortNames.strings, categories: r.categories.strings,
            subresources: r.subresources.elements.map { s in
                Subresource(
                    name: s.name.text, kind: s.kind.text, group: s.group.text, version: s.version.text,
                    type: s.type.text, verbs: s.verbs.strings)
            },
            stability: r.stability.text, deprecated: r.deprecated.isTrue,
            enabledByDefault: r.enabledByDefault.asBool ?? true, storagePrefix: r.storage.etcdPrefix.text,
            storageVersionHash: r.storage["hash"].text)
    }
}

package struct GroupFacts: Sendable {
    package var group: String
    package var preferredVersion: String
    package var versions: [String]
    /// Higher comes first in discovery.
    package var priority: Int
}

/// The built-in kinds. Each table is parsed once, at first use.
package enum BuiltIn {
    package static let schema: Schema = Schema(table: parse(Tables.schema), defaults: parse(Tables.defaults))

    package static let resources: [ResourceFacts] = resourcesTable.resources.elements.map { ResourceFacts(record: $0) }

    package static let groups: [GroupFacts] = resourcesTable.groups.elements.map {
        GroupFacts(
            group: $0.group.text, preferredVersion: $0.preferred.text, versions: $0.versions.strings,
            priority: $0.priority.asInt ?? 0)
    }

    private static let resourcesTable: JSON = parse(Tables.resources)
    private static let byResource: [GroupVersionResource: Int] = Dictionary(
        uniqueKeysWithValues: resources.enumerated().map { ($1.gvr, $0) })
    private static let byKind: [GroupVersionKind: Int] = Dictionary(
        resources.enumerated().map { ($1.gvk, $0) }, uniquingKeysWith: { first, _ in first })

    package static func resource(_ gvr: GroupVersionResource) -> ResourceFacts? {
        byResource[gvr].map { resources[$0] }
    }
    package static func resource(_ kind: GroupVersionKind) -> ResourceFacts? { byKind[kind].map { resources[$0] } }

    /// `core/v1.Pod` for v1 Pod; also for kinds that are no resource (Scale, DeleteOptions, Status, …).
    package static func typeName(_ kind: GroupVersionKind) -> String? { schema.typeName(kind) }

    static func parse(_ table: StaticString) -> JSON {
        let bytes: [UInt8] = Array(UnsafeBufferPointer(start: table.utf8Start, count: table.utf8CodeUnitCount))
        guard let json = try? JSON.parse(bytes) else { preconditionFailure("a table of the API is not JSON") }
        return json
    }
}
