// From a CustomResourceDefinition to the definitions of the resources it adds. Pure.

import KubeAPI
import KubeCrypto
import KubeModel
import KubeWire

enum CustomDefinition {
    static let cleanupFinalizer: String = "customresourcecleanup.apiextensions.k8s.io"

    /// One for each served version; `names` are those that were accepted.
    static func definitions(
        of crd: JSON, names: JSON, conversion: (any ObjectConversion)? = nil
    ) -> [ResourceDefinition] {
        crd.spec.versions.elements.filter { $0.served.isTrue }.compactMap {
            Maker(crd, names: names, conversion)?.definition($0)
        }
    }

    /// Of the version that is stored, served or not: for cleaning up.
    static func storageDefinition(of crd: JSON, names: JSON) -> ResourceDefinition? {
        guard let maker = Maker(crd, names: names, nil) else { return nil }
        return crd.spec.versions.elements.first { $0.storage.isTrue }.map { maker.definition($0) }
    }

    /// The kinds as the OpenAPI documents show them.
    static func openAPI(of crd: JSON, _ definitions: [ResourceDefinition]) -> [OpenAPI.CustomKind] {
        definitions.map { d in
            let version: JSON = crd.spec.versions.elements.first { $0.name.text == d.gvr.version } ?? .null
            let subresources: [ResourceFacts.Subresource] = d.subresources.map {
                ResourceFacts.Subresource(
                    name: $0.name, kind: $0.kind.kind, group: $0.kind.group == d.gvr.group ? "" : $0.kind.group,
                    version: $0.kind.groupVersion == d.gvr.groupVersion ? "" : $0.kind.version, type: $0.typeName,
                    verbs: $0.verbs)
            }
            let facts: ResourceFacts = ResourceFacts(
                gvr: d.gvr, kind: d.kind, listKind: d.listKind, type: "", listType: "", singular: d.singular,
                namespaced: d.isNamespaced, verbs: d.verbs, shortNames: d.shortNames, categories: d.categories,
                subresources: subresources, stability: "GA", deprecated: d.isDeprecated, enabledByDefault: true,
                storagePrefix: d.storagePrefix, storageVersionHash: d.storageHash)
            return OpenAPI.CustomKind(
                resource: facts, schema: version.schema.openAPIV3Schema,
                selectable: version.selectableFields.elements.map { $0.jsonPath.text })
        }
    }
}

private struct Maker {
    private let crd: JSON
    private let names: JSON
    private let storage: String
    private let versions: CustomVersions

    init?(_ crd: JSON, names: JSON, _ conversion: (any ObjectConversion)?) {
        guard let storage = crd.spec.versions.elements.first(where: { $0.storage.isTrue })?.name.text else {
            return nil
        }
        self.crd = crd
        self.names = names
        self.storage = storage
        var schemas: [String: StructuralSchema] = [:]
        for v in crd.spec.versions.elements {
            schemas["\(crd.spec.group.text)/\(v.name.text)"] = StructuralSchema(v.schema.openAPIV3Schema)
        }
        versions = CustomVersions(
            schemas: schemas, conversion: conversion,
            mark: "\(crd.metadata.uid.text) \(crd.metadata.generation.asInt ?? 0)")
    }

    func definition(_ version: JSON) -> ResourceDefinition {
        let spec: JSON = crd.spec
        let group: String = spec.group.text
        let kind: String = names.kind.text
        let plural: String = names.plural.text
        let gvr: GroupVersionResource = GroupVersionResource(group: group, version: version.name.text, resource: plural)
        let gvk: GroupVersionKind = GroupVersionKind(group: group, version: version.name.text, kind: kind)
        let schema: StructuralSchema = versions.schemas[gvr.groupVersion.description] ?? StructuralSchema(.null)
        let isTerminating: Bool = DefinitionConditions.isTrue(crd, "Terminating")
        var strategy: CustomStrategy = CustomStrategy(
            schema: schema, gvk: gvk, hasStatus: version.subresources.fields["status"] != nil)
        strategy.isTerminating = isTerminating
        if version.subresources.scale.exists { strategy.scale = Maker.scalePaths(version.subresources.scale) }
        let ending: [String] = ["delete", "deletecollection", "get", "list", "watch"]
        var d: ResourceDefinition = ResourceDefinition(
            gvr: gvr, kind: kind, listKind: names.listKind.text, singular: names.singular.text,
            isNamespaced: spec.scope.text == "Namespaced", verbs: ResourceDefinition.allVerbs,
            storagePrefix: "/registry/\(group)/\(plural)", strategy: strategy)
        if isTerminating { d.shownVerbs = ending }
        d.shortNames = names.shortNames.strings
        d.categories = names.categories.strings
        d.storage = GroupVersionKind(group: group, version: storage, kind: kind)
        d.storageHash = Maker.hash(d.storage)
        d.isCustom = true
        d.schema = nil
        d.custom = schema
        d.versions = versions
        d.customMerge =
            version.schema.openAPIV3Schema.exists
            ? Schema.custom(version.schema.openAPIV3Schema, base: BuiltIn.schema) : nil
        d.isDeprecated = version.deprecated.isTrue
        if d.isDeprecated {
            d.deprecationWarning =
                version.deprecationWarning.asString ?? "\(gvr.groupVersion) \(kind) is deprecated"
        }
        d.columns = PrintColumns.custom(version.additionalPrinterColumns)
        d.selectable = SelectableFields.of(
            gvr.groupResource, namespaced: d.isNamespaced,
            custom: version.selectableFields.elements.map { $0.jsonPath.text })
        d.subresources = Maker.subresources(strategy, gvk)
        return d
    }

    private static func scalePaths(_ scale: JSON) -> ScalePaths {
        func path(_ text: String) -> [String] { text.split(separator: ".").map { String($0) } }
        var paths: ScalePaths = ScalePaths()
        paths.specReplicas = path(scale.specReplicasPath.text)
        paths.statusReplicas = path(scale.statusReplicasPath.text)
        paths.selector = scale.labelSelectorPath.asString.map { path($0) } ?? ["status", ""]
        return paths
    }

    private static func subresources(_ strategy: CustomStrategy, _ gvk: GroupVersionKind) -> [SubresourceDefinition] {
        let verbs: [String] = ["get", "patch", "update"]
        var list: [SubresourceDefinition] = []
        if strategy.hasStatus {
            list.append(SubresourceDefinition(name: "status", kind: gvk, verbs: verbs, handler: .status))
        }
        if let paths = strategy.scale {
            list.append(
                SubresourceDefinition(
                    name: "scale", kind: GroupVersionKind(group: "autoscaling", version: "v1", kind: "Scale"),
                    typeName: "autoscaling/v1.Scale", verbs: verbs, handler: .scale(paths)))
        }
        return list
    }

    private static func hash(_ gvk: GroupVersionKind) -> String {
        let text: String = "\(gvk.group)/\(gvk.version)/\(gvk.kind)"
        return Base64.encode(Digest.sha256(Array(text.utf8)).prefix(8))
    }
}
