// What a version's schema may say: OpenAPI v3's words that custom resources allow, extensions that fit, sound defaults.

import KubeModel
import KubeWire

struct SchemaRules {
    private var faults: [FieldError] = []

    /// Of the schema at `path`; `hasStatus`: the version has a status subresource.
    static func faults(_ schema: JSON, at path: String, hasStatus: Bool) -> [FieldError] {
        let node: SchemaNode = SchemaNode(schema)
        var rules: SchemaRules = SchemaRules()
        if hasStatus { rules.checkRoot(schema, path) }
        if schema.nullable.isTrue {
            rules.faults.append(.forbidden(path + ".nullable", "nullable cannot be true at the root"))
        }
        let structural: [FieldError] = StructuralRules.faults(node, at: path)
        rules.faults += structural
        if structural.isEmpty { rules.faults += DefaultRulesOfSchema.faults(node, at: path) }
        rules.check(schema, path, Place(isRoot: true))
        if rules.faults.isEmpty { rules.faults += RuleCheck.faults(node, at: path) }
        return rules.faults
    }

    /// With a status subresource the root may only say what stays true of `properties[status]` alone.
    private mutating func checkRoot(_ s: JSON, _ path: String) {
        if s.type.text != "object", !s.type.text.isEmpty {
            faults.append(
                .invalid(
                    path + ".type", s.type,
                    "only \"object\" is allowed as the type at the root of the schema if the status subresource is "
                        + "enabled"
                ))
            return
        }
        let allowed: [String] = [
            "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum",
            "MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required",
            "Items",
            "Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
        ]
        let known: Set<String> = Set(allowed.dropLast(2).map { $0.prefix(1).lowercased() + $0.dropFirst() })
            .union(["x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations"])
        guard s.fields.keys.contains(where: { !known.contains($0) && s[$0].exists }) else { return }
        faults.append(
            .invalid(
                path, s,
                "only [\(allowed.joined(separator: " "))] fields are allowed at the root of the schema if the status "
                    + "subresource is enabled"))
    }

    /// Where in the schema a node lies.
    private struct Place {
        var isRoot: Bool = false
        var isMeta: Bool = false
        /// Why defaults are not allowed here; nil: they are.
        var forbidsDefaults: String?
        func below() -> Place {
            var p: Place = self
            p.isRoot = false
            return p
        }
    }

    private mutating func refuse(_ path: String, _ why: String) { faults.append(.forbidden(path, why)) }

    private mutating func check(_ s: JSON, _ at: String, _ place: Place) {
        guard s.asObject != nil else { return }
        words(s, at, place)
        if s.uniqueItems.isTrue {
            refuse(
                at + ".uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic")
        }
        children(s, at, place)
        if s["x-kubernetes-preserve-unknown-fields"] == false {
            faults.append(
                .invalid(at + ".x-kubernetes-preserve-unknown-fields", false, "must be true or undefined"))
        }
        mapType(s, at)
        listType(s, at)
        listMap(s, at)
        mapKeys(s, at)
        rules(s, at)
    }

    private mutating func words(_ s: JSON, _ at: String, _ place: Place) {
        let types: [String] = ["array", "boolean", "integer", "number", "object", "string"]
        if let type = s.type.asString, !type.isEmpty, !types.contains(type) {
            faults.append(.notSupported(at + ".type", s.type, types))
        }
        if s.fields["default"] != nil, s["default"].exists, let why = place.forbidsDefaults {
            refuse(at + ".default", "must not be set" + (why.isEmpty ? "" : " " + why))
        }
        if !s.id.text.isEmpty { refuse(at + ".id", "id is not supported") }
        for word in ["additionalItems", "patternProperties", "definitions", "dependencies"] where s[word].exists {
            refuse(at + "." + word, "\(word) is not supported")
        }
        if s["$ref"].exists { refuse(at + ".$ref", "$ref is not supported") }
        if s.type.text == "null" { refuse(at + ".type", "type cannot be set to null, use nullable as an alternative") }
        if s["items"].asArray != nil { refuse(at + ".items", "items must be a schema object and not an array") }
        if place.isMeta, s["x-kubernetes-embedded-resource"].isTrue {
            refuse(at + ".x-kubernetes-embedded-resource", "must not be used inside of resource meta")
        }
    }

