// update, and the second half of every patch: from a desired object to a committed one.

import KubeModel
import KubeStore
import KubeWire

extension Registry {
    func update(_ request: RegistryRequest) async throws(StatusError) -> RegistryAnswer {
        let definition: ResourceDefinition = request.definition
        let name: String = request.context.name
        var object: JSON = try decode(
            request.body, definition.gvk, type: definition.typeName, schema: definition.schema, request)
        if object.metadata.name.text.isEmpty { object.metadata.name = .string(name) }
        if object.metadata.name.text != name {
            throw .badRequest(
                "the name of the object (\(object.metadata.name.text)) does not match the name on the URL (\(name))")
        }
        try placeInNamespace(&object, definition, request.context)
        let isUnconditional: Bool = object.metadata.resourceVersion.text.isEmpty
        let wanted: JSON = object
        let (result, isNew): (JSON, Bool) = try await retryingConflicts { () async throws(StatusError) in
            guard let stored = self.cache(definition).get(Registry.path(definition, request.context.namespace, name))
            else {
                return (try await self.createOnUpdate(wanted, request), true)
            }
            let old: JSON = try await self.seen(stored, definition)
            try self.checkPreconditions(wanted, stored, old, definition, isUnconditional: isUnconditional)
            do throws(StatusError) {
                return (try await self.write(wanted, over: stored, old, request), false)
            } catch {
                guard error.isConflict, !isUnconditional else { throw error }
                // The caller named a revision: nobody may retry for it.
                var final: StatusError = error
                final.details.retry = .null
                throw final
            }
        }
        return try answer(result, definition, request, status: isNew ? 201 : 200)
    }

