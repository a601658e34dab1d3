// The OpenAPI documents: names, refs that resolve, what kubectl looks at.

import KubeAPI
import KubeModel
import KubeWire
import Testing

@Suite struct OpenAPITests {
    static let v2: JSON = OpenAPI.v2()
    static let crd: OpenAPI.CustomKind = OpenAPI.CustomKind(
        resource: ResourceFacts(
            gvr: GroupVersionResource("stable.example.com/v1", "crontabs"), kind: "CronTab", listKind: "CronTabList",
            type: "", listType: "", singular: "crontab", namespaced: true,
            verbs: ["create", "delete", "get", "list", "patch", "update", "watch"], storagePrefix: ""),
        schema: [
            "type": "object", "properties": ["spec": ["type": "object", "properties": ["size": ["type": "integer"]]]],
        ])

    private func refs(_ v: JSON, _ out: inout Set<String>) {
        switch v {
        case .object(let o):
            if let r = o["$ref"]?.asString { out.insert(r) }
            for (_, value) in o { refs(value, &out) }
        case .array(let a): for e in a { refs(e, &out) }
        default: break
        }
    }

    @Test func refsResolve() throws {
        var found: Set<String> = []
        refs(Self.v2, &found)
        for r in found { #expect(Self.v2.definitions[String(r.dropFirst("#/definitions/".count))].exists, "\(r)") }
        for gv in [GroupVersion(group: "", version: "v1"), GroupVersion(group: "apps", version: "v1")] {
            let d: JSON = try #require(OpenAPI.v3(gv))
            var there: Set<String> = []
            refs(d, &there)
            for r in there {
                #expect(d.components.schemas[String(r.dropFirst("#/components/schemas/".count))].exists, "\(r)")
            }
        }
    }

    @Test func deployment() throws {
        let d: JSON = Self.v2.definitions["io.k8s.api.apps.v1.Deployment"]
        #expect(d["x-kubernetes-group-version-kind"] == [["group": "apps", "kind": "Deployment", "version": "v1"]])
        #expect(d.properties.spec["$ref"] == "#/definitions/io.k8s.api.apps.v1.DeploymentSpec")
        let pod: JSON = Self.v2.definitions["io.k8s.api.core.v1.PodSpec"].properties.containers
        #expect(pod["x-kubernetes-patch-merge-key"] == "name")
        #expect(pod["x-kubernetes-list-map-keys"] == ["name"])
        let v3: JSON = try #require(OpenAPI.v3(GroupVersion(group: "apps", version: "v1")))
        let patch: JSON = v3.paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"].patch
        #expect(patch.operationId == "patchAppsV1NamespacedDeployment")
        #expect(patch.parameters.elements.contains { $0.name == "fieldValidation" })
        #expect(patch.requestBody.content["application/strategic-merge-patch+json"].exists)
        #expect(patch["x-kubernetes-group-version-kind"].kind == "Deployment")
    }

    @Test func index() {
        let url: String = OpenAPI.v3Index().paths["apis/apps/v1"].serverRelativeURL.text
        #expect(url.hasPrefix("/openapi/v3/apis/apps/v1?hash="))
        #expect(url.utf8.count == "/openapi/v3/apis/apps/v1?hash=".utf8.count + 32)
    }

    @Test func customKinds() throws {
        let gv: GroupVersion = GroupVersion(group: "stable.example.com", version: "v1")
        let d: JSON = try #require(OpenAPI.v3(gv, custom: [Self.crd]))
        let s: JSON = d.components.schemas["com.example.stable.v1.CronTab"]
        #expect(s.properties.spec.properties.size.type == "integer")
        #expect(s["x-kubernetes-group-version-kind"][0].kind == "CronTab")
        #expect(d.paths["/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}"].patch.exists)
        #expect(OpenAPI.v3Index(custom: [Self.crd]).paths["apis/stable.example.com/v1"].exists)
        #expect(OpenAPI.v2(custom: [Self.crd]).definitions["com.example.stable.v1.CronTabList"].exists)
    }

    /// The message starts with swagger "2.0" and info; kubectl reads it (checked by hand with 1.32).
    @Test func protobufForm() {
        let bytes: [UInt8] = OpenAPI.v2Protobuf(of: [
            "swagger": "2.0", "info": ["title": "K", "version": "1"], "paths": [:],
            "definitions": ["a": ["type": "string"]],
        ])
        let expected: [UInt8] = [
            10, 3, 50, 46, 48, 18, 6, 10, 1, 75, 18, 1, 49, 66, 0, 74, 18, 10, 16, 10, 1, 97, 18, 11, 178, 1,
            8, 10, 6, 115, 116, 114, 105, 110, 103,
        ]
        #expect(bytes == expected)
    }
}
