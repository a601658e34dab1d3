// Registers the node, renews its lease, and reports its status when it changes or every five minutes.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeNet
import KubeWire
import Logging

struct NodeHeartbeat: Sendable {
    static let leaseSeconds: Int = 40
    static let interval: Duration = .seconds(10)
    static let reportInterval: Duration = .seconds(300)

    let node: NodeContext
    /// Where the node API really listens.
    let port: Int

    private var client: Client { node.options.client }
    private var name: String { node.options.nodeName }

    /// Never returns but by cancellation. `onRegistered` is called once the Node object exists and is reported.
    func run(onRegistered: @Sendable () -> Void) async {
        let known: JSON = await register()
        let uid: String = known.meta.uid
        // Of an earlier life of the agent: conditions keep the time of their last change.
        var written: JSON = known.status
        var reportedAt: Timestamp = Timestamp(seconds: 0)
        var lease: JSON = .null
        var isFirst: Bool = true
        var memory: PressureMemory = PressureMemory()
        let news: Wakeup = Wakeup()
        let own: Informer = watchOwnNode(news)
        defer { own.stop() }
        while !Task.isCancelled {
            let now: Timestamp = node.options.time.now()
            lease = await renew(lease, uid: uid, now: now)
            var facts: RuntimeFacts = await runtimeFacts()
            let shortages: [Pressure.Shortage] = facts.pressure.shortages
            facts.pressure = memory.on(facts.pressure, now: now)
            if let s = shortages.first {
                tell("EvictionThresholdMet", "Attempting to reclaim \(s.signal.resource)", isWarning: true)
                node.jobs.start { [node] in await Eviction(node: node).run(shortages) }
            }
            let told: JSON = own.get(name)?.status ?? .null
            var fresh: JSON = NodeObject.status(
                node.options, node.machine, facts, old: written, port: port, now: now)
            ExtendedResources.adopt(&fresh, from: told)
            // Others write conditions too: the control plane gives up a node that it does not hear from.
            let isOverruled: Bool = own.get(name).map { !NodeObject.agrees($0.status, fresh) } ?? false
            if isFirst || isOverruled || !NodeObject.isSame(written, fresh) || now - reportedAt >= Self.reportInterval {
                if await report(fresh, over: told) {
                    tellReadiness(from: isFirst ? .null : written, to: fresh)
                    written = fresh
                    reportedAt = now
                    if isFirst { onRegistered() }
                    isFirst = false
                }
            }
            let isReady: Bool = written.conditions.elements.contains {
                $0.type.text == "Ready" && $0.status.text == "True"
            }
            // A node that is not ready yet looks again soon: its runtime is coming up.
            await news.wait(until: now + (isReady ? Self.interval : .milliseconds(200)), node.options.time)
        }
    }

    /// As `kubectl describe node` shows it: the node's name stands for its uid, as upstream does.
    private func tell(_ reason: String, _ message: String, isWarning: Bool = false) {
        let about: JSON = ["kind": "Node", "apiVersion": "v1", "name": .string(name), "uid": .string(name)]
        node.events.record(about, isWarning ? .warning : .normal, reason: reason, message)
    }

    private func tellReadiness(from old: JSON, to new: JSON) {
        func status(_ s: JSON) -> String {
            s.conditions.elements.first { $0.type.text == "Ready" }?.status.text ?? ""
        }
        if !old.exists { tell("Starting", "Starting kubelet.") }
        if status(old) == status(new) { return }
        let reason: String = status(new) == "True" ? "NodeReady" : "NodeNotReady"
        tell(reason, "Node \(name) status is now: \(reason)")
    }

    /// Rings when somebody else changes the Node's Ready condition.
    private func watchOwnNode(_ news: Wakeup) -> Informer {
        let own: Informer = Informer(client, API.nodes, query: ["fieldSelector": "metadata.name=\(name)"])
        own.onChange { [node] _, new in
            if let new { node.nodeObject = new }
            let ready: JSON? = new?.status.conditions.elements.first { $0.type.text == "Ready" }
            if ready?.status.text == "Unknown" || ExtendedResources.areNews(new?.status ?? .null) { news.raise() }
        }
        node.jobs.start { try? await own.run() }
        return own
    }

