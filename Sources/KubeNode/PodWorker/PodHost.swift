// The shell of one pod: feeds its worker and does what the worker asks for.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeOS
import KubeWire
import Logging
import Synchronization

final class PodHost: Sendable {
    struct State: Sendable {
        var worker: PodWorker
        var wakeAt: Timestamp?
        /// The status that the API last accepted from us.
        var written: JSON
        var isWriting: Bool = false
        /// Of a static pod: the API's object that shows it; nil as long as there is none.
        var mirrorUID: String?
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
        var probes: [String: [JobHandle]] = [:]
        var volumePaths: [String: String] = [:]
        var renewal: JobHandle?
        var isRefreshing: Bool = false
        var mustRefreshAgain: Bool = false
        /// Containers that have ended but whose last output may not be written yet.
        var openLogs: Set<String> = []
        /// Rung when a log is complete.
        var logBells: [Int: AsyncStream<Void>.Continuation] = [:]
        var bellsMade: Int = 0
    }
    let uid: String
    let node: NodeContext
    let paths: PodPaths
    let state: Mutex<State>

    init(_ pod: JSON, node: NodeContext) {
        uid = pod.meta.uid
        self.node = node
        paths = PodPaths(root: node.options.rootDirectory, logRoot: node.options.logDirectory, pod: pod)
        let worker: PodWorker = PodWorker(pod: pod, hostIPs: node.options.nodeIPs, now: node.options.time.now())
        state = Mutex(State(worker: worker, written: pod.status))
    }

    var pod: JSON { state.withLock { $0.worker.pod } }
    var status: JSON { state.withLock { $0.worker.status } }
    var isGone: Bool { state.withLock { $0.worker.isGone } }
    var podIPs: [String] { state.withLock { $0.worker.podIPs } }
    func record(_ container: String) -> ContainerRecord? {
        state.withLock { $0.worker.containers.first { $0.name == container } }
    }
    var sandboxID: String { state.withLock { $0.worker.sandboxID } }

    func deliver(_ event: PodEvent) {
        let now: Timestamp = node.options.time.now()
        let actions: [PodAction] = state.withLock { $0.worker.on(event, now: now) }
        for action in actions { perform(action) }
    }

    /// The pod has ended, or was never let in.
    var isOver: Bool { state.withLock { ["Succeeded", "Failed"].contains($0.worker.status.phase.text) } }

    func refuse(_ why: PodRefusal) {
        node.events.record(pod, .warning, reason: why.reason, why.message)
        deliver(.evicted(reason: why.reason, message: "Pod was rejected: " + why.message))
    }

    private func perform(_ action: PodAction) {
        switch action {
        case .updateStatus: writeStatus()
        case .wakeAt(let at): wake(at: at)
        case .event(let isWarning, let reason, let message, let fieldPath):
            node.events.record(
                pod, isWarning ? .warning : .normal, reason: reason, message, fieldPath: fieldPath)
        case .startProbes(let container, let id): startProbes(container, id)
        default: node.jobs.start { await self.run(action) }
        }
    }

    private func run(_ action: PodAction) async {
        switch action {
        case .mountVolumes: await mountVolumes()
        case .unmountVolumes: await unmountVolumes()
        case .runSandbox(let attempt): await runSandbox(attempt: attempt)
        case .stopSandbox(let id): await stopSandbox(id)
        case .removeSandboxes: await removeSandboxes()
        case .ensureImage(let container): await ensureImage(container)
        case .create(let container, let attempt, let sandbox):
            await create(container, attempt: attempt, sandbox: sandbox)
        case .start(let container, let id): await start(container, id)
        case .postStart(let container, let id): await postStart(container, id)
        case .stop(let container, let id, let graceSeconds, let runsPreStop):
            await stop(container, id, graceSeconds: graceSeconds, runsPreStop: runsPreStop)
        case .resize(let container, let id): await resize(container, id)
        case .collectDead(let container): await collectDead(container)
        case .deleteFromAPI: await deleteFromAPI()
        case .finish: finish()
        case .updateStatus, .wakeAt, .event, .startProbes: break
        }
    }

