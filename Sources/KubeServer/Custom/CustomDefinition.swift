// From a CustomResourceDefinition to the definitions of the resources it adds. Pure.

import KubeAPI
import KubeCrypto
import KubeModel
import KubeWire

enum CustomDefinition {
    static let cleanupFinalizer: String = "customresourcecleanup.apiextensions.k8s.io"

    /// One for each served version.
    static func definitions(of crd: JSON) -> [ResourceDefinition] {
        let spec: JSON = crd.spec
        guard let storage = spec.versions.elements.first(where: { $0.storage.isTrue })?.name.text else { return [] }
        return spec.versions.elements.filter { $0.served.isTrue }.map { definition(spec, $0, storage: storage) }
    }

    private static func definition(_ spec: JSON, _ version: JSON, storage: String) -> ResourceDefinition {
        let group: String = spec.group.text
        let kind: String = spec.names.kind.text
        let plural: String = spec.names.plural.text
        let gvr: GroupVersionResource = GroupVersionResource(group: group, version: version.name.text, resource: plural)
        let schema: StructuralSchema = StructuralSchema(version.schema.openAPIV3Schema)
        let hasStatus: Bool = version.subresources.fields["status"] != nil
        var d: ResourceDefinition = ResourceDefinition(
            gvr: gvr, kind: kind, listKind: spec.names.listKind.asString ?? kind + "List",
            singular: spec.names.singular.asString ?? kind.lowercased(), isNamespaced: spec.scope.text == "Namespaced",
            verbs: ResourceDefinition.allVerbs, storagePrefix: "/registry/\(group)/\(plural)",
            strategy: CustomStrategy(schema: schema, hasStatus: hasStatus))
        d.shortNames = spec.names.shortNames.strings
        d.categories = spec.names.categories.strings
        d.storage = GroupVersionKind(group: group, version: storage, kind: kind)
        d.storageHash = hash(d.storage)
        d.isCustom = true
        d.schema = nil
        d.custom = schema
        d.customMerge =
            version.schema.openAPIV3Schema.exists
            ? Schema.custom(version.schema.openAPIV3Schema, base: BuiltIn.schema) : nil
        d.isDeprecated = version.deprecated.isTrue
        d.columns = PrintColumns.custom(version.additionalPrinterColumns)
        d.selectable = SelectableFields.of(
            gvr.groupResource, namespaced: d.isNamespaced,
            custom: version.selectableFields.elements.map { $0.jsonPath.text })
        d.subresources = subresources(version, d.gvk, hasStatus: hasStatus)
        return d
    }

    private static func subresources(
        _ version: JSON, _ gvk: GroupVersionKind, hasStatus: Bool
    ) -> [SubresourceDefinition] {
        let verbs: [String] = ["get", "patch", "update"]
        var list: [SubresourceDefinition] = []
        if hasStatus { list.append(SubresourceDefinition(name: "status", kind: gvk, verbs: verbs, handler: .status)) }
        if version.subresources.scale.exists {
            let scale: JSON = version.subresources.scale
            func path(_ text: String) -> [String] { text.split(separator: ".").map { String($0) } }
            var paths: ScalePaths = ScalePaths()
            paths.specReplicas = path(scale.specReplicasPath.text)
            paths.statusReplicas = path(scale.statusReplicasPath.text)
            paths.selector = scale.labelSelectorPath.asString.map { path($0) } ?? ["status", ""]
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

    /// The kinds as the OpenAPI documents show them.
    static func openAPI(of crd: JSON) -> [OpenAPI.CustomKind] {
        let definitions: [ResourceDefinition] = definitions(of: crd)
        return definitions.map { d in
            let version: JSON = crd.spec.versions.elements.first { $0.name.text == d.gvr.version } ?? .null
            let facts: ResourceFacts = ResourceFacts(
                gvr: d.gvr, kind: d.kind, listKind: d.listKind, type: "", listType: "", singular: d.singular,
                namespaced: d.isNamespaced, verbs: d.verbs, shortNames: d.shortNames, categories: d.categories,
                subresources: [], stability: "GA", deprecated: d.isDeprecated, enabledByDefault: true,
                storagePrefix: d.storagePrefix, storageVersionHash: d.storageHash)
            return OpenAPI.CustomKind(resource: facts, schema: version.schema.openAPIV3Schema)
        }
    }

    /// Names accepted, established and held by the cleanup finalizer. False when nothing is to be changed.
    static func establish(_ crd: inout JSON, now: String) -> Bool {
        let before: JSON = crd
        let names: JSON = crd.spec.names
        var accepted: JSON = names
        if accepted.listKind.text.isEmpty { accepted.listKind = .string(names.kind.text + "List") }
        if accepted.singular.text.isEmpty { accepted.singular = .string(names.kind.text.lowercased()) }
        crd.status.acceptedNames = accepted
        set(&crd, "NamesAccepted", "NoConflicts", "no conflicts found", now)
        set(&crd, "Established", "InitialNamesAccepted", "the initial names have been accepted", now)
        if !crd.meta.finalizers.contains(cleanupFinalizer), !crd.meta.isDeleting {
            crd.meta.finalizers += [cleanupFinalizer]
        }
        return crd != before
    }

    private static func set(_ crd: inout JSON, _ type: String, _ reason: String, _ message: String, _ now: String) {
        if crd.status.conditions.elements.contains(where: { $0.type.text == type && $0.status.text == "True" }) {
            return
        }
        crd.status.conditions.elements.removeAll { $0.type.text == type }
        crd.status.conditions.elements.append([
            "lastTransitionTime": .string(now), "message": .string(message), "reason": .string(reason),
            "status": "True", "type": .string(type),
        ])
    }
}

/// Objects of a CustomResourceDefinition.
struct CustomStrategy: Strategy {
    let schema: StructuralSchema
    let hasStatus: Bool
    var keepsGeneration: Bool { true }
    var allowsUnconditionalUpdate: Bool { false }

    func prepareForCreate(_ object: inout JSON, _ context: RequestContext) {
        if hasStatus { object.status = .null }
    }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        if hasStatus { Self.keepStatus(&new, old: old) }
    }
    func validate(_ object: JSON, _ context: RequestContext) -> [FieldError] { schema.faults(object, at: "") }
    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        schema.faults(new, at: "")
    }
}
