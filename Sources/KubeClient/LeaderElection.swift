// Runs components while we hold a Lease, so that of several servers one acts.

package import KubeBase
import KubeModel
import KubeWire
import Logging

/// `run` returns when leadership is lost or the task is cancelled; others take over when the lease has
/// not been renewed for its duration.
package struct LeaderElection: Component {
    private static let leases: GroupVersionResource = GroupVersionResource("coordination.k8s.io/v1", "leases")

    package let name: String
    private let client: Client
    private let namespace: String
    private let identity: String
    private let time: any TimeSource
    private let lead: @Sendable () async throws -> Void

    /// `name` is the Lease's: `kube-controller-manager`.
    package init(
        _ name: String, namespace: String = "kube-system", identity: String, client: Client, time: any TimeSource,
        lead: @escaping @Sendable () async throws -> Void
    ) {
        self.name = name
        self.namespace = namespace
        self.identity = identity
        self.client = client
        self.time = time
        self.lead = lead
    }

    package func run() async throws {
        let log: Logger = .component("leader.\(name)")
        var brain: LeaseBrain = LeaseBrain(identity: identity, now: time.now())
        while !brain.isLeader { try await turn(&brain) }
        log.info("\(identity) became leader of \(namespace)/\(name)")
        let won: LeaseBrain = brain
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await lead() }
            group.addTask {
                var brain: LeaseBrain = won
                while brain.isLeader { try await turn(&brain) }
                log.info("\(identity) lost \(namespace)/\(name) to \"\(brain.leader)\"")
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func turn(_ brain: inout LeaseBrain) async throws {
        if !brain.isLeader { await observe(&brain) }
        switch brain.step(now: time.now()) {
        case .lost: return
        case .wait(let delay): try await time.sleep(for: delay)
        case .create(let spec):
            let lease: JSON = [
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": ["name": .string(name), "namespace": .string(namespace)], "spec": spec,
            ]
            try await attempt(&brain) { () async throws(StatusError) in
                try await client.create(Self.leases, namespace: namespace, lease)
            }
        case .update(let lease):
            try await attempt(&brain) { () async throws(StatusError) in try await client.update(Self.leases, lease) }
        }
    }

    private func attempt(_ brain: inout LeaseBrain, _ write: () async throws(StatusError) -> JSON) async throws {
        do throws(StatusError) {
            brain.wrote(try await write(), now: time.now())
            return
        } catch {
            // Somebody was quicker, or the API is away: look again, and not at once.
        }
        await observe(&brain)
        try await time.sleep(for: LeaseBrain.retryPeriod)
    }

    private func observe(_ brain: inout LeaseBrain) async {
        do throws(StatusError) {
            brain.observe(try await client.get(Self.leases, namespace: namespace, name), now: time.now())
        } catch {
            if error.isNotFound { brain.observe(nil, now: time.now()) }
        }
    }
}
