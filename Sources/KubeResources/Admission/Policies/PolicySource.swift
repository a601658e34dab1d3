// Policies with their bindings, followed: a written one is in force, compiled, from the next request on.

import KubeModel
import KubeServer
import KubeWire
import Synchronization

/// `Policy` is what a policy object is compiled to; made when a request first needs it, once per change.
final class PolicySource<Policy: Sendable>: Sendable {
    struct Bound: Sendable {
        let policy: Policy
        let bindings: [PolicyBinding]
    }
    private struct State {
        var isFollowing: Bool = false
        var policies: [String: JSON] = [:]
        var compiled: [String: Policy] = [:]
        var bindings: [String: PolicyBinding] = [:]
        /// Nil: to be made anew.
        var bound: [Bound]? = []
    }
    private let policies: GroupVersionResource
    private let bindings: GroupVersionResource
    private let compile: @Sendable (JSON) -> Policy
    private let state: Mutex<State> = Mutex(State())

    init(
        _ policies: GroupVersionResource, _ bindings: GroupVersionResource,
        _ compile: @escaping @Sendable (JSON) -> Policy
    ) {
        self.policies = policies
        self.bindings = bindings
        self.compile = compile
    }

    /// Those with bindings, in the order of their names.
    func bound(_ registry: any ObjectRegistry) -> [Bound] {
        let isFirst: Bool = state.withLock { s in
            defer { s.isFollowing = true }
            return !s.isFollowing
        }
        if isFirst {
            registry.onChange(policies) { [weak self] old, new in self?.changed(policy: old, new) }
            registry.onChange(bindings) { [weak self] old, new in self?.changed(binding: old, new) }
        }
        return state.withLock { s in
            if let known = s.bound { return known }
            var made: [Bound] = []
            for (name, object) in s.policies.sorted(by: { $0.key < $1.key }) {
                let mine: [PolicyBinding] = s.bindings.values.filter { $0.policy == name }.sorted { $0.name < $1.name }
                guard !mine.isEmpty else { continue }
                let policy: Policy = s.compiled[name] ?? compile(object)
                s.compiled[name] = policy
                made.append(Bound(policy: policy, bindings: mine))
            }
            s.bound = made
            return made
        }
    }

    private func changed(policy old: JSON?, _ new: JSON?) {
        guard let name = (new ?? old)?.meta.name else { return }
        state.withLock { s in
            // Status and metadata change nothing.
            if let new, s.policies[name]?.spec == new.spec { return }
            s.policies[name] = new
            s.compiled[name] = nil
            s.bound = nil
        }
    }

    private func changed(binding old: JSON?, _ new: JSON?) {
        guard let name = (new ?? old)?.meta.name else { return }
        state.withLock { s in
            s.bindings[name] = new.map { PolicyBinding($0) }
            s.bound = nil
        }
    }
}

struct PolicyBinding: Sendable {
    let name: String
    let policy: String
    let params: JSON
    let constraints: PolicyConstraints
    /// Deny, Warn, Audit.
    let actions: [String]

    init(_ object: JSON) {
        name = object.meta.name
        policy = object.spec.policyName.text
        params = object.spec.paramRef
        constraints = PolicyConstraints(object.spec.matchResources)
        actions = object.spec.validationActions.strings
    }
}
