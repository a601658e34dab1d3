// A pod host's containers: image, create, start, stop, and what an ended one left.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeNet
import KubeOS
import KubeWire
import Logging
import Synchronization

extension PodHost {
    private func spec(_ container: String) -> JSON { state.withLock { $0.worker.spec(of: container) } }

    // MARK: Image

    func ensureImage(_ container: String) async {
        let spec: JSON = spec(container)
        let image: String = spec.image.text
        let policy: String = spec.imagePullPolicy.asString ?? ImageName.defaultPullPolicy(image)
        var secrets: [JSON] = []
        for r in pod.spec.imagePullSecrets.elements {
            if let s = try? await node.objects.get(API.secrets, pod.meta.namespace, r.name.text) { secrets.append(s) }
        }
        let fieldPath: String = record(container)?.fieldPath ?? ""
        let outcome: ImageOutcome = await node.puller.ensure(
            image, policy: policy, keyring: Keyring(secrets: secrets), sandbox: sandboxConfig(attempt: 0)
        ) {
            node.events.record(pod, .normal, reason: "Pulling", "Pulling image \"\(image)\"", fieldPath: fieldPath)
        }
        switch outcome {
        case .ready(let imageID, let pulled):
            var text: String = "Container image \"\(image)\" already present on machine and can be accessed by the pod"
            if let pulled {
                let parts: (seconds: Int64, attoseconds: Int64) = pulled.duration.components
                let time: String = Duration.milliseconds(
                    parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
                ).goText
                text =
                    "Successfully pulled image \"\(image)\" in \(time) (\(time) including waiting). "
                    + "Image size: \(pulled.bytes) bytes."
            }
            node.events.record(pod, .normal, reason: "Pulled", text, fieldPath: fieldPath)
            deliver(.imageReady(container: container, imageID: imageID))
        case .failed(let reason, let message):
            deliver(.imageFailed(container: container, reason: reason, message: message))
        }
    }

    // MARK: Create and start

    func create(_ container: String, attempt: Int, sandbox: String) async {
        do {
            let config: CRIContainerConfig = try await containerConfig(container, attempt: attempt)
            try Files.makeDirectories("\(paths.logs)/\(container)")
            do throws(GRPCError) {
                let sandboxAttempt: Int = state.withLock { $0.worker.sandboxAttempt }
                let id: String = try await node.cri.create(
                    config, sandbox: sandbox, sandboxConfig(attempt: sandboxAttempt))
                node.setOwner(id, podUID: uid, container: container)
                deliver(.created(container: container, id: id))
            } catch {
                deliver(.createFailed(container: container, reason: "CreateContainerError", message: error.message))
            }
        } catch {
            deliver(.createFailed(container: container, reason: "CreateContainerConfigError", message: "\(error)"))
        }
    }

    private func containerConfig(_ container: String, attempt: Int) async throws -> CRIContainerConfig {
        let facts: EnvironmentFacts = environmentFacts
        let spec: JSON = spec(container)
        let role: ContainerRole = record(container)?.role ?? .main
        let environment: Environment = try await Environment.make(spec, facts)
        let volumePaths: [String: String] = state.withLock { $0.volumePaths }
        var mounts: [CRIMount] = try PodVolumes.mounts(spec, volumePaths, paths) { text in
            Expansion.expand(text) { environment[$0] }
        }
        try addFiles(container, attempt: attempt, spec, facts, &mounts)
        let image: CRIImage? = try await node.cri.image(spec.image.text)
        var config: ContainerFacts = ContainerFacts(
            pod: facts.pod, spec: spec, role: role, attempt: attempt, imageID: image?.id ?? spec.image.text,
            environment: environment, mounts: mounts, memoryCapacity: node.machine.memoryBytes,
            imageUser: (image.flatMap { $0.hasUid ? $0.uid.value : nil }, image?.username ?? ""))
        if role == .ephemeral, let target = spec.targetContainerName.asString, !target.isEmpty {
            config.targetID = record(target)?.id ?? ""
        }
        return try CRIContainerConfig(config)
    }

