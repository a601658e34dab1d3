// `apus status` and `apus doctor`: what runs, and what this machine lacks.

import Glibc
import KubeAPI
import KubeClient
import KubeModel
import KubeOS
import KubeWire

enum Status {
    static func run(_ arguments: [String]) async throws -> Int32 {
        let flags: Flags = try Flags(arguments, known: ["name": true, "root": true], command: "status")
        let paths: ClusterPaths = try Location.paths(flags)
        guard let c = try ClusterConfiguration.load(paths) else {
            Output.print("There is no cluster \(paths.name) in \(paths.root). Make one with: apus up")
            return 1
        }
        let programs: NodePrograms = NodePrograms(containerd: "", cniFolder: "", runtimes: [])
        let cluster: LocalCluster = LocalCluster(paths: paths, configuration: c, programs: programs)
        let server: String = cluster.server.map { "running, \(figures($0.pid))" } ?? "stopped"
        Output.print("cluster  \(c.name)  \(c.server)  state \(paths.state)")
        Output.print("server   \(server)")
        if cluster.server != nil, let urls = IngressFlags.told(paths.serverState) { Output.print("ingress  \(urls)") }
        var nodes: [String: JSON] = [:]
        if cluster.server != nil, let list = try? await AdminAccess.client(paths).list(API.nodes) {
            for node in list["items"].elements { nodes[node.meta.name] = node }
        }
        for place in c.nodes {
            let box: NodeSandbox = cluster.sandbox(place)
            let agent: String = box.agent.map { "agent \(figures($0.pid))" } ?? "agent stopped"
            let containerd: String = box.containerd.map { "containerd \(figures($0.pid))" } ?? "containerd stopped"
            let ready: String = nodes[place.name].map { NodesReady.isReady($0) ? "Ready" : "NotReady" } ?? "unknown"
            Output.print("\(place.name)    \(ready)  \(place.address)  pods \(place.podCIDR)  \(agent)  \(containerd)")
        }
        return cluster.server != nil && cluster.liveNodes.count == c.nodeCount ? 0 : 1
    }

    private static func figures(_ pid: Int32) -> String {
        let rss: UInt64 = (ProcessInfo(pid)?.rssBytes ?? 0) >> 20
        return "pid \(pid) \(rss) MiB"
    }
}

enum Doctor {
    static func run(_ arguments: [String]) throws -> Int32 {
        let flags: Flags = try Flags(arguments, known: ["name": true, "root": true], command: "doctor")
        let paths: ClusterPaths = try Location.paths(flags)
        var findings: [Finding] = Preflight.findings()
        let stored: ClusterConfiguration? = try ClusterConfiguration.load(paths)
        let port: Int = stored?.port ?? 6443
        if Daemon(record: paths.serverRecord) == nil {
            let isFree: Bool = LoopbackPort.tryBind(port) != nil
            findings.append(
                Finding(
                    verdict: isFree ? .fine : .missing, what: "port \(port) on 127.0.0.1",
                    mend: isFree ? "" : "another program has it; choose another port: apus up --port 0"))
        }
        for finding in findings {
            let mark: String =
                switch finding.verdict {
                case .fine: "ok      "
                case .warning: "warning "
                case .missing: "MISSING "
                }
            Output.print(mark + finding.what + (finding.mend.isEmpty ? "" : ": mend it with: " + finding.mend))
        }
        let missing: Int = findings.filter { $0.verdict == .missing }.count
        Output.print(missing == 0 ? "This machine can run Apus." : "\(missing) thing(s) to mend before `apus up`.")
        return missing == 0 ? 0 : 1
    }
}
