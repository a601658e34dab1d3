// Types of the tables as OpenAPI schemas.

import KubeModel
import KubeWire

enum OpenAPIForm { case v2, v3 }

/// Collects the schemas of a document: those asked for and all that they refer to.
struct OpenAPISchemas {
    let form: OpenAPIForm
    private var schemas: [String: JSON] = [:]
    private var done: Set<Int> = []
    private var customNames: [GroupVersionKind: String] = [:]

    private static let meta: String = "io.k8s.apimachinery.pkg.apis.meta.v1."
    static let quantity: String = "io.k8s.apimachinery.pkg.api.resource.Quantity"
    static let intOrString: String = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
    static let raw: String = "io.k8s.apimachinery.pkg.runtime.RawExtension"
    static let anyJSON: String = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"

    init(form: OpenAPIForm) { self.form = form }

    /// Sorted by name.
    var all: JSON {
        .object(JSONObject(unique: schemas.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    }

    /// `io.k8s.api.core.v1.Pod`
    static func name(_ type: String) -> String {
        guard let t = BuiltIn.schema.type(type), let p = BuiltIn.schema.packages[t.package] else { return type }
        return p.openAPI + "." + t.shortName
    }

    func name(of r: ResourceFacts) -> String { customNames[r.gvk] ?? OpenAPISchemas.name(r.type) }
    func listName(of r: ResourceFacts) -> String {
        customNames[r.gvk].map { $0 + "List" } ?? OpenAPISchemas.name(r.listType)
    }

    func ref(_ name: String) -> JSON {
        ["$ref": .string((form == .v2 ? "#/definitions/" : "#/components/schemas/") + name)]
    }

    // MARK: built-in types

    mutating func need(_ type: String) {
        if let i = BuiltIn.schema.position(of: type) { need(i) }
    }

    private mutating func need(_ i: Int) {
        guard done.insert(i).inserted else { return }
        let t: ObjectType = BuiltIn.schema.types[i]
        let name: String = OpenAPISchemas.name(t.name)
        if t.custom != nil {
            schemas[name] = ["description": .string(t.shortName)]
            return
        }
        var properties: [(key: String, value: JSON)] = []
        var required: [JSON] = []
        for f in t.members {
            properties.append((f.name, property(f, of: t)))
            if f.isRequired { required.append(.string(f.name)) }
        }
        properties.sort { $0.key < $1.key }
        var out: [(key: String, value: JSON)] = [("description", .string(OpenAPIWords.type(t))), ("type", "object")]
        if !properties.isEmpty { out.append(("properties", .object(JSONObject(unique: properties)))) }
        if !required.isEmpty { out.append(("required", .array(required))) }
        if t.isKind { out.append(("x-kubernetes-group-version-kind", kinds(t))) }
        if t.isAtomic { out.append(("x-kubernetes-map-type", "atomic")) }
        if !t.unions.elements.isEmpty { out.append(("x-kubernetes-unions", unions(t))) }
        schemas[name] = .object(JSONObject(unique: out))
    }

    private func unions(_ t: ObjectType) -> JSON {
        .array(
            t.unions.elements.map { u in
                var out: [(key: String, value: JSON)] = []
                if u.disc.exists { out.append(("discriminator", u.disc)) }
                out.append(("fields-to-discriminateBy", u["fields"]))
                return .object(JSONObject(unique: out))
            })
    }

    private func kinds(_ t: ObjectType) -> JSON {
        let everywhere: Set<String> = ["DeleteOptions", "WatchEvent"]
        func entry(_ gv: GroupVersion) -> JSON {
            ["group": .string(gv.group), "kind": .string(t.shortName), "version": .string(gv.version)]
        }
        if t.package == "meta/v1", everywhere.contains(t.shortName) {
            return .array(OpenAPI.versions([]).map { entry($0) })
        }
        guard let p = BuiltIn.schema.packages[t.package] else { return [] }
        return [entry(GroupVersion(group: p.group, version: p.version))]
    }

    private mutating func property(_ f: Field, of type: ObjectType) -> JSON {
        var s: JSON = schema(f.type)
        var extra: [(key: String, value: JSON)] = [("description", .string(OpenAPIWords.field(f, of: type)))]
        if f.defaultValue.exists {
            extra.append(("default", f.defaultValue))
        } else if form == .v3, !f.isPointer, !f.omitsZeroStruct, case .object(let i) = f.type,
            BuiltIn.schema.types[i].custom == nil
        {
            extra.append(("default", [:]))
        } else if form == .v3, f.isAlwaysWritten, !f.isPointer {
            switch f.type {
            case .string: extra.append(("default", ""))
            case .int32, .int64, .double: extra.append(("default", 0))
            case .bool: extra.append(("default", false))
            default: break
            }
        }
        if !f.enumName.isEmpty, f.type == .string, let e = BuiltIn.schema.enums[f.enumName], !e.isOpen {
            extra.append(("enum", .array(e.values.sorted().map { .string($0) })))
        }
        if case .list = f.type {
            extra.append(("x-kubernetes-list-type", .string(f.list.rawValue)))
            if !f.keys.isEmpty { extra.append(("x-kubernetes-list-map-keys", JSON(f.keys))) }
        }
        if let atomic = f.mapIsAtomic { extra.append(("x-kubernetes-map-type", atomic ? "atomic" : "granular")) }
        var strategy: [String] = []
        if f.patchMerges { strategy.append("merge") }
        if f.patchRetainsKeys { strategy.append("retainKeys") }
        if f.patchReplaces { strategy.append("replace") }
        if !f.patchMergeKey.isEmpty { extra.append(("x-kubernetes-patch-merge-key", .string(f.patchMergeKey))) }
        if !strategy.isEmpty { extra.append(("x-kubernetes-patch-strategy", .string(strategy.joined(separator: ",")))) }
        if form == .v3, s["$ref"].exists { s = ["allOf": [s]] }
        return .object(JSONObject(unique: s.fields.pairs + extra))
    }

    private mutating func schema(_ type: ValueType) -> JSON {
        switch type {
        case .string: return ["type": "string"]
        case .int32: return ["type": "integer", "format": "int32"]
        case .int64: return ["type": "integer", "format": "int64"]
        case .bool: return ["type": "boolean"]
        case .double: return ["type": "number", "format": "double"]
        case .bytes: return ["type": "string", "format": "byte"]
        case .quantity:
            return special(
                OpenAPISchemas.quantity, ["type": "string"], v3: ["oneOf": [["type": "string"], ["type": "number"]]])
        case .intOrString:
            return special(
                OpenAPISchemas.intOrString, ["type": "string", "format": "int-or-string"],
                v3: ["oneOf": [["type": "integer"], ["type": "string"]], "format": "int-or-string"])
        case .time: return special(OpenAPISchemas.meta + "Time", ["type": "string", "format": "date-time"])
        case .microTime: return special(OpenAPISchemas.meta + "MicroTime", ["type": "string", "format": "date-time"])
        case .duration: return special(OpenAPISchemas.meta + "Duration", ["type": "string"])
        case .raw: return special(OpenAPISchemas.raw, ["type": "object"])
        case .fieldsV1: return special(OpenAPISchemas.meta + "FieldsV1", ["type": "object"])
        case .json: return special(OpenAPISchemas.anyJSON, [:])
        case .any: return ["type": "object"]
        case .object(let i):
            need(i)
            return ref(OpenAPISchemas.name(BuiltIn.schema.types[i].name))
        case .list(let e): return ["type": "array", "items": item(e)]
        case .map(let e): return ["type": "object", "additionalProperties": item(e)]
        }
    }

    /// An element: with upstream's zero default in v3.
    private mutating func item(_ e: ValueType) -> JSON {
        let s: JSON = schema(e)
        guard form == .v3 else { return s }
        switch e {
        case .object: return ["allOf": [s], "default": [:]]
        case .string: return ["type": "string", "default": ""]
        default: return s
        }
    }

    private mutating func special(_ name: String, _ schema: JSON, v3: JSON? = nil) -> JSON {
        if schemas[name] == nil {
            var s: JSON = form == .v3 ? v3 ?? schema : schema
            s["description"] = .string(OpenAPIWords.special[name] ?? "Any JSON value.")
            schemas[name] = s
        }
        return ref(name)
    }

    // MARK: custom resources

    mutating func add(_ c: OpenAPI.CustomKind) {
        let gvr: GroupVersionResource = c.resource.gvr
        let name: String =
            gvr.group.split(separator: ".").reversed().joined(separator: ".") + ".\(gvr.version).\(c.resource.kind)"
        customNames[c.resource.gvk] = name
        need("meta/v1.ObjectMeta")
        need("meta/v1.ListMeta")
        let kind: JSON = [
            ["group": .string(gvr.group), "kind": .string(c.resource.kind), "version": .string(gvr.version)]
        ]
        // kubectl would judge by the properties it sees: a v2 schema whose root keeps unknown fields says nothing.
        let saysNothing: Bool = !c.schema.exists
            || form == .v2 && c.schema["x-kubernetes-preserve-unknown-fields"].isTrue
        var s: JSON = saysNothing ? ["type": "object"] : converted(c.schema)
        if !saysNothing { addTypeMeta(&s) }
        s["x-kubernetes-group-version-kind"] = kind
        if form == .v3, !c.selectable.isEmpty {
            s["x-kubernetes-selectable-fields"] = .array(
                c.selectable.map { ["fieldPath": .string($0.hasPrefix(".") ? String($0.dropFirst()) : $0)] })
        }
        schemas[name] = s
        addList(c, name)
    }

    private func addTypeMeta(_ s: inout JSON) {
        s.properties.apiVersion = ["description": .string(OpenAPIWords.apiVersion), "type": "string"]
        s.properties.kind = ["description": .string(OpenAPIWords.kind), "type": "string"]
        let metadata: JSON = ref(OpenAPISchemas.meta + "ObjectMeta")
        s.properties.metadata = form == .v3 ? ["allOf": [metadata]] : metadata
        s.properties.metadata["description"] = .string(OpenAPIWords.metadata)
    }

    private mutating func addList(_ c: OpenAPI.CustomKind, _ name: String) {
        let gvr: GroupVersionResource = c.resource.gvr
        let listMeta: JSON = ref(OpenAPISchemas.meta + "ListMeta")
        schemas[name + "List"] = [
            "description": .string("\(c.resource.kind)List is a list of \(c.resource.kind)"), "type": "object",
            "required": ["items"],
            "properties": [
                "apiVersion": ["description": .string(OpenAPIWords.apiVersion), "type": "string"],
                "items": ["type": "array", "items": ref(name)],
                "kind": ["description": .string(OpenAPIWords.kind), "type": "string"],
                "metadata": form == .v3 ? ["allOf": [listMeta]] : listMeta,
            ],
            "x-kubernetes-group-version-kind": [
                [
                    "group": .string(gvr.group), "kind": .string(c.resource.kind + "List"),
                    "version": .string(gvr.version),
                ]
            ],
        ]
    }

    /// v2 knows no oneOf, anyOf, not and nullable; a node that keeps unknown fields loses its properties there.
    private func converted(_ s: JSON) -> JSON {
        guard form == .v2 else { return s }
        guard case .object(let o) = s else { return s }
        let dropped: Set<String> = [
            "oneOf", "anyOf", "allOf", "not", "nullable", "default", "x-kubernetes-validations",
        ]
        if s["x-kubernetes-int-or-string"].isTrue {
            return ["x-kubernetes-int-or-string": true, "description": .string(s["description"].text)]
        }
        // kubectl before 1.24 takes a value without a type for anything; with one it judges what it does not know.
        let keepsUnknown: Bool = s["x-kubernetes-preserve-unknown-fields"].isTrue
        let isNullable: Bool = s.nullable.isTrue
        let isUntyped: Bool =
            isNullable || keepsUnknown && s.type.text == "object"
            || s.type.text == "array" && (keepsUnknown || !s["items"].exists)
        let nullable: Set<String> = Set(s.properties.fields.filter { $0.value.nullable.isTrue }.map { $0.key })
        var out: [(key: String, value: JSON)] = []
        for (key, value) in o where !dropped.contains(key) {
            if keepsUnknown || isNullable, key == "properties" || key == "items" { continue }
            if isUntyped, key == "type" { continue }
            if key == "required", !nullable.isEmpty {
                let left: [JSON] = value.elements.filter { !nullable.contains($0.text) }
                if !left.isEmpty { out.append((key, .array(left))) }
                continue
            }
            switch key {
            case "properties":
                out.append(
                    (key, .object(JSONObject(unique: value.fields.map { ($0.key, converted($0.value)) }))))
            case "items", "additionalProperties": out.append((key, converted(value)))
            default: out.append((key, value))
            }
        }
        return .object(JSONObject(unique: out))
    }
}