    /// /etc/hosts and the termination log, unless the container mounts something there itself.
    private func addFiles(
        _ container: String, attempt: Int, _ spec: JSON, _ facts: EnvironmentFacts, _ mounts: inout [CRIMount]
    ) throws {
        let pod: JSON = facts.pod
        if !mounts.contains(where: { $0.containerPath == "/etc/hosts" }) {
            let text: String =
                pod.spec.hostNetwork.isTrue
                ? PodNames.hostNetworkHostsFile(pod, node: (try? Files.text("/etc/hosts")) ?? "")
                : PodNames.hostsFile(pod, ips: facts.podIPs, clusterDomain: node.options.clusterDomain)
            try Files.write(paths.etcHosts, text)
            var m: CRIMount = CRIMount()
            m.containerPath = "/etc/hosts"
            m.hostPath = paths.etcHosts
            mounts.append(m)
        }
        let log: String = paths.terminationLog(container, attempt: attempt)
        try Files.makeDirectories("\(paths.directory)/containers/\(container)")
        try Files.write(log, [])
        try Files.chmod(log, 0o666)
        var m: CRIMount = CRIMount()
        m.containerPath = spec.terminationMessagePath.asString ?? "/dev/termination-log"
        m.hostPath = log
        mounts.append(m)
    }

    func start(_ container: String, _ id: String) async {
        do throws(GRPCError) {
            try await node.cri.start(id)
            deliver(.started(container: container, id: id, at: node.options.time.now()))
        } catch {
            deliver(.startFailed(container: container, id: id, reason: "RunContainerError", message: error.message))
        }
    }

    func postStart(_ container: String, _ id: String) async {
        let spec: JSON = spec(container)
        do {
            try await LifecycleHooks.run(
                spec.lifecycle.postStart, container: spec, id: id, podIP: podIPs.first ?? "", cri: node.cri,
                http: node.prober.plain, timeout: .seconds(3600), time: node.options.time)
            deliver(.postStartDone(container: container, id: id))
        } catch {
            let fieldPath: String = record(container)?.fieldPath ?? ""
            node.events.record(
                pod, .warning, reason: "FailedPostStartHook", "PostStartHook failed", fieldPath: fieldPath)
            node.events.record(pod, .normal, reason: "Killing", "FailedPostStartHook", fieldPath: fieldPath)
            node.log.debug("postStart of \(container) in \(pod.meta.key): \(error)")
            let grace: Int = state.withLock { $0.worker.graceSeconds }
            await stop(container, id, graceSeconds: grace, runsPreStop: false)
        }
    }

    // MARK: Stop

    func stop(_ container: String, _ id: String, graceSeconds: Int, runsPreStop: Bool) async {
        let started: ContinuousClock.Instant = .now
        if runsPreStop {
            let spec: JSON = spec(container)
            let fieldPath: String = record(container)?.fieldPath ?? ""
            do {
                try await LifecycleHooks.run(
                    spec.lifecycle.preStop, container: spec, id: id, podIP: podIPs.first ?? "", cri: node.cri,
                    http: node.prober.plain, timeout: .seconds(graceSeconds), time: node.options.time)
            } catch {
                node.events.record(
                    pod, .warning, reason: "FailedPreStopHook", "PreStopHook failed", fieldPath: fieldPath)
            }
        }
        let spent: Int = Int((ContinuousClock.now - started).components.seconds)
        let left: Int = runsPreStop ? max(2, graceSeconds - spent) : graceSeconds
        do throws(GRPCError) {
            try await node.cri.stop(id, graceSeconds: left)
        } catch {
            if !error.isNotFound { node.log.warning("container \(container) of \(pod.meta.key) not stopped: \(error)") }
        }
        await observeExit(container, id)
    }

    /// Looks whether a container has ended: where an event may have been missed.
    func observeExit(_ container: String, _ id: String) async {
        do throws(GRPCError) {
            let s: CRIContainerStatus = try await node.cri.containerStatus(id)
            guard s.state == .containerExited else { return }
            deliver(.exited(container: container, end(s)))
        } catch {
            guard error.isNotFound else { return }
            deliver(
                .exited(
                    container: container,
                    ContainerEnd(
                        containerID: id, exitCode: 137, reason: "ContainerStatusUnknown",
                        message: "The container could not be located when the pod was terminated",
                        finishedAt: node.options.time.now())))
        }
    }

    /// From containerd's event; the runtime's own record may not be written yet. An end that is explained by the log
    /// waits until that is complete.
    func taskExited(_ container: String, _ id: String, exitCode: Int, at: Timestamp) {
        state.withLock { _ = $0.openLogs.insert(id) }
        if exitCode != 0, spec(container).terminationMessagePolicy.text == "FallbackToLogsOnError" { return }
        tellExit(container, id, exitCode: exitCode, at: at)
    }

