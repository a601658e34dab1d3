// The paths and operations of one resource, in the form of OpenAPI v2 or v3.

import KubeModel
import KubeWire

struct OpenAPIPaths {
    let form: OpenAPIForm
    let resource: ResourceFacts
    let isCustom: Bool
    let schemas: OpenAPISchemas

    private struct Operation {
        var method: String
        var action: String
        var id: String
        /// Schema names; empty = none.
        var body: String = ""
        var answer: String
        var parameters: [JSON] = []
        var kind: GroupVersionKind
    }

    private var gvr: GroupVersionResource { resource.gvr }
    private static let status: String = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"
    private static let patch: String = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"
    private static let deleteOptions: String = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"

    /// Path → path item.
    var items: [(key: String, value: JSON)] {
        let root: String = "/" + OpenAPI.path(gvr.groupVersion)
        let base: String = root + (resource.namespaced ? "/namespaces/{namespace}" : "") + "/" + gvr.resource
        var out: [(key: String, value: JSON)] = []
        func add(_ path: String, _ operations: [Operation], _ names: [String]) {
            if !operations.isEmpty { out.append((path, item(operations, names))) }
        }
        let scope: [String] = resource.namespaced ? ["namespace"] : []
        add(base, collection, scope)
        add(base + "/{name}", single, ["name"] + scope)
        if resource.namespaced, resource.verbs.contains("list") {
            add(root + "/" + gvr.resource, [list(across: true)], [])
        }
        for s in resource.subresources { add("\(base)/{name}/\(s.name)", operations(s), ["name"] + scope) }
        return out
    }

    // MARK: operations

    private var groupName: String {
        if gvr.group.isEmpty { return "core" }
        let parts: [Substring] = gvr.group.split(separator: ".").filter { $0 != "k8s" && $0 != "io" }
        return parts.enumerated().map { i, p in i == 0 ? String(p) : p.prefix(1).uppercased() + p.dropFirst() }.joined()
    }
    private func capital(_ s: String) -> String { s.prefix(1).uppercased() + s.dropFirst() }

    private func id(_ verb: String, _ suffix: String = "") -> String {
        verb + capital(groupName) + capital(gvr.version) + (resource.namespaced ? "Namespaced" : "") + resource.kind
            + suffix
    }

    private func query(_ name: String, _ type: String) -> JSON {
        form == .v2
            ? ["name": .string(name), "in": "query", "type": .string(type), "uniqueItems": true]
            : ["name": .string(name), "in": "query", "schema": ["type": .string(type), "uniqueItems": true]]
    }

    private var writing: [JSON] {
        [query("dryRun", "string"), query("fieldManager", "string"), query("fieldValidation", "string")]
    }
    private var listing: [JSON] {
        [
            query("allowWatchBookmarks", "boolean"), query("continue", "string"), query("fieldSelector", "string"),
            query("labelSelector", "string"), query("limit", "integer"), query("resourceVersion", "string"),
            query("resourceVersionMatch", "string"), query("sendInitialEvents", "boolean"),
            query("timeoutSeconds", "integer"), query("watch", "boolean"),
        ]
    }
    private var deleting: [JSON] {
        [
            query("dryRun", "string"), query("gracePeriodSeconds", "integer"),
            query("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"), query("orphanDependents", "boolean"),
            query("propagationPolicy", "string"),
        ]
    }

    private func list(across: Bool) -> Operation {
        let name: String =
            across
            ? "list" + capital(groupName) + capital(gvr.version) + resource.kind + "ForAllNamespaces" : id("list")
        return Operation(
            method: "get", action: "list", id: name, answer: schemas.listName(of: resource), parameters: listing,
            kind: resource.gvk)
    }

    private var collection: [Operation] {
        let (type, kind): (String, GroupVersionKind) = (schemas.name(of: resource), resource.gvk)
        var out: [Operation] = []
        if resource.verbs.contains("list") { out.append(list(across: false)) }
        if resource.verbs.contains("create") {
            out.append(
                Operation(
                    method: "post", action: "post", id: id("create"), body: type, answer: type, parameters: writing,
                    kind: kind))
        }
        if resource.verbs.contains("deletecollection") {
            let name: String =
                "delete" + capital(groupName) + capital(gvr.version) + "Collection"
                + (resource.namespaced ? "Namespaced" : "") + resource.kind
            out.append(
                Operation(
                    method: "delete", action: "deletecollection", id: name, body: OpenAPIPaths.deleteOptions,
                    answer: OpenAPIPaths.status, parameters: deleting + listing, kind: kind))
        }
        return out
    }

    private var single: [Operation] { operations(resource.verbs, "", schemas.name(of: resource), resource.gvk) }

