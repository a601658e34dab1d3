// CustomResourceDefinition objects themselves on their way into the store.

import KubeBase
package import KubeModel
package import KubeWire

package struct CustomResourceDefinitionStrategy: Strategy {
    package init() {}
    package var keepsGeneration: Bool { true }

    package func prepareForCreate(_ crd: inout JSON, _ context: RequestContext) {
        let stored: [JSON] = crd.spec.versions.elements.filter { $0.storage.isTrue }.map { $0.name }
        crd.status = [
            "conditions": .array([]), "acceptedNames": ["plural": "", "kind": ""],
            "storedVersions": .array(Array(stored.prefix(1))),
        ]
        Self.setDefaults(&crd)
    }

    package func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepStatus(&new, old: old)
        Self.setDefaults(&new)
        if let storage = new.spec.versions.elements.first(where: { $0.storage.isTrue })?.name,
            !new.status.storedVersions.strings.contains(storage.text)
        {
            new.status.storedVersions.elements.append(storage)
        }
    }

    /// Names that follow from the kind, and the strategy of conversion.
    private static func setDefaults(_ crd: inout JSON) {
        let kind: String = crd.spec.names.kind.text
        if crd.spec.names.singular.text.isEmpty { crd.spec.names.singular = .string(kind.lowercased()) }
        if crd.spec.names.listKind.text.isEmpty, !kind.isEmpty { crd.spec.names.listKind = .string(kind + "List") }
        if !crd.spec.conversion.exists { crd.spec.conversion = ["strategy": "None"] }
        if crd.spec.conversion.webhook.clientConfig.service.exists,
            !crd.spec.conversion.webhook.clientConfig.service.port.exists
        {
            crd.spec.conversion.webhook.clientConfig.service.port = 443
        }
    }

    package func validate(_ crd: JSON, _ context: RequestContext) -> [FieldError] { DefinitionRules(crd).faults }
    package func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        DefinitionRules(new, old: old).faults
    }
    package func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        DefinitionRules.names(new.status.acceptedNames, "status.acceptedNames")
    }

    package func warnings(onCreate crd: JSON, _ context: RequestContext) -> [String] { Self.unknownFormats(crd) }
    package func warnings(onUpdate new: JSON, old: JSON, _ context: RequestContext) -> [String] {
        new.spec == old.spec ? [] : Self.unknownFormats(new)
    }

    private static func unknownFormats(_ crd: JSON) -> [String] {
        var found: Set<String> = []
        func look(_ n: SchemaNode) {
            if !n.format.isEmpty, !SchemaFormat.known.contains(n.format) { found.insert(n.format) }
            for p in n.properties.values { look(p) }
            n.items.map { look($0) }
            n.additional.map { look($0) }
        }
        for v in crd.spec.versions.elements { look(SchemaNode(v.schema.openAPIV3Schema)) }
        return found.sorted().map { "unrecognized format \"\($0)\"" }
    }

    /// The first delete marks the definition and keeps it until its instances are gone.
    package func markDeleted(_ crd: inout JSON, _ context: RequestContext) {
        if !crd.meta.finalizers.contains(CustomDefinition.cleanupFinalizer) {
            crd.meta.finalizers += [CustomDefinition.cleanupFinalizer]
        }
        DefinitionConditions.set(
            &crd, "Terminating", "True", "InstanceDeletionPending",
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            now: context.now.rfc3339)
    }
}
