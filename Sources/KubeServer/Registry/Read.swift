// get and list: from memory, at the newest revision or at one that is still known.

import KubeModel
import KubeStore
import KubeWire

extension Registry {
    func get(_ request: RegistryRequest) async throws(StatusError) -> RegistryAnswer {
        let context: RequestContext = request.context
        if let text = request.query.text("resourceVersion"), text != "0" {
            try await waitUntilReached(try revision(text))
        }
        let stored: StoredObject = try find(request.definition, context.namespace, context.name)
        try await prepare(CollectionOfOne(stored), request.definition)
        return .stored(stored, status: 200)
    }

    private func revision(_ text: String) throws(StatusError) -> Revision {
        guard let revision = Revision(text) else {
            throw .badRequest(
                "Invalid value: \"\(text)\": strconv.ParseUint: parsing \"\(text)\": invalid syntax")
        }
        return revision
    }

    func list(_ request: RegistryRequest) async throws(StatusError) -> ListAnswer {
        let definition: ResourceDefinition = request.definition
        let query: Query = request.query
        let selection: Selection = try Selection(
            definition, namespace: request.context.namespace, labelSelector: query.text("labelSelector"),
            fieldSelector: query.text("fieldSelector"))
        var limit: Int = Int(clamping: try query.integer("limit") ?? 0)
        let version: String = query.text("resourceVersion") ?? ""
        try checkOptions(query, version)
        let (objects, at): (ObjectSlice, Revision) = try await snapshot(
            cache(definition), selection, query, version, limit: limit)
        // A list of any age comes whole, as from upstream's watch cache.
        if version == "0" { limit = 0 }
        if !selection.fields.isEverything { try await prepare(objects, definition) }
        let answer: ListAnswer = page(objects, at, selection, limit: limit)
        try await prepare(answer.objects, definition)
        return answer
    }

    /// The objects that a list is about, at the revision that it may be read.
    private func snapshot(
        _ cache: ResourceCache, _ selection: Selection, _ query: Query, _ version: String, limit: Int
    ) async throws(StatusError) -> (ObjectSlice, Revision) {
        if let text = query.text("continue") {
            let token: ContinueToken = try ContinueToken(text)
            if !version.isEmpty, version != "0" {
                throw .badRequest("specifying resource version is not allowed when using continue")
            }
            guard let pinned = token.revision else {
                return cache.snapshot(folder: selection.folder, after: token.start)
            }
            guard pinned <= hub.published,
                let then = cache.snapshot(folder: selection.folder, after: token.start, at: pinned)
            else { throw ContinueToken.expired(start: token.start) }
            return (then, pinned)
        }
        guard !version.isEmpty, version != "0" else { return cache.snapshot(folder: selection.folder) }
        let asked: Revision = try revision(version)
        // A page of a named revision without a match is of exactly that one.
        let match: String = query.text("resourceVersionMatch") ?? (limit > 0 ? "Exact" : "NotOlderThan")
        guard match == "Exact" else {
            try await waitUntilReached(asked)
            return cache.snapshot(folder: selection.folder)
        }
        let current: Revision = hub.published
        if asked > current { throw .tooLargeResourceVersion(version, current: current.description) }
        guard let then = cache.snapshot(folder: selection.folder, at: asked) else {
            throw .expired("The resourceVersion for the provided list is too old.")
        }
        return (then, asked)
    }

    /// As upstream's ValidateListOptions.
    private func checkOptions(_ query: Query, _ version: String) throws(StatusError) {
        let match: String = query.text("resourceVersionMatch") ?? ""
        let field: String = "resourceVersionMatch"
        var errors: [FieldError] = []
        if !match.isEmpty {
            if version.isEmpty {
                errors.append(.forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
            }
            if query.text("continue") != nil {
                errors.append(.forbidden(field, "resourceVersionMatch is forbidden when continue is provided"))
            }
            if match != "Exact", match != "NotOlderThan" {
                errors.append(.notSupported(field, .string(match), ["Exact", "NotOlderThan", ""]))
            }
            if match == "Exact", version == "0" {
                errors.append(
                    .forbidden(field, "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\""))
            }
        }
        if query["sendInitialEvents"] != nil {
            errors.append(.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
        }
        if !errors.isEmpty {
            throw .invalid(kind: GroupKind(group: "meta.k8s.io", kind: "ListOptions"), name: "", errors)
        }
    }

    private func page(
        _ objects: ObjectSlice, _ revision: Revision, _ selection: Selection, limit: Int
    ) -> ListAnswer {
        guard limit > 0, objects.count > limit else {
            let all: [StoredObject] =
                selection.isEverything ? objects.array : objects.filter { selection.matches($0) }
            return ListAnswer(objects: all[...], revision: revision, continuation: "", remaining: nil)
        }
        if selection.isEverything {
            let page: [StoredObject] = Array(objects.prefix(limit))
            let token: String = ContinueToken(start: page.last!.path, revision: revision).text
            return ListAnswer(
                objects: page[...], revision: revision, continuation: token, remaining: objects.count - limit)
        }
        var page: [StoredObject] = []
        for object in objects where selection.matches(object) {
            if page.count == limit {
                let token: String = ContinueToken(start: page.last!.path, revision: revision).text
                return ListAnswer(objects: page[...], revision: revision, continuation: token, remaining: nil)
            }
            page.append(object)
        }
        return ListAnswer(objects: page[...], revision: revision, continuation: "", remaining: nil)
    }
}

/// Where the next page begins: `{"v":"meta.k8s.io/v1","rv":N,"start":"…"}` in base64, as upstream.
struct ContinueToken {
    /// The path of the last object of the page before.
    var start: String
    /// nil: at the newest revision (an inconsistent continuation).
    var revision: Revision?

    init(start: String, revision: Revision?) {
        self.start = start
        self.revision = revision
    }

    init(_ text: String) throws(StatusError) {
        var padded: String = text
        while padded.utf8.count % 4 != 0 { padded += "=" }
        let plain: String = String(padded.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        guard let bytes = Base64.decode(plain), let json = try? JSON.parse(bytes), json.v.text == "meta.k8s.io/v1",
            let rv = json.rv.asInt64, let start = json.start.asString, !start.isEmpty
        else { throw .badRequest("continue key is not valid: invalid continue token") }
        self.start = start
        self.revision = rv < 0 ? nil : Revision(rv)
    }

    var text: String {
        let json: JSON = ["v": "meta.k8s.io/v1", "rv": JSON(revision?.value ?? -1), "start": .string(start)]
        return Base64.encodeURL(json.encoded())
    }

    /// 410 with a token for those who want to go on without consistency.
    static func expired(start: String) -> StatusError {
        var error: StatusError = .expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
                + "without the continue parameter, or use the continue token in this response to retrieve the "
                + "remainder of the results. Continuing with the provided token results in an inconsistent list - "
                + "objects that were created, modified, or deleted between the time the first chunk was returned and "
                + "now may show up in the list.")
        error.details = ["continue": .string(ContinueToken(start: start, revision: nil).text)]
        return error
    }
}