    private mutating func children(_ s: JSON, _ at: String, _ place: Place) {
        if s.additionalProperties.exists {
            if !s.properties.fields.isEmpty, s.additionalProperties != true {
                refuse(at + ".additionalProperties", "additionalProperties and properties are mutual exclusive")
            }
            var p: Place = place.below()
            if place.isMeta { p.forbidsDefaults = "inside additionalProperties applying to object metadata" }
            check(s.additionalProperties, at + ".additionalProperties", p)
        }
        for (name, property) in s.properties.fields {
            var p: Place = place.below()
            if place.isRoot || s["x-kubernetes-embedded-resource"].isTrue,
                ["metadata", "kind", "apiVersion"].contains(name)
            {
                p.isMeta = true
                if place.isRoot { p.forbidsDefaults = "in top-level \(name)" }
            }
            check(property, "\(at).properties[\(name)]", p)
        }
        check(s["not"], at + ".not", place.below())
        for word in ["allOf", "oneOf", "anyOf"] {
            for (i, n) in s[word].elements.enumerated() { check(n, "\(at).\(word)[\(i)]", place.below()) }
        }
        check(s["items"], at + ".items", place.below())
    }

    private mutating func mapType(_ s: JSON, _ at: String) {
        let mapType: JSON = s["x-kubernetes-map-type"]
        guard mapType.exists else { return }
        let why: String = "must be object if x-kubernetes-map-type is specified"
        if s.type.text != "object" {
            faults.append(s.type.text.isEmpty ? .required(at + ".type", why) : .invalid(at + ".type", s.type, why))
        }
        if !["atomic", "granular"].contains(mapType.text) {
            faults.append(.notSupported(at + ".x-kubernetes-map-type", mapType, ["atomic", "granular"]))
        }
    }

    private mutating func listType(_ s: JSON, _ at: String) {
        let listType: JSON = s["x-kubernetes-list-type"]
        let path: String = at + ".x-kubernetes-list-type"
        guard listType.exists else {
            if !s["x-kubernetes-list-map-keys"].elements.isEmpty {
                faults.append(.required(path, "must be map if x-kubernetes-list-map-keys is non-empty"))
            }
            return
        }
        let why: String = "must be array if x-kubernetes-list-type is specified"
        if s.type.text != "array" {
            faults.append(s.type.text.isEmpty ? .required(at + ".type", why) : .invalid(at + ".type", s.type, why))
        } else if listType == "set" {
            let item: JSON = s["items"]
            let atomic: String = "must be atomic as item of a list with x-kubernetes-list-type=set"
            if item.type == "array", item["x-kubernetes-list-type"].exists, item["x-kubernetes-list-type"] != "atomic" {
                faults.append(
                    .invalid(at + ".items.x-kubernetes-list-type", item["x-kubernetes-list-type"], atomic))
            }
            if item.type == "object", item["x-kubernetes-map-type"] != "atomic" {
                faults.append(.invalid(at + ".items.x-kubernetes-map-type", item["x-kubernetes-list-type"], atomic))
            }
        }
        if !["atomic", "set", "map"].contains(listType.text) {
            faults.append(.notSupported(path, listType, ["atomic", "set", "map"]))
        }
        if !s["x-kubernetes-list-map-keys"].elements.isEmpty, listType != "map" {
            faults.append(.invalid(path, listType, "must be map if x-kubernetes-list-map-keys is non-empty"))
        }
    }

    private mutating func listMap(_ s: JSON, _ at: String) {
        guard s["x-kubernetes-list-type"] == "map" else { return }
        let path: String = at + ".x-kubernetes-list-map-keys"
        let keys: JSON = s["x-kubernetes-list-map-keys"]
        if keys.elements.isEmpty {
            faults.append(.required(path, "must not be empty if x-kubernetes-list-type is map"))
        }
        let item: JSON = s["items"]
        guard item.asObject != nil else {
            if !item.exists {
                faults.append(.required(at + ".items", "must have a schema if x-kubernetes-list-type is map"))
            }
            return
        }
        guard item.type == "object" else {
            faults.append(
                .invalid(
                    at + ".items.type", item.type.exists ? item.type : "",
                    "must be object if parent array's x-kubernetes-list-type is map"))
            return
        }
        var seen: Set<String> = []
        for key in keys.strings {
            if let property = item.properties.fields[key] {
                if property.type == "array" || property.type == "object" {
                    faults.append(
                        .invalid(
                            "\(at).items.properties[\(key)].type", item.type,
                            "must be a scalar type if parent array's x-kubernetes-list-type is map"))
                }
            } else {
                faults.append(.invalid(path, keys, "entries must all be names of item properties"))
            }
            if !seen.insert(key).inserted { faults.append(.invalid(path, keys, "must not contain duplicate entries")) }
        }
    }

