// One node's place on this machine: a network and a mount namespace, and containerd in them.

import Glibc
import KubeNode
import KubeOS
import KubeWire

/// Made once, entered by containerd and the agent, gone with `destroy`. Like a machine's power switch: what ran in it
/// is killed, what was on disk stays.
///
///     create → (link, mounts, containerd) → running → destroy
struct NodeSandbox: Sendable {
    let place: NodePlace
    let paths: NodePaths
    let programs: NodePrograms
    /// This process is in the node's namespaces itself.
    var isEntered: Bool = false

    var namespaces: Namespaces {
        isEntered ? Namespaces() : Namespaces(network: paths.networkNamespace, mount: paths.mountNamespace)
    }

    /// Both namespaces are there (bound, so not left from before a reboot).
    var exists: Bool {
        let mounts: [MountPoint] = (try? Mounts.list()) ?? []
        return paths.namespaces.allSatisfy { file in mounts.contains { $0.path == file } }
    }

    /// The bridge is there. Throws with nothing cleaned up: the caller destroys.
    func create() async throws {
        for folder in [
            paths.state, paths.containerdRoot, paths.registries, paths.cni, paths.kubelet, paths.podLogs,
            paths.containerLogs, paths.volumes, paths.pki, paths.run,
        ] { try Files.makeDirectories(folder) }
        try await NetworkNamespaces.create(paths.networkNamespace)
        let network: String = paths.networkNamespace
        async let mounts: Void = MountNamespaces.create(paths.mountNamespace, network: network) { [paths] in
            try NodeMounts.prepare(paths)
        }
        try await Links.run(NodeNetwork.link(place, namespaceFile: network))
        try await OwnThread.run(in: Namespaces(network: network)) {
            for (name, value) in NodeNetwork.sysctls { try Files.write("/proc/sys/" + name, value) }
            let bridged: String = "/proc/sys/net/bridge/bridge-nf-call-iptables"
            if Files.exists(bridged) { try? Files.write(bridged, "1") }
        }
        try await Links.run(NodeNetwork.inside(place), namespaces: Namespaces(network: network))
        try await mounts
        try await Links.run(HostNetwork.addNode(place))
    }

