// The scale subresource: an autoscaling/v1 Scale seen through any object that has replicas.

import KubeModel
import KubeWire

extension Registry {
    func scale(
        _ request: RegistryRequest, _ subresource: SubresourceDefinition, _ paths: ScalePaths
    ) async throws(StatusError) -> RegistryAnswer {
        let definition: ResourceDefinition = request.definition
        let stored: StoredObject = try find(definition, request.context.namespace, request.context.name)
        let old: JSON = try await seen(stored, definition)
        let current: JSON = Registry.scale(of: old, paths)
        switch request.context.verb {
        case .get: return .object(current, status: 200)
        case .update:
            let wanted: JSON = try decode(
                request.body, subresource.kind, type: subresource.typeName, schema: definition.schema, request)
            let result: JSON = try await setReplicas(wanted, request, paths)
            return .object(Registry.scale(of: result, paths), status: 200)
        case .patch:
            let result: JSON = try await retryingConflicts { () async throws(StatusError) in
                let now: StoredObject = try self.find(definition, request.context.namespace, request.context.name)
                let scale: JSON = Registry.scale(of: try await self.seen(now, definition), paths)
                let wanted: JSON
                switch request.patchType {
                case .apply: return try await self.applyReplicas(request, now, paths)
                case .json: wanted = try Patch.json(request.body, to: scale)
                default: wanted = Patch.merge(request.body, to: scale)
                }
                return try await self.setReplicas(wanted, request, paths)
            }
            return .object(Registry.scale(of: result, paths), status: 200)
        default: throw .methodNotSupported(definition.groupResource, request.context.verb.rawValue)
        }
    }

    private func setReplicas(
        _ scale: JSON, _ request: RegistryRequest, _ paths: ScalePaths
    ) async throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        let stored: StoredObject = try find(definition, request.context.namespace, request.context.name)
        let old: JSON = try await seen(stored, definition)
        let replicas: Int = scale.spec.replicas.asInt ?? 0
        if replicas < 0 {
            throw .invalid(
                kind: GroupKind(group: "autoscaling", kind: "Scale"), name: request.context.name,
                [.invalid("spec.replicas", JSON(replicas), "must be greater than or equal to 0")])
        }
        let version: String = scale.metadata.resourceVersion.text
        if !version.isEmpty, version != old.metadata.resourceVersion.text {
            throw .modified(definition.groupResource, stored.key.name)
        }
        var new: JSON = old
        Registry.setReplicas(&new, scale, paths)
        return try await write(new, over: stored, old, request, scale: paths)
    }

    /// An applied Scale owns the object's replicas, at the object's own path, as subresource `scale`.
    private func applyReplicas(
        _ request: RegistryRequest, _ stored: StoredObject, _ paths: ScalePaths
    ) async throws(StatusError) -> JSON {
        try checkPatchOptions(request)
        let definition: ResourceDefinition = request.definition
        let old: JSON = try await seen(stored, definition)
        var config: JSON = [
            "apiVersion": .string(definition.apiVersion), "kind": .string(definition.kind),
            "metadata": ["name": old.metadata.name, "namespace": old.metadata.namespace],
        ]
        Registry.setReplicas(&config, request.body, paths)
        let merged: JSON = try definition.ownership.apply(
            config, to: old, manager: request.context.fieldManager, subresource: "scale",
            force: request.query["force"] != nil && request.query.flag("force"), now: request.context.now)
        return try await write(merged, over: stored, old, request, isTracked: true, scale: paths)
    }

    static func setReplicas(_ object: inout JSON, _ scale: JSON, _ paths: ScalePaths) {
        set(&object, paths.specReplicas[...], JSON(scale.spec.replicas.asInt ?? 0))
    }

    private static func set(_ object: inout JSON, _ path: ArraySlice<String>, _ value: JSON) {
        guard let first = path.first else {
            object = value
            return
        }
        set(&object[first], path.dropFirst(), value)
    }

    static func scale(of object: JSON, _ paths: ScalePaths) -> JSON {
        var metadata: JSON = [:]
        for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
            metadata[key] = object.metadata[key]
        }
        var status: JSON = ["replicas": JSON(object.at(paths.statusReplicas).asInt ?? 0)]
        let selector: String = selectorText(object.at(paths.selector))
        if !selector.isEmpty { status.selector = .string(selector) }
        var spec: JSON = [:]
        if let replicas = object.at(paths.specReplicas).asInt, replicas != 0 { spec.replicas = JSON(replicas) }
        return [
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status,
        ]
    }

    private static func selectorText(_ selector: JSON) -> String {
        if let text = selector.asString { return text }
        if selector.matchLabels.exists || selector.matchExpressions.exists {
            return LabelSelector(selector).description
        }
        return LabelSelector(matching: selector.stringMap).description
    }
}