    private mutating func mapKeys(_ s: JSON, _ at: String) {
        let type: String = s["x-kubernetes-list-type"].text
        let item: JSON = s["items"]
        guard type == "map" || type == "set", item.asObject != nil else { return }
        if item.nullable.isTrue {
            refuse(at + ".items.nullable", "cannot be nullable when x-kubernetes-list-type is \(type)")
        }
        guard type == "map" else { return }
        let required: [String] = item.required.strings
        for key in s["x-kubernetes-list-map-keys"].strings {
            guard let property = item.properties.fields[key] else { continue }
            let path: String = "\(at).items.properties[\(key)]"
            if !required.contains(key), !property["default"].exists {
                faults.append(
                    .required(
                        path + ".default",
                        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required "
                            + "property"
                    ))
            }
            if property.nullable.isTrue {
                refuse(
                    path + ".nullable", "this property is in x-kubernetes-list-map-keys, so it cannot be nullable")
            }
        }
    }

    /// The form of rules in CEL; what they say is checked by `RuleCheck`.
    private mutating func rules(_ s: JSON, _ at: String) {
        let list: [JSON] = s["x-kubernetes-validations"].elements
        guard !list.isEmpty else { return }
        let reasons: [String] = [
            "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired",
        ]
        for (i, r) in list.enumerated() {
            let path: String = "\(at).x-kubernetes-validations[\(i)]"
            let rule: String = SchemaRules.trimmed(r.rule.text)
            let message: String = SchemaRules.trimmed(r.message.text)
            if rule.isEmpty {
                faults.append(.required(path + ".rule", "rule is not specified"))
            } else if !r.message.text.isEmpty, message.isEmpty {
                faults.append(.invalid(path + ".message", r.message, "must be non-empty if specified"))
            } else if SchemaRules.isBroken(message) {
                faults.append(.invalid(path + ".message", r.message, "must not contain line breaks"))
            } else if SchemaRules.isBroken(rule), message.isEmpty {
                faults.append(.required(path + ".message", "message must be specified if rule contains line breaks"))
            }
            if !r.messageExpression.text.isEmpty, SchemaRules.trimmed(r.messageExpression.text).isEmpty {
                faults.append(
                    .required(path + ".messageExpression", "messageExpression must be non-empty if specified"))
            }
            if r.reason.exists, !reasons.contains(r.reason.text) {
                faults.append(.notSupported(path + ".reason", r.reason, reasons))
            }
            let fieldPath: String = r.fieldPath.text
            guard !fieldPath.isEmpty else { continue }
            if SchemaRules.trimmed(fieldPath).isEmpty {
                faults.append(.invalid(path + ".fieldPath", r.fieldPath, "must be non-empty if specified"))
            }
            if SchemaRules.isBroken(fieldPath) {
                faults.append(.invalid(path + ".fieldPath", r.fieldPath, "must not contain line breaks"))
            }
            if case .failure = SchemaPath.find(fieldPath, SchemaNode(s)) {
                faults.append(.invalid(path + ".fieldPath", r.fieldPath, "must be a valid path"))
            }
        }
    }

    static func trimmed(_ text: String) -> String {
        var t: Substring = text[...]
        while let c = t.first, c.isWhitespace { t.removeFirst() }
        while let c = t.last, c.isWhitespace { t.removeLast() }
        return String(t)
    }
    static func isBroken(_ text: String) -> Bool { text.utf8.contains { $0 == 10 || $0 == 13 } }
}

/// Defaults are pruned and valid by the schema they stand in.
enum DefaultRulesOfSchema {
    static func faults(_ root: SchemaNode, at path: String) -> [FieldError] {
        var out: [FieldError] = []
        check(root, path, isResource: true, insideMeta: false, &out)
        return out
    }

    private static func check(
        _ n: SchemaNode, _ at: String, isResource: Bool, insideMeta: Bool, _ out: inout [FieldError]
    ) {
        guard n.hasDefaults else { return }
        let isWhole: Bool = isResource || n.isEmbedded
        if n.standard.exists, !insideMeta {
            let path: String = at + ".default"
            var unknown: [String] = []
            _ = StructuralSchema.prune(n.standard, n, "", isResource: n.isEmbedded, &unknown)
            if !unknown.isEmpty { out.append(.invalid(path, n.standard, "must not have unknown fields")) }
            if n.isEmbedded, let object = n.standard.asObject {
                EmbeddedRules.embedded(object, path, &out)
            } else {
                let found: [FieldError] = SchemaJudge.faults(n.standard, n, path)
                out += found
                if found.isEmpty, let rules = RuleNode(n, isResource: false) {
                    var judge: RuleJudge = RuleJudge()
                    judge.check(n.standard, nil, rules, path)
                    out += judge.faults
                }
            }
        }
        if let items = n.items { check(items, at + ".items", isResource: false, insideMeta: insideMeta, &out) }
        for name in n.names {
            let isMeta: Bool = insideMeta || isWhole && ["metadata", "apiVersion", "kind"].contains(name)
            check(
                n.properties[name]!, "\(at).properties[\(name)]", isResource: false, insideMeta: isMeta, &out)
        }
    }
}
