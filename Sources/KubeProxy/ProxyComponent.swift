// The proxy's shell: informers feed the brain, its transactions go to the kernel.

import KubeAPI
package import KubeBase
package import KubeClient
import KubeModel
package import KubeWire
import Logging
import Synchronization

/// Applies one libnftables JSON document as one transaction in the node's network namespace.
package typealias PacketFilter = @Sendable (JSON) async throws -> Void
/// Forgets UDP flows.
package typealias FlowTable = @Sendable ([StaleFlows]) async -> Void

/// Readies the node's network for the rules; may run again.
package typealias NetworkPreparation = @Sendable () async throws -> Void

/// Keeps one node's packet filter equal to the cluster's Services.
///
///     informer event → brain, progress.changed, wake → transaction → kernel → progress.reached → waiters resume
package final class ProxyComponent: Component {
    private struct State {
        var brain: ProxyBrain
        var progress: KernelProgress = KernelProgress()
    }

    private let state: Mutex<State>
    private let ownInformers: InformerSet?
    private let services: Informer
    private let slices: Informer
    private let nodes: Informer
    private let filter: PacketFilter
    private let flows: FlowTable
    private let prepare: NetworkPreparation
    private let alarm: TableAlarm?
    private let wake: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private let time: any TimeSource
    private let log: Logger = .component("proxy")

    /// Refused transactions in a row after which nobody is kept waiting any longer.
    package static let failuresMax: Int = 5

    package let name: String = "proxy"

    /// `informers` are run by whoever made them; nil: the proxy makes and runs its own. `alarm` tells of foreign changes
    /// to our table; nil: none are noticed.
    package init(
        client: Client, informers shared: InformerSet? = nil, network: ProxyNetwork,
        filter: @escaping PacketFilter, flows: @escaping FlowTable, prepare: @escaping NetworkPreparation, alarm: TableAlarm? = nil, time: any TimeSource = SystemTime()
    ) {
        state = Mutex(State(brain: ProxyBrain(network: network)))
        let informers: InformerSet = shared ?? InformerSet(client)
        ownInformers = shared == nil ? informers : nil
        services = informers[API.services]
        slices = informers[API.endpointSlices]
        nodes = Informer(
            client, API.nodes, query: ["fieldSelector": "metadata.name=" + network.nodeName])
        self.filter = filter
        self.flows = flows
        self.prepare = prepare
        self.alarm = alarm
        self.time = time
        wake = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Returns when every change that had reached this node by the time of the call stands in the kernel; at once when
    /// the proxy has stopped.
    package func waitUntilProgrammed() async {
        await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
            if !state.withLock({ $0.progress.wait(waiter) }) { waiter.resume() }
        }
    }

    package func run() async throws {
        listen()
        defer { stop() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [nodes] in try await nodes.run() }
            if let ownInformers { group.addTask { try await ownInformers.run() } }
            if let alarm {
                group.addTask { [self] in
                    for await _ in alarm.alarms {
                        log.warning("the table \(alarm.table) was changed by somebody else, writing it anew")
                        note { $0.suspect() }
                    }
                }
            }
            group.addTask { [self] in try await write() }
            try await group.next()
            group.cancelAll()
        }
    }

    private func listen() {
        // The newest state, whatever the order in which handlers run.
        services.onChange { [self] old, new in
            guard let key: ObjectKey = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
            note { [services] in $0.on(service: old, services.get(key)) }
        }
        slices.onChange { [self] old, new in
            guard let key: ObjectKey = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
            note { [slices] in $0.on(slice: old, slices.get(key)) }
        }
        nodes.onChange { [self] _, new in note { $0.on(node: new) } }
    }

    private func note(_ event: (inout ProxyBrain) -> Void) {
        state.withLock {
            event(&$0.brain)
            $0.progress.changed()
        }
        wake.continuation.yield()
    }

    private func write() async throws {
        for informer in [services, slices, nodes] { await informer.waitForSync() }
        try Task.checkCancellation()
        try await prepare()
        wake.continuation.yield()
        var backoff: Duration = .milliseconds(100)
        var failures: Int = 0
        for await _ in wake.stream {
            let (change, wanted): (ProxyChange, Int) = state.withLock { ($0.brain.change(), $0.progress.wanted) }
            do {
                if let transaction: JSON = change.transaction {
                    alarm?.expect()
                    try await filter(transaction)
                }
                backoff = .milliseconds(100)
                failures = 0
            } catch {
                log.error("nftables refused a change, writing everything anew in \(backoff): \(error)")
                alarm?.unexpect()
                state.withLock { $0.brain.suspect() }
                failures += 1
                // A node without a packet filter still runs pods.
                if failures == Self.failuresMax { for waiter in reached(wanted) { waiter.resume() } }
                try await time.sleep(for: backoff)
                backoff = min(backoff * 2, .seconds(30))
                wake.continuation.yield()
                continue
            }
            if !change.staleFlows.isEmpty { await flows(change.staleFlows) }
            for waiter in reached(wanted) { waiter.resume() }
        }
    }

    private func reached(_ wanted: Int) -> [CheckedContinuation<Void, Never>] {
        state.withLock { $0.progress.reached(wanted) }
    }

    private func stop() {
        for waiter in state.withLock({ $0.progress.stop() }) { waiter.resume() }
    }
}
