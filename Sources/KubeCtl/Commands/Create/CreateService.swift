// `create service clusterip|nodeport|loadbalancer|externalname`.

import KubeModel
import KubeWire

enum CreateService {
    static let command: Command = {
        var c: Command = Command("service", aliases: ["svc"], "Create a service using a specified subcommand")
        c.usage = "[flags]"
        let tcp: Flag = Flag("tcp", .list(commas: true), "Port pairs can be specified as '<port>:<targetPort>'.")
        c.subcommands = [
            CreateKind.command(
                "clusterip", "Create a ClusterIP service", usage: "NAME [--tcp=<port>:<targetPort>]",
                flags: [tcp, Flag("clusterip", .string, "Assign your own ClusterIP or set to 'None' for a 'headless' service.")]
            ) { i in
                var service: JSON = try service(i, type: "ClusterIP")
                if i.flags.has("clusterip") { service.spec.clusterIP = .string(i.flags.string("clusterip")) }
                return service
            },
            CreateKind.command(
                "nodeport", "Create a NodePort service", usage: "NAME [--tcp=port:targetPort]",
                flags: [tcp, Flag("node-port", .string, preset: "0", "Port used to expose the service on each node.")]
            ) { i in
                var service: JSON = try service(i, type: "NodePort")
                if let port = try i.flags.int("node-port"), port > 0 { service.spec.ports[0].nodePort = JSON(port) }
                return service
            },
            CreateKind.command(
                "loadbalancer", "Create a LoadBalancer service", usage: "NAME [--tcp=port:targetPort]", flags: [tcp]
            ) { i in try service(i, type: "LoadBalancer") },
            CreateKind.command(
                "externalname", "Create an ExternalName service", usage: "NAME --external-name external.name",
                flags: [tcp, Flag("external-name", .string, "External name of service.")]
            ) { i in
                var service: JSON = try service(i, type: "ExternalName", needsPort: false)
                service.spec.externalName = .string(i.flags.string("external-name"))
                return service
            },
        ]
        return c
    }()

    private static func service(_ i: Invocation, type: String, needsPort: Bool = true) throws -> JSON {
        let name: String = try CreateKind.name(i)
        var ports: [JSON] = []
        for pair in i.flags.list("tcp") {
            let parts: [Substring] = pair.split(separator: ":")
            guard let port = Int(parts[0]) else { throw UsageError("invalid port \(pair)") }
            let target: JSON = parts.count > 1 ? Int(parts[1]).map { JSON($0) } ?? .string(String(parts[1])) : JSON(port)
            let label: String = parts.count > 1 ? "\(parts[0])-\(parts[1])" : "\(port)"
            ports.append(["name": .string(label), "port": JSON(port), "protocol": "TCP", "targetPort": target])
        }
        if ports.isEmpty, needsPort, i.flags.string("clusterip") != "None" {
            throw UsageError("at least one tcp port specifier must be provided")
        }
        var object: JSON = [
            "apiVersion": "v1", "kind": "Service",
            "metadata": ["name": .string(name), "labels": ["app": .string(name)]],
            "spec": ["selector": ["app": .string(name)], "type": .string(type)],
        ]
        if !ports.isEmpty { object.spec.ports = .array(ports) }
        return object
    }
}
