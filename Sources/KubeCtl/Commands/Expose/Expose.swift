// `expose`: a Service for what a pod, deployment, replica set or service selects.

import KubeModel
import KubeWire

enum Expose {
    static let command: Command = {
        var c: Command = Command("expose", "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service")
        c.usage = "(-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] [--name=name] [--external-ip=external-ip-of-service] [--type=type]"
        c.examples = "      apus expose deployment web --port=80 --target-port=8080 --type=NodePort"
        c.flags =
            CommonFlags.files + CreateKind.flags + [
                Flag("port", .string, "The port that the service should serve on."),
                Flag("target-port", .string, "Name or number for the port on the container."),
                Flag("protocol", .string, "The network protocol for the service. Default is 'TCP'."),
                Flag("name", .string, "The name for the newly created object."),
                Flag("type", .string, "ClusterIP, NodePort, LoadBalancer, or ExternalName."),
                Flag("selector", .string, "A label selector to use for this service."),
                Flag("labels", short: "l", .string, "Labels to apply to the service."),
                Flag("external-ip", .string, "Additional external IP address for the service."),
                Flag("cluster-ip", .string, "ClusterIP to be assigned; 'None' for a headless service."),
                Flag("load-balancer-ip", .string, "IP to assign to the LoadBalancer."),
                Flag("session-affinity", .string, "None or ClientIP."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        let targets: [Target] = try await TargetReader(i).read(missing: "You must provide one or more resources by argument or filename.")
        for target in targets {
            guard !target.name.isEmpty else { throw UsageError("resource(s) were provided, but no name was specified") }
            let source: JSON = try await i.session.connection().get(target.served.path(namespace: target.namespace, target.name))
            let service: JSON = try service(i, target, source)
            let served: ServedResource = try await i.session.discovery().find("services")
            try await Outcome(i).create(served, namespace: target.namespace, service, verb: "exposed")
        }
    }

    private static func service(_ i: Invocation, _ target: Target, _ source: JSON) throws -> JSON {
        var spec: JSON = [:]
        let ports: [JSON] = try ports(i, target, source)
        if ports.isEmpty { throw UsageError("couldn't find port via --port flag or introspection") }
        spec.ports = .array(ports)
        spec.selector = try selector(i, target, source)
        if i.flags.has("type") { spec.type = .string(i.flags.string("type")) }
        if i.flags.has("cluster-ip") { spec.clusterIP = .string(i.flags.string("cluster-ip")) }
        if i.flags.has("external-ip") { spec.externalIPs = [.string(i.flags.string("external-ip"))] }
        if i.flags.has("load-balancer-ip") { spec.loadBalancerIP = .string(i.flags.string("load-balancer-ip")) }
        if i.flags.has("session-affinity") { spec.sessionAffinity = .string(i.flags.string("session-affinity")) }
        var metadata: JSON = ["name": .string(i.flags.has("name") ? i.flags.string("name") : target.name)]
        metadata.labels = i.flags.has("labels") ? try labels(i.flags.string("labels")) : source.metadata.labels
        let made: JSON = ["apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec]
        return try i.dryRun() == "client" ? CreateKind.shownWhole(made) : made
    }

    private static func labels(_ text: String) throws(UsageError) -> JSON {
        var out: JSON = [:]
        for (key, value) in try CreateKind.pairs(text.split(separator: ",").map { String($0) }, flag: "labels") {
            out[key] = .string(value)
        }
        return out
    }

    private static func selector(_ i: Invocation, _ target: Target, _ source: JSON) throws -> JSON {
        if i.flags.has("selector") { return try labels(i.flags.string("selector")) }
        switch target.served.kind {
        case "Pod":
            if source.meta.labels.isEmpty { throw UsageError("couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot be exposed") }
            return source.metadata.labels
        case "Service", "ReplicationController": return source.spec.selector
        case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet":
            if !source.spec.selector.matchExpressions.elements.isEmpty {
                throw UsageError("couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions to map-based selector format")
            }
            return source.spec.selector.matchLabels
        default:
            throw UsageError("cannot expose a \(target.served.kind)")
        }
    }

    private static func ports(_ i: Invocation, _ target: Target, _ source: JSON) throws -> [JSON] {
        let wanted: String = i.flags.string("protocol").isEmpty ? "TCP" : i.flags.string("protocol")
        func targetPort(_ fallback: JSON) -> JSON {
            guard i.flags.has("target-port") else { return fallback }
            let text: String = i.flags.string("target-port")
            return Int(text).map { JSON($0) } ?? .string(text)
        }
        if i.flags.has("port") {
            return try i.flags.string("port").split(separator: ",").enumerated().map { index, text in
                guard let port = Int(text) else { throw UsageError("invalid port \(text)") }
                var entry: JSON = ["port": JSON(port), "protocol": .string(wanted), "targetPort": targetPort(JSON(port))]
                if index > 0 || i.flags.string("port").contains(",") { entry.name = .string("port-\(index + 1)") }
                return entry
            }
        }
        if target.served.kind == "Service" { return source.spec.ports.elements }
        let template: JSON = target.served.kind == "Pod" ? source.spec : source.spec.template.spec
        let declared: [JSON] = template.containers.elements.flatMap { $0.ports.elements }
        return declared.enumerated().map { index, port in
            var entry: JSON = [
                "port": port.containerPort, "protocol": .string(port["protocol"].asString ?? "TCP"),
                "targetPort": targetPort(port.containerPort),
            ]
            if declared.count > 1 { entry.name = .string("port-\(index + 1)") }
            return entry
        }
    }
}