    func taskDeleted(_ container: String, _ id: String, exitCode: Int, at: Timestamp) {
        tellExit(container, id, exitCode: exitCode, at: at)
        let bells: [AsyncStream<Void>.Continuation] = state.withLock {
            $0.openLogs.remove(id)
            return Array($0.logBells.values)
        }
        for bell in bells { bell.yield() }
    }

    /// Whether the log of an instance may still grow.
    func isLogOpen(_ container: String, attempt: Int) -> Bool {
        state.withLock { s in
            guard let c = s.worker.containers.first(where: { $0.name == container }), c.restartCount == attempt else {
                return false
            }
            return c.isAlive || s.openLogs.contains(c.id)
        }
    }

    func addLogBell(_ bell: AsyncStream<Void>.Continuation) -> Int {
        state.withLock {
            $0.bellsMade += 1
            $0.logBells[$0.bellsMade] = bell
            return $0.bellsMade
        }
    }
    func removeLogBell(_ number: Int) { state.withLock { $0.logBells[number] = nil } }

    private func tellExit(_ container: String, _ id: String, exitCode: Int, at: Timestamp) {
        var end: ContainerEnd = ContainerEnd(
            containerID: id, exitCode: exitCode, reason: exitCode == 0 ? "Completed" : "Error", finishedAt: at)
        let attempt: Int = record(container)?.restartCount ?? 0
        end.message = terminationMessage(container, attempt: attempt, exitCode: exitCode)
        deliver(.exited(container: container, end))
    }

    func end(_ s: CRIContainerStatus) -> ContainerEnd {
        var reason: String = s.reason
        if reason.isEmpty { reason = s.exitCode == 0 ? "Completed" : "Error" }
        if s.startedAt == 0, s.exitCode == 128 { reason = "StartError" }
        var end: ContainerEnd = ContainerEnd(
            containerID: s.id, exitCode: Int(s.exitCode), reason: reason, message: s.message,
            startedAt: s.startedAt > 0 ? Timestamp(nanoseconds: s.startedAt) : nil,
            finishedAt: Timestamp(nanoseconds: s.finishedAt))
        let own: String = terminationMessage(
            s.metadata.name, attempt: Int(s.metadata.attempt), exitCode: Int(s.exitCode))
        if !own.isEmpty { end.message = own }
        return end
    }

    /// What the container wrote to its termination log (at most 4 KiB), or the end of its log if it asked for that.
    private func terminationMessage(_ container: String, attempt: Int, exitCode: Int) -> String {
        let path: String = paths.terminationLog(container, attempt: attempt)
        let bytes: [UInt8] = (try? Files.read(path, maxBytes: 4096)) ?? []
        if !bytes.isEmpty { return String(decoding: bytes, as: UTF8.self) }
        guard exitCode != 0, spec(container).terminationMessagePolicy.text == "FallbackToLogsOnError" else { return "" }
        // 80 lines, 2 KiB
        return ContainerLog.tail(paths.logFile(container, attempt: attempt), lines: 80, bytesMax: 2048)
    }

    /// The pod's cgroup first where it grows, last where it shrinks: setting it twice serves both.
    func resize(_ container: String, _ id: String) async {
        let pod: JSON = self.pod
        let spec: JSON = spec(container)
        let resources: CRILinuxContainerResources = ContainerResources.linux(
            spec, pod: pod, memoryCapacity: node.machine.memoryBytes)
        var fault: String = ""
        try? limitCgroup(pod)
        do throws(GRPCError) { try await node.cri.updateResources(id, resources) } catch { fault = error.message }
        do { try limitCgroup(pod) } catch { fault = fault.isEmpty ? "\(error)" : fault }
        deliver(.resized(container: container, id: id, resources: spec.resources, fault: fault))
    }

    // MARK: Dead instances

    /// One dead instance is kept beside the living one, for `logs --previous`.
    func collectDead(_ container: String) async {
        guard let all = try? await node.cri.containers(podUID: uid) else { return }
        let dead: [CRIContainer] =
            all
            .filter { $0.metadata.name == container && $0.state == .containerExited }
            .sorted { $0.metadata.attempt > $1.metadata.attempt }
        for c in dead.dropFirst() {
            try? await node.cri.remove(c.id)
            try? Files.remove(paths.logFile(container, attempt: Int(c.metadata.attempt)))
            try? Files.remove(paths.terminationLog(container, attempt: Int(c.metadata.attempt)))
        }
    }
}
