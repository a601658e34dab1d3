// `apus image import FILE`, `apus image list`: images of the nodes without a registry.

import KubeOS

enum ImageCommand {
    static func run(_ arguments: [String]) async throws {
        let flags: Flags = try Flags(arguments, known: ["name": true, "root": true, "node": true], command: "image")
        try Preflight.requireRoot("image")
        let paths: ClusterPaths = try Location.paths(flags)
        let configuration: ClusterConfiguration = try Location.configuration(paths)
        let nodes: [NodePaths] = configuration.nodes.filter { flags["node"] == nil || flags["node"] == $0.name }.map {
            paths.node($0.name)
        }.filter { UnixSocket.answers($0.containerdSocket) }
        guard !nodes.isEmpty else {
            throw ClusterError("no node of cluster \(paths.name) runs; start it with: apus up")
        }
        switch flags.words.first {
        case "import" where flags.words.count >= 2:
            for file in flags.words.dropFirst() {
                guard Files.exists(file) else { throw ClusterError("\(file): no such file") }
                try await importFile(file, into: nodes)
            }
        case "list":
            for node in nodes {
                for image in try await ContainerdImages(socket: node.containerdSocket).list() {
                    Output.print("\(node.name)  \(image)")
                }
            }
        default:
            throw ClusterError("usage: apus image import FILE… | apus image list")
        }
    }

    private static func importFile(_ file: String, into nodes: [NodePaths]) async throws {
        try await withThrowingTaskGroup(of: [String].self) { tasks in
            for node in nodes {
                tasks.addTask { try await ContainerdImages(socket: node.containerdSocket).importFile(file) }
            }
            var all: Set<String> = []
            for try await names in tasks { all.formUnion(names) }
            for name in all.sorted() {
                Output.print("imported \(name) into \(nodes.map { $0.name }.joined(separator: ", "))")
            }
        }
    }
}
