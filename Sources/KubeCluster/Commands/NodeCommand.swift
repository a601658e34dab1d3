// `apus node stop|start NAME`: a node's power switch.

import KubeBase
import KubeOS

enum NodeCommand {
    static func run(_ arguments: [String]) async throws {
        let flags: Flags = try Flags(arguments, known: ["name": true, "root": true], command: "node")
        guard flags.words.count == 2, ["stop", "start"].contains(flags.words[0]) else {
            throw ClusterError("usage: apus node stop NAME | apus node start NAME")
        }
        try Preflight.requireRoot("node")
        let paths: ClusterPaths = try Location.paths(flags)
        let configuration: ClusterConfiguration = try Location.configuration(paths)
        guard let place = configuration.node(named: flags.words[1]) else {
            let names: String = configuration.nodes.map { $0.name }.joined(separator: ", ")
            throw ClusterError("there is no node \(flags.words[1]) in cluster \(paths.name); it has: \(names)")
        }
        let lock: FileLock = try Location.lock(paths)
        defer { lock.release() }
        let cluster: LocalCluster = LocalCluster(
            paths: paths, configuration: configuration, programs: try Preflight.programs())
        guard cluster.server != nil else {
            throw ClusterError("cluster \(paths.name) does not run; start it with: apus up")
        }
        let progress: Progress = Progress()
        if flags.words[0] == "stop" {
            await progress.step("\(place.name): power off") {
                await cluster.sandbox(place).destroy(grace: .zero)
                await cluster.routeServices()
            }
        } else {
            try Files.makeDirectories(paths.nodesRun)
            try await progress.step("\(place.name): power on") {
                try await cluster.prepare(place)
                try await cluster.startAgent(place)
                await cluster.routeServices()
            }
        }
    }
}
