// The API server's authorizer library: `authorizer.group('').resource('pods').namespace('x').check('get').allowed()`.

import Synchronization

/// What an expression asks of the authorizer.
package struct CELAccessCheck: Sendable, Hashable {
    /// Set for `authorizer.path(…)`; then nothing else but the verb counts.
    package var path: String = ""
    package var group: String = ""
    package var resource: String = ""
    package var subresource: String = ""
    package var namespace: String = ""
    package var name: String = ""
    package var verb: String = ""
    package var fieldSelector: String = ""
    package var labelSelector: String = ""
    /// Set by `authorizer.serviceAccount(namespace, name)`; empty: the user of the request.
    package var serviceAccount: String = ""

    package init() {}
}

package struct CELAccessDecision: Sendable, Hashable {
    package var isAllowed: Bool
    package var reason: String
    /// Empty: the check itself worked.
    package var failure: String
    package init(isAllowed: Bool, reason: String, failure: String = "") {
        self.isAllowed = isAllowed
        self.reason = reason
        self.failure = failure
    }
}

/// Answers checks. Evaluation never waits: nil means not known yet, and the evaluation ends with `CELError.pending`.
package protocol CELAuthorizer: Sendable {
    func decision(_ check: CELAccessCheck) -> CELAccessDecision?
}

/// Remembers answers for one request: after `pending`, ask `wanted`, `put` the answer, and evaluate again.
package final class CELAuthorizationMemo: CELAuthorizer {
    private struct State {
        var known: [CELAccessCheck: CELAccessDecision] = [:]
        var wanted: CELAccessCheck?
    }
    private let state: Mutex<State> = Mutex(State())
    package init() {}

    package func decision(_ check: CELAccessCheck) -> CELAccessDecision? {
        state.withLock { s in
            if let d = s.known[check] { return d }
            s.wanted = check
            return nil
        }
    }
    /// The check that the last evaluation lacked.
    package var wanted: CELAccessCheck? { state.withLock { $0.wanted } }
    package func put(_ check: CELAccessCheck, _ decision: CELAccessDecision) {
        state.withLock { s in
            s.known[check] = decision
            s.wanted = nil
        }
    }
}

/// Each step of the chain is a value of its own type, as the checker wants it.
struct CELAccess: CELOpaque {
    enum Stage: String {
        case authorizer = "Authorizer", path = "PathCheck", group = "GroupCheck", resource = "ResourceCheck"
    }
    var stage: Stage
    var check: CELAccessCheck
    var authorizer: any CELAuthorizer
    var type: CELType { .opaque("kubernetes.authorization." + stage.rawValue) }
    func isEqual(_ other: any CELOpaque) -> Bool {
        guard let o = other as? CELAccess else { return false }
        return o.stage == stage && o.check == check
    }
}

struct CELDecisionValue: CELOpaque {
    let decision: CELAccessDecision
    var type: CELType { .opaque("kubernetes.authorization.Decision") }
    func isEqual(_ other: any CELOpaque) -> Bool { (other as? CELDecisionValue)?.decision == decision }
}

extension CELValue {
    /// The variable `authorizer`.
    package static func authorizer(_ a: any CELAuthorizer) -> CELValue {
        .opaque(CELAccess(stage: .authorizer, check: CELAccessCheck(), authorizer: a))
    }
    /// The variable `authorizer.requestResource`: the resource of the request itself.
    package static func requestResource(_ check: CELAccessCheck, _ a: any CELAuthorizer) -> CELValue {
        .opaque(CELAccess(stage: .resource, check: check, authorizer: a))
    }
}

enum CELAuthorizers {
    static func add(to l: inout CELLibrary) {
        let p: String = "kubernetes.authorization."
        func step(
            _ name: String, _ from: String, _ to: CELAccess.Stage,
            _ set: @escaping @Sendable (inout CELAccessCheck, [String]) -> Void,
            count: Int = 1
        ) {
            let parameters: String = Array(repeating: "string", count: count).joined(separator: ", ")
            l.add(name, "\(p)\(from).(\(parameters)) \(p)\(to.rawValue)", isPure: false) { (a, _) throws(CELError) in
                guard case .opaque(let o) = a[0], var access = o as? CELAccess else { throw .noSuchOverload }
                var texts: [String] = []
                for v in a.dropFirst() { texts.append(try CELStrings.text(v)) }
                set(&access.check, texts)
                access.stage = to
                return .opaque(access)
            }
        }
        step("path", "Authorizer", .path) { $0.path = $1[0] }
        step("group", "Authorizer", .group) { $0.group = $1[0] }
        step(
            "serviceAccount", "Authorizer", .authorizer,
            { $0.serviceAccount = "system:serviceaccount:\($1[0]):\($1[1])" }, count: 2)
        step("resource", "GroupCheck", .resource) { $0.resource = $1[0] }
        step("subresource", "ResourceCheck", .resource) { $0.subresource = $1[0] }
        step("namespace", "ResourceCheck", .resource) { $0.namespace = $1[0] }
        step("name", "ResourceCheck", .resource) { $0.name = $1[0] }
        step("fieldSelector", "ResourceCheck", .resource) { $0.fieldSelector = $1[0] }
        step("labelSelector", "ResourceCheck", .resource) { $0.labelSelector = $1[0] }
        for from in ["PathCheck", "ResourceCheck"] {
            l.add("check", "\(p)\(from).(string) \(p)Decision", cost: .constant(350_000), isPure: false) {
                (a, _) throws(CELError) in
                guard case .opaque(let o) = a[0], var access = o as? CELAccess else { throw .noSuchOverload }
                access.check.verb = try CELStrings.text(a[1])
                guard let d = access.authorizer.decision(access.check) else { throw .pending }
                return .opaque(CELDecisionValue(decision: d))
            }
        }
        func part(_ name: String, _ result: String, _ of: @escaping @Sendable (CELAccessDecision) -> CELValue) {
            l.add(name, "\(p)Decision.() \(result)", isPure: false) { (a, _) throws(CELError) in
                guard case .opaque(let o) = a[0], let d = o as? CELDecisionValue else { throw .noSuchOverload }
                return of(d.decision)
            }
        }
        part("allowed", "bool") { .bool($0.isAllowed) }
        part("reason", "string") { .string($0.reason) }
        part("errored", "bool") { .bool(!$0.failure.isEmpty) }
        part("error", "string") { .string($0.failure) }
    }
}
