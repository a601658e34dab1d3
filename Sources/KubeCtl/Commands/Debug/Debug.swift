// `debug`: an ephemeral container beside those of a running pod. https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/

import KubeBase
import KubeModel
import KubeWire

enum Debug {
    static let command: Command = {
        var c: Command = Command("debug", "Create debugging sessions for troubleshooting workloads")
        c.usage = "POD --image=IMAGE [-it] [--target=CONTAINER] [-- COMMAND [args...]]"
        c.examples = "      apus debug web -it --image=busybox --target=web"
        c.flags = [
            Flag("image", .string, "Container image to use for debug container."),
            Flag("container", short: "c", .string, "Container name to use for debug container."),
            Flag("target", .string, "Target processes in this container name."),
            Flag("env", .list(commas: false), "Environment variables to set in the container."),
            Flag("image-pull-policy", .string, "The image pull policy for the container."),
            Flag("stdin", short: "i", .bool, "Keep stdin open on the container, even if nothing is attached."),
            Flag("tty", short: "t", .bool, "Allocate a TTY for the debugging container."),
            Flag("attach", .bool, "If true, wait for the container to start running, and then attach to it."),
            Flag("arguments-only", .bool, "Pass everything after -- as args instead of command."),
            Flag("profile", .string, preset: "general", "Options are \"general\" and \"sysadmin\"."),
            Flag("quiet", short: "q", .bool, "If true, suppress informational messages."),
        ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        guard i.arguments.count == 1 else { throw UsageError("NAME or TYPE/NAME is required for debug") }
        guard i.flags.has("image") else { throw UsageError("you must specify --image when not using --copy-to.") }
        let target: Target = try await TargetReader(i).single(i.arguments[0], preset: "pods")
        guard target.served.kind == "Pod" else { throw UsageError("\"\(target.served.label)\" not supported by debug") }
        let pod: JSON = try await target.fetch(i)
        let container: JSON = try container(i, pod)
        let name: String = container.name.text
        if !i.flags.has("container"), !i.flags.bool("quiet") { i.console.note("Defaulting debug container name to \(name).") }
        _ = try await i.session.connection().send(
            "PATCH", target.served.path(namespace: target.namespace, target.name, "ephemeralcontainers"),
            query: [("fieldManager", "kubectl-debug")], ["spec": ["ephemeralContainers": [container]]],
            contentType: PatchType.strategicMerge.rawValue)
        let isAttached: Bool = i.flags.has("attach") ? i.flags.bool("attach") : i.flags.bool("stdin") || i.flags.bool("tty")
        if isAttached { try await attach(i, target, name) }
    }

    private static func container(_ i: Invocation, _ pod: JSON) throws -> JSON {
        let taken: Set<String> = Set(
            (pod.spec.containers.elements + pod.spec.initContainers.elements + pod.spec.ephemeralContainers.elements).map { $0.name.text })
        var name: String = i.flags.string("container")
        while name.isEmpty || (!i.flags.has("container") && taken.contains(name)) {
            name = "debugger-" + String((0..<5).map { _ in "bcdfghjklmnpqrstvwxz2456789".randomElement() ?? "x" })
        }
        if taken.contains(name) { throw UsageError("container name \(name) is already taken in pod \(pod.meta.name)") }
        var container: JSON = [
            "name": .string(name), "image": .string(i.flags.string("image")), "resources": [:],
            "terminationMessagePolicy": "File",
        ]
        if let words = i.afterDash, !words.isEmpty { container[i.flags.bool("arguments-only") ? "args" : "command"] = JSON(words) }
        if i.flags.has("image-pull-policy") { container.imagePullPolicy = .string(i.flags.string("image-pull-policy")) }
        if i.flags.has("target") { container.targetContainerName = .string(i.flags.string("target")) }
        if i.flags.bool("stdin") { container.stdin = true }
        if i.flags.bool("tty") { container.tty = true }
        for (key, value) in try CreateKind.pairs(i.flags.list("env"), flag: "env") {
            container.env.elements.append(["name": .string(key), "value": .string(value)])
        }
        switch i.flags.string("profile") {
        case "general", "legacy", "": container.securityContext = ["capabilities": ["add": ["SYS_PTRACE"]]]
        case "sysadmin": container.securityContext = ["privileged": true]
        case let other: throw UsageError("unknown profile: \(other)")
        }
        return container
    }

    private static func attach(_ i: Invocation, _ target: Target, _ name: String) async throws {
        func state(_ pod: JSON?) -> JSON {
            pod?.status.ephemeralContainerStatuses.elements.first { $0.name.text == name }?.state ?? .null
        }
        try await ObjectWatch(i, target).wait(timeout: nil, whatFor: "") { pod in
            guard let pod else { throw StatusError.notFound(target.served.groupResource, target.name) }
            let now: JSON = pod.status.ephemeralContainerStatuses.elements.first { $0.name.text == name }?.state ?? .null
            return now.running.exists || now.terminated.exists
        }
        if state(try await target.fetch(i)).running.exists {
            if !i.flags.bool("quiet"), i.flags.bool("tty") { i.console.note("If you don't see a command prompt, try pressing enter.") }
            try await RemoteCommand(i, target).attachOrLogs(container: name, stdin: i.flags.bool("stdin"), tty: i.flags.bool("tty"))
        } else {
            try await LogStream(i, target).copy(query: [("container", name)])
        }
    }
}
