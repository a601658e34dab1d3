// `apus down`: stops a cluster of this machine; `--delete` forgets it too.

import Glibc
import KubeOS

enum Down {
    static let flags: [String: Bool] = ["name": true, "root": true, "delete": false, "now": false]
    /// How long containers have after SIGTERM; `--now`: nothing.
    static let grace: Duration = .seconds(3)

    static func run(_ arguments: [String]) async throws {
        try Preflight.requireRoot("down")
        let flags: Flags = try Flags(arguments, known: Self.flags, command: "down")
        let paths: ClusterPaths = try Location.paths(flags)
        let lock: FileLock = try Location.lock(paths)
        defer { lock.release() }
        let progress: Progress = Progress()
        // A damaged configuration must not keep `--delete` from deleting.
        let loaded: ClusterConfiguration? =
            flags.has("delete") ? try? ClusterConfiguration.load(paths) : try ClusterConfiguration.load(paths)
        if let configuration = loaded {
            let programs: NodePrograms = NodePrograms(containerd: "containerd", cniFolder: "", runtimes: [])
            let cluster: LocalCluster = LocalCluster(paths: paths, configuration: configuration, programs: programs)
            let wasRunning: Bool = Files.exists(paths.run)
            if wasRunning {
                await progress.step("stopped \(paths.name): nodes, links, routes, cgroups") {
                    await cluster.stop(grace: flags.has("now") ? .zero : grace)
                }
            } else if !flags.has("delete") {
                Output.print("Cluster \(paths.name) does not run.")
            }
        } else if !flags.has("delete") {
            Output.print("There is no cluster \(paths.name) in \(paths.root).")
        }
        if flags.has("delete") {
            try progress.line(delete(paths) ? "deleted \(paths.state)" : "there was no state of \(paths.name)")
        }
        try? Files.remove(paths.lock)
        // The folder goes with the last cluster.
        _ = rmdir(ClusterPaths.runRoot)
    }

    private static func delete(_ paths: ClusterPaths) throws -> Bool {
        try? AdminAccess.remove(paths)
        guard Files.exists(paths.state) else { return false }
        try Files.removeTree(paths.state)
        _ = rmdir(paths.root)
        return true
    }
}
