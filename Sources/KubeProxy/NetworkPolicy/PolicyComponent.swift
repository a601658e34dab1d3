// The shell of NetworkPolicies on one node.

package import KubeBase
package import KubeClient
import KubeModel
import KubeWire
import Logging
import Synchronization

/// Watches policies; pods and namespaces only from the first policy on, for a cluster without policies should cost
/// nothing. The client may list and watch networkpolicies, pods and namespaces.
package final class PolicyComponent: Component {
    private struct State {
        var view: PolicyView
        var written: Ruleset?
    }

    package let name: String = "network-policy"
    private static let table: Table = Table(name: "apus-policy")
    private let state: Mutex<State>
    private let policies: Informer
    private let pods: Informer
    private let namespaces: Informer
    private let filter: PacketFilter
    private let time: any TimeSource
    private let news: Wakeup = Wakeup()
    private let log: Logger = .component("network-policy")

    package init(
        client: Client, nodeName: String, filter: @escaping PacketFilter, time: any TimeSource = SystemTime()
    ) {
        state = Mutex(State(view: PolicyView(nodeName: nodeName)))
        policies = Informer(client, GroupVersionResource("networking.k8s.io/v1", "networkpolicies"))
        pods = Informer(client, GroupVersionResource("v1", "pods"))
        namespaces = Informer(client, GroupVersionResource("v1", "namespaces"))
        self.filter = filter
        self.time = time
    }

    /// In the network namespace that this process is in.
    package convenience init(client: Client, nodeName: String) {
        self.init(client: client, nodeName: nodeName, filter: Kernel.packetFilter())
    }

    package func run() async throws {
        policies.onChange { [self] old, new in
            guard let key: ObjectKey = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
            note { $0.policies[key] = new }
        }
        pods.onChange { [self] old, new in
            guard let key: ObjectKey = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
            let pod: PolicyPod? = new.flatMap { PolicyPod($0) }
            // Most updates of a pod change nothing here.
            guard state.withLock({ $0.view.pods[key] != pod }) else { return }
            note { $0.pods[key] = pod }
        }
        namespaces.onChange { [self] old, new in
            guard let name: String = (new ?? old)?.metadata.name.text else { return }
            note { $0.namespaces[name] = new?.metadata.labels.stringMap }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [policies] in try await policies.run() }
            await policies.waitForSync()
            while !Task.isCancelled, state.withLock({ $0.view.policies.isEmpty }) { await news.wait() }
            for informer in [pods, namespaces] { group.addTask { try await informer.run() } }
            for informer in [pods, namespaces] { await informer.waitForSync() }
            try await write()
            group.cancelAll()
        }
    }

    private func note(_ change: (inout PolicyView) -> Void) {
        state.withLock { change(&$0.view) }
        news.raise()
    }

    private func write() async throws {
        var backoff: Duration = .milliseconds(100)
        while !Task.isCancelled {
            let (transaction, wanted): (JSON?, Ruleset) = state.withLock { s in
                let wanted: Ruleset = PolicyRules.ruleset(s.view)
                guard let old: Ruleset = s.written else { return (Self.table.rewrite(wanted), wanted) }
                return (Self.table.transaction(from: old, to: wanted), wanted)
            }
            do {
                if let transaction { try await filter(transaction) }
                state.withLock { $0.written = wanted }
                backoff = .milliseconds(100)
                await news.wait()
            } catch {
                log.error("nftables refused the policies, writing them anew in \(backoff): \(error)")
                state.withLock { $0.written = nil }
                try await time.sleep(for: backoff)
                backoff = min(backoff * 2, .seconds(30))
            }
        }
    }
}
