// `version` and `cluster-info`.

import KubeModel
import KubeWire

enum ClusterFacts {
    static let version: Command = {
        var c: Command = Command("version", "Print the client and server version information")
        c.flags = [
            Flag("client", .bool, "If true, shows client version only (no server required)."),
            Flag("output", short: "o", .string, "One of 'yaml' or 'json'."),
        ]
        c.run = { i in
            let client: JSON = ["major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"]
            var out: JSON = ["clientVersion": client]
            if !i.flags.bool("client") { out.serverVersion = try await i.session.connection().get("/version") }
            switch i.flags.string("output") {
            case "json": i.console.line(out.indented(by: 2))
            case "yaml": i.console.write(Array(YAML.write(out).utf8))
            case "":
                i.console.line("Client Version: \(client.gitVersion.text)")
                if out.serverVersion.exists { i.console.line("Server Version: \(out.serverVersion.gitVersion.text)") }
            case let other: throw UsageError("--output must be 'yaml' or 'json', not \"\(other)\"")
            }
        }
        return c
    }()

    static let clusterInfo: Command = {
        var c: Command = Command("cluster-info", "Display cluster information")
        c.run = { i in
            let connection: Connection = try i.session.connection()
            let services: JSON = try await connection.get(
                "/api/v1/namespaces/kube-system/services", query: [("labelSelector", "kubernetes.io/cluster-service=true")])
            i.console.line("Kubernetes control plane is running at \(connection.serverURL)")
            for service in services["items"].elements {
                let port: JSON = service.spec.ports[0].name
                let name: String = service.meta.labels["kubernetes.io/name"] ?? service.meta.name
                i.console.line("\(name) is running at \(connection.serverURL)/api/v1/namespaces/kube-system/services/\(service.meta.name)\(port.text.isEmpty ? "" : ":" + port.text)/proxy")
            }
            i.console.line("\nTo further debug and diagnose cluster problems, use '\(i.console.program) get events -A'.")
        }
        return c
    }()
}
