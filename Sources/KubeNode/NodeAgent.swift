// The node agent: keeps the pods of one node running, and tells the API what it sees.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
package import KubeNet
import KubeOS
import KubeWire
import Logging
import Synchronization

/// connect to the runtime → register → list pods → look at the runtime (running pods are kept) → follow both.
/// Cancelling `run` leaves the containers running, as stopping a kubelet does.
package final class NodeAgent: Component {
    package var name: String { "kubelet" }
    private let node: NodeContext
    private let changes: AsyncStream<(old: JSON?, new: JSON?)>
    private let changesIn: AsyncStream<(old: JSON?, new: JSON?)>.Continuation
    private let server: Mutex<NodeServer?> = Mutex(nil)
    private let ready: Mutex<(isReady: Bool, waiters: [CheckedContinuation<Void, Never>])> = Mutex((false, []))

    package init(_ options: NodeAgentOptions) throws {
        node = try NodeContext(options)
        (changes, changesIn) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    /// A renewed certificate of the node API: later handshakes use it.
    package func replaceServing(_ tls: TLSServerOptions) throws {
        try server.withLock { $0 }?.replaceCertificate(tls)
    }

    /// Returns when the Node object has been registered and its first status was accepted.
    package func waitUntilRegistered() async {
        await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in
            let isReady: Bool = ready.withLock {
                if !$0.isReady { $0.waiters.append(c) }
                return $0.isReady
            }
            if isReady { c.resume() }
        }
    }

    private func markRegistered() {
        let waiters: [CheckedContinuation<Void, Never>] = ready.withLock {
            $0.isReady = true
            let w: [CheckedContinuation<Void, Never>] = $0.waiters
            $0.waiters = []
            return w
        }
        for waiter in waiters { waiter.resume() }
    }

    package func run() async throws {
        let options: NodeAgentOptions = node.options
        // Whoever waits for the registration must not wait for ever when something fails before it.
        defer { markRegistered() }
        try Files.makeDirectories("\(options.rootDirectory)/pods", mode: 0o750)
        try Files.makeDirectories(options.logDirectory)
        try makeCgroups()
        try await waitForRuntime()
        let server: NodeServer? = try await NodeServer.start(node)
        self.server.withLock { $0 = server }
        let pods: Informer = Informer(
            options.client, API.pods, query: ["fieldSelector": "spec.nodeName=\(options.nodeName)"])
        let changesIn: AsyncStream<(old: JSON?, new: JSON?)>.Continuation = self.changesIn
        let statics: StaticPods? = options.staticPodDirectory.map { StaticPods(directory: $0, node: node) }
        let ownStatics: [JSON] = statics?.load().added ?? []
        pods.onChange { old, new in
            // What a mirror pod shows runs already.
            if let any = new ?? old, StaticPods.isMirror(any) { statics?.mirrorChanged(old, new) }
            else { changesIn.yield((old, new)) }
        }
        let watch: RuntimeWatch = RuntimeWatch(node: node)
        let heartbeat: NodeHeartbeat = NodeHeartbeat(node: node, port: server?.port ?? options.port)
        await withDiscardingTaskGroup { group in
            group.addTask { await self.node.jobs.run() }
            group.addTask { try? await self.node.events.run() }
            group.addTask { try? await self.node.services.run() }
            group.addTask { try? await pods.run() }
            group.addTask { await heartbeat.run { self.markRegistered() } }
            group.addTask {
                await pods.waitForSync()
                await self.node.services.waitForSync()
                if Task.isCancelled { return }
                await self.recover(pods.list().filter { !StaticPods.isMirror($0) } + ownStatics, watch)
                for mirror in pods.list() where StaticPods.isMirror(mirror) { statics?.mirrorChanged(nil, mirror) }
                await withDiscardingTaskGroup { inner in
                    inner.addTask { await watch.followEvents() }
                    inner.addTask { await watch.relistSlowly() }
                    inner.addTask { await self.followPods() }
                    if let statics { inner.addTask { await statics.follow { changesIn.yield(($0, $1)) } } }
                }
            }
        }
        await server?.stop()
        await node.channel.shutdown()
    }

    private func makeCgroups() throws {
        let root: String = node.options.cgroupRoot == "/" ? "" : node.options.cgroupRoot
        for level in ["", "/burstable", "/besteffort"] { try Cgroup("\(root)/kubepods\(level)").create() }
        try Cgroup("\(root)/kubepods/besteffort").setCPUShares(2)
    }

    private func waitForRuntime() async throws {
        var delay: Duration = .milliseconds(20)
        var isTold: Bool = false
        while true {
            do throws(GRPCError) {
                _ = try await node.cri.version()
                return
            } catch {
                if !isTold {
                    node.log.info(
                        "waiting for the container runtime at \(node.options.containerRuntimeSocket): \(error.message)")
                }
                isTold = true
            }
            try await node.options.time.sleep(for: delay)
            delay = min(delay * 2, .seconds(1))
        }
    }

    /// Pods that the API and the runtime both know are taken over as they are; what only the runtime knows is removed.
    private func recover(_ pods: [JSON], _ watch: RuntimeWatch) async {
        for pod in pods where node.pod(pod.meta.uid) == nil { node.add(PodHost(pod, node: node)) }
        var delay: Duration = .milliseconds(100)
        while !Task.isCancelled {
            do {
                let at: Timestamp = node.options.time.now()
                let seen: [String: ([SandboxSeen], [ContainerSeen])] = try await watch.look()
                for host in node.allPods {
                    let (sandboxes, containers): ([SandboxSeen], [ContainerSeen]) = seen[host.uid] ?? ([], [])
                    host.deliver(.seen(sandboxes, containers, at: at))
                }
                break
            } catch {
                node.log.warning("cannot list what runs: \(error)")
                try? await node.options.time.sleep(for: delay)
                delay = min(delay * 2, .seconds(5))
            }
        }
        await watch.removeOrphans(known: Set(node.allPods.map { $0.uid }))
    }

    /// Pods that were here before, and those on their way out, have been taken.
    private func refusal(of pod: JSON) -> PodRefusal? {
        if pod.meta.isDeleting || ["Succeeded", "Failed"].contains(pod.status.phase.text) { return nil }
        let others: [JSON] = node.allPods.filter { !$0.isOver }.map { $0.pod }
        return PodAdmission(
            node: node.nodeObject, allocatable: node.machine.allocatable(node.options), others: others
        ).refusal(of: pod)
    }

    private func followPods() async {
        for await (old, new) in changes {
            if let new {
                // A pod replaced under the same name while we were away.
                if let old, old.meta.uid != new.meta.uid { node.pod(old.meta.uid)?.deliver(.podGone) }
                if let host = node.pod(new.meta.uid) {
                    let before: JSON = host.pod
                    judgeResize(of: host, new)
                    host.deliver(.podChanged(new))
                    if before.metadata.labels != new.metadata.labels
                        || before.metadata.annotations != new.metadata.annotations
                    {
                        host.refreshVolumes()
                    }
                } else {
                    let refusal: PodRefusal? = refusal(of: new)
                    let host: PodHost = PodHost(new, node: node)
                    node.add(host)
                    if let refusal { host.refuse(refusal) }
                    // New to this node: the runtime holds nothing of it.
                    host.deliver(.seen([], [], at: node.options.time.now()))
                }
            } else if let old {
                node.pod(old.meta.uid)?.deliver(.podGone)
            }
            // What another pod leaves may be enough for a resize that waits.
            for host in node.allPods where host.isResizePending { judgeResize(of: host, host.pod) }
        }
    }

    private func judgeResize(of host: PodHost, _ pod: JSON) {
        guard host.isResize(pod) else {
            if host.isResizePending { host.deliver(.resizeJudged(nil)) }
            return
        }
        let others: [JSON] = node.allPods.filter { $0.uid != host.uid && !$0.isOver }.map { $0.pod }
        let admission: PodAdmission = PodAdmission(
            node: node.nodeObject, allocatable: node.machine.allocatable(node.options), others: others)
        host.deliver(.resizeJudged(admission.resizeRefusal(of: pod)))
    }
}
