// What one request leaves behind for the audit log: audit.k8s.io/v1 Event, stage by stage.

import KubeBase
import KubeModel
import KubeNet
import KubeWire
import Synchronization

/// Filled on the request's way; nil in a context: nobody writes this request down.
package final class AuditTrail: Sendable {
    private struct State {
        var annotations: [(key: String, value: String)] = []
        var objectReference: JSON = .null
        var requestObject: JSON = .null
        var responseObject: JSON = .null
        var impersonated: UserInfo?
    }
    let level: AuditLevel
    private let decision: AuditDecision
    private let log: AuditLog
    private let head: JSON
    private let received: Timestamp
    private let clock: any TimeSource
    private let state: Mutex<State>

    init(
        _ decision: AuditDecision, _ log: AuditLog, id: String, request: HTTPRequest, attributes: RequestAttributes,
        received: Timestamp, clock: any TimeSource
    ) {
        self.decision = decision
        self.level = decision.level
        self.log = log
        self.received = received
        self.clock = clock
        var head: JSON = [
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": .string(decision.level.rawValue),
            "auditID": .string(id), "stage": "",
            "requestURI": .string(request.rawQuery.isEmpty ? request.path : request.path + "?" + request.rawQuery),
            "verb": .string(attributes.verb), "user": attributes.user.json,
        ]
        head.sourceIPs = JSON(AuditTrail.sources(request))
        if let agent = request.headers["User-Agent"] { head.userAgent = .string(agent) }
        self.head = head
        var state: State = State()
        if attributes.isResourceRequest { state.objectReference = AuditTrail.reference(attributes) }
        self.state = Mutex(state)
    }

    /// X-Forwarded-For, X-Real-Ip, then the peer itself.
    private static func sources(_ request: HTTPRequest) -> [String] {
        var all: [String] = (request.headers["X-Forwarded-For"] ?? "").split(separator: ",").map {
            String($0.drop { $0 == " " })
        }
        if let real = request.headers["X-Real-Ip"], !all.contains(real) { all.append(real) }
        var peer: Substring = request.remoteAddress[...]
        if let colon = peer.lastIndex(of: ":") { peer = peer[..<colon] }
        let host: String = String(peer.drop { $0 == "[" }.prefix { $0 != "]" })
        if !host.isEmpty, all.last != host { all.append(host) }
        return all
    }

    private static func reference(_ a: RequestAttributes) -> JSON {
        var r: JSON = ["resource": .string(a.resource)]
        if !a.namespace.isEmpty { r.namespace = .string(a.namespace) }
        if !a.name.isEmpty { r.name = .string(a.name) }
        if !a.group.isEmpty { r.apiGroup = .string(a.group) }
        r.apiVersion = .string(a.version)
        if !a.subresource.isEmpty { r.subresource = .string(a.subresource) }
        return r
    }

    // MARK: on the way

    /// The first value of a key stays, as upstream.
    package func annotate(_ key: String, _ value: String) {
        state.withLock { s in
            if !s.annotations.contains(where: { $0.key == key }) { s.annotations.append((key, value)) }
        }
    }

    func impersonates(_ user: UserInfo) { state.withLock { $0.impersonated = user } }

    func request(_ object: JSON, isPatch: Bool) {
        state.withLock { s in
            if !isPatch, s.objectReference.exists {
                for (field, value) in [
                    ("namespace", object.metadata.namespace), ("name", object.metadata.name),
                    ("uid", object.metadata.uid), ("resourceVersion", object.metadata.resourceVersion),
                ] where value.text != "" && !s.objectReference[field].exists {
                    s.objectReference[field] = value
                }
            }
            if level >= .request { s.requestObject = trimmed(object) }
        }
    }

    func response(_ make: () -> JSON) {
        guard level >= .requestResponse else { return }
        let object: JSON = trimmed(make())
        state.withLock { $0.responseObject = object }
    }

    private func trimmed(_ object: JSON) -> JSON {
        guard decision.omitsManagedFields else { return object }
        var o: JSON = object
        if o.metadata.managedFields.exists { o.metadata.managedFields = .null }
        if let items = o["items"].asArray {
            o["items"] = .array(
                items.map { item in
                    var i: JSON = item
                    if i.metadata.managedFields.exists { i.metadata.managedFields = .null }
                    return i
                })
        }
        return o
    }

    // MARK: stages

    /// `failure`: the Status of a refused request.
    func write(_ stage: AuditStage, code: Int? = nil, failure: JSON = .null) {
        guard !decision.omitsStages.contains(stage) else { return }
        let s: State = state.withLock { $0 }
        var event: JSON = head
        event.stage = .string(stage.rawValue)
        if let user = s.impersonated { event.impersonatedUser = user.json }
        if s.objectReference.exists { event.objectRef = s.objectReference }
        if let code {
            var status: JSON = ["metadata": [:]]
            if failure.exists {
                status.status = failure.status
                status.message = failure.message
                status.reason = failure.reason
                status.details = failure.details
            }
            status.code = JSON(code)
            event.responseStatus = status
        }
        if s.requestObject.exists { event.requestObject = s.requestObject }
        if code != nil {
            let shown: JSON = s.responseObject.exists || level < .requestResponse ? s.responseObject : failure
            if shown.exists { event.responseObject = shown }
        }
        event.requestReceivedTimestamp = .string(received.rfc3339Micro)
        event.stageTimestamp = .string(clock.now().rfc3339Micro)
        if !s.annotations.isEmpty {
            event.annotations = .object(
                JSONObject(
                    unique: s.annotations.sorted { $0.key < $1.key }.map { ($0.key, JSON.string($0.value)) }))
        }
        log.offer(event.encoded())
    }
}
