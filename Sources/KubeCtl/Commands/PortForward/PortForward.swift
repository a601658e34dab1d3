// `port-forward`: local ports to a pod's, as SPDY streams inside one WebSocket (KEP-4006).

import Glibc
import KubeModel
import KubeNet
import KubeWire

enum PortForward {
    static let command: Command = {
        var c: Command = Command("port-forward", "Forward one or more local ports to a pod")
        c.usage = "TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]"
        c.examples = "      apus port-forward service/explore 8080:80"
        c.flags = [
            Flag("address", .list(commas: true), "Addresses to listen on; default localhost."),
            Flag("pod-running-timeout", .string, preset: "1m0s", "How long to wait until at least one pod is running."),
        ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        guard i.arguments.count >= 2 else {
            throw UsageError("TYPE/NAME and list of ports are required for port-forward\nSee '\(i.console.program) port-forward -h' for help and examples")
        }
        let named: Target = try await TargetReader(i).single(i.arguments[0], preset: "pods")
        guard let pod = try await PodFinder(i).pods(of: named, all: false).first else {
            throw StatusError.notFound(named.served.groupResource, named.name)
        }
        let service: JSON? = named.served.kind == "Service" ? try await named.fetch(i) : JSON?.none
        let ports: [(local: Int, remote: Int)] = try i.arguments.dropFirst().map { try PortPair.parse($0, pod: pod, service: service) }
        guard pod.status.phase.text == "Running" else {
            throw UsageError("unable to forward port because pod is not running. Current status=\(pod.status.phase.text)")
        }
        let path: String = "/api/v1/namespaces/\(pod.meta.namespace)/pods/\(pod.meta.name)/portforward"
        let session: PortForwardClient = try await i.session.connection().stream(path) {
            try await PortForwardClient.connect($0, $1, to: $2)
        }
        let addresses: [String] = i.flags.list("address").isEmpty ? ["127.0.0.1"] : i.flags.list("address").map { $0 == "localhost" ? "127.0.0.1" : $0 }
        let console: Console = i.console
        for (local, remote) in ports {
            for address in addresses {
                let listener: TCPListener = try await TCP.listen(host: address, port: local) { client in
                    console.line("Handling connection for \(local)")
                    do {
                        if let failure = try await session.forward(client, to: remote) {
                            console.note("an error occurred forwarding \(local) -> \(remote): \(failure)")
                        }
                    } catch {
                        console.note("error creating stream for port \(local) -> \(remote): \(error)")
                        await client.close()
                    }
                }
                console.line("Forwarding from \(address):\(listener.port) -> \(remote)")
            }
        }
        await session.waitUntilLost()
        throw UsageError("lost connection to pod")
    }
}

enum PortPair {
    /// `8080`, `8080:80`, `:80`, `8080:http`; of a service its ports, mapped to the pod's.
    static func parse(_ text: String, pod: JSON, service: JSON?) throws(UsageError) -> (local: Int, remote: Int) {
        let parts: [Substring] = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count) else { throw UsageError("invalid port format '\(text)'") }
        let wanted: String = String(parts[parts.count - 1])
        let remote: Int
        if let service {
            guard let port = service.spec.ports.elements.first(where: { $0.name.text == wanted || $0.port.asInt == Int(wanted) }) else {
                throw UsageError("Service \(service.meta.name) does not have a service port \(wanted)")
            }
            let target: JSON = port.targetPort.exists ? port.targetPort : port.port
            if let number = target.asInt { remote = number } else { remote = try containerPort(target.text, pod) }
        } else {
            if let number = Int(wanted) { remote = number } else { remote = try containerPort(wanted, pod) }
        }
        guard (1...65535).contains(remote) else { throw UsageError("error parsing remote port: invalid port \(wanted)") }
        if parts.count == 1 { return (Int(wanted) ?? remote, remote) }
        if parts[0].isEmpty { return (0, remote) }
        guard let local = Int(parts[0]), (0...65535).contains(local) else { throw UsageError("error parsing local port '\(parts[0])'") }
        return (local, remote)
    }

    private static func containerPort(_ name: String, _ pod: JSON) throws(UsageError) -> Int {
        for container in pod.spec.containers.elements {
            for port in container.ports.elements where port.name.text == name { return port.containerPort.asInt ?? 0 }
        }
        throw UsageError("Pod '\(pod.meta.name)' does not have a named port '\(name)'")
    }
}
