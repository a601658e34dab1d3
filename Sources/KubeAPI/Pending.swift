// Signatures whose bodies are being written; this file disappears.

package import KubeBase
package import KubeModel
package import KubeWire

/// What discovery says of one served resource, and where it is stored.
package struct ResourceFacts: Sendable {
    package struct Subresource: Sendable {
        package var name: String
        package var kind: String
        /// Group and version when they differ from the parent's (`autoscaling/v1 Scale`).
        package var group: String
        package var version: String
        /// Name in the schema: `core/v1.Binding`.
        package var type: String
        package var verbs: [String]
    }
    package var gvr: GroupVersionResource
    package var kind: String
    package var listKind: String
    /// Names in the schema: `core/v1.Pod`, `core/v1.PodList`.
    package var type: String
    package var listType: String
    package var singular: String
    package var namespaced: Bool
    package var verbs: [String]
    package var shortNames: [String]
    package var categories: [String]
    package var subresources: [Subresource]
    package var stability: String
    package var deprecated: Bool
    package var enabledByDefault: Bool
    /// `/registry/pods`; objects lie at `/NAMESPACE/NAME` or `/NAME` below it. Empty when nothing is stored.
    package var storagePrefix: String
    package var storageVersionHash: String
    package var gvk: GroupVersionKind { GroupVersionKind(group: gvr.group, version: gvr.version, kind: kind) }
}

package struct GroupFacts: Sendable {
    package var group: String
    package var preferredVersion: String
    package var versions: [String]
    package var priority: Int
}

/// The built-in kinds.
package enum BuiltIn {
    package static let schema: Schema = Schema()
    package static let resources: [ResourceFacts] = []
    package static let groups: [GroupFacts] = []
    package static func resource(_ gvr: GroupVersionResource) -> ResourceFacts? { nil }
    package static func resource(_ kind: GroupVersionKind) -> ResourceFacts? { nil }
    /// `core/v1.Pod` for v1 Pod; also for kinds that are no resource (Scale, DeleteOptions, Status, …).
    package static func typeName(_ kind: GroupVersionKind) -> String? { nil }
}

/// Which fields a resource's `fieldSelector` may name.
package struct SelectableFields: Sendable {
    /// For any resource, custom ones with the paths of `selectableFields`.
    package static func of(_ resource: GroupResource, namespaced: Bool, custom: [String] = []) -> SelectableFields {
        SelectableFields()
    }
    /// Throws BadRequest: `field label not supported: spec.foo`.
    package func check(_ selector: FieldSelector, kind: String) throws(StatusError) {}
    /// The compared text of a field.
    package func value(of field: String, in object: JSON) -> String { "" }
    package func matches(_ selector: FieldSelector, _ object: JSON) -> Bool { true }
}

package enum IncludeObject: String, Sendable {
    case none = "None"
    case metadata = "Metadata"
    case object = "Object"
}

/// The columns a resource shows in a Table.
package struct PrintColumns: Sendable {
    package static func builtIn(_ resource: GroupResource) -> PrintColumns { PrintColumns() }
    /// From `spec.versions[].additionalPrinterColumns` of a CustomResourceDefinition.
    package static func custom(_ additionalPrinterColumns: JSON) -> PrintColumns { PrintColumns() }
    /// A meta.k8s.io/v1 Table. `listMeta` is copied into `metadata` (resourceVersion, continue).
    package func table(
        _ objects: [JSON], listMeta: JSON = [:], include: IncludeObject = .metadata, now: Timestamp
    ) -> JSON { .null }
}

/// OpenAPI documents of the built-in kinds plus custom ones.
package enum OpenAPI {
    /// A custom kind in the documents.
    package struct CustomKind: Sendable {
        package var resource: ResourceFacts
        /// `spec.versions[].schema.openAPIV3Schema`.
        package var schema: JSON
        package init(resource: ResourceFacts, schema: JSON) {
            self.resource = resource
            self.schema = schema
        }
    }
    /// `/openapi/v2`
    package static func v2(custom: [CustomKind] = []) -> JSON { .null }
    /// The same as a gnostic `openapi.v2.Document`: `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`.
    package static func v2Protobuf(custom: [CustomKind] = []) -> [UInt8] { [] }
    /// `/openapi/v3`: path `apis/apps/v1` → `serverRelativeURL` with hash.
    package static func v3Index(custom: [CustomKind] = []) -> JSON { .null }
    /// `/openapi/v3/apis/apps/v1`
    package static func v3(_ version: GroupVersion, custom: [CustomKind] = []) -> JSON? { nil }
}