    private func createOnUpdate(_ object: JSON, _ request: RegistryRequest) async throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        guard request.subresource == nil, definition.strategy.allowsCreateOnUpdate else {
            throw .notFound(definition.groupResource, request.context.name)
        }
        if !object.metadata.uid.text.isEmpty {
            throw .conflict(
                definition.groupResource, request.context.name,
                "Precondition failed: UID in precondition: \(object.metadata.uid.text), UID in object meta: ")
        }
        var fresh: JSON = object
        fresh.metadata.resourceVersion = .null
        return try await create(fresh, request)
    }

    private func checkPreconditions(
        _ new: JSON, _ stored: StoredObject, _ old: JSON, _ definition: ResourceDefinition, isUnconditional: Bool
    ) throws(StatusError) {
        let resource: GroupResource = definition.groupResource
        let uid: String = new.metadata.uid.text
        if !uid.isEmpty, uid != old.metadata.uid.text {
            throw .conflict(
                resource, stored.key.name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(old.metadata.uid.text)")
        }
        if isUnconditional {
            guard definition.strategy.allowsUnconditionalUpdate else {
                throw .invalid(
                    kind: definition.groupKind, name: stored.key.name,
                    [.invalid("metadata.resourceVersion", 0, "must be specified for an update")])
            }
        } else if new.metadata.resourceVersion.text != stored.revision.description {
            throw .modified(resource, stored.key.name)
        }
    }

    /// Admission, strategy, checks and commit of `desired` over `stored`. Answers what is stored then.
    func write(
        _ desired: JSON, over stored: StoredObject, _ old: JSON, _ request: RegistryRequest, isTracked: Bool = false,
        scale: ScalePaths? = nil
    ) async throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        let context: RequestContext = request.context
        let strategy: any Strategy = request.strategy
        var new: JSON = desired
        Registry.keepServerFields(&new, old)
        Registry.withoutRepeatedOwners(&new, context)
        if !isTracked { new = tracked(new, from: old, request) }
        // A Scale is admitted as a Scale, not as the object behind it.
        var admitted: AdmissionRequest = AdmissionRequest(
            .update, definition, subresource: request.subresource?.name ?? "",
            object: scale.map { Registry.scale(of: new, $0) } ?? new,
            oldObject: scale.map { Registry.scale(of: old, $0) } ?? old,
            options: Registry.options("UpdateOptions", request), kind: request.subresource?.kind, context: context)
        try await admit(&admitted)
        if let scale {
            Registry.setReplicas(&new, admitted.object, scale)
        } else {
            new = admitted.object
        }
        if request.isStatus {
            strategy.prepareForStatusUpdate(&new, old: old, context)
        } else {
            strategy.prepareForUpdate(&new, old: old, context)
        }
        if strategy.keepsGeneration { Registry.countGeneration(&new, old, countsStatus: strategy.countsStatus) }
        new.metadata = Registry.inOrder(of: old.metadata, new.metadata)
        try checkUpdate(new, old, request)
        admitted.object = scale.map { Registry.scale(of: new, $0) } ?? new
        try await judge(admitted)
        if Registry.isSame(new, old) { return old }
        return try await commitUpdate(new, old, stored, request)
    }

    /// What the server alone writes is taken from the old object where the new one says nothing.
    private static func keepServerFields(_ new: inout JSON, _ old: JSON) {
        let m: JSON = old.metadata
        for field in ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
        where !new.metadata[field].exists || new.metadata[field].text.isEmpty && m[field].asString != nil {
            new.metadata[field] = m[field]
        }
        new.metadata.generation = m.generation
        new.metadata.resourceVersion = m.resourceVersion
        new.metadata.selfLink = .null
    }

    /// +1 when something other than metadata and status differs.
    private static func countGeneration(_ new: inout JSON, _ old: JSON, countsStatus: Bool) {
        func bare(_ object: JSON) -> JSON {
            var o: JSONObject = object.fields
            o.remove("metadata")
            if !countsStatus { o.remove("status") }
            return .object(o)
        }
        if bare(new) != bare(old) { new.metadata.generation = JSON((old.metadata.generation.asInt ?? 0) + 1) }
    }

    /// Members of `new` in the order that `old` has them, new ones after.
    private static func inOrder(of old: JSON, _ new: JSON) -> JSON {
        var ordered: [(key: String, value: JSON)] = []
        for key in old.fields.keys { if let value = new.fields[key] { ordered.append((key, value)) } }
        for (key, value) in new.fields where old.fields[key] == nil { ordered.append((key, value)) }
        return .object(JSONObject(unique: ordered))
    }

    private func checkUpdate(_ new: JSON, _ old: JSON, _ request: RegistryRequest) throws(StatusError) {
        let context: RequestContext = request.context
        let strategy: any Strategy = request.strategy
        var errors: [FieldError] = MetadataValidation.validateUpdate(new, old: old)
        if request.isStatus {
            errors += strategy.validateStatusUpdate(new, old: old, context)
        } else {
            errors += strategy.validateUpdate(new, old: old, context)
        }
        guard errors.isEmpty else {
            throw .invalid(kind: request.definition.groupKind, name: context.name, errors)
        }
        if !request.isStatus {
            for warning in strategy.warnings(onUpdate: new, old: old, context) { context.warn(warning) }
        }
    }

    /// Equal but for the times of managedFields: nothing to write.
    static func isSame(_ new: JSON, _ old: JSON) -> Bool {
        guard new.metadata.managedFields.elements.count == old.metadata.managedFields.elements.count else {
            return false
        }
        func timeless(_ object: JSON) -> JSON {
            var o: JSON = object
            if o.metadata.managedFields.exists {
                o.metadata.managedFields = .array(
                    o.metadata.managedFields.elements.map { entry in
                        var e: JSON = entry
                        e.time = .null
                        return e
                    })
            }
            return o
        }
        return timeless(new) == timeless(old)
    }

    private func commitUpdate(
        _ prepared: JSON, _ old: JSON, _ stored: StoredObject, _ request: RegistryRequest
    ) async throws(StatusError) -> JSON {
        let definition: ResourceDefinition = request.definition
        let strategy: any Strategy = request.strategy
        let context: RequestContext = request.context
        var new: JSON = prepared
        let undo: Undo? = request.isStatus ? nil : try await strategy.beginUpdate(&new, old: old, context)
        if context.isDryRun {
            await undo?()
            return new
        }
        do throws(StatusError) {
            if isFinished(new, strategy) {
                try await erase(definition, stored)
                await strategy.afterDelete(new, context)
                return new
            }
            let now: StoredObject = try await replace(definition, stored, with: new)
            let served: JSON = try await seen(now, definition)
            if !request.isStatus { await strategy.afterUpdate(served, old: old, context) }
            return served
        } catch {
            await undo?()
            throw error
        }
    }

    /// Marked for deletion, its grace over, and nobody holds it by a finalizer.
    func isFinished(_ object: JSON, _ strategy: any Strategy) -> Bool {
        let m: JSON = object.metadata
        return m.deletionTimestamp.exists && m.finalizers.elements.isEmpty
            && (m.deletionGracePeriodSeconds.asInt ?? 0) == 0 && strategy.canRemove(object)
    }
}

extension RegistryRequest {
    /// The subresource's own strategy, or the resource's.
    var strategy: any Strategy {
        if let subresource, case .object(let own) = subresource.handler { return own }
        return definition.strategy
    }
    var isStatus: Bool {
        if let subresource, case .status = subresource.handler { return true }
        return false
    }
}
