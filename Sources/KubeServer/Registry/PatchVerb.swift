// patch: the four kinds of patch on the stored object, then the road of update.

import KubeModel
import KubeWire

extension Registry {
    /// Operations of one JSON patch, as upstream's limit.
    static let jsonPatchOperationsMax: Int = 10_000

    func patch(_ request: RegistryRequest) async throws(StatusError) -> RegistryAnswer {
        try checkPatchOptions(request)
        let definition: ResourceDefinition = request.definition
        let (result, isNew): (JSON, Bool) = try await retryingConflicts { () async throws(StatusError) in
            let path: String = Registry.path(definition, request.context.namespace, request.context.name)
            guard let stored = self.cache(definition).get(path) else {
                guard request.patchType == .apply, request.subresource == nil else {
                    throw .notFound(definition.groupResource, request.context.name)
                }
                return (try await self.applyNew(request), true)
            }
            return (try await self.patch(stored, request), false)
        }
        return try answer(result, definition, request, status: isNew ? 201 : 200)
    }

    func checkPatchOptions(_ request: RegistryRequest) throws(StatusError) {
        let options: GroupKind = GroupKind(group: "meta.k8s.io", kind: "PatchOptions")
        if request.patchType == .apply {
            // Over HTTP the name must be given; it is not guessed from the User-Agent.
            if request.query.text("fieldManager") == nil, request.http != nil || request.context.fieldManager.isEmpty {
                throw .invalid(
                    kind: options, name: "", [.required("fieldManager", "is required for apply patch")])
            }
        } else if request.query["force"] != nil {
            throw .invalid(
                kind: options, name: "", [.forbidden("force", "may not be specified for non-apply patch")])
        }
        if request.patchType == .json, request.body.elements.count > Registry.jsonPatchOperationsMax {
            throw .tooLarge(
                "The allowed maximum operations in a JSON patch is \(Registry.jsonPatchOperationsMax), got "
                    + "\(request.body.elements.count)")
        }
    }

    private func patch(_ stored: StoredObject, _ request: RegistryRequest) async throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        let old: JSON = try await seen(stored, definition)
        let desired: JSON
        if request.patchType == .apply {
            desired = try applied(to: old, request)
        } else {
            desired = try patched(old, request)
        }
        var new: JSON = desired
        try checkIdentity(&new, stored, old, request)
        return try await write(new, over: stored, old, request, isTracked: request.patchType == .apply)
    }

    private func patched(_ old: JSON, _ request: RegistryRequest) throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        let result: JSON
        switch request.patchType {
        case .json: result = try Patch.json(request.body, to: old)
        case .merge:
            guard request.body.asObject != nil else {
                throw .badRequest(
                    "error decoding patch: json: cannot unmarshal \(request.body.typeName) into Go value of type "
                        + "map[string]interface {}"
                )
            }
            result = Patch.merge(request.body, to: old)
        case .strategicMerge:
            guard let schema = definition.schema, !definition.isCustom, !definition.typeName.isEmpty else {
                throw .unsupportedMediaType(
                    "the body of the request was in an unknown format - accepted media types include: "
                        + "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml")
            }
            result = try Patch.strategicMerge(request.body, to: old, schema: schema, type: definition.typeName)
        case .apply: preconditionFailure("apply has its own road")
        }
        return try decode(result, definition.gvk, type: definition.typeName, schema: definition.schema, request)
    }

    private func applied(to live: JSON, _ request: RegistryRequest) throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        let config: JSON = try applyConfiguration(request)
        let merged: JSON = try definition.ownership.apply(
            config, to: live, manager: request.context.fieldManager, subresource: request.subresource?.name ?? "",
            force: request.query.flag("force") && request.query["force"] != nil, now: request.context.now,
            ignored: request.resetFields)
        let managers: JSON = merged.metadata.managedFields
        var object: JSON = merged
        object.metadata.managedFields = .null
        var result: JSON = try decode(
            object, definition.gvk, type: definition.typeName, schema: definition.schema, request)
        result.metadata.managedFields = managers
        return result
    }

    /// The applied configuration with names checked; unknown fields are always an error or a warning, never applied.
    private func applyConfiguration(_ request: RegistryRequest) throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        var config: JSON = request.body
        guard config.asObject != nil else { throw .badRequest("error decoding YAML: object expected") }
        let given: GroupVersionKind = GroupVersionKind(of: config)
        guard !given.kind.isEmpty, given == definition.gvk else {
            throw .badRequest(
                "Incorrect version specified in apply patch. Specified patch version: \(config.apiVersion.text), "
                    + "expected: \(definition.apiVersion)")
        }
        if config.metadata.managedFields.elements.count > 0 {
            throw .badRequest("metadata.managedFields must be nil")
        }
        if config.metadata.name.text.isEmpty { config.metadata.name = .string(request.context.name) }
        if config.metadata.name.text != request.context.name {
            throw .badRequest(
                "the name of the object (\(config.metadata.name.text)) does not match the name on the URL "
                    + "(\(request.context.name))")
        }
        try placeInNamespace(&config, definition, request.context)
        guard let schema = definition.schema, !definition.typeName.isEmpty else {
            try definition.custom?.checkApplied(config, definition.gvk)
            return config
        }
        let (normal, warnings): (JSON, [String]) = try schema.normalise(
            config, as: definition.typeName, validation: try request.query.fieldValidation(),
            duplicates: request.duplicates)
        for warning in warnings { request.context.warn(warning) }
        // Normalising writes members that Go always writes (status: {}); only what was said counts as applied.
        return Registry.said(normal, in: config)
    }

    /// `normal` without the members that `given` does not have.
    private static func said(_ normal: JSON, in given: JSON) -> JSON {
        switch (normal, given) {
        case (.object(let n), .object(let g)):
            var pairs: [(key: String, value: JSON)] = []
            for (key, value) in n { if let other = g[key] { pairs.append((key, said(value, in: other))) } }
            return .object(JSONObject(unique: pairs))
        case (.array(let n), .array(let g)) where n.count == g.count:
            return .array(zip(n, g).map { said($0, in: $1) })
        default: return normal
        }
    }

    private func applyNew(_ request: RegistryRequest) async throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        if !request.body.metadata.uid.text.isEmpty {
            throw .conflict(
                definition.groupResource, request.context.name,
                "uid mismatch: the provided object specified uid \(request.body.metadata.uid.text), and no existing "
                    + "object was found")
        }
        let object: JSON = try applied(to: .null, request)
        return try await create(object, request)
    }

    /// A patch may name the revision it was made for, and may not rename.
    private func checkIdentity(
        _ new: inout JSON, _ stored: StoredObject, _ old: JSON, _ request: RegistryRequest
    ) throws(StatusError) {
        let resource: GroupResource = request.definition.groupResource
        let version: String = new.metadata.resourceVersion.text
        if !version.isEmpty, version != old.metadata.resourceVersion.text {
            throw .modified(resource, stored.key.name)
        }
        let uid: String = new.metadata.uid.text
        if !uid.isEmpty, uid != old.metadata.uid.text {
            throw .conflict(
                resource, stored.key.name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(old.metadata.uid.text)")
        }
    }
}