    /// Answers the Node object as it is.
    private func register() async -> JSON {
        var delay: Duration = .milliseconds(50)
        var isTold: Bool = false
        let wanted: JSON = NodeObject.make(node.options, node.machine)
        while !Task.isCancelled {
            do throws(StatusError) {
                return try await client.create(API.nodes, wanted)
            } catch {
                if error.isAlreadyExists, let known = await adopt(wanted) { return known }
                // Told once, then only when somebody looks closely.
                node.log.log(level: isTold ? .debug : .warning, "node not registered yet: \(error)")
                isTold = true
                try? await node.options.time.sleep(for: delay)
                delay = min(delay * 2, .seconds(5))
            }
        }
        return .null
    }

    /// The object of an earlier life: labels that the agent owns are put right.
    private func adopt(_ wanted: JSON) async -> JSON? {
        let patch: JSON = ["metadata": ["labels": wanted.metadata.labels, "annotations": wanted.metadata.annotations]]
        return try? await client.patch(API.nodes, name, .merge, patch)
    }

    private func report(_ status: JSON, over told: JSON) async -> Bool {
        var patch: JSON = ["status": status]
        patch.status.allocatable = ExtendedResources.patch(from: told.allocatable, to: status.allocatable)
        // Addresses and images are replaced, conditions merged by type.
        patch.status.addresses = .array([["$patch": "replace"]] + status.addresses.elements)
        do throws(StatusError) {
            _ = try await client.patch(API.nodes, name, .strategicMerge, patch, subresource: "status")
            return true
        } catch {
            node.log.warning("node status not written: \(error)")
            if error.isNotFound { _ = await register() }
            return false
        }
    }

    private func renew(_ lease: JSON, uid: String, now: Timestamp) async -> JSON {
        var l: JSON = lease
        if !l.exists {
            l = ["apiVersion": "coordination.k8s.io/v1", "kind": "Lease"]
            l.metadata = ["name": .string(name), "namespace": "kube-node-lease"]
            l.metadata.ownerReferences = [
                ["apiVersion": "v1", "kind": "Node", "name": .string(name), "uid": .string(uid)]
            ]
        }
        l.spec.holderIdentity = .string(name)
        l.spec.leaseDurationSeconds = JSON(Self.leaseSeconds)
        l.spec.renewTime = .string(now.rfc3339Micro)
        do throws(StatusError) {
            if lease.exists { return try await client.update(API.leases, l) }
            return try await client.create(API.leases, namespace: "kube-node-lease", l)
        } catch {
            // Somebody else wrote it, or it is from an earlier life: take it over in the next round.
            if error.isConflict || error.isAlreadyExists || error.isNotFound {
                guard let known = try? await client.get(API.leases, namespace: "kube-node-lease", name) else {
                    return .null
                }
                var mine: JSON = known
                mine.spec = l.spec
                return (try? await client.update(API.leases, mine)) ?? .null
            }
            node.log.warning("lease not renewed: \(error)")
            return lease
        }
    }

    private func runtimeFacts() async -> RuntimeFacts {
        do throws(GRPCError) {
            let version: CRIVersionResponse = try await node.cri.version()
            let status: CRIStatusResponse = try await node.cri.status()
            let faults: [String] = status.status.conditions.filter { !$0.status }.map { c in
                let kind: String =
                    c.type == "NetworkReady" ? "container runtime network not ready" : "container runtime is down"
                return "\(kind): \(c.type)=false reason:\(c.reason) message:\(c.message)"
            }
            let images: [JSON] = try await node.cri.images().sorted { $0.size > $1.size }.prefix(50).map { i in
                ["names": JSON(Array(i.repoDigests.prefix(1)) + i.repoTags), "sizeBytes": JSON(Int64(i.size))]
            }
            return RuntimeFacts(
                version: "\(version.runtimeName)://\(version.runtimeVersion)", fault: faults.joined(separator: "; "),
                pressure: .now(root: node.options.rootDirectory), images: images)
        } catch {
            return RuntimeFacts(
                version: "", fault: "container runtime is down: \(error.message)", images: [])
        }
    }
}
