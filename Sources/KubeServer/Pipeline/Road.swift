// The road of every HTTP request, its stages from top to bottom in `answer`.

import KubeAPI
import KubeBase
import KubeModel
package import KubeNet
import KubeWire
import Synchronization

/// What is noted about one request on its way.
struct Passage: Sendable {
    /// Of the client or drawn: `Audit-Id`.
    var id: String
    var labels: RequestLabels
    var trail: AuditTrail?
    /// Held until the answer is made, or until a watch has sent what is there.
    var place: Fairness.Place?
    /// The Status of a refusal, for the audit log.
    var failure: JSON = .null
    /// Added to the answer, whatever it is.
    var headers: Headers = Headers()

    /// Empty: the objects are not there yet.
    mutating func tell(_ schemaUID: String, _ levelUID: String) {
        guard !schemaUID.isEmpty else { return }
        headers.add("X-Kubernetes-PF-FlowSchema-UID", schemaUID)
        headers.add("X-Kubernetes-PF-PriorityLevel-UID", levelUID)
    }
}

/// A step that happens once, whoever comes first.
final class OnlyOnce: Sendable {
    private let isDone: Atomic<Bool> = Atomic(false)
    private let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    func call() { if !isDone.exchange(true, ordering: .acquiringAndReleasing) { body() } }
}

extension APIServer {
    /// What most requests may take; `timeout` may ask for less.
    static let requestSecondsMax: Double = 60
    /// Part of a request's time that it may wait for its turn.
    static let waitPart: Double = 0.25
    static let auditIDLengthMax: Int = 128
    static let lateMessage: String = "Timeout: request did not complete within the allotted timeout"

    /// Requests that the HTTP layer refuses are answered as a Status too.
    package func respond(toFailure status: Int, message: String) -> HTTPResponse {
        let error: StatusError
        switch status {
        case 408: error = StatusError(code: 408, reason: "Timeout", message: message)
        case 413: error = .tooLarge(message)
        case 431: error = StatusError(code: 431, reason: "RequestHeaderFieldsTooLarge", message: message)
        case 504: error = .timeout(APIServer.lateMessage)
        default: error = StatusError(code: status, reason: "BadRequest", message: message)
        }
        return error.response()
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        let start: Int64 = Fairness.now()
        let query: Query = Query(raw: request.rawQuery)
        let info: RequestInfo = RequestInfo(request, query)
        let isKnown: Bool = !info.isResourceRequest || registry.definition(info.gvr) != nil
        let labels: RequestLabels = RequestLabels(
            info, method: request.method, isKnown: isKnown, isDryRun: !query.pairs.isEmpty && query["dryRun"] != nil)
        var passage: Passage = Passage(id: auditID(request), labels: labels)
        let isWrite: Bool = info.isWrite
        if !info.isLongRunning { metrics.requests.began(isWrite: isWrite) }
        var response: HTTPResponse
        do throws(StatusError) {
            try PathRules.check(info)
            try limitTime(request, info, query)
            response = try await answer(request, info, query, &passage)
        } catch {
            var shown: StatusError = error
            // Cancelled because its time was over: whatever broke then is not the reason.
            if !info.isLongRunning, request.deadline?.isOver ?? false { shown = .timeout(APIServer.lateMessage) }
            response = shown.response((try? Representation(request, query)) ?? Representation())
            passage.failure = shown.status
            if shown.code == 504 { metrics.requests.aborted(labels) }
        }
        if !info.isLongRunning { metrics.requests.ended(isWrite: isWrite) }
        Compression.apply(to: &response, request)
        response.headers["Audit-Id"] = passage.id
        if response.headers["Cache-Control"] == nil { response.headers["Cache-Control"] = "no-cache, private" }
        for (name, value) in passage.headers.pairs { response.headers.add(name, value) }
        finish(&response, passage, seconds: Double(Fairness.now() - start) * 1e-9)
        return response
    }

