// One request's objects in the versions that its webhooks ask for.

import KubeAPI
import KubeModel
import KubeWire

/// Finds equivalent resources (other served versions of the same stored objects) and converts between them.
struct RequestVersions: Sendable {
    let registry: any ObjectRegistry
    let resource: GroupVersionResource
    let subresource: String
    /// Of the request: Scale, PodExecOptions and their like are the same for every version of the resource.
    let kind: GroupVersionKind
    let definition: ResourceDefinition?
    private let others: [ResourceDefinition]

    init(_ request: AdmissionRequest) {
        let registry: any ObjectRegistry = request.context.registry
        self.registry = registry
        resource = request.resource
        subresource = request.subresource
        kind = request.kind
        let own: ResourceDefinition? = registry.definition(request.resource)
        definition = own
        guard let own, own.isStored else {
            others = []
            return
        }
        others = registry.definitions.filter { $0.storagePrefix == own.storagePrefix && $0.gvr != own.gvr }
    }

    /// The same objects by other names, those that have the subresource too.
    var equivalents: [GroupVersionResource] {
        others.filter { subresource.isEmpty || $0.subresource(subresource) != nil }.map { $0.gvr }
    }

    /// How objects of the request look under `resource`.
    func kind(of resource: GroupVersionResource) -> GroupVersionKind? {
        if resource == self.resource { return kind }
        guard let other = others.first(where: { $0.gvr == resource }) else { return nil }
        if kind != definition?.gvk { return other.subresource(subresource)?.kind ?? other.gvk }
        return other.gvk
    }

    func converted(_ object: JSON, to wanted: GroupVersionKind) async throws(StatusError) -> JSON {
        guard object.exists, GroupVersionKind(of: object) != wanted, let definition else { return object }
        let all: [ResourceDefinition] = others + [definition]
        guard let source = all.first(where: { $0.gvk == GroupVersionKind(of: object) }),
            let target = all.first(where: { $0.gvk == wanted })
        else { return object }
        if let versions = target.versions {
            guard let conversion = versions.conversion else {
                return versions.relabelled(object, as: target.apiVersion)
            }
            return try await conversion.convert([object], to: target.apiVersion)[0]
        }
        return target.served(source.stored(object))
    }

    /// A patched object as a client could have sent it: types checked, unknown members dropped, defaults filled in.
    func normal(_ patched: JSON, _ kind: GroupVersionKind) throws(StatusError) -> JSON {
        var object: JSON = patched
        object.kind = .string(kind.kind)
        object.apiVersion = .string(kind.groupVersion.description)
        let all: [ResourceDefinition] = (definition.map { [$0] } ?? []) + others
        if let custom = all.first(where: { $0.gvk == kind })?.custom { return custom.read(object) }
        let type: String =
            all.first { $0.gvk == kind }?.typeName
            ?? definition?.subresource(subresource)?.typeName ?? ""
        guard !type.isEmpty, BuiltIn.schema.contains(type: type) else { return object }
        let (result, _): (JSON, [String]) = try BuiltIn.schema.normalise(object, as: type)
        return BuiltIn.schema.applyDefaults(result, as: type)
    }
}
