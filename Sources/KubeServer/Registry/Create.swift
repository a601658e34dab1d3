// create: decode → field managers → mutating admission → strategy → checks → validating admission → commit.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire

extension Registry {
    /// Draws of a generated name before giving up.
    static let generatedNameTriesMax: Int = 8

    func create(_ request: RegistryRequest) async throws(StatusError) -> RegistryAnswer {
        let definition: ResourceDefinition = request.definition
        var object: JSON = try decode(
            request.body, definition.gvk, type: definition.typeName, schema: definition.schema, request)
        try placeInNamespace(&object, definition, request.context)
        if object.metadata.resourceVersion.text != "" {
            throw StatusError(
                code: 500, reason: "", message: "resourceVersion should not be set on objects to be created")
        }
        let stored: JSON = try await create(object, request)
        return try answer(stored, definition, request, status: 201)
    }

    /// From a decoded object to a stored one (or to what a dry run shows). Also for apply and create-on-update.
    func create(_ decoded: JSON, _ request: RegistryRequest) async throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        var context: RequestContext = request.context
        var object: JSON = decoded
        Registry.withoutRepeatedOwners(&object, context)
        // An applied object has its managers already.
        if request.patchType != .apply {
            object.metadata.managedFields = tracked(object, from: .null, request).metadata.managedFields
        }
        context.name = object.metadata.name.text
        var admitted: AdmissionRequest = AdmissionRequest(
            .create, definition, object: object, options: Registry.options("CreateOptions", request), context: context)
        try await admit(&admitted)
        object = admitted.object
        try await prepare(&object, definition, context)
        let generates: Bool = object.metadata.name.text.isEmpty && !object.metadata.generateName.text.isEmpty
        for attempt in 1... {
            if generates { object.metadata = Registry.named(object.metadata, Registry.generatedName(object)) }
            context.name = object.metadata.name.text
            try check(object, definition, context)
            admitted.object = object
            admitted.name = context.name
            admitted.context = context
            try await judge(admitted)
            do throws(StatusError) {
                return try await commitNew(object, definition, context)
            } catch {
                guard error.isAlreadyExists, generates, attempt < Registry.generatedNameTriesMax else { throw error }
            }
        }
        preconditionFailure("the loop above does not end")
    }

    private func prepare(
        _ object: inout JSON, _ definition: ResourceDefinition, _ context: RequestContext
    ) async throws(StatusError) {
        object.metadata.deletionTimestamp = .null
        object.metadata.deletionGracePeriodSeconds = .null
        object.metadata.generation = .null
        object.metadata.selfLink = .null
        definition.strategy.prepareForCreate(&object, context)
        if definition.strategy.keepsGeneration { object.metadata.generation = 1 }
        object.metadata = Registry.systemFields(object.metadata, now: context.now.rfc3339)
    }

    /// A fresh uid and creationTimestamp, members in upstream's order.
    private static func systemFields(_ metadata: JSON, now: String) -> JSON {
        var ordered: [(key: String, value: JSON)] = []
        for key in ["name", "generateName", "namespace"] {
            if let value = metadata.fields[key] { ordered.append((key, value)) }
        }
        ordered.append(("uid", .string(newUID())))
        if let generation = metadata.fields["generation"] { ordered.append(("generation", generation)) }
        ordered.append(("creationTimestamp", .string(now)))
        let done: Set<String> = [
            "name", "generateName", "namespace", "uid", "generation", "creationTimestamp", "resourceVersion",
        ]
        for (key, value) in metadata.fields where !done.contains(key) { ordered.append((key, value)) }
        return .object(JSONObject(unique: ordered))
    }

    /// Prefix (cut to 58 bytes) and five letters, 63 at most.
    private static func generatedName(_ object: JSON) -> String {
        String(decoding: Array(object.metadata.generateName.text.utf8.prefix(58)), as: UTF8.self) + randomSuffix()
    }

    /// With the name as first member.
    private static func named(_ metadata: JSON, _ name: String) -> JSON {
        var pairs: [(key: String, value: JSON)] = metadata.fields.pairs.filter { $0.key != "name" }
        pairs.insert(("name", .string(name)), at: 0)
        return .object(JSONObject(unique: pairs))
    }

    private func check(
        _ object: JSON, _ definition: ResourceDefinition, _ context: RequestContext
    ) throws(StatusError) {
        let strategy: any Strategy = definition.strategy
        var errors: [FieldError] = MetadataValidation.validate(
            object, isNamespaced: definition.isNamespaced, rule: strategy.nameRule)
        errors += strategy.validate(object, context)
        guard errors.isEmpty else {
            throw .invalid(kind: definition.groupKind, name: object.metadata.name.text, errors)
        }
        for warning in strategy.warnings(onCreate: object, context) { context.warn(warning) }
    }

    private func commitNew(
        _ prepared: JSON, _ definition: ResourceDefinition, _ context: RequestContext
    ) async throws(StatusError) -> JSON {
        var object: JSON = prepared
        let path: String = Registry.path(definition, object.metadata.namespace.text, object.metadata.name.text)
        if cache(definition).get(path) != nil {
            throw .alreadyExists(definition.groupResource, object.metadata.name.text)
        }
        let undo: Undo? = try await definition.strategy.beginCreate(&object, context)
        if context.isDryRun {
            await undo?()
            return object
        }
        do throws(StatusError) {
            let stored: StoredObject = try await insert(definition, object)
            let served: JSON = try await seen(stored, definition)
            await definition.strategy.afterCreate(served, context)
            return served
        } catch {
            await undo?()
            throw error
        }
    }

    // MARK: shared with update and patch

    /// Checks kind and version, types and unknown fields, then fills in defaults.
    func decode(
        _ body: JSON, _ gvk: GroupVersionKind, type: String, schema: Schema?, _ request: RegistryRequest
    ) throws(StatusError) -> JSON {
        guard body.asObject != nil else { throw Registry.notAnObject(body, gvk) }
        var object: JSON = body
        let given: GroupVersionKind = GroupVersionKind(of: body)
        let expected: String = gvk.groupVersion.description
        if !given.kind.isEmpty, given.kind != gvk.kind {
            throw .badRequest(
                "\(given.kind) in version \"\(given.version)\" cannot be handled as a \(gvk.kind): "
                    + "no kind \"\(given.kind)\" is registered for version \"\(expected)\"")
        }
        if body.apiVersion.exists, body.apiVersion.text != expected {
            throw .badRequest(
                "the API version in the data (\(body.apiVersion.text)) does not match the expected API version "
                    + "(\(expected))")
        }
        object.kind = .string(gvk.kind)
        object.apiVersion = .string(expected)
        if let custom = request.definition.custom, gvk == request.definition.gvk {
            return try decode(custom: object, custom, request)
        }
        guard let schema, !type.isEmpty else { return object }
        let validation: FieldValidation = try request.query.fieldValidation()
        let (normal, warnings): (JSON, [String]) = try schema.normalise(
            object, as: type, validation: validation, duplicates: request.duplicates)
        for warning in warnings { request.context.warn(warning) }
        return schema.applyDefaults(normal, as: type)
    }

    private func decode(
        custom object: JSON, _ schema: StructuralSchema, _ request: RegistryRequest
    ) throws(StatusError) -> JSON {
        let validation: FieldValidation = try request.query.fieldValidation()
        let (meta, metaWarnings): (JSON, [String]) = try BuiltIn.schema.normalise(
            object.metadata, as: "meta/v1.ObjectMeta", validation: .warn)
        var unknown: [String] = metaWarnings.compactMap { StructuralSchema.unknownField($0).map { "metadata." + $0 } }
        var result: JSON = StructuralSchema.withoutNulls(schema.pruned(object, unknown: &unknown), schema.root)
        result = try schema.coerced(result, unknown: &unknown)
        let complaints: [String] =
            request.duplicates.map { "duplicate field \"\($0)\"" } + unknown.map { "unknown field \"\($0)\"" }
        if !complaints.isEmpty, validation == .strict {
            let d: ResourceDefinition = request.definition
            throw .badRequest(
                "\(d.kind) in version \"\(d.gvr.version)\" cannot be handled as a \(d.kind): strict decoding error: "
                    + complaints.joined(separator: ", "))
        }
        if validation == .warn { for text in complaints { request.context.warn(text) } }
        result.metadata = meta
        return schema.defaulted(result)
    }

    private static func notAnObject(_ body: JSON, _ gvk: GroupVersionKind) -> StatusError {
        .badRequest(
            "\(gvk.kind) in version \"\(gvk.version)\" cannot be handled as a \(gvk.kind): json: cannot unmarshal "
                + "\(body.typeName) into Go value of type \(gvk.version).\(gvk.kind)")
    }

    /// The URL's namespace is the object's.
    func placeInNamespace(
        _ object: inout JSON, _ definition: ResourceDefinition, _ context: RequestContext
    ) throws(StatusError) {
        guard definition.isNamespaced else {
            return
        }
        let given: String = object.metadata.namespace.text
        if given.isEmpty {
            object.metadata.namespace = .string(context.namespace)
        } else if given != context.namespace {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the request")
        }
    }

    /// The object with `managedFields` brought up to date for this write.
    func tracked(_ new: JSON, from old: JSON, _ request: RegistryRequest) -> JSON {
        let context: RequestContext = request.context
        let manager: String = context.fieldManager.isEmpty ? "unknown" : context.fieldManager
        return request.definition.ownership.track(
            new, from: old, manager: manager, subresource: request.subresource?.name ?? "", now: context.now,
            ignored: request.resetFields)
    }

    /// The stored object when `object` is just what lies in the cache, so that its bytes can be served.
    func answer(
        _ object: JSON, _ definition: ResourceDefinition, _ request: RegistryRequest, status: Int
    ) throws(StatusError) -> RegistryAnswer {
        let path: String = Registry.path(definition, object.metadata.namespace.text, object.metadata.name.text)
        if !request.context.isDryRun, let stored = cache(definition).get(path),
            stored.object.metadata.resourceVersion == object.metadata.resourceVersion
        {
            return .stored(stored, status: status)
        }
        return .object(object, status: status)
    }
}