    /// One timer at a time: the earliest.
    private func wake(at: Timestamp) {
        let isNew: Bool = state.withLock {
            if let known = $0.wakeAt, known <= at { return false }
            $0.wakeAt = at
            return true
        }
        guard isNew else { return }
        let time: any TimeSource = node.options.time
        node.jobs.start {
            do { try await time.sleep(for: max(.zero, at - time.now())) } catch { return }
            let isOurs: Bool = self.state.withLock {
                guard $0.wakeAt == at else { return false }
                $0.wakeAt = nil
                return true
            }
            if isOurs { self.deliver(.tick) }
        }
    }

    // MARK: Status

    func writeStatus() {
        let mustStart: Bool = state.withLock {
            if $0.isWriting { return false }
            $0.isWriting = true
            return true
        }
        if mustStart { node.jobs.start { await self.writeStatusLoop() } }
    }

    private func writeStatusLoop() async {
        var delay: Duration = .milliseconds(100)
        while let (patch, fresh, key) = nextPatch() {
            do throws(StatusError) {
                _ = try await node.options.client.patch(
                    API.pods, namespace: key.namespace, key.name, .strategicMerge, patch, subresource: "status")
                state.withLock { $0.written = fresh }
                delay = .milliseconds(100)
            } catch {
                if error.isNotFound || error.isConflict {
                    // Gone or replaced: the informer will say so.
                    state.withLock { $0.written = fresh }
                    continue
                }
                node.log.debug("status of \(key) not written, again in \(delay): \(error)")
                try? await node.options.time.sleep(for: delay)
                delay = min(delay * 2, .seconds(10))
            }
        }
    }

    /// nil when all is written (the writer is then idle) or the agent stops.
    private func nextPatch() -> (patch: JSON, status: JSON, key: ObjectKey)? {
        let isStopping: Bool = Task.isCancelled
        let (found, waiters): ((JSON, JSON, ObjectKey)?, [CheckedContinuation<Void, Never>]) = state.withLock { s in
            let w: PodWorker = s.worker
            let uid: String? = StaticPods.isStatic(w.pod) ? s.mirrorUID : w.uid
            if !w.isGone, !isStopping, let uid, let patch = StatusPatch.make(from: s.written, to: w.status, uid: uid) {
                return ((patch, w.status, w.pod.meta.key), [])
            }
            s.isWriting = false
            let waiters: [CheckedContinuation<Void, Never>] = s.idleWaiters
            s.idleWaiters = []
            return (nil, waiters)
        }
        for waiter in waiters { waiter.resume() }
        return found
    }

    /// Returns when no write of the status is under way.
    private func waitUntilWritten() async {
        await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in
            let isIdle: Bool = state.withLock {
                if $0.isWriting { $0.idleWaiters.append(c) }
                return !$0.isWriting
            }
            if isIdle { c.resume() }
        }
    }

    private func deleteFromAPI() async {
        writeStatus()
        await waitUntilWritten()
        let pod: JSON = self.pod
        var delay: Duration = .milliseconds(100)
        while !Task.isCancelled {
            do throws(StatusError) {
                let options: JSON = [
                    "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
                    "preconditions": ["uid": .string(uid)],
                ]
                _ = try await node.options.client.delete(
                    API.pods, namespace: pod.meta.namespace, pod.meta.name, options: options)
                break
            } catch {
                if error.isNotFound || error.isConflict { break }
                try? await node.options.time.sleep(for: delay)
                delay = min(delay * 2, .seconds(10))
            }
        }
        // With finalizers the object stays: the node is done with it all the same.
        deliver(.deletedFromAPI)
    }

    private func finish() {
        for handles in state.withLock({ $0.probes.values.map { $0 } }) { for h in handles { h.stop() } }
        state.withLock { $0.renewal }?.stop()
        for bell in state.withLock({ Array($0.logBells.values) }) { bell.yield() }
        node.objects.setWatched([], pod: uid)
        node.tokens.forget(podUID: uid)
        node.remove(self)
        do {
            try Files.removeTree(paths.directory)
            try Files.removeTree(paths.logs)
            try Cgroup(node.cgroup(for: pod)).delete()
        } catch {
            node.log.warning("left behind by pod \(pod.meta.key): \(error)")
        }
    }
}
