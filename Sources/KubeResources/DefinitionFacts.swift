// From the tables of the API to definitions that the server can serve.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

extension ResourceDefinition {
    /// Whose DELETE answers the object, by the API's published operations; all others answer a Status.
    private static let returningDeleted: Set<String> = [
        "pods", "podtemplates", "persistentvolumes", "persistentvolumeclaims", "resourcequotas", "services",
        "serviceaccounts", "storageclasses.storage.k8s.io", "volumeattachments.storage.k8s.io",
        "csidrivers.storage.k8s.io", "csinodes.storage.k8s.io", "volumeattributesclasses.storage.k8s.io",
        "deviceclasses.resource.k8s.io", "resourceclaims.resource.k8s.io", "resourceclaimtemplates.resource.k8s.io",
        "resourceslices.resource.k8s.io",
    ]

    /// Everything the tables say; strategies by what the kind looks like; subresources that need code are left for
    /// `setHandler`.
    init(_ facts: ResourceFacts, schema: Schema) {
        let hasStatus: Bool = facts.subresources.contains { $0.name == "status" }
        self.init(
            gvr: facts.gvr, kind: facts.kind, listKind: facts.listKind, singular: facts.singular,
            isNamespaced: facts.namespaced, verbs: facts.verbs, storagePrefix: facts.storagePrefix,
            strategy: hasStatus ? SpecStatusStrategy() as any Strategy : PlainStrategy())
        shortNames = facts.shortNames
        categories = facts.categories
        typeName = facts.type
        storageHash = facts.storageVersionHash
        isDeprecated = facts.deprecated
        returnsDeleted = Self.returningDeleted.contains(facts.gvr.groupResource.description)
        for s in facts.subresources {
            let gvk: GroupVersionKind = GroupVersionKind(
                group: s.group.isEmpty && s.version.isEmpty ? facts.gvr.group : s.group,
                version: s.version.isEmpty ? facts.gvr.version : s.version, kind: s.kind)
            let handler: SubresourceDefinition.Handling
            switch s.name {
            case "status": handler = .status
            case "scale": handler = .scale(ScalePaths())
            default: handler = .custom(Unhandled(name: s.name))
            }
            subresources.append(
                SubresourceDefinition(name: s.name, kind: gvk, typeName: s.type, verbs: s.verbs, handler: handler))
        }
    }

    mutating func setHandler(_ name: String, _ handler: SubresourceDefinition.Handling) {
        guard let i = subresources.firstIndex(where: { $0.name == name }) else {
            preconditionFailure("the tables know no subresource \(gvr.resource)/\(name)")
        }
        subresources[i].handler = handler
    }

    /// Subresources nobody serves are not shown either.
    mutating func dropUnhandled() {
        subresources.removeAll { s in
            if case .custom(let handler) = s.handler { handler is Unhandled } else { false }
        }
    }
}

/// Stands where an entry must put a handler.
private struct Unhandled: SubresourceHandler {
    let name: String
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        throw .methodNotSupported(call.definition.groupResource, name)
    }
}
