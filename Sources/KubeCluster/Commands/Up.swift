// `apus up`: a whole cluster on this machine.

import KubeBase
import KubeClient
import KubeOS
import KubeWire
import Synchronization

enum Up {
    static let flags: [String: Bool] = [
        "nodes": true, "name": true, "port": true, "root": true, "registry": true, "quiet": false,
    ].merging(ServerFlags.flags) { mine, _ in mine }

    static func run(_ arguments: [String]) async throws {
        try Preflight.requireRoot("up")
        let flags: Flags = try Flags(arguments, known: Self.flags, command: "up")
        let programs: NodePrograms = try Preflight.programs()
        let paths: ClusterPaths = try Location.paths(flags)
        let lock: FileLock = try Location.lock(paths)
        defer { lock.release() }
        let progress: Progress = Progress(isQuiet: flags.has("quiet"))
        let network: NetworkClaim = try await NetworkClaim()
        defer { network.end() }
        let configuration: ClusterConfiguration = try await configure(flags, paths)
        let cluster: LocalCluster = LocalCluster(paths: paths, configuration: configuration, programs: programs)
        if cluster.server != nil, cluster.liveNodes.count == configuration.nodeCount {
            Output.print(
                "Cluster \(paths.name) already runs: \(configuration.server), \(configuration.nodeCount) node(s).")
            Output.print("See it with: apus status")
            if configuration.serverFlags != (try ClusterConfiguration.load(paths))?.serverFlags {
                try configuration.save(paths)
                Output.print("The server takes its new flags when it starts next: apus down, then apus up")
            }
            return
        }
        let isStopped: Bool = cluster.server == nil
        let isNew: Bool = !Files.exists(paths.configuration)
        do {
            if isStopped {
                await Daemon.waitForLastThread(record: paths.serverRecord)
                try checkPort(configuration)
            }
            try configuration.save(paths)
            try await start(cluster, progress, network)
        } catch {
            // Undo only what this call began: a cluster that ran before is left as it is.
            // Also when cancelled: undoing must not be.
            if isStopped { await Task { await cluster.stop(grace: .zero) }.value }
            if isNew { forget(paths) }
            throw error
        }
        Output.print(
            """
            Cluster \(paths.name) is ready in \(progress.elapsed): \(configuration.server), \
            kubeconfig context "\(paths.name)".
            Next:
              apus get nodes
              apus create deployment web --image=IMAGE
              apus down          (stops it; the state stays)
            """)
    }

    /// The stored configuration, changed by the flags given; or a new one.
    private static func configure(_ flags: Flags, _ paths: ClusterPaths) async throws -> ClusterConfiguration {
        let nodes: Int? = try flags.int("nodes", 1...ClusterConfiguration.nodeCountMax)
        let port: Int? = try flags.int("port", 0...65535)
        var configuration: ClusterConfiguration
        if let stored = try ClusterConfiguration.load(paths) {
            configuration = stored
            if let nodes { configuration.nodeCount = max(nodes, stored.nodeCount) }
            if let port, port != 0 { configuration.port = port }
            if let registry = flags["registry"] { configuration.registry = registry }
            if Daemon(record: paths.serverRecord) == nil, !Files.exists(paths.run) {
                configuration.index = try await HostNetwork.freeIndex(ranges: stored.ranges)
            }
            if nodes.map({ $0 < stored.nodeCount }) == true {
                Output.error(
                    "The cluster has \(stored.nodeCount) nodes; fewer is not possible yet: "
                        + "delete it first (apus down --delete)."
                )
            }
        } else {
            configuration = ClusterConfiguration(
                name: paths.name, nodeCount: nodes ?? 1, port: port ?? 6443,
                registry: flags["registry"] ?? "localhost:5000",
                index: try await HostNetwork.freeIndex())
        }
        configuration.serverFlags = try ServerFlags.merged(
            configuration.serverFlags, flags, folder: ServerFlags.workingFolder())
        if configuration.port == 0 {
            guard let free = LoopbackPort.tryBind(0) else { throw ClusterError("no free port on 127.0.0.1") }
            configuration.port = free
        }
        return configuration
    }

    /// A cluster that never came to be leaves its logs, if any.
    private static func forget(_ paths: ClusterPaths) {
        for name in (try? Files.list(paths.state)) ?? [] where "\(paths.state)/\(name)" != paths.logs {
            try? Files.removeTree("\(paths.state)/\(name)")
        }
        try? Files.remove(paths.state)
        try? Files.remove(paths.lock)
        try? AdminAccess.remove(paths)
    }

    private static func checkPort(_ c: ClusterConfiguration) throws {
        guard LoopbackPort.tryBind(c.port) != nil else {
            throw ClusterError(
                "port \(c.port) on 127.0.0.1 is in use by another program; choose another: apus up --port 0")
        }
    }

    private static func start(
        _ cluster: LocalCluster, _ progress: Progress, _ network: NetworkClaim
    ) async throws {
        let c: ClusterConfiguration = cluster.configuration
        let wasRunning: Bool = cluster.server != nil
        try Files.makeDirectories(cluster.paths.logs)
        try Files.makeDirectories(cluster.paths.nodesRun)
        try await progress.step("keys and certificates") {
            let credentials: Credentials = try Credentials.open(cluster.paths.pki)
            _ = try credentials.server(c, hostName: Machine.hostName)
            _ = try credentials.kubeletClient()
            for place in c.nodes {
                _ = try credentials.nodeClient(place.name)
                _ = try credentials.nodeServing(place.name, address: place.address)
            }
            try AdminAccess.write(cluster, credentials)
        }
        try await progress.step("network \(c.bridge) (\(c.nodeNetwork))") { try await cluster.makeNetwork() }
        network.end()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            let served: Gate = Gate()
            tasks.addTask {
                defer { served.open() }
                if cluster.server != nil { return }
                try await progress.step("server: \(c.server)") { try await cluster.startServer() }
            }
            for place in c.nodes {
                tasks.addTask {
                    if !cluster.isPrepared(place) {
                        try await progress.step("\(place.name): containerd in its own namespaces") {
                            try await cluster.prepare(place)
                        }
                    }
                    await served.wait()
                    if cluster.server == nil || cluster.sandbox(place).agent != nil { return }
                    try await progress.step("\(place.name): agent") { try await cluster.startAgent(place) }
                }
            }
            try await tasks.waitForAll()
        }
        if wasRunning { try await cluster.connectNodes() }
        await cluster.routeServices()
        try await progress.step("nodes Ready") { try await NodesReady.wait(cluster) }
    }
}

/// One `up` at a time, of whatever cluster, chooses a free network and takes it: held from the look to the bridge.
private final class NetworkClaim: Sendable {
    private let lock: Mutex<FileLock?>

    init() async throws {
        try Files.makeDirectories(ClusterPaths.runRoot)
        lock = Mutex(try await FileLock.waiting("\(ClusterPaths.runRoot)/network.lock"))
    }

    func end() {
        lock.withLock {
            $0?.release()
            $0 = nil
        }
    }
}