    /// Writes its configuration and starts containerd; returns when its socket answers.
    func startContainerd() async throws {
        let configuration: String = ContainerdConfiguration.text(paths, place, programs)
        try Files.writeAtomically(paths.containerdConfiguration, configuration)
        try Files.writeAtomically(
            "\(paths.cni)/10-apus.conflist", NodeNetwork.cniConfiguration(podCIDR: place.podCIDR).encoded())
        try writeRegistry()
        try Files.remove(paths.containerdSocket)
        let watch: FileWatch = try FileWatch()
        try watch.add(paths.run)
        defer { watch.close() }
        let group: Cgroup = Cgroup("\(place.cgroup)/system")
        try group.create()
        let child: Child = try await Command.spawn(
            programs.containerd, ["--config", paths.containerdConfiguration], directory: "/",
            logFile: paths.containerdLog, namespaces: namespaces)
        try group.add(process: child.pid)
        guard let daemon = Daemon(pid: child.pid) else {
            throw ClusterError("containerd of \(place.name) ended at once")
        }
        try daemon.save(paths.containerdRecord)
        // A child that ends must not stay a zombie while `up` waits.
        let ended: Task<Int32, any Error> = Task { try await child.wait() }
        defer { ended.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let socket: String = paths.containerdSocket
            group.addTask {
                if UnixSocket.answers(socket) { return }
                for await _ in watch.events where UnixSocket.answers(socket) { return }
            }
            let pid: Int32 = child.pid
            let log: String = paths.containerdLog
            let name: String = place.name
            group.addTask {
                let isEnded: Bool = await ProcessEnd.wait(pid, timeout: .seconds(30))
                throw ClusterError("containerd of \(name) \(isEnded ? "ended" : "did not answer in 30 s"); see \(log)")
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func writeRegistry() throws {
        let registry: String = place.cluster.registry
        guard !registry.isEmpty, let port = registry.split(separator: ":").last else { return }
        let relay: String = "\(place.cluster.bridgeAddress):\(port)"
        for (name, text) in ContainerdConfiguration.registryHosts(registry, relay: relay) {
            try Files.makeDirectories("\(paths.registries)/\(name)")
            try Files.writeAtomically("\(paths.registries)/\(name)/hosts.toml", text)
        }
    }

    var containerd: Daemon? { Daemon(record: paths.containerdRecord) }
    var agent: Daemon? { Daemon(record: paths.agentRecord) }

    /// Ends everything in the node. `grace` zero is a power cut; else containers first get SIGTERM and that long.
    func destroy(grace: Duration) async {
        if let agent { await agent.end(grace: grace == .zero ? .zero : .seconds(2)) }
        let group: Cgroup = Cgroup(place.cgroup)
        if grace != .zero { await Self.terminate(Cgroup("\(place.cgroup)/kubepods"), grace: grace) }
        await Self.killAll(group)
        await Links.runAll(HostNetwork.removeNode(place))
        try? MountNamespaces.delete(paths.mountNamespace)
        try? NetworkNamespaces.delete(paths.networkNamespace)
        try? Files.removeTree(paths.run)
    }

    /// SIGTERM to every process of the group; returns when all ended or `grace` is over.
    private static func terminate(_ group: Cgroup, grace: Duration) async {
        let pids: [Int32] = group.processes()
        await withTaskGroup(of: Void.self) { tasks in
            for pid in pids where ProcessInfo(pid)?.name != "pause" {
                tasks.addTask { _ = await ProcessEnd.wait(pid, timeout: grace) { _ = kill(pid, SIGTERM) } }
            }
        }
    }

    /// SIGKILL until the group is empty, then removes it: containerd, shims and containers alike.
    private static func killAll(_ group: Cgroup) async {
        for _ in 0..<20 {
            let pids: [Int32] = group.processes()
            if pids.isEmpty { break }
            group.killAll()
            await withTaskGroup(of: Void.self) { tasks in
                for pid in pids { tasks.addTask { _ = await ProcessEnd.wait(pid, timeout: .seconds(1)) } }
            }
        }
        try? group.delete()
    }
}

/// What differs in a node's mount namespace.
enum NodeMounts {
    /// Folders of the host that each node has for itself, by the state they show.
    static func own(_ paths: NodePaths) -> [(source: String, target: String)] {
        [
            (paths.kubelet, "/var/lib/kubelet"), (paths.podLogs, "/var/log/pods"),
            (paths.containerLogs, "/var/log/containers"), (paths.volumes, LocalVolumes.root),
        ]
    }

    /// Runs in the new namespace, while its mounts are still private.
    static func prepare(_ paths: NodePaths) throws {
        // Our copies of other nodes' namespace files would keep those alive when they are switched off.
        for mount in try Mounts.list() where mount.fileSystem == "nsfs" && mount.path.hasPrefix(ClusterPaths.runRoot) {
            try Mounts.unmount(mount.path, detach: true)
        }
        for (source, target) in own(paths) {
            try Files.makeDirectories(target)
            try Mounts.bind(source, at: target)
        }
        // crun refuses hybrid hierarchies: without the unified mount it takes this one for plain v1.
        if CgroupVersion.detect() == .v1 { try Mounts.unmount("/sys/fs/cgroup/unified", detach: true) }
        let fresh: String = "\(paths.state)/run"
        try Files.makeDirectories(fresh)
        try Mounts.tmpfs(fresh)
        try Files.makeDirectories("\(fresh)/apus")
        try Mounts.bind(ClusterPaths.runRoot, at: "\(fresh)/apus")
        try keepResolver(fresh)
        guard Glibc.mount(fresh, "/run", nil, UInt(MS_MOVE), nil) == 0 else {
            throw OSError("mount --move", path: "/run")
        }
    }

    /// `/etc/resolv.conf` is often a link into /run.
    private static func keepResolver(_ fresh: String) throws {
        guard let real = Files.realPath("/etc/resolv.conf"), real.hasPrefix("/run/") else { return }
        let copy: String = fresh + real.dropFirst(4)
        try Files.makeDirectories(String(copy[..<copy.lastIndex(of: "/")!]))
        try Files.write(copy, try Files.read(real))
    }
}
