// Signatures whose bodies are being written; this file disappears.

package import KubeBase
package import KubeModel
package import KubeWire

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
