// delete and deletecollection: preconditions, grace, finalizers, propagation.

import KubeBase
import KubeModel
import KubeWire

/// metav1.DeleteOptions, from the body or the query.
struct DeleteOptions {
    var gracePeriodSeconds: Int?
    var preconditions: JSON = .null
    var propagation: Propagation?

    init(_ request: RegistryRequest) throws(StatusError) {
        let body: JSON = request.body
        let kind: GroupKind = GroupKind(group: "meta.k8s.io", kind: "DeleteOptions")
        gracePeriodSeconds = body.gracePeriodSeconds.asInt
        if gracePeriodSeconds == nil, let text = try request.query.integer("gracePeriodSeconds") {
            gracePeriodSeconds = Int(text)
        }
        if let grace = gracePeriodSeconds, grace < 0 { gracePeriodSeconds = 1 }
        preconditions = body.preconditions
        let policy: String = body.propagationPolicy.asString ?? request.query.text("propagationPolicy") ?? ""
        let orphan: JSON = body.orphanDependents
        if orphan.exists, !policy.isEmpty {
            throw .invalid(
                kind: kind, name: "",
                [
                    .invalid(
                        "propagationPolicy", .string(policy),
                        "orphanDependents and deletionPropagation cannot be both set")
                ])
        }
        switch policy {
        case "": propagation = orphan.exists ? (orphan.isTrue ? .orphan : .background) : nil
        case "Orphan": propagation = .orphan
        case "Background": propagation = .background
        case "Foreground": propagation = .foreground
        default:
            throw .invalid(
                kind: kind, name: "",
                [.notSupported("propagationPolicy", .string(policy), ["Foreground", "Background", "Orphan", "nil"])])
        }
    }
}

extension Registry {
    func delete(_ request: RegistryRequest) async throws(StatusError) -> RegistryAnswer {
        var context: RequestContext = request.context
        if try Registry.isDryRun(body: request.body) { context.isDryRun = true }
        var mine: RegistryRequest = request
        mine.context = context
        return try await delete(mine, try DeleteOptions(request))
    }

    private static func isDryRun(body: JSON) throws(StatusError) -> Bool {
        let values: [String] = body.dryRun.strings
        for value in values where value != "All" {
            throw .invalid(
                kind: GroupKind(group: "meta.k8s.io", kind: "DeleteOptions"), name: "",
                [.notSupported("dryRun", JSON(values), ["All"])])
        }
        return !values.isEmpty
    }

    private func delete(
        _ request: RegistryRequest, _ options: DeleteOptions
    ) async throws(StatusError) -> RegistryAnswer {
        let definition: ResourceDefinition = request.definition
        let context: RequestContext = request.context
        let first: StoredObject = try find(definition, context.namespace, context.name)
        let admitted: AdmissionRequest = AdmissionRequest(
            .delete, definition, object: .null, oldObject: try await seen(first, definition),
            options: Registry.deleteOptions(request), context: context)
        var mutable: AdmissionRequest = admitted
        try await admit(&mutable)
        try await judge(admitted)
        return try await retryingConflicts { () async throws(StatusError) -> RegistryAnswer in
            let stored: StoredObject = try self.find(definition, context.namespace, context.name)
            let old: JSON = try await self.seen(stored, definition)
            try self.check(options.preconditions, old, definition)
            try await definition.strategy.checkDelete(old, context)
            return try await self.delete(stored, old, options, request)
        }
    }

