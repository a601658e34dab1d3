// Requests that a handler serves (bindings, tokens, reviews, streams), through the same admission as all writes.

import KubeAPI
import KubeModel
import KubeWire

extension Registry {
    /// Subresources that open a connection instead of carrying an object.
    static let connects: Set<String> = ["exec", "attach", "portforward", "proxy", "log"]
    /// Of these, the one that only reads: nobody admits it.
    private static let reads: Set<String> = ["log"]

    func serve(
        _ handler: any SubresourceHandler, _ request: RegistryRequest
    ) async throws(StatusError) -> RegistryAnswer {
        var call: SubresourceCall = SubresourceCall(
            definition: request.definition, context: request.context, body: request.body, query: request.query.pairs,
            http: request.http)
        call.subpath = request.subpath
        let name: String = request.subresource?.name ?? ""
        if Registry.connects.contains(name) {
            if !Registry.reads.contains(name) { try await admitConnection(request) }
        } else {
            call.body = try handledBody(request)
            if request.context.verb == .create { call.body = try await admitHandled(call.body, request) }
        }
        switch try await handler.handle(call) {
        case .object(let object, let status): return .object(object, status: status)
        case .http(let response): return .http(response)
        }
    }

    private func handledBody(_ request: RegistryRequest) throws(StatusError) -> JSON {
        let type: String = request.subresource?.typeName ?? request.definition.typeName
        guard request.body.exists, !type.isEmpty, BuiltIn.schema.contains(type: type), request.context.verb != .patch
        else { return request.body }
        let kind: GroupVersionKind = request.subresource?.kind ?? request.definition.gvk
        return try decode(request.body, kind, type: type, schema: BuiltIn.schema, request)
    }

    private func admitHandled(_ body: JSON, _ request: RegistryRequest) async throws(StatusError) -> JSON {
        var admitted: AdmissionRequest = AdmissionRequest(
            .create, request.definition, subresource: request.subresource?.name ?? "", object: body,
            options: Registry.options("CreateOptions", request), kind: request.subresource?.kind,
            context: request.context)
        if admitted.name.isEmpty { admitted.name = body.metadata.name.text }
        try await admit(&admitted)
        try await judge(admitted)
        return admitted.object
    }

    private func admitConnection(_ request: RegistryRequest) async throws(StatusError) {
        guard let subresource = request.subresource else { return }
        var admitted: AdmissionRequest = AdmissionRequest(
            .connect, request.definition, subresource: subresource.name,
            object: Registry.connectOptions(subresource, request.query), kind: subresource.kind,
            context: request.context)
        try await admit(&admitted)
        try await judge(admitted)
    }

    /// The query as the options object of the subresource: PodExecOptions and its like.
    static func connectOptions(_ subresource: SubresourceDefinition, _ query: Query) -> JSON {
        var options: JSON = [
            "kind": .string(subresource.kind.kind),
            "apiVersion": .string(subresource.kind.groupVersion.description),
        ]
        guard let type = BuiltIn.schema.type(subresource.typeName) else { return options }
        for field in type.members where !field.isTypeMeta {
            let values: [String] = query.all(field.name)
            guard let first = values.first else { continue }
            switch field.type {
            case .bool: options[field.name] = JSON(query.flag(field.name))
            case .list(.int32), .list(.int64):
                options[field.name] = .array(values.compactMap { Int($0) }.map { JSON($0) })
            case .list: options[field.name] = JSON(values)
            case .int32, .int64: options[field.name] = Int(first).map { JSON($0) } ?? .string(first)
            default: options[field.name] = .string(first)
            }
        }
        return options
    }

    /// DeleteOptions of the body, or of the query where there was none.
    static func deleteOptions(_ request: RegistryRequest) -> JSON {
        var options: JSON = request.body.asObject == nil ? [:] : request.body
        options.kind = "DeleteOptions"
        options.apiVersion = "meta.k8s.io/v1"
        if request.context.isDryRun { options.dryRun = ["All"] }
        if !options.propagationPolicy.exists, let policy = request.query.text("propagationPolicy") {
            options.propagationPolicy = .string(policy)
        }
        if !options.gracePeriodSeconds.exists,
            let seconds = request.query.text("gracePeriodSeconds").flatMap({ Int($0) })
        {
            options.gracePeriodSeconds = JSON(seconds)
        }
        return options
    }

    /// CreateOptions or UpdateOptions of this request, as admission webhooks are shown them.
    static func options(_ kind: String, _ request: RegistryRequest) -> JSON {
        var options: JSON = ["kind": .string(kind), "apiVersion": "meta.k8s.io/v1"]
        if request.context.isDryRun { options.dryRun = ["All"] }
        if !request.context.fieldManager.isEmpty { options.fieldManager = .string(request.context.fieldManager) }
        if let validation = request.query.text("fieldValidation") { options.fieldValidation = .string(validation) }
        return options
    }
}
