// A cluster on this machine: its server, its nodes, started and stopped.

import Glibc
import KubeBase
import KubeOS
import KubeWire

/// All operations may be repeated: what already runs is left alone.
struct LocalCluster: Sendable {
    let paths: ClusterPaths
    let configuration: ClusterConfiguration
    let programs: NodePrograms

    func sandbox(_ place: NodePlace) -> NodeSandbox {
        NodeSandbox(place: place, paths: paths.node(place.name), programs: programs)
    }

    var server: Daemon? { Daemon(record: paths.serverRecord) }

    /// Nodes whose agent and containerd run.
    var liveNodes: [NodePlace] {
        configuration.nodes.filter {
            let box: NodeSandbox = sandbox($0)
            return box.agent != nil && box.containerd != nil
        }
    }

    // MARK: Start

    func makeNetwork() async throws {
        let links: [String] = try await Links.show(["link", "show"]).elements.map { $0.ifname.text }
        if links.contains(configuration.bridge) { return }
        try await Links.run(HostNetwork.create(configuration))
    }

    func startServer() async throws {
        if server != nil { return }
        try Files.makeDirectories(paths.serverState, mode: 0o700)
        let log: String = "\(paths.logs)/server.log"
        try await start(
            ["server"] + ServerFlags.arguments(configuration.serverFlags), what: "the server", log: log,
            record: paths.serverRecord, ready: "\(paths.run)/server.ready", namespaces: Namespaces())
    }

    func isPrepared(_ place: NodePlace) -> Bool {
        let box: NodeSandbox = sandbox(place)
        return box.exists && box.containerd != nil
    }

    /// Namespaces, link, containerd and the pause image; returns when containerd answers.
    func prepare(_ place: NodePlace) async throws {
        let box: NodeSandbox = sandbox(place)
        if !box.exists {
            await box.destroy(grace: .zero)
            try await box.create()
        }
        if box.containerd == nil { try await box.startContainerd() }
        try await ContainerdImages(socket: box.paths.containerdSocket).importArchive(ImageArchive.pause())
    }

    func startAgent(_ place: NodePlace) async throws {
        let box: NodeSandbox = sandbox(place)
        if box.agent != nil { return }
        try await start(
            ["agent", "--node", place.name], what: "the agent of \(place.name)", log: box.paths.agentLog,
            record: box.paths.agentRecord, ready: "\(box.paths.run)/agent.ready", namespaces: box.namespaces)
    }

    private func start(
        _ role: [String], what: String, log: String, record: String, ready: String, namespaces: Namespaces
    ) async throws {
        let readiness: Readiness = try Readiness.make(ready)
        let arguments: [String] = role + ["--name", paths.name, "--root", paths.root, "--ready", ready]
        let child: Child = try await Command.spawn(
            ProcessInfo.executable, arguments, directory: "/", logFile: log, namespaces: namespaces)
        guard let daemon = Daemon(pid: child.pid) else { throw ClusterError("\(what) ended at once; see \(log)") }
        try daemon.save(record)
        OwnThread.start { _ = waitForChild(child.pid) }
        try await readiness.wait(for: child.pid, what: what, log: log, timeout: .seconds(60))
    }

    /// Nodes that were there before learn the way to those that were added.
    func connectNodes() async throws {
        for place in configuration.nodes {
            let box: NodeSandbox = sandbox(place)
            guard box.exists else { continue }
            let inside: Namespaces = Namespaces(network: box.paths.networkNamespace)
            try await Links.run(NodeNetwork.routes(place), namespaces: inside)
        }
    }

    /// The host's way to ClusterIPs leads through one live node.
    func routeServices() async {
        if let first = liveNodes.first {
            try? await Links.run(HostNetwork.services(through: first))
        } else {
            await Links.runAll(HostNetwork.noServices(configuration))
        }
    }

    // MARK: Stop

    /// Everything of ours leaves this machine; the state on disk stays. Unfinished starts are undone the same way.
    func stop(grace: Duration) async {
        await withTaskGroup(of: Void.self) { tasks in
            for place in configuration.nodes {
                tasks.addTask { await sandbox(place).destroy(grace: grace) }
            }
        }
        if let server { await server.end(grace: .seconds(10)) }
        await Links.runAll(HostNetwork.delete(configuration))
        let group: Cgroup = Cgroup(configuration.cgroup)
        group.killAll()
        try? group.delete()
        try? Files.removeTree(paths.run)
    }
}

/// Reaps a daemon that ends while its starter still runs.
private func waitForChild(_ pid: Int32) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status
}
