// What a CustomResourceDefinition must look like: names, versions, conversion, columns, subresources.

import KubeModel
import KubeWire

/// Collects the faults of one definition, on an update beside what it was.
struct DefinitionRules {
    static let selectableFieldsMax: Int = 8
    private(set) var faults: [FieldError] = []
    private let old: JSON?
    private let versions: [JSON]

    init(_ crd: JSON, old: JSON? = nil) {
        self.old = old
        let spec: JSON = crd.spec
        versions = spec.versions.elements
        if old == nil, crd.meta.name != "\(spec.names.plural.text).\(spec.group.text)" {
            faults.append(.invalid("metadata.name", crd.metadata.name, "must be spec.names.plural+\".\"+spec.group"))
        }
        check(spec: spec)
        if let old { checkImmutable(spec, old) }
        faults += DefinitionRules.names(crd.status.acceptedNames, "status.acceptedNames")
        check(storedVersions: crd.status.storedVersions, spec.versions.elements)
        check(approval: crd)
        if spec.preserveUnknownFields.isTrue, old?.spec.preserveUnknownFields.isTrue != true {
            faults.append(
                .invalid(
                    "spec.preserveUnknownFields", true,
                    "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                        + "spec.versions[*].schema instead"))
        }
    }

    private mutating func name(_ field: String, _ value: String, _ why: [String], _ prefix: String = "") {
        if !why.isEmpty { faults.append(.invalid(field, .string(value), prefix + why.joined(separator: ","))) }
    }

    private mutating func oneOf(_ field: String, _ value: JSON, _ known: [String]) {
        if value.text.isEmpty {
            faults.append(.required(field))
        } else if !known.contains(value.text) {
            faults.append(.notSupported(field, value, known))
        }
    }

    // MARK: spec

    private mutating func check(spec: JSON) {
        let group: String = spec.group.text
        if group.isEmpty {
            faults.append(.required("spec.group"))
        } else {
            let why: [String] = NameRules.dns1123Subdomain(group)
            name("spec.group", group, why)
            if why.isEmpty, !group.contains(".") {
                faults.append(.invalid("spec.group", spec.group, "should be a domain with at least one dot"))
            }
        }
        oneOf("spec.scope", spec.scope, ["Cluster", "Namespaced"])
        for (i, v) in spec.versions.elements.enumerated() where !v.schema.openAPIV3Schema.exists {
            faults.append(.required("spec.versions[\(i)].schema.openAPIV3Schema"))
        }
        for (i, v) in spec.versions.elements.enumerated() { check(version: v, "spec.versions[\(i)]") }
        let names: [String] = spec.versions.elements.map { $0.name.text }
        if Set(names).count < names.count {
            faults.append(.invalid("spec.versions", spec.versions, "must contain unique version names"))
        }
        if spec.versions.elements.count(where: { $0.storage.isTrue }) != 1 {
            faults.append(
                .invalid(
                    "spec.versions", spec.versions, "must have exactly one version marked as storage version"))
        }
        for f in ["plural", "singular", "kind", "listKind"] where spec.names[f].text.isEmpty {
            faults.append(.required("spec.names.\(f)"))
        }
        faults += DefinitionRules.names(spec.names, "spec.names")
        checkShared()
        check(conversion: spec.conversion)
    }

    private mutating func check(version v: JSON, _ at: String) {
        name(at + ".name", v.name.text, NameRules.dns1035Label(v.name.text))
        check(deprecation: v, at)
        if !isShared("schema") { check(schemaOf: v, at + ".schema") }
        if !isShared("subresources") { check(scale: v.subresources.scale, at + ".subresources.scale") }
        if !isShared("additionalPrinterColumns") { check(columnsOf: v, at + ".additionalPrinterColumns") }
        if !isShared("selectableFields") { check(selectableOf: v, at + ".selectableFields") }
    }

    /// All versions say the same: upstream then tells faults of one place for all.
    private func isShared(_ field: String) -> Bool {
        versions.allSatisfy { $0[field] == versions[0][field] }
    }

    private mutating func checkShared() {
        guard let v = versions.first else { return }
        if isShared("schema") { check(schemaOf: v, "spec.validation") }
        if isShared("subresources") { check(scale: v.subresources.scale, "spec.subresources.scale") }
        if isShared("additionalPrinterColumns") { check(columnsOf: v, "spec.additionalPrinterColumns") }
        if isShared("selectableFields") { check(selectableOf: v, "spec.selectableFields") }
    }

    private mutating func check(schemaOf v: JSON, _ at: String) {
        let schema: JSON = v.schema.openAPIV3Schema
        let isUnchanged: Bool =
            old.map { $0.spec.versions.elements.contains { $0.name == v.name && $0.schema == v.schema } } ?? false
        guard schema.exists, !isUnchanged else { return }
        let isShared: Bool = at == "spec.validation"
        let hasStatus: Bool = (isShared ? versions : [v]).contains { $0.subresources.fields["status"] != nil }
        faults += SchemaRules.faults(schema, at: at + ".openAPIV3Schema", hasStatus: hasStatus)
    }

    private mutating func check(columnsOf v: JSON, _ at: String) {
        for (i, c) in v.additionalPrinterColumns.elements.enumerated() { check(column: c, "\(at)[\(i)]") }
    }

    private mutating func check(selectableOf v: JSON, _ at: String) {
        guard !v.selectableFields.elements.isEmpty else { return }
        check(selectable: v.selectableFields.elements, SchemaNode(v.schema.openAPIV3Schema), at)
    }

    private mutating func check(deprecation v: JSON, _ at: String) {
        guard let text = v.deprecationWarning.asString else { return }
        func refuse(_ why: String) { faults.append(.invalid(at + ".deprecationWarning", .string(text), why)) }
        if !v.deprecated.isTrue { return refuse("can only be set for deprecated versions") }
        if text.utf8.count > 256 { refuse("must be <= 256 characters long") }
        if text.isEmpty { refuse("must not be an empty string") }
        var index: Int = 0
        for c in text.unicodeScalars {
            if c.properties.generalCategory == .control || c.properties.generalCategory == .unassigned {
                refuse("must only contain printable UTF-8 characters; non-printable character found at index \(index)")
                break
            }
            index += String(c).utf8.count
        }
    }

    private mutating func check(path: JSON, _ at: String, under roots: [String], _ why: String) {
        if path.text.isEmpty { return faults.append(.required(at)) }
        if !path.text.hasPrefix(".") {
            return faults.append(.invalid(at, path, "must be a simple json path starting with ."))
        }
        if !roots.contains(where: { path.text.hasPrefix($0) }) { faults.append(.invalid(at, path, why)) }
    }

    private mutating func check(scale: JSON, _ at: String) {
        guard scale.exists else { return }
        check(
            path: scale.specReplicasPath, at + ".specReplicasPath", under: [".spec."],
            "should be a json path under .spec")
        check(
            path: scale.statusReplicasPath, at + ".statusReplicasPath", under: [".status."],
            "should be a json path under .status")
        if !scale.labelSelectorPath.text.isEmpty {
            check(
                path: scale.labelSelectorPath, at + ".labelSelectorPath", under: [".spec.", ".status."],
                "should be a json path under either .spec or .status")
        }
    }

    private mutating func check(column c: JSON, _ at: String) {
        if c.name.text.isEmpty { faults.append(.required(at + ".name")) }
        let types: String = "must be one of boolean,date,integer,number,string"
        if c.type.text.isEmpty {
            faults.append(.required(at + ".type", types))
        } else if !["boolean", "date", "integer", "number", "string"].contains(c.type.text) {
            faults.append(.invalid(at + ".type", c.type, types))
        }
        let formats: [String] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"]
        if !c.format.text.isEmpty, !formats.contains(c.format.text) {
            faults.append(
                .invalid(at + ".format", c.format, "must be one of " + formats.joined(separator: ",")))
        }
        if c.jsonPath.text.isEmpty {
            faults.append(.required(at + ".JSONPath"))
        } else if !c.jsonPath.text.hasPrefix(".") {
            faults.append(.invalid(at + ".JSONPath", c.jsonPath, "must be a simple json path starting with ."))
        }
    }

    private mutating func check(selectable list: [JSON], _ schema: SchemaNode, _ at: String) {
        var seen: Set<String> = []
        for (i, field) in list.enumerated() {
            let here: String = "\(at)[\(i)].jsonPath"
            let path: JSON = field.jsonPath
            if path.text.isEmpty {
                faults.append(.required(here))
                continue
            }
            switch SchemaPath.find(path.text, schema, allowsArrays: false) {
            case .failure(let fault): faults.append(.invalid(here, path, "is an invalid path: \(fault.text)"))
            case .success(let (steps, node)):
                if steps.first == "metadata" {
                    faults.append(.invalid(here, path, "must not point to fields in metadata"))
                }
                if !["string", "boolean", "integer"].contains(node.type) {
                    faults.append(
                        .invalid(
                            here, path,
                            "must point to a field of type string, boolean or integer. Enum string fields and strings "
                                + "with formats are allowed."))
                }
                if !seen.insert(path.text).inserted { faults.append(.duplicate(here, path)) }
            }
        }
        if seen.count > DefinitionRules.selectableFieldsMax {
            faults.append(.tooMany(at, seen.count, max: DefinitionRules.selectableFieldsMax))
        }
    }

    // MARK: conversion

    private mutating func check(conversion c: JSON) {
        guard c.exists else { return }
        oneOf("spec.conversion.strategy", c.strategy, ["None", "Webhook"])
        let client: JSON = c.webhook.clientConfig
        let at: String = "spec.conversion.webhookClientConfig"
        guard c.strategy == "Webhook" else {
            if client.exists {
                faults.append(.forbidden(at, "should not be set when strategy is not set to Webhook"))
            }
            if !c.webhook.conversionReviewVersions.elements.isEmpty {
                faults.append(
                    .forbidden(
                        "spec.conversion.conversionReviewVersions",
                        "should not be set when strategy is not set to Webhook"))
            }
            return
        }
        if !client.exists {
            faults.append(.required(at, "required when strategy is set to Webhook"))
        } else if client.url.exists == client.service.exists {
            faults.append(.required(at, "exactly one of url or service is required"))
        } else if client.url.exists {
            faults += DefinitionRules.webhookURL(client.url, at + ".url")
        } else {
            faults += DefinitionRules.webhookService(client.service, at + ".service")
        }
        check(reviewVersions: c.webhook.conversionReviewVersions, "spec.conversion.conversionReviewVersions")
    }

    private mutating func check(reviewVersions list: JSON, _ at: String) {
        if list.elements.isEmpty { return faults.append(.required(at)) }
        var seen: Set<String> = []
        for (i, v) in list.strings.enumerated() {
            if !seen.insert(v).inserted {
                faults.append(.invalid("\(at)[\(i)]", .string(v), "duplicate version"))
                continue
            }
            for why in NameRules.dns1035Label(v) { faults.append(.invalid("\(at)[\(i)]", .string(v), why)) }
        }
        if seen.isDisjoint(with: ["v1", "v1beta1"]) {
            faults.append(.invalid(at, list, "must include at least one of v1, v1beta1"))
        }
    }

    static func webhookURL(_ url: JSON, _ at: String) -> [FieldError] {
        let form: String = "; desired format: https://host[/path]"
        let text: String = url.text
        guard let r = text.firstRange(of: "://") else {
            return [.required(at, "url must be specified" + form)]
        }
        var out: [FieldError] = []
        let scheme: Substring = text[..<r.lowerBound]
        if scheme != "https" {
            out.append(
                .invalid(at, .string(String(scheme)), "'https' is the only allowed URL scheme" + form))
        }
        let rest: Substring = text[r.upperBound...]
        let host: Substring = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if host.isEmpty { out.append(.invalid(at, "", "host must be specified" + form)) }
        if host.contains("@") {
            let user: String = String(host.prefix { $0 != "@" })
            out.append(.invalid(at, .string(user), "user information is not permitted in the URL"))
        }
        if let i = rest.firstIndex(of: "#") {
            out.append(
                .invalid(at, .string(String(rest[rest.index(after: i)...])), "fragments are not permitted in the URL"))
        } else if let i = rest.firstIndex(of: "?") {
            out.append(
                .invalid(
                    at, .string(String(rest[rest.index(after: i)...])), "query parameters are not permitted in the URL")
            )
        }
        return out
    }

    static func webhookService(_ service: JSON, _ at: String) -> [FieldError] {
        var out: [FieldError] = []
        if service.name.text.isEmpty { out.append(.required(at + ".name", "service name is required")) }
        if service.namespace.text.isEmpty {
            out.append(.required(at + ".namespace", "service namespace is required"))
        }
        if let port = service.port.asInt, !(1...65535).contains(port) {
            out.append(
                .invalid(at + ".port", service.port, "port is not valid: must be between 1 and 65535, inclusive"))
        }
        guard let path = service.path.asString, path != "/", !path.isEmpty else { return out }
        if !path.hasPrefix("/") { out.append(.invalid(at + ".path", .string(path), "must start with a '/'")) }
        var steps: [Substring] = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if steps.last == "" { steps.removeLast() }
        for (i, step) in steps.enumerated() {
            if step.isEmpty {
                out.append(.invalid(at + ".path", .string(path), "segment[\(i)] may not be empty"))
                continue
            }
            for why in NameRules.dns1123Subdomain(String(step)) {
                out.append(.invalid(at + ".path", .string(path), "segment[\(i)]: \(why)"))
            }
        }
        return out
    }

    // MARK: names, stored versions, approval

    static func names(_ n: JSON, _ at: String) -> [FieldError] {
        var out: [FieldError] = []
        func check(_ field: String, _ value: String, mixed: Bool) {
            guard !value.isEmpty else { return }
            let why: [String] = NameRules.dns1035Label(mixed ? value.lowercased() : value)
            guard !why.isEmpty else { return }
            let prefix: String = mixed ? "may have mixed case, but should otherwise match: " : ""
            out.append(.invalid("\(at).\(field)", .string(value), prefix + why.joined(separator: ",")))
        }
        check("plural", n.plural.text, mixed: false)
        check("singular", n.singular.text, mixed: false)
        check("kind", n.kind.text, mixed: true)
        check("listKind", n.listKind.text, mixed: true)
        for (i, s) in n.shortNames.strings.enumerated() { check("shortNames[\(i)]", s, mixed: false) }
        if !n.kind.text.isEmpty, n.kind == n.listKind {
            out.append(.invalid(at + ".listKind", n.listKind, "kind and listKind may not be the same"))
        }
        for (i, s) in n.categories.strings.enumerated() { check("categories[\(i)]", s, mixed: false) }
        return out
    }

    private mutating func check(storedVersions stored: JSON, _ versions: [JSON]) {
        let at: String = "status.storedVersions"
        guard !stored.elements.isEmpty else {
            return faults.append(.invalid(at, stored, "must have at least one stored version"))
        }
        let names: [String] = versions.map { $0.name.text }
        for v in versions where v.storage.isTrue && !stored.strings.contains(v.name.text) {
            faults.append(.invalid(at, stored, "must have the storage version \(v.name.text)"))
        }
        for (i, v) in stored.strings.enumerated() where !names.contains(v) {
            faults.append(
                .invalid(
                    "\(at)[\(i)]", .string(v),
                    "missing from spec.versions; \(v) was previously a storage version, and must remain in "
                        + "spec.versions until a storage migration ensures no data remains persisted in \(v) and "
                        + "removes \(v) from status.storedVersions"))
        }
    }

    private mutating func checkImmutable(_ new: JSON, _ old: JSON) {
        func keep(_ field: String, _ a: JSON, _ b: JSON) {
            if a != b { faults.append(.invalid("spec." + field, a, "field is immutable")) }
        }
        if DefinitionConditions.isTrue(old, "Established") {
            keep("scope", new.scope, old.spec.scope)
            keep("names.kind", new.names.kind, old.spec.names.kind)
        }
        keep("group", new.group, old.spec.group)
        keep("names.plural", new.names.plural, old.spec.names.plural)
    }

    private mutating func check(approval crd: JSON) {
        guard APIApproval.isProtected(crd.spec.group.text) else { return }
        let approval: APIApproval = APIApproval(crd)
        if let old, APIApproval(old).state == approval.state { return }
        let at: String = "metadata.annotations[\(APIApproval.annotation)]"
        switch approval.state {
        case .approved, .bypassed: break
        case .missing: faults.append(.required(at, approval.reason))
        case .invalid:
            faults.append(.invalid(at, crd.metadata.annotations[APIApproval.annotation], approval.reason))
        }
    }
}
