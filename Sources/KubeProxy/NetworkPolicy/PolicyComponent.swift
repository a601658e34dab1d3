// The shell of NetworkPolicies on one node.

import KubeAPI
package import KubeBase
package import KubeClient
import KubeModel
package import KubeWire
import Logging
import Synchronization

/// Watches policies; pods and namespaces only from the first policy on, for a cluster without policies should cost
/// nothing. The client may list and watch networkpolicies, pods and namespaces.
///
///     informer event or admitted pod → view, wanted += 1, wake → transaction → kernel → programmed = wanted
package final class PolicyComponent: Component {
    private struct State {
        var view: PolicyView
        /// Pods of this node whose address the API does not know yet.
        var admitted: [ObjectKey: PolicyPod] = [:]
        /// What the kernel holds; nil: unknown.
        var written: Ruleset?
        /// Somebody else changed the table.
        var isSuspect: Bool = false
        /// Counts changes of the view.
        var progress: KernelProgress = KernelProgress()
    }

    package let name: String = "network-policy"
    /// Refused transactions in a row after which nobody is kept waiting any longer.
    package static let failuresMax: Int = 5

    private static let table: Table = Table(name: "apus-policy")
    private let state: Mutex<State>
    private let informers: InformerSet
    private let policies: Informer
    private let filter: PacketFilter
    private let alarm: TableAlarm?
    private let time: any TimeSource
    private let news: Wakeup = Wakeup()
    private let log: Logger = .component("network-policy")

    /// `informers` are run by whoever made them.
    package init(
        informers: InformerSet, nodeName: String, filter: @escaping PacketFilter, alarm: TableAlarm? = nil,
        time: any TimeSource = SystemTime()
    ) {
        state = Mutex(State(view: PolicyView(nodeName: nodeName)))
        self.informers = informers
        policies = informers[API.networkPolicies]
        self.filter = filter
        self.alarm = alarm
        self.time = time
    }

    /// In the network namespace that this process is in.
    package convenience init(informers: InformerSet, nodeName: String) {
        self.init(
            informers: informers, nodeName: nodeName, filter: Kernel.packetFilter(),
            alarm: TableAlarm(table: "apus-policy"))
    }

    /// Returns when the rules for a pod of this node are in force. `addresses` are those of its sandbox: the API learns
    /// them later. To be called before the first container starts.
    package func admit(_ pod: JSON, addresses: [String]) async {
        await policies.waitForSync()
        var known: JSON = pod
        known.status.podIP = .string(addresses.first(where: ServicePort.isIPv4) ?? "")
        if let pod: PolicyPod = PolicyPod(known) {
            let isConcerned: Bool = state.withLock {
                if $0.view.policies.isEmpty { return false }
                $0.admitted[pod.key] = pod
                $0.view.pods[pod.key] = pod
                $0.progress.changed()
                return true
            }
            if isConcerned { news.raise() }
        }
        await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
            if !state.withLock({ !$0.view.policies.isEmpty && $0.progress.wait(waiter) }) { waiter.resume() }
        }
    }

    package func run() async throws {
        defer { stop() }
        policies.onChange { [self] old, new in
            guard let key: ObjectKey = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
            note { $0.view.policies[key] = new }
        }
        await policies.waitForSync()
        while !Task.isCancelled, state.withLock({ $0.view.policies.isEmpty }) { await news.wait() }
        try Task.checkCancellation()
        let pods: Informer = informers[API.pods]
        let namespaces: Informer = informers[API.namespaces]
        pods.onChange { [self] old, new in
            guard let key: ObjectKey = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
            let pod: PolicyPod? = new.flatMap { PolicyPod($0) }
            // Most updates of a pod change nothing here.
            let isNews: Bool = state.withLock { s in
                if let admitted: PolicyPod = s.admitted[key] {
                    // An earlier pod of that name, or one whose address has not reached the API.
                    let isOther: Bool = admitted.uid != (new ?? old)?.metadata.uid.text
                    if isOther || (pod == nil && Self.isOnItsWay(new)) { return false }
                    s.admitted[key] = nil
                }
                guard s.view.pods[key] != pod else { return false }
                s.view.pods[key] = pod
                s.progress.changed()
                return true
            }
            if isNews { news.raise() }
        }
        namespaces.onChange { [self] old, new in
            guard let name: String = (new ?? old)?.metadata.name.text else { return }
            let labels: [String: String]? = new?.metadata.labels.stringMap
            note { $0.view.namespaces[name] = labels }
        }
        for informer in [pods, namespaces] { await informer.waitForSync() }
        state.withLock { s in s.view.pods.merge(s.admitted) { seen, _ in seen } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let alarm {
                group.addTask { [self] in
                    for await _ in alarm.alarms {
                        log.warning("the table \(alarm.table) was changed by somebody else, writing it anew")
                        note { $0.isSuspect = true }
                    }
                }
            }
            group.addTask { [self] in try await write() }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Not over, and without an address in the API.
    private static func isOnItsWay(_ pod: JSON?) -> Bool {
        guard let pod else { return false }
        return pod.status.podIP.text.isEmpty && !["Succeeded", "Failed"].contains(pod.status.phase.text)
    }

    private func note(_ change: (inout State) -> Void) {
        state.withLock {
            change(&$0)
            $0.progress.changed()
        }
        news.raise()
    }

    private func write() async throws {
        var backoff: Duration = .milliseconds(100)
        var failures: Int = 0
        while !Task.isCancelled {
            let (transaction, ruleset, wanted): (JSON?, Ruleset, Int) = state.withLock { s in
                let ruleset: Ruleset = PolicyRules.ruleset(s.view)
                if s.isSuspect { s.written = nil }
                s.isSuspect = false
                guard let old: Ruleset = s.written else { return (Self.table.rewrite(ruleset), ruleset, s.progress.wanted) }
                return (Self.table.transaction(from: old, to: ruleset), ruleset, s.progress.wanted)
            }
            do {
                if let transaction {
                    alarm?.expect()
                    try await filter(transaction)
                }
                backoff = .milliseconds(100)
                failures = 0
                for waiter in reached(wanted, ruleset) { waiter.resume() }
                await news.wait()
            } catch {
                log.error("nftables refused the policies, writing them anew in \(backoff): \(error)")
                alarm?.unexpect()
                failures += 1
                // A node without a packet filter still runs pods.
                if failures == Self.failuresMax { for waiter in reached(wanted, nil) { waiter.resume() } }
                state.withLock { $0.written = nil }
                try await time.sleep(for: backoff)
                backoff = min(backoff * 2, .seconds(30))
            }
        }
    }

    private func reached(_ wanted: Int, _ ruleset: Ruleset?) -> [CheckedContinuation<Void, Never>] {
        state.withLock { s in
            s.written = ruleset
            return s.progress.reached(wanted)
        }
    }

    private func stop() {
        for waiter in state.withLock({ $0.progress.stop() }) { waiter.resume() }
    }
}