    private func operations(_ s: ResourceFacts.Subresource) -> [Operation] {
        let kind: GroupVersionKind = GroupVersionKind(
            group: s.version.isEmpty ? gvr.group : s.group, version: s.version.isEmpty ? gvr.version : s.version,
            kind: s.kind)
        let type: String =
            isCustom && s.kind == resource.kind ? schemas.name(of: resource) : OpenAPISchemas.name(s.type)
        var out: [Operation] = operations(s.verbs, capital(s.name), type, kind)
        if s.verbs.contains("create") {
            out.append(
                Operation(
                    method: "post", action: "post", id: id("create", capital(s.name)), body: type, answer: type,
                    parameters: writing, kind: kind))
        }
        return out
    }

    private func operations(
        _ verbs: [String], _ suffix: String, _ type: String, _ kind: GroupVersionKind
    ) -> [Operation] {
        var out: [Operation] = []
        if verbs.contains("get") {
            out.append(Operation(method: "get", action: "get", id: id("read", suffix), answer: type, kind: kind))
        }
        if verbs.contains("update") {
            out.append(
                Operation(
                    method: "put", action: "put", id: id("replace", suffix), body: type, answer: type,
                    parameters: writing, kind: kind))
        }
        if verbs.contains("delete") {
            out.append(
                Operation(
                    method: "delete", action: "delete", id: id("delete", suffix), body: OpenAPIPaths.deleteOptions,
                    answer: OpenAPIPaths.status, parameters: deleting, kind: kind))
        }
        if verbs.contains("patch") {
            out.append(
                Operation(
                    method: "patch", action: "patch", id: id("patch", suffix), body: OpenAPIPaths.patch, answer: type,
                    parameters: writing + [query("force", "boolean")], kind: kind))
        }
        return out
    }

    // MARK: rendering

    private func item(_ operations: [Operation], _ names: [String]) -> JSON {
        var pairs: [(key: String, value: JSON)] = operations.map { ($0.method, render($0)) }
        pairs.sort { $0.key < $1.key }
        var parameters: [JSON] = names.map { name in
            form == .v2
                ? ["name": .string(name), "in": "path", "required": true, "type": "string", "uniqueItems": true]
                : [
                    "name": .string(name), "in": "path", "required": true,
                    "schema": ["type": "string", "uniqueItems": true],
                ]
        }
        parameters.append(query("pretty", "string"))
        pairs.append(("parameters", .array(parameters)))
        return .object(JSONObject(unique: pairs))
    }

    private var patchTypes: [String] {
        var types: [String] = [
            "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json",
        ]
        if !isCustom { types.append("application/strategic-merge-patch+json") }
        return types
    }
    private var answers: [String] {
        isCustom
            ? ["application/json", "application/yaml"]
            : ["application/json", "application/vnd.kubernetes.protobuf", "application/yaml"]
    }

    private func render(_ o: Operation) -> JSON {
        var pairs: [(key: String, value: JSON)] = [
            ("tags", [.string(groupName + "_" + gvr.version)]), ("description", .string("\(o.action) \(o.kind.kind)")),
            ("operationId", .string(o.id)),
        ]
        let consumed: [String] = o.action == "patch" ? patchTypes : form == .v2 ? ["*/*"] : ["*/*"]
        var parameters: [JSON] = o.parameters
        if form == .v2 {
            pairs.append(("consumes", JSON(consumed)))
            pairs.append(("produces", JSON(answers)))
            pairs.append(("schemes", ["https"]))
            if !o.body.isEmpty {
                let required: Bool = o.method != "delete"
                parameters.insert(
                    ["name": "body", "in": "body", "required": .bool(required), "schema": schemas.ref(o.body)], at: 0)
            }
        } else if !o.body.isEmpty {
            let content: [(key: String, value: JSON)] = consumed.map { ($0, ["schema": schemas.ref(o.body)]) }
            pairs.append(
                (
                    "requestBody",
                    ["content": .object(JSONObject(unique: content)), "required": .bool(o.method != "delete")]
                ))
        }
        if !parameters.isEmpty { pairs.append(("parameters", .array(parameters))) }
        pairs.append(("responses", responses(o)))
        pairs.append(("x-kubernetes-action", .string(o.action)))
        pairs.append(
            (
                "x-kubernetes-group-version-kind",
                ["group": .string(o.kind.group), "kind": .string(o.kind.kind), "version": .string(o.kind.version)]
            ))
        return .object(JSONObject(unique: pairs))
    }

    private func responses(_ o: Operation) -> JSON {
        let ok: JSON
        if form == .v2 {
            ok = ["description": "OK", "schema": schemas.ref(o.answer)]
        } else {
            let content: [(key: String, value: JSON)] = answers.map { ($0, ["schema": schemas.ref(o.answer)]) }
            ok = ["description": "OK", "content": .object(JSONObject(unique: content))]
        }
        return ["200": ok, "401": ["description": "Unauthorized"]]
    }
}
