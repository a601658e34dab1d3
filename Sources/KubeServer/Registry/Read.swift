// get and list: from memory, at the newest revision or at one that is still known.

import KubeModel
import KubeStore
import KubeWire

extension Registry {
    func get(_ request: RegistryRequest) async throws(StatusError) -> RegistryAnswer {
        let context: RequestContext = request.context
        if let text = request.query.text("resourceVersion"), text != "0" { try checkReached(text, request.definition) }
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

    /// Throws 504 for a revision of the future.
    @discardableResult
    private func checkReached(_ text: String, _ definition: ResourceDefinition) throws(StatusError) -> Revision {
        let asked: Revision = try revision(text)
        let current: Revision = hub.published
        if asked > current { throw .tooLargeResourceVersion(text, current: current.description) }
        return asked
    }

    func list(_ request: RegistryRequest) async throws(StatusError) -> ListAnswer {
        let definition: ResourceDefinition = request.definition
        let query: Query = request.query
        let selection: Selection = try Selection(
            definition, namespace: request.context.namespace, labelSelector: query.text("labelSelector"),
            fieldSelector: query.text("fieldSelector"))
        let limit: Int = Int(try query.integer("limit") ?? 0)
        let match: String = query.text("resourceVersionMatch") ?? ""
        let version: String = query.text("resourceVersion") ?? ""
        try checkMatch(match, version, hasContinue: query.text("continue") != nil, definition)
        var start: String = ""
        var objects: ObjectSlice
        var at: Revision
        let cache: ResourceCache = cache(definition)
        if let token = query.text("continue") {
            let place: ContinueToken = try ContinueToken(token)
            start = place.start
            if let pinned = place.revision {
                guard let then = cache.snapshot(folder: selection.folder, after: start, at: pinned) else {
                    throw ContinueToken.expired(start: start)
                }
                (objects, at) = (then, pinned)
            } else {
                (objects, at) = cache.snapshot(folder: selection.folder, after: start)
            }
        } else if match == "Exact" {
            at = try checkReached(version, definition)
            guard let then = cache.snapshot(folder: selection.folder, at: at) else {
                throw .expired("The resourceVersion for the provided list is too old.")
            }
            objects = then
        } else {
            if !version.isEmpty, version != "0" { try checkReached(version, definition) }
            (objects, at) = cache.snapshot(folder: selection.folder)
        }
        if !selection.fields.isEverything { try await prepare(objects, definition) }
        let answer: ListAnswer = page(objects, at, selection, limit: limit)
        try await prepare(answer.objects, definition)
        return answer
    }

    private func checkMatch(
        _ match: String, _ version: String, hasContinue: Bool, _ definition: ResourceDefinition
    ) throws(StatusError) {
        let kind: GroupKind = GroupKind(group: "meta.k8s.io", kind: "ListOptions")
        guard !match.isEmpty else { return }
        var errors: [FieldError] = []
        if hasContinue {
            errors.append(
                .forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
        } else if version.isEmpty {
            errors.append(
                .forbidden(
                    "resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        }
        if match != "Exact", match != "NotOlderThan" {
            errors.append(.notSupported("resourceVersionMatch", .string(match), ["Exact", "NotOlderThan", ""]))
        }
        if match == "Exact", version == "0" {
            errors.append(
                .forbidden(
                    "resourceVersionMatch", "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\""))
        }
        if !errors.isEmpty { throw .invalid(kind: kind, name: "", errors) }
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
