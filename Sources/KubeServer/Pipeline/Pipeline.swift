// Where a request for an object goes: its definition, its verb, the registry, and the form of the answer. `Road.swift` is before it.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeWire

extension APIServer {
    func dispatch(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: Query, _ user: UserInfo, _ passage: Passage
    ) async throws(StatusError) -> HTTPResponse {
        guard info.isResourceRequest else { return try await document(request, info, query) }
        guard let definition = registry.definition(info.gvr) else { throw .noSuchResource }
        var subresource: SubresourceDefinition?
        if !info.subresource.isEmpty {
            guard let known = definition.subresource(info.subresource) else { throw .noSuchResource }
            subresource = known
        }
        let verb: Verb = try self.verb(info, definition, subresource, request)
        if definition.isNamespaced, info.namespace.isEmpty, verb != .list, verb != .watch {
            throw verb == .create || verb == .deletecollection
                ? StatusError.methodNotSupported(definition.groupResource, verb.rawValue) : .noSuchResource
        }
        return try await serve(request, info, query, user, definition, subresource, verb, passage)
    }

    private func verb(
        _ info: RequestInfo, _ definition: ResourceDefinition, _ subresource: SubresourceDefinition?,
        _ request: HTTPRequest
    ) throws(StatusError) -> Verb {
        let verbs: [String] = subresource?.verbs ?? definition.verbs
        let refused: StatusError = StatusError(
            code: 405, reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource", details: [:])
        // A proxied OPTIONS is no verb of the API: whoever may do everything may send it.
        if subresource?.name == "proxy", request.method == "OPTIONS" { return .get }
        guard let verb = Verb(rawValue: info.verb), verbs.contains(info.verb) else { throw refused }
        // An object is not created at its own path, and a collection is neither updated nor patched.
        if verb == .create, !info.name.isEmpty, subresource == nil { throw refused }
        if verb == .update || verb == .patch, info.name.isEmpty { throw refused }
        return verb
    }

    private func serve(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: Query, _ user: UserInfo,
        _ definition: ResourceDefinition, _ subresource: SubresourceDefinition?, _ verb: Verb, _ passage: Passage
    ) async throws(StatusError) -> HTTPResponse {
        var request: HTTPRequest = request
        let connects: Bool = subresource.map { Registry.connects.contains($0.name) } ?? false
        let representation: Representation = connects ? Representation() : try Representation(request, query, isCustom: definition.isCustom)
        // A review is no row of a table.
        if representation.shape == .table, definition.virtual != nil, verb == .create { throw Representation.refusal }
        var context: RequestContext = RequestContext(
            verb: verb, resource: info.gvr, subresource: info.subresource,
            // A Namespace is named by its own namespace in paths; the object has none.
            namespace: definition.isNamespaced ? info.namespace : "",
            name: verb == .list || verb == .watch ? (info.verb == "watch" ? watchedName(request) : "") : info.name,
            user: user, now: options.clock.now(), registry: registry)
        context.fieldManager = fieldManager(request, query)
        context.audit = passage.trail
        context.isDryRun = try query.isDryRun(kind: GroupKind(group: "meta.k8s.io", kind: verb.optionsKind))
        var call: RegistryRequest = RegistryRequest(
            definition: definition, subresource: subresource, context: context, query: query)
        call.subpath = info.subpath
        if !connects { try await Self.collectBody(of: &request) }
        call.http = request
        var answers: Answers = Answers(
            definition: definition, representation: representation, now: context.now)
        if let include = query.text("includeObject") {
            answers.include = IncludeObject(rawValue: include) ?? .metadata
        }
        if verb == .watch {
            var watch: WatchResponse = try WatchResponse(
                call, registry: registry, answers: answers, clock: options.clock)
            let place: Fairness.Place? = passage.place
            let seats: OnlyOnce = OnlyOnce { place?.leave() }
            watch.initialised = { seats.call() }
            watch.sent = metrics.watchCounter(info)
            var response: HTTPResponse = watch.response()
            if case .stream(let run) = response.body {
                response.body = .stream { writer in
                    defer { seats.call() }
                    try await run(writer)
                }
            }
            return WatchSocket.response(response, to: request)
        }
        if verb != .get, verb != .list, !connects {
            let type: String =
                verb == .delete || verb == .deletecollection
                ? "meta/v1.DeleteOptions" : subresource?.typeName ?? definition.typeName
            let decoded: DecodedBody = try BodyDecoding.decode(
                request, verb: verb, kind: subresource?.kind.kind ?? definition.kind, typeName: type)
            call.body = decoded.object
            call.duplicates = decoded.duplicates
            call.patchType = decoded.patchType
            try decoded.checkRepeated(subresource?.kind ?? definition.gvk, query, context)
            passage.trail?.request(call.body, isPatch: verb == .patch)
        }
        if let warning = definition.deprecationWarning { context.warn(warning) }
        let answer: RegistryAnswer = try await registry.perform(call)
        passage.trail?.response { answers.object(of: answer) }
        var response: HTTPResponse = answers.response(answer)
        for warning in context.warnings.all { response.headers.add("Warning", WarningHeader.text(warning)) }
        return response
    }

    /// `/api/v1/watch/…/NAME`, the old form that watches one object.
    private func watchedName(_ request: HTTPRequest) -> String {
        let query: Query = Query(raw: request.rawQuery)
        var plain: Query = query
        plain.pairs.removeAll { $0.name == "fieldSelector" }
        return RequestInfo(request, plain).name
    }

    /// Asked for, else the first word of the User-Agent: `kubectl/v1.36 (…)` → `kubectl`.
    private func fieldManager(_ request: HTTPRequest, _ query: Query) -> String {
        if let asked = query.text("fieldManager") { return asked }
        let agent: String = request.headers["User-Agent"] ?? ""
        return agent.split(separator: "/").first.map { String($0.prefix(128)) } ?? "unknown"
    }
}

extension Verb {
    var optionsKind: String {
        switch self {
        case .create: "CreateOptions"
        case .patch: "PatchOptions"
        case .delete, .deletecollection: "DeleteOptions"
        default: "UpdateOptions"
        }
    }
}

/// RFC 7234's Warning with code 299, as kubectl prints it.
enum WarningHeader {
    static func text(_ warning: String) -> String {
        var quoted: String = ""
        for c in warning.unicodeScalars {
            switch c {
            case "\"", "\\": quoted += "\\" + String(c)
            case "\n", "\r", "\t": quoted += " "
            default: quoted.unicodeScalars.append(c)
            }
        }
        return "299 - \"\(quoted)\""
    }
}