    private func check(
        _ preconditions: JSON, _ object: JSON, _ definition: ResourceDefinition
    ) throws(StatusError) {
        let name: String = object.metadata.name.text
        if let uid = preconditions.uid.asString, uid != object.metadata.uid.text {
            throw .conflict(
                definition.groupResource, name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(object.metadata.uid.text)")
        }
        if let rv = preconditions.resourceVersion.asString, rv != object.metadata.resourceVersion.text {
            throw .conflict(
                definition.groupResource, name,
                "Precondition failed: ResourceVersion in precondition: \(rv), ResourceVersion in object meta: "
                    + object.metadata.resourceVersion.text)
        }
    }

    private func delete(
        _ stored: StoredObject, _ old: JSON, _ options: DeleteOptions, _ request: RegistryRequest
    ) async throws(StatusError) -> RegistryAnswer {
        let definition: ResourceDefinition = request.definition
        let context: RequestContext = request.context
        let strategy: any Strategy = definition.strategy
        var object: JSON = old
        object.meta.finalizers = Registry.finalizers(
            old.meta.finalizers, options.propagation, strategy.defaultPropagation)
        let grace: Int =
            strategy.gracePeriodSeconds(
                of: old, requested: options.gracePeriodSeconds, context) ?? 0
        Registry.mark(&object, old, grace: grace, requested: options.gracePeriodSeconds, now: context.now)
        if !old.metadata.deletionTimestamp.exists {
            strategy.markDeleted(&object, context)
            if let generation = object.metadata.generation.asInt, generation > 0 {
                object.metadata.generation = JSON(generation + 1)
            }
        }
        if isFinished(object, strategy) {
            if !context.isDryRun {
                try await erase(definition, stored)
                await strategy.afterDelete(old, context)
            }
            return .object(
                definition.returnsDeleted ? object : Registry.success(old, definition), status: 200)
        }
        if context.isDryRun { return .object(object, status: 200) }
        if object == old { return .stored(stored, status: 200) }
        let now: StoredObject = try await replace(definition, stored, with: object)
        return .stored(now, status: 200)
    }

    /// Sets deletionTimestamp (the moment the grace ends) or shortens it; it is never made longer.
    private static func mark(
        _ object: inout JSON, _ old: JSON, grace: Int, requested: Int?, now: Timestamp
    ) {
        let m: JSON = old.metadata
        guard let end = old.meta.deletionTimestamp else {
            object.metadata.deletionTimestamp = .string((now + .seconds(grace)).rfc3339)
            object.metadata.deletionGracePeriodSeconds = JSON(grace)
            return
        }
        let current: Int = m.deletionGracePeriodSeconds.asInt ?? 0
        guard current > 0, grace < current, requested != nil || grace == 0 else { return }
        object.metadata.deletionTimestamp = .string((end + .seconds(grace - current)).rfc3339)
        object.metadata.deletionGracePeriodSeconds = JSON(grace)
    }

    /// The garbage collector's finalizers by the policy asked for.
    private static func finalizers(
        _ present: [String], _ asked: Propagation?, _ standard: Propagation
    ) -> [String] {
        let others: [String] = present.filter { $0 != "orphan" && $0 != "foregroundDeletion" }
        switch asked {
        case .orphan?: return others + ["orphan"]
        case .foreground?: return others + ["foregroundDeletion"]
        case .background?: return others
        case nil:
            if others.count < present.count { return present }
            return standard == .orphan ? others + ["orphan"] : others
        }
    }

    static func success(_ object: JSON, _ definition: ResourceDefinition) -> JSON {
        var details: JSON = ["name": object.metadata.name]
        if !definition.gvr.group.isEmpty { details.group = .string(definition.gvr.group) }
        details.kind = .string(definition.gvr.resource)
        details.uid = object.metadata.uid
        return [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details,
        ]
    }

    /// Deletes each object that the selectors choose; one that has gone meanwhile is no error.
    func deleteCollection(_ request: RegistryRequest) async throws(StatusError) -> RegistryAnswer {
        let all: ListAnswer = try await list(request)
        var each: RegistryRequest = request
        each.context.verb = .delete
        let options: DeleteOptions = try DeleteOptions(request)
        if try Registry.isDryRun(body: request.body) { each.context.isDryRun = true }
        for stored in all.objects {
            each.context.name = stored.key.name
            each.context.namespace = stored.key.namespace
            do throws(StatusError) {
                _ = try await delete(each, options)
            } catch {
                guard error.isNotFound else { throw error }
            }
        }
        return .list(all)
    }
}
