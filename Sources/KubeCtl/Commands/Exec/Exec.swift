// `exec` and `attach`: a command in a container, or its own streams.

import KubeModel
import KubeWire

enum Exec {
    private static let flags: [Flag] = [
        Flag("container", short: "c", .string, "Container name."), Flag("stdin", short: "i", .bool, "Pass stdin to the container."),
        Flag("tty", short: "t", .bool, "Stdin is a TTY."), Flag("quiet", short: "q", .bool, "Only print output from the remote session."),
        Flag("pod-running-timeout", .string, preset: "1m0s", "How long to wait until at least one pod is running."),
    ]

    static let command: Command = {
        var c: Command = Command("exec", "Execute a command in a container")
        c.usage = "(POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...]"
        c.examples = "      apus exec web -- date\n      apus exec web -c supplier -it -- sh"
        c.flags = flags
        c.run = { i in
            guard let word = i.arguments.first else { throw UsageError("pod, type/name or --filename must be specified") }
            let command: [String] = i.afterDash ?? []
            if command.isEmpty {
                throw UsageError(
                    i.arguments.count > 1
                        ? "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee '\(i.console.program) exec -h' for help and examples"
                        : "you must specify at least one command for the container")
            }
            let (target, container): (Target, String) = try await place(i, word)
            try await RemoteCommand(i, target).exec(
                container: container, command: command, stdin: i.flags.bool("stdin"), tty: i.flags.bool("tty"))
        }
        return c
    }()

    static let attach: Command = {
        var c: Command = Command("attach", "Attach to a running container")
        c.usage = "(POD | TYPE/NAME) -c CONTAINER"
        c.flags = flags
        c.run = { i in
            guard let word = i.arguments.first else { throw UsageError("at least 1 argument is required for attach") }
            let (target, container): (Target, String) = try await place(i, word)
            try await RemoteCommand(i, target).attach(container: container, stdin: i.flags.bool("stdin"), tty: i.flags.bool("tty"))
        }
        return c
    }()

    /// The pod behind `word`, and the container meant.
    static func place(_ i: Invocation, _ word: String) async throws -> (Target, String) {
        let named: Target = try await TargetReader(i).single(word, preset: "pods")
        guard let pod = try await PodFinder(i).pods(of: named, all: false).first else {
            throw StatusError.notFound(named.served.groupResource, named.name)
        }
        if ["Succeeded", "Failed"].contains(pod.status.phase.text) {
            throw UsageError("cannot exec into a container in a completed pod; current phase is \(pod.status.phase.text)")
        }
        let names: [String] = pod.spec.containers.elements.map { $0.name.text }
        let all: [String] = names + (pod.spec.initContainers.elements + pod.spec.ephemeralContainers.elements).map { $0.name.text }
        var container: String = i.flags.string("container")
        if container.isEmpty {
            container = pod.meta.annotations["kubectl.kubernetes.io/default-container"] ?? names[0]
            if names.count > 1, pod.meta.annotations["kubectl.kubernetes.io/default-container"] == nil, !i.flags.bool("quiet") {
                i.console.note("Defaulted container \"\(container)\" out of: \(all.joined(separator: ", "))")
            }
        } else if !all.contains(container) {
            throw StatusError(code: 400, reason: "BadRequest", message: "container \(container) is not valid for pod \(pod.meta.name)")
        }
        let served: ServedResource = try await i.session.discovery().find("pods")
        return (Target(served: served, namespace: pod.meta.namespace, name: pod.meta.name), container)
    }
}