    private func answer(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: Query, _ passage: inout Passage
    ) async throws(StatusError) -> HTTPResponse {
        // 1. Who?
        var user: UserInfo = try await authenticated(request, info, query, &passage)
        // 2. Is it written down?
        passage.trail = trail(request, info, query, user, passage.id)
        passage.trail?.write(.requestReceived)
        // 3. On whose behalf?
        let real: String = user.name
        user = try await impersonate(user, request)
        if user.name != real { passage.trail?.impersonates(user) }
        // 4. Is it their turn?
        let place: Fairness.Place? = try await turn(request, info, query, user, &passage)
        defer { if info.verb != "watch" { place?.leave() } }
        // 5. May they?
        try await authorize(info.attributes(user, query), passage, place)
        // 6. Do it.
        do throws(StatusError) {
            passage.place = place
            if let remote = remotes.entry(path: info.path) {
                let response: HTTPResponse = await remotes.forward(request, remote, as: user)
                if info.verb == "watch" { place?.leave() }
                return response
            }
            return try await dispatch(request, info, query, user, passage)
        } catch {
            if info.verb == "watch" { place?.leave() }
            throw error
        }
    }

    // MARK: who

    private func authenticated(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: Query, _ passage: inout Passage
    ) async throws(StatusError) -> UserInfo {
        do throws(StatusError) {
            let user: UserInfo = try await authenticate(request)
            metrics.authenticated(user)
            return user
        } catch {
            metrics.attempts.add(["failure"])
            passage.trail = trail(request, info, query, UserInfo(name: ""), passage.id)
            throw error
        }
    }

    private func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo {
        for authenticator in authenticators {
            if var user = try await authenticator.authenticate(request) {
                if !user.groups.contains(UserInfo.Group.authenticated),
                    !user.groups.contains(UserInfo.Group.unauthenticated)
                {
                    user.groups.append(UserInfo.Group.authenticated)
                }
                return user
            }
        }
        // A credential that nobody knows is an error; no credential is the anonymous user.
        if request.headers["Authorization"] != nil || request.peer != nil { throw .unauthorized() }
        return .anonymous
    }

    private func auditID(_ request: HTTPRequest) -> String {
        guard let given = request.headers["Audit-ID"], !given.isEmpty, given.utf8.count <= APIServer.auditIDLengthMax
        else { return Identifier.uid() }
        return given
    }

    private func trail(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: Query, _ user: UserInfo, _ id: String
    ) -> AuditTrail? {
        guard let audit = options.audit else { return nil }
        let attributes: RequestAttributes = info.attributes(user, query)
        let decision: AuditDecision = audit.policy.decide(attributes)
        audit.levels.add([decision.level.rawValue])
        guard decision.level > .none else { return nil }
        return AuditTrail(
            decision, audit, id: id, request: request, attributes: attributes, received: options.clock.now(),
            clock: options.clock)
    }

    // MARK: when

    /// Long-running requests have no end; the others 60 s, or less when they say so.
    private func limitTime(_ request: HTTPRequest, _ info: RequestInfo, _ query: Query) throws(StatusError) {
        guard !info.isLongRunning, let deadline = request.deadline else { return }
        deadline.set(secondsFromNow: try APIServer.seconds(query))
    }

    static func seconds(_ query: Query) throws(StatusError) -> Double {
        guard !query.pairs.isEmpty, let text = query.text("timeout") else { return requestSecondsMax }
        guard let nanoseconds = GoDuration.parse(text) else {
            throw .badRequest(
                "invalid timeout specified in the request URL - time: invalid duration \"\(text)\"")
        }
        let seconds: Double = Double(nanoseconds) * 1e-9
        return seconds <= 0 ? requestSecondsMax : min(seconds, requestSecondsMax)
    }

    private func turn(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: Query, _ user: UserInfo, _ passage: inout Passage
    ) async throws(StatusError) -> Fairness.Place? {
        if info.isLongRunning, info.verb != "watch" { return nil }
        let seconds: Double = info.verb == "watch" ? APIServer.requestSecondsMax : try APIServer.seconds(query)
        let entrance: Fairness.Entrance = await fairness.enter(
            FlowDigest(user, info), waitNanoseconds: Int64(seconds * APIServer.waitPart * 1e9),
            width: { self.width(info, query, nominalSeats: $0) })
        switch entrance {
        case .admitted(let place):
            passage.tell(place.schemaUID, place.levelUID)
            return place
        case .refused(let schemaUID, let levelUID, _):
            passage.tell(schemaUID, levelUID)
            metrics.requests.terminated(passage.labels, code: 429)
            throw .tooManyRequests("Too many requests, please try again later.", retryAfterSeconds: 1)
        }
    }

