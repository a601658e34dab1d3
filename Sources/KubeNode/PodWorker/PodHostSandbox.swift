// A pod host's volumes and sandbox.

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
    var environmentFacts: EnvironmentFacts {
        let (pod, ips): (JSON, [String]) = state.withLock { ($0.worker.pod, $0.worker.podIPs) }
        return EnvironmentFacts(
            pod: pod, podIPs: ips, hostIPs: node.options.nodeIPs, nodeName: node.options.nodeName,
            allocatable: JSON(node.machine.allocatable(node.options)), services: node.services(for: pod),
            objects: node.objects)
    }

    private var volumeContext: VolumeContext {
        VolumeContext(facts: environmentFacts, paths: paths, tokens: node.tokens)
    }

    func sandboxConfig(attempt: Int) -> CRIPodSandboxConfig {
        let pod: JSON = self.pod
        var facts: SandboxFacts = SandboxFacts(
            paths: paths, cgroupParent: node.cgroup(for: pod), dns: node.dns.config(for: pod),
            clusterDomain: node.options.clusterDomain)
        if pod.spec.overhead.exists {
            var r: CRILinuxContainerResources = CRILinuxContainerResources()
            r.cpuShares = ContainerResources.shares(milliCPU: Quantity(pod.spec.overhead.cpu)?.milliValue ?? 0)
            r.memoryLimitInBytes = Quantity(pod.spec.overhead.memory)?.value ?? 0
            facts.overhead = r
        }
        return CRIPodSandboxConfig(pod: pod, attempt: attempt, facts)
    }

    // MARK: Volumes

    func mountVolumes() async {
        do {
            try Files.makeDirectories(paths.directory, mode: 0o750)
            let set: [String: String] = try await PodVolumes.setUp(volumeContext)
            state.withLock { $0.volumePaths = set }
            node.objects.setWatched(PodVolumes.references(pod), pod: uid)
            scheduleRenewal()
            deliver(.volumesMounted)
        } catch {
            deliver(.volumesFailed("\(error)"))
        }
    }

    func unmountVolumes() async {
        node.objects.setWatched([], pod: uid)
        state.withLock { $0.renewal }?.stop()
        do { try PodVolumes.tearDown(paths) } catch {
            node.log.warning("volumes of \(pod.meta.key) not taken down: \(error)")
        }
        deliver(.volumesUnmounted)
    }

    /// Brings files up to date with what they show; one run at a time, and again when news came meanwhile.
    func refreshVolumes() {
        let mustStart: Bool = state.withLock {
            guard $0.worker.volumes == .mounted else { return false }
            if $0.isRefreshing {
                $0.mustRefreshAgain = true
                return false
            }
            $0.isRefreshing = true
            return true
        }
        guard mustStart else { return }
        node.jobs.start {
            var isOver: Bool = false
            while !isOver {
                do { try await PodVolumes.refresh(self.volumeContext) } catch {
                    self.node.log.debug("volumes of \(self.pod.meta.key) not refreshed: \(error)")
                }
                isOver = self.state.withLock {
                    let again: Bool = $0.mustRefreshAgain
                    $0.mustRefreshAgain = false
                    $0.isRefreshing = again
                    return !again
                }
            }
            self.scheduleRenewal()
        }
    }

    /// Tokens are renewed in time, by a look at the volumes.
    private func scheduleRenewal() {
        guard let at = node.tokens.nextRenewal(podUID: uid) else { return }
        let time: any TimeSource = node.options.time
        let job: JobHandle = node.jobs.startStoppable {
            // A renewal that failed is due at once: not more often than every 10 s.
            let wait: Duration = max(.seconds(10), at - time.now())
            do { try await time.sleep(for: wait) } catch { return }
            self.refreshVolumes()
        }
        let before: JobHandle? = state.withLock {
            let b: JobHandle? = $0.renewal
            $0.renewal = job
            return b
        }
        before?.stop()
    }

    // MARK: Sandbox

    func runSandbox(attempt: Int) async {
        let pod: JSON = self.pod
        do {
            if attempt > 0 {
                for old in try await node.cri.sandboxes(podUID: uid) { try await node.cri.stopSandbox(old.id) }
            }
            try Files.makeDirectories(paths.logs)
            let hostname: String = PodNames.sandboxHostname(pod, clusterDomain: node.options.clusterDomain)
            if hostname.utf8.count > 64 {
                // sethostname(2) takes no more.
                throw ConfigFault(
                    "failed to construct FQDN from pod hostname and cluster domain, FQDN \(hostname) is too long "
                        + "(64 characters is the max, \(hostname.utf8.count) characters requested)")
            }
            try makeCgroup(pod)
            let handler: String = try await runtimeHandler(pod)
            let id: String = try await node.cri.runSandbox(sandboxConfig(attempt: attempt), handler: handler)
            node.setOwner(id, podUID: uid, container: "")
            let status: CRIPodSandboxStatus = try await node.cri.sandboxStatus(id)
            let seen: SandboxSeen = SandboxSeen(status, hostIPs: node.options.nodeIPs)
            await node.options.beforePodStarts(pod, seen.ips)
            deliver(.sandboxStarted(seen))
        } catch let error as GRPCError {
            deliver(.sandboxFailed(error.goText))
        } catch {
            deliver(.sandboxFailed("\(error)"))
        }
    }

    private func makeCgroup(_ pod: JSON) throws {
        try Cgroup(node.cgroup(for: pod)).create()
        try limitCgroup(pod)
    }

    func limitCgroup(_ pod: JSON) throws {
        let cgroup: Cgroup = Cgroup(node.cgroup(for: pod))
        let limits: (shares: Int64, quota: Int64?, memory: Int64?) = ContainerResources.pod(pod)
        try cgroup.setCPUShares(UInt64(QoSClass(of: pod) == .bestEffort ? 2 : limits.shares))
        if let quota = limits.quota { try cgroup.setCPUQuota(microseconds: quota) }
        if let memory = limits.memory { try cgroup.setMemoryLimit(bytes: memory) }
    }

    private func runtimeHandler(_ pod: JSON) async throws -> String {
        guard let name = pod.spec.runtimeClassName.asString, !name.isEmpty else { return "" }
        do throws(StatusError) {
            return try await node.options.client.get(API.runtimeClasses, name).handler.text
        } catch {
            throw ConfigFault("failed to get sandbox runtime: \(error)")
        }
    }

    func stopSandbox(_ id: String) async {
        var delay: Duration = .milliseconds(200)
        while !Task.isCancelled {
            do throws(GRPCError) {
                try await node.cri.stopSandbox(id)
                break
            } catch {
                if error.isNotFound { break }
                node.log.warning("sandbox of \(pod.meta.key) not stopped, again in \(delay): \(error)")
                try? await node.options.time.sleep(for: delay)
                delay = min(delay * 2, .seconds(30))
            }
        }
        deliver(.sandboxStopped(id: id))
    }

    func removeSandboxes() async {
        var delay: Duration = .milliseconds(200)
        while !Task.isCancelled {
            do throws(GRPCError) {
                for s in try await node.cri.sandboxes(podUID: uid) {
                    if s.state == .sandboxReady { try await node.cri.stopSandbox(s.id) }
                    try await node.cri.removeSandbox(s.id)
                }
                break
            } catch {
                node.log.warning("sandboxes of \(pod.meta.key) not removed, again in \(delay): \(error)")
                try? await node.options.time.sleep(for: delay)
                delay = min(delay * 2, .seconds(30))
            }
        }
        deliver(.sandboxRemoved)
    }
}

extension SandboxSeen {
    init(_ s: CRIPodSandboxStatus, hostIPs: [String]) {
        let isHost: Bool = s.linux.namespaces.options.network == .node
        let own: [String] = [s.network.ip] + s.network.additionalIps.map { $0.ip }
        self.init(
            id: s.id, attempt: Int(s.metadata.attempt), isReady: s.state == .sandboxReady,
            ips: isHost ? hostIPs : own.filter { !$0.isEmpty }, createdAt: Timestamp(nanoseconds: s.createdAt))
    }
}
