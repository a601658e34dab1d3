// What makes a schema structural: a type at every level, and value rules only about what the structure declares.

import KubeModel
import KubeWire

enum StructuralRules {
    private enum Level { case root, item, field }

    /// Sorted by their texts, as upstream.
    static func faults(_ node: SchemaNode, at path: String) -> [FieldError] {
        var out: [FieldError] = []
        structure(node, .root, path, &out)
        complete(node, node, path, path, &out)
        return out.sorted { $0.description < $1.description }
    }

    // MARK: the structure

    private static func structure(_ n: SchemaNode, _ level: Level, _ at: String, _ out: inout [FieldError]) {
        if n.type == "array", n.items == nil { out.append(.required(at + ".items", "must be specified")) }
        if let items = n.items { structure(items, .item, at + ".items", &out) }
        for name in n.names { structure(n.properties[name]!, .field, "\(at).properties[\(name)]", &out) }
        if n.additional != nil || n.json.additionalProperties.exists, level == .root {
            out.append(.forbidden(at + ".additionalProperties", "must not be used at the root"))
        }
        if let additional = n.additional { structure(additional, .field, at + ".additionalProperties", &out) }
        if n.isIntOrString, n.keepsUnknown {
            out.append(
                .invalid(
                    at + ".x-kubernetes-preserve-unknown-fields", true,
                    "must be false if x-kubernetes-int-or-string is true"))
        }
        if n.isIntOrString, n.isEmbedded {
            out.append(
                .invalid(
                    at + ".x-kubernetes-embedded-resource", true, "must be false if x-kubernetes-int-or-string is true")
            )
        }
        values(n, skipsAnyOf: isIntOrString(n.json), skipsFirst: isIntOrString(n.json.allOf[0]), at, &out)
        type(n, level, at, &out)
        metadata(n, level, at, &out)
    }

    /// `anyOf: [{type: integer}, {type: string}]`
    private static func isIntOrString(_ json: JSON) -> Bool {
        json.anyOf == [["type": "integer"], ["type": "string"]]
    }

    private static func type(_ n: SchemaNode, _ level: Level, _ at: String, _ out: inout [FieldError]) {
        let path: String = at + ".type"
        if n.isEmbedded, n.type != "object" {
            let why: String = "must be object if x-kubernetes-embedded-resource is true"
            out.append(n.type.isEmpty ? .required(path, why) : .invalid(path, .string(n.type), why))
        } else if n.type.isEmpty, !n.isIntOrString, !n.keepsUnknown {
            switch level {
            case .root: out.append(.required(path, "must not be empty at the root"))
            case .item: out.append(.required(path, "must not be empty for specified array items"))
            case .field: out.append(.required(path, "must not be empty for specified object fields"))
            }
        }
        if n.isEmbedded, n.json.additionalProperties.exists {
            out.append(
                .forbidden(
                    at + ".additionalProperties", "must not be used if x-kubernetes-embedded-resource is set"))
        }
        if level == .root, !n.type.isEmpty, n.type != "object" {
            out.append(.invalid(path, .string(n.type), "must be object at the root"))
        }
        if n.isEmbedded, !n.keepsUnknown, n.properties.isEmpty {
            out.append(
                .required(
                    at + ".properties",
                    "must not be empty if x-kubernetes-embedded-resource is true without "
                        + "x-kubernetes-preserve-unknown-fields"))
        }
    }

    private static func metadata(_ n: SchemaNode, _ level: Level, _ at: String, _ out: inout [FieldError]) {
        let isResource: Bool = level == .root || n.isEmbedded
        if isResource {
            for name in ["kind", "apiVersion"] {
                guard let p = n.properties[name], p.type != "string" else { continue }
                out.append(.invalid("\(at).properties[\(name)].type", .string(p.type), "must be string"))
            }
        }
        guard let m = n.properties["metadata"] else { return }
        let path: String = at + ".properties[metadata]"
        if isResource, m.type != "object" {
            out.append(.invalid(path + ".type", .string(m.type), "must be object"))
        }
        guard level == .root else { return }
        let names: Set<String> = Set(m.names)
        let others: Set<String> = Set(m.json.fields.keys).subtracting(["type", "properties", "default", "description"])
        if !names.isSubset(of: ["name", "generateName"]) || !others.isEmpty || m.json["description"].exists {
            out.append(
                .forbidden(
                    path,
                    "must not specify anything other than name and generateName, but metadata is implicitly specified"
                ))
        }
    }

