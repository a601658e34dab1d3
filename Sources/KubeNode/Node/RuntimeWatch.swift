// Routes what happens in the runtime to the pods it happens to: events at once, a slow look at everything besides.

import KubeBase
import KubeClient
import KubeModel
import KubeNet
import KubeOS
import KubeWire
import Logging
import Synchronization

struct RuntimeWatch: Sendable {
    /// The safety net under the event stream.
    static let relistInterval: Duration = .seconds(60)

    let node: NodeContext

    /// Reads events until cancelled; each new connection is followed by a relist, since events were missed.
    func followEvents() async {
        var delay: Duration = .milliseconds(50)
        while !Task.isCancelled {
            do {
                let stream: AsyncThrowingStream<[UInt8], any Error> = try await ContainerdEvents.subscribe(node.channel)
                await relist()
                delay = .milliseconds(50)
                for try await envelope in stream {
                    if let event = ContainerdEvents.decode(envelope) { route(event) }
                }
            } catch {
                node.log.debug("runtime events: \(error), again in \(delay)")
            }
            do { try await node.options.time.sleep(for: delay) } catch { return }
            delay = min(delay * 2, .seconds(2))
        }
    }

    func relistSlowly() async {
        while !Task.isCancelled {
            do { try await node.options.time.sleep(for: Self.relistInterval) } catch { return }
            await relist()
            await LogRotation(node: node).run()
            await LocalStorage(node: node).run()
            await ImageCollection(node: node).run()
        }
    }

    private func route(_ event: TaskEvent) {
        switch event {
        case .started: break
        case .outOfMemory(let id):
            guard let owner = node.owner(id) else { return }
            node.pod(owner.podUID)?.deliver(.outOfMemory(id: id))
        case .exited(let id, let exitCode, let at):
            guard let owner = node.owner(id), let pod = node.pod(owner.podUID) else { return }
            if owner.container.isEmpty {
                pod.deliver(.sandboxExited(id: id))
            } else {
                pod.taskExited(owner.container, id, exitCode: exitCode, at: at)
            }
        case .deleted(let id, let exitCode, let at):
            guard let owner = node.owner(id), let pod = node.pod(owner.podUID), !owner.container.isEmpty else { return }
            pod.taskDeleted(owner.container, id, exitCode: exitCode, at: at)
        }
    }

    func relist() async {
        let at: Timestamp = node.options.time.now()
        guard let seen = try? await look() else { return }
        for pod in node.allPods {
            let (sandboxes, containers): ([SandboxSeen], [ContainerSeen]) = seen[pod.uid] ?? ([], [])
            pod.deliver(.seen(sandboxes, containers, at: at))
        }
    }

    /// All of the runtime's sandboxes and containers by pod uid; ended ones with how they ended.
    func look() async throws -> [String: ([SandboxSeen], [ContainerSeen])] {
        var out: [String: ([SandboxSeen], [ContainerSeen])] = [:]
        for s in try await node.cri.sandboxes() {
            guard let uid = s.labels[Labels.podUID] else { continue }
            guard let status = try? await node.cri.sandboxStatus(s.id) else { continue }
            node.setOwner(s.id, podUID: uid, container: "")
            out[uid, default: ([], [])].0.append(SandboxSeen(status, hostIPs: node.options.nodeIPs))
        }
        for c in try await node.cri.containers() {
            guard let uid = c.labels[Labels.podUID], let name = c.labels[Labels.containerName] else { continue }
            node.setOwner(c.id, podUID: uid, container: name)
            guard let status = try? await node.cri.containerStatus(c.id) else { continue }
            out[uid, default: ([], [])].1.append(seen(c, status, node.pod(uid)))
        }
        return out
    }

    private func seen(_ c: CRIContainer, _ s: CRIContainerStatus, _ host: PodHost?) -> ContainerSeen {
        let state: ContainerSeen.State =
            switch s.state {
            case .containerRunning: .running
            case .containerExited: .exited
            case .containerCreated: .created
            default: .unknown
            }
        var seen: ContainerSeen = ContainerSeen(
            name: c.labels[Labels.containerName] ?? c.metadata.name, id: c.id, sandboxID: c.podSandboxID,
            attempt: Int(c.annotations[Labels.restartCount] ?? "") ?? Int(c.metadata.attempt), state: state)
        if s.startedAt > 0 { seen.startedAt = Timestamp(nanoseconds: s.startedAt) }
        seen.image = c.annotations[Labels.image] ?? ""
        seen.imageID = s.imageRef
        if state == .exited {
            seen.end =
                host?.end(s)
                ?? ContainerEnd(
                    containerID: c.id, exitCode: Int(s.exitCode), reason: s.reason,
                    finishedAt: Timestamp(nanoseconds: s.finishedAt))
        }
        return seen
    }

    /// Stops and removes what belongs to no pod of the API, and the directories of such pods.
    func removeOrphans(known: Set<String>) async {
        let sandboxes: [CRIPodSandbox] = (try? await node.cri.sandboxes()) ?? []
        for s in sandboxes {
            guard let uid = s.labels[Labels.podUID], !known.contains(uid) else { continue }
            try? await node.cri.stopSandbox(s.id)
            try? await node.cri.removeSandbox(s.id)
        }
        for uid in (try? Files.list("\(node.options.rootDirectory)/pods")) ?? [] where !known.contains(uid) {
            var pod: JSON = [:]
            pod.meta.uid = uid
            let paths: PodPaths = PodPaths(
                root: node.options.rootDirectory, logRoot: node.options.logDirectory, pod: pod)
            do {
                try PodVolumes.tearDown(paths)
                try Files.removeTree(paths.directory)
            } catch {
                node.log.warning("left behind by an orphaned pod: \(error)")
            }
        }
        for name in (try? Files.list(node.options.logDirectory)) ?? [] {
            guard let uid = name.split(separator: "_").last.map({ String($0) }), !known.contains(uid) else { continue }
            try? Files.removeTree("\(node.options.logDirectory)/\(name)")
        }
    }
}
