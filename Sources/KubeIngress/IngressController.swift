// The shell: informers feed the plan, the plan feeds the proxy; statuses and events tell users.

import KubeAPI
package import KubeBase
package import KubeClient
import KubeModel
import KubeNet
import KubeWire
import Logging
import Synchronization

/// Serves the Ingresses whose class has our controller.
///
///     run → listen → informers synced → plan → proxy, certificates, events ⟲ (a change)
package final class IngressController: Component {
    package let name: String = "ingress"
    package static let className: String = "apus"

    private struct State {
        var plan: IngressPlan?
        var address: IngressAddress?
    }
    private let state: Mutex<State> = Mutex(State())
    private let client: Client
    private let settings: IngressSettings
    private let onListening: @Sendable (IngressAddress) -> Void
    private let time: any TimeSource
    private let events: EventRecorder
    private let ingresses: Informer
    private let classes: Informer
    private let services: Informer
    private let slices: Informer
    private let secrets: Informer
    private let news: Wakeup = Wakeup()
    private let statusNews: Wakeup = Wakeup()
    private let log: Logger = .component("ingress")

    /// `informers` are run by whoever made them. `onListening` is told the ports that were taken.
    package init(
        client: Client, informers: InformerSet, settings: IngressSettings, time: any TimeSource = SystemTime(),
        onListening: @escaping @Sendable (IngressAddress) -> Void = { _ in }
    ) {
        self.client = client
        self.settings = settings
        self.onListening = onListening
        self.time = time
        events = EventRecorder(client, component: "apus-ingress-controller", time: time)
        ingresses = informers[API.ingresses]
        classes = informers[API.ingressClasses]
        services = informers[API.services]
        slices = informers[API.endpointSlices]
        secrets = Informer(client, API.secrets, query: ["fieldSelector": "type=kubernetes.io/tls"])
        slices.addIndex("ingress") { slice in
            slice.metadata.labels["kubernetes.io/service-name"].asString.map {
                ["\(slice.metadata.namespace.text)/\($0)"]
            } ?? []
        }
        let news: Wakeup = news
        for informer in [ingresses, classes, services, slices, secrets] {
            informer.onChange { _, _ in news.raise() }
        }
    }

    package func run() async throws {
        let listeners: IngressListeners = try IngressListeners()
        let address: IngressAddress = try await listeners.listen(settings)
        log.info("Ingress listens on \(address.host), ports \(address.httpPort) and \(address.httpsPort)")
        state.withLock { $0.address = address }
        onListening(address)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.secrets.run() }
            group.addTask { try? await self.events.run() }
            group.addTask { await self.keepStatuses() }
            group.addTask { await self.serve(listeners) }
            await group.next()
            group.cancelAll()
        }
        await listeners.shutdown()
    }

    // MARK: the routing table

    private var view: IngressView {
        IngressView(
            ingresses: ingresses.list(), classes: classes.list(),
            service: { [services] in services.get(namespace: $0, $1) },
            slices: { [slices] in slices.list(index: "ingress", "\($0)/\($1)") },
            secret: { [secrets] in secrets.get(namespace: $0, $1) })
    }

    private func serve(_ listeners: IngressListeners) async {
        for informer in [ingresses, classes, services, slices, secrets] { await informer.waitForSync() }
        var pairs: KeyPairs = KeyPairs()
        var told: EventMemory = EventMemory()
        while !Task.isCancelled {
            var plan: IngressPlan = IngressPlan(view)
            listeners.proxy.replace(plan.table)
            listeners.replace(certificates: pairs.parse(&plan))
            let generation: (ObjectKey) -> Int = { self.ingresses.get($0)?.metadata.generation.asInt ?? 0 }
            for (key, kind, fault) in told.news(plan, generation: generation) {
                guard let ingress = ingresses.get(key) else { continue }
                events.record(ingress, kind, reason: fault.reason, fault.message)
            }
            state.withLock { $0.plan = plan }
            statusNews.raise()
            await news.wait()
        }
    }

    // MARK: statuses

    /// Where we listen stands in the status of each Ingress of ours, and of no other.
    private func keepStatuses() async {
        while !Task.isCancelled {
            let (plan, address): (IngressPlan?, IngressAddress?) = state.withLock { ($0.plan, $0.address) }
            var failed: Bool = false
            if let plan, let address {
                for ingress in ingresses.list() {
                    let isOurs: Bool = plan.faults[ObjectKey(of: ingress)] != nil
                    guard let status = IngressStatus.change(ingress, isOurs: isOurs, address) else { continue }
                    do {
                        try await client.patch(
                            API.ingresses, namespace: ingress.metadata.namespace.text, ingress.metadata.name.text,
                            .merge, ["status": ["loadBalancer": ["ingress": status]]], subresource: "status")
                    } catch {
                        if error.isNotFound { continue }
                        log.info("the status of Ingress \(ObjectKey(of: ingress)) was not written: \(error)")
                        failed = true
                    }
                }
            }
            await statusNews.wait(until: failed ? time.now() + .seconds(1) : nil, time)
        }
    }

    // MARK: the class

    /// The default class, once; what users make of it later is theirs.
    package static func ensureClass(_ client: Client) async throws {
        do throws(StatusError) { _ = try await client.create(API.ingressClasses, ingressClass) } catch {
            if !error.isAlreadyExists { throw error }
        }
    }

    /// Others are to serve: ours must not stay the default.
    package static func removeClass(_ client: Client) async throws {
        do throws(StatusError) {
            let known: JSON = try await client.get(API.ingressClasses, className)
            guard known.spec.controller.text == IngressPlan.controller else { return }
            _ = try await client.delete(API.ingressClasses, className)
        } catch { if !error.isNotFound { throw error } }
    }

    private static let ingressClass: JSON = [
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": [
            "name": .string(className), "annotations": ["ingressclass.kubernetes.io/is-default-class": "true"],
        ],
        "spec": ["controller": .string(IngressPlan.controller)],
    ]
}