    // MARK: value rules

    private static func values(
        _ n: SchemaNode, skipsAnyOf: Bool, skipsFirst: Bool, _ at: String, _ out: inout [FieldError]
    ) {
        if !skipsAnyOf {
            for (i, v) in n.anyOf.enumerated() { nested(v, skipsAnyOf: false, "\(at).anyOf[\(i)]", &out) }
        }
        for (i, v) in n.allOf.enumerated() { nested(v, skipsAnyOf: skipsFirst && i == 0, "\(at).allOf[\(i)]", &out) }
        for (i, v) in n.oneOf.enumerated() { nested(v, skipsAnyOf: false, "\(at).oneOf[\(i)]", &out) }
        if let not = n.not { nested(not, skipsAnyOf: false, at + ".not", &out) }
        if let pattern = n.pattern, let why = pattern.fault {
            out.append(
                .invalid(
                    at + ".pattern", .string(pattern.text), "must be a valid regular expression, but isn't: \(why)"))
        }
    }

    private static func nested(_ v: SchemaNode, skipsAnyOf: Bool, _ at: String, _ out: inout [FieldError]) {
        values(v, skipsAnyOf: skipsAnyOf, skipsFirst: false, at, &out)
        if let items = v.items { nested(items, skipsAnyOf: false, at + ".items", &out) }
        for name in v.names { nested(v.properties[name]!, skipsAnyOf: false, "\(at).properties[\(name)]", &out) }
        func refuse(_ isWrong: Bool, _ name: String, _ word: String) {
            if isWrong { out.append(.forbidden("\(at).\(name)", "must be \(word) to be structural")) }
        }
        refuse(!v.type.isEmpty, "type", "empty")
        refuse(v.json.additionalProperties.exists, "additionalProperties", "undefined")
        refuse(v.standard.exists, "default", "undefined")
        refuse(!v.json.title.text.isEmpty, "title", "empty")
        refuse(!v.json["description"].text.isEmpty, "description", "empty")
        refuse(v.isNullable, "nullable", "false")
        refuse(v.keepsUnknown, "x-kubernetes-preserve-unknown-fields", "false")
        refuse(v.isEmbedded, "x-kubernetes-embedded-resource", "false")
        refuse(v.isIntOrString, "x-kubernetes-int-or-string", "false")
        refuse(!v.mapKeys.isEmpty, "x-kubernetes-list-map-keys", "empty")
        refuse(v.json["x-kubernetes-list-type"].exists, "x-kubernetes-list-type", "undefined")
        refuse(v.json["x-kubernetes-map-type"].exists, "x-kubernetes-map-type", "undefined")
        refuse(!v.json["x-kubernetes-validations"].elements.isEmpty, "x-kubernetes-validations", "empty")
        if v.properties["metadata"] != nil {
            out.append(.forbidden(at + ".properties[metadata]", "must not be specified in a nested context"))
        }
    }

    // MARK: completeness

    /// Every value rule of `v` is about something that the structure `s` declares.
    private static func complete(
        _ v: SchemaNode, _ s: SchemaNode, _ sAt: String, _ vAt: String, _ out: inout [FieldError]
    ) {
        if let not = v.not { completeNested(not, s, sAt, vAt + ".not", &out) }
        for (i, n) in v.allOf.enumerated() { completeNested(n, s, sAt, "\(vAt).allOf[\(i)]", &out) }
        for (i, n) in v.anyOf.enumerated() { completeNested(n, s, sAt, "\(vAt).anyOf[\(i)]", &out) }
        for (i, n) in v.oneOf.enumerated() { completeNested(n, s, sAt, "\(vAt).oneOf[\(i)]", &out) }
    }

    private static func completeNested(
        _ v: SchemaNode, _ s: SchemaNode?, _ sAt: String, _ vAt: String, _ out: inout [FieldError]
    ) {
        guard let s else {
            out.append(.required(sAt, "because it is defined in \(vAt)"))
            return
        }
        complete(v, s, sAt, vAt, &out)
        if let items = v.items { completeNested(items, s.items, sAt + ".items", vAt + ".items", &out) }
        for name in v.names {
            let below: String = "properties[\(name)]"
            completeNested(
                v.properties[name]!, s.properties[name], "\(sAt).\(below)", "\(vAt).\(below)", &out)
        }
    }
}
