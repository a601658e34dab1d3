// The OpenAPI documents of the built-in kinds plus custom ones, made from the tables.

package import KubeModel
package import KubeWire

package enum OpenAPI {
    /// A custom kind in the documents.
    package struct CustomKind: Sendable {
        package var resource: ResourceFacts
        /// `spec.versions[].schema.openAPIV3Schema`; null when there is none.
        package var schema: JSON
        /// JSON paths of fields that field selectors may name.
        package var selectable: [String]
        package init(resource: ResourceFacts, schema: JSON, selectable: [String] = []) {
            self.resource = resource
            self.schema = schema
            self.selectable = selectable
        }

        /// Both make the same documents.
        package func looks(like other: CustomKind) -> Bool {
            resource.gvk == other.resource.gvk && resource.gvr == other.resource.gvr
                && resource.listKind == other.resource.listKind && resource.namespaced == other.resource.namespaced
                && resource.verbs == other.resource.verbs
                && resource.subresources.map { $0.name } == other.resource.subresources.map { $0.name }
                && selectable == other.selectable && schema == other.schema
        }
    }

    static let version: String = "v1.36.0"

    /// `/openapi/v2`: Swagger 2.0.
    package static func v2(custom: [CustomKind] = []) -> JSON {
        var writer: OpenAPISchemas = OpenAPISchemas(form: .v2)
        for t in BuiltIn.schema.types { writer.need(t.name) }
        for c in custom { writer.add(c) }
        let resources: [ResourceFacts] = BuiltIn.resources.filter { $0.enabledByDefault } + custom.map { $0.resource }
        let isCustom: Set<GroupVersionResource> = Set(custom.map { $0.resource.gvr })
        var paths: [(key: String, value: JSON)] = []
        for r in resources {
            paths += OpenAPIPaths(form: .v2, resource: r, isCustom: isCustom.contains(r.gvr), schemas: writer).items
        }
        paths.sort { $0.key < $1.key }
        return .object(
            JSONObject(unique: [
                ("swagger", "2.0"), ("info", ["title": "Kubernetes", "version": .string(version)]),
                ("paths", .object(JSONObject(unique: paths))), ("definitions", writer.all),
                (
                    "securityDefinitions",
                    [
                        "BearerToken": [
                            "description": "Bearer Token authentication", "type": "apiKey", "name": "authorization",
                            "in": "header",
                        ]
                    ]
                ),
                ("security", [["BearerToken": []]]),
            ]))
    }

    /// The same as a gnostic `openapi.v2.Document`: `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`.
    package static func v2Protobuf(custom: [CustomKind] = []) -> [UInt8] { v2Protobuf(of: v2(custom: custom)) }

    /// From a document made by `v2`.
    package static func v2Protobuf(of document: JSON) -> [UInt8] { GnosticV2.document(document) }

    /// `/openapi/v3`: path such as `apis/apps/v1` → `serverRelativeURL` with the hash of the document.
    package static func v3Index(custom: [CustomKind] = []) -> JSON {
        var paths: [(key: String, value: JSON)] = []
        for gv in versions(custom) {
            guard let document = v3(gv, custom: custom) else { continue }
            let path: String = path(gv)
            paths.append(
                (path, ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(hash(document.encoded()))")]))
        }
        paths.sort { $0.key < $1.key }
        return ["paths": .object(JSONObject(unique: paths))]
    }

    /// `/openapi/v3/apis/apps/v1`; `nil` when the version serves nothing.
    package static func v3(_ gv: GroupVersion, custom: [CustomKind] = []) -> JSON? {
        let own: [CustomKind] = custom.filter { $0.resource.gvr.groupVersion == gv }
        let builtIn: [ResourceFacts] = BuiltIn.resources.filter { $0.gvr.groupVersion == gv && $0.enabledByDefault }
        guard !own.isEmpty || !builtIn.isEmpty else { return nil }
        var writer: OpenAPISchemas = OpenAPISchemas(form: .v3)
        for r in builtIn {
            writer.need(r.type)
            if !r.listType.isEmpty { writer.need(r.listType) }
            for s in r.subresources { writer.need(s.type) }
        }
        for c in own { writer.add(c) }
        for name in ["Status", "DeleteOptions", "Patch", "APIResourceList", "WatchEvent"] {
            writer.need("meta/v1." + name)
        }
        var paths: [(key: String, value: JSON)] = []
        for r in builtIn { paths += OpenAPIPaths(form: .v3, resource: r, isCustom: false, schemas: writer).items }
        for c in own { paths += OpenAPIPaths(form: .v3, resource: c.resource, isCustom: true, schemas: writer).items }
        paths.sort { $0.key < $1.key }
        return .object(
            JSONObject(unique: [
                ("openapi", "3.0.0"), ("info", ["title": "Kubernetes", "version": .string(version)]),
                ("paths", .object(JSONObject(unique: paths))),
                (
                    "components",
                    .object(
                        JSONObject(unique: [
                            ("schemas", writer.all),
                            (
                                "securitySchemes",
                                [
                                    "BearerToken": [
                                        "type": "apiKey", "description": "Bearer Token authentication",
                                        "name": "authorization", "in": "header",
                                    ]
                                ]
                            ),
                        ]))
                ),
            ]))
    }

    package static func versions(_ custom: [CustomKind]) -> [GroupVersion] {
        var out: [GroupVersion] = []
        let resources: [ResourceFacts] = BuiltIn.resources.filter { $0.enabledByDefault } + custom.map { $0.resource }
        for r in resources where !out.contains(r.gvr.groupVersion) { out.append(r.gvr.groupVersion) }
        return out
    }

    /// `api/v1`, `apis/apps/v1`
    package static func path(_ gv: GroupVersion) -> String { gv.group.isEmpty ? "api/\(gv.version)" : "apis/\(gv)" }

    /// 128 bits of FNV-1a in upper-case hex: names a version of a document, keeps no secret.
    package static func hash(_ bytes: [UInt8]) -> String {
        var a: UInt64 = 0xcbf2_9ce4_8422_2325
        var b: UInt64 = 0x9ae1_6a3b_2f90_404f
        for c in bytes {
            a = (a ^ UInt64(c)) &* 0x100_0000_01b3
            b = (b ^ UInt64(c)) &* 0x100_0000_01b3 &+ 1
        }
        func hex(_ n: UInt64) -> String {
            let s: String = String(n, radix: 16, uppercase: true)
            return String(repeating: "0", count: 16 - s.utf8.count) + s
        }
        return hex(a) + hex(b)
    }
}