    private func width(_ info: RequestInfo, _ query: Query, nominalSeats: Int) -> RequestWidth {
        guard info.isResourceRequest else { return RequestWidth() }
        switch info.verb {
        case "get": return RequestWidth()
        case "list", "watch":
            if info.verb == "watch", !WatchResponse.startsWithPresent(query) || !info.name.isEmpty {
                return RequestWidth()
            }
            guard let definition = registry.definition(info.gvr), definition.isStored else { return RequestWidth() }
            let limit: Int = query["limit"].flatMap { Int($0) } ?? 0
            return .list(objects: registry.cache(definition).count, limit: limit, nominalSeats: nominalSeats)
        default:
            return .write(watchers: metrics.requests.watchers(group: info.group, resource: info.resource))
        }
    }

    // MARK: may they

    private func authorize(
        _ attributes: RequestAttributes, _ passage: Passage, _ place: Fairness.Place?
    ) async throws(StatusError) {
        let reason: String
        switch await registry.authorizer.authorize(attributes) {
        case .allow(let why):
            metrics.authorizations.add(["allowed"])
            guard let trail = passage.trail else { return }
            trail.annotate("authorization.k8s.io/decision", "allow")
            trail.annotate("authorization.k8s.io/reason", why)
            return
        case .deny(let why):
            metrics.authorizations.add(["denied"])
            reason = why
        case .noOpinion(let why):
            metrics.authorizations.add(["no-opinion"])
            reason = why
        }
        passage.trail?.annotate("authorization.k8s.io/decision", "forbid")
        passage.trail?.annotate("authorization.k8s.io/reason", reason)
        if attributes.verb == "watch" { place?.leave() }
        throw Registry.forbidden(attributes, reason)
    }

    // MARK: the end

    /// Counts and writes down; a stream at its own end.
    private func finish(_ response: inout HTTPResponse, _ passage: Passage, seconds: Double) {
        let labels: RequestLabels = passage.labels
        let trail: AuditTrail? = passage.trail
        let status: Int = response.status
        switch response.body {
        case .bytes(let bytes):
            metrics.requests.count(labels, code: status, seconds: seconds, size: bytes.count)
            trail?.write(.responseComplete, code: status, failure: passage.failure)
        case .stream(let run):
            metrics.requests.count(labels, code: status, seconds: seconds, size: nil)
            trail?.write(.responseStarted, code: status)
            let requests: RequestMetrics = metrics.requests
            response.body = .stream { writer in
                requests.longBegan(labels)
                defer {
                    requests.longEnded(labels)
                    trail?.write(.responseComplete, code: status)
                }
                try await run(writer)
            }
        case .upgrade(let run):
            metrics.requests.count(labels, code: status, seconds: seconds, size: nil)
            trail?.write(.responseStarted, code: status)
            let requests: RequestMetrics = metrics.requests
            response.body = .upgrade { stream in
                requests.longBegan(labels)
                defer {
                    requests.longEnded(labels)
                    trail?.write(.responseComplete, code: status)
                }
                await run(stream)
            }
        }
    }
}

/// Paths that no client of the API writes: refused before anybody splits them otherwise than we do.
enum PathRules {
    static func check(_ info: RequestInfo) throws(StatusError) {
        guard info.isResourceRequest else { return }
        if info.hasEmptySegment { throw .noSuchResource }
        for name in [info.name, info.namespace] where !name.isEmpty {
            guard let fault = PathRules.fault(name) else { continue }
            throw .badRequest("Name parameter invalid: \(JSON.string(name)): \(fault)")
        }
    }

    /// k8s.io/apimachinery/pkg/api/validation/path.IsValidPathSegmentName.
    private static func fault(_ name: String) -> String? {
        if name == "." { return "may not be '.'" }
        if name == ".." { return "may not be '..'" }
        var faults: [String] = []
        for byte in [UInt8(ascii: "/"), UInt8(ascii: "%")] where name.utf8.contains(byte) {
            faults.append("may not contain '\(Character(Unicode.Scalar(byte)))'")
        }
        return faults.isEmpty ? nil : faults.joined(separator: ";")
    }
}
