// Signatures whose bodies are being written; this file disappears.

package import KubeBase
package import KubeModel
package import KubeWire

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
