// Fills in ClusterRoles that collect the rules of others: spec `aggregationRule`.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class ClusterRoleAggregation: Component {
    private let context: ControllerContext
    private let roles: Informer
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        roles = context.informers[API.clusterRoles]
        queue = WorkQueue(time: context.time)
        let (queue, roles): (WorkQueue<ObjectKey>, Informer) = (queue, roles)
        roles.onChange { old, new in
            if let old, let new, old.rules == new.rules, old.metadata.labels == new.metadata.labels,
                old.aggregationRule == new.aggregationRule
            {
                return
            }
            for role in roles.list() where role.aggregationRule.exists { queue.add(ObjectKey(of: role)) }
        }
    }

    var name: String { "clusterrole-aggregation-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue, ready: { [roles] in await roles.waitForSync() },
            reconcile: { try await self.reconcile($0) }
        ).run()
    }

    /// The rules of every role that one of the selectors matches, in order of names, each once.
    static func rules(of role: JSON, among all: [JSON]) -> [JSON] {
        let selectors: [LabelSelector] = role.aggregationRule.clusterRoleSelectors.elements.map { LabelSelector($0) }
        var rules: [JSON] = []
        var seen: Set<JSON> = []
        for other in all.sorted(by: { $0.metadata.name.text < $1.metadata.name.text })
        where other.metadata.name != role.metadata.name && selectors.contains(where: { $0.matches(object: other) }) {
            for rule in other.rules.elements where seen.insert(rule).inserted { rules.append(rule) }
        }
        return rules
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        guard let role = roles.get(key), role.aggregationRule.exists else { return .done }
        let rules: [JSON] = Self.rules(of: role, among: roles.list())
        if Canonical.equal(.array(rules), role.rules) { return .done }
        var updated: JSON = role
        updated.rules = .array(rules)
        let written: JSON = updated
        try await ifPresent { () async throws(StatusError) in
            try await context.client.update(API.clusterRoles, written)
        }
        return .done
    }
}
