// `run`: one pod from an image, optionally attached.

import KubeModel
import KubeWire

enum Run {
    static let command: Command = {
        var c: Command = Command("run", "Run a particular image on the cluster")
        c.usage = "NAME --image=image [--env=\"key=value\"] [--port=port] [--dry-run=server|client] [--command] -- [COMMAND] [args...]"
        c.examples = """
              apus run nginx --image=nginx
              apus run -i -t busybox --image=busybox --restart=Never --rm -- sh
            """
        c.flags =
            CreateKind.flags + [
                Flag("image", .string, "The image for the container to run."),
                Flag("env", short: "e", .list(commas: false), "Environment variables to set in the container."),
                Flag("labels", short: "l", .list(commas: true), "Comma separated labels to apply to the pod."),
                Flag("annotations", .list(commas: false), "Annotations to apply to the pod."),
                Flag("port", .string, "The port that this container exposes."),
                Flag("expose", .bool, "If true, create a ClusterIP service associated with the pod. Requires `--port`."),
                Flag("restart", .string, preset: "Always", "The restart policy: Always, OnFailure or Never."),
                Flag("command", .bool, "Use the extra arguments as 'command' rather than 'args'."),
                Flag("image-pull-policy", .string, "The image pull policy for the container."),
                Flag("privileged", .bool, "If true, run the container in privileged mode."),
                Flag("overrides", .string, "A JSON merge patch for the generated object."),
                Flag("stdin", short: "i", .bool, "Keep stdin open on the container."),
                Flag("tty", short: "t", .bool, "Allocate a TTY for the container."),
                Flag("attach", .bool, "Wait for the Pod to start running, and then attach to it."),
                Flag("rm", .bool, "Delete the pod after it exits. Only valid when attaching."),
                Flag("quiet", short: "q", .bool, "If true, suppress prompt messages."),
                Flag("pod-running-timeout", .string, preset: "1m0s", "How long to wait until the pod is running."),
                Flag("leave-stdin-open", .bool, "Leave stdin open when the session ends."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        guard let name = i.arguments.first else { throw UsageError("NAME is required for run") }
        guard i.flags.has("image") else { throw UsageError("required flag(s) \"image\" not set") }
        let isAttached: Bool = i.flags.has("attach") ? i.flags.bool("attach") : i.flags.bool("stdin") || i.flags.bool("tty")
        if i.flags.bool("rm"), !isAttached { throw UsageError("--rm should only be used for attached containers") }
        let pod: JSON = try pod(i, name)
        let namespace: String = try i.namespace()
        let served: ServedResource = try await i.session.discovery().find("pods")
        let isDry: Bool = try i.dryRun() != "none"
        if !isAttached || isDry {
            if isAttached {
                throw UsageError(
                    "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)\n"
                        + "See '\(i.console.program) run -h' for help and examples")
            }
            if i.flags.bool("expose"), try i.dryRun() == "client" {
                try await expose(i, name, pod)
                try await Outcome(i).create(served, namespace: namespace, CreateKind.shownWhole(pod))
                return
            }
            try await Outcome(i).create(served, namespace: namespace, i.dryRun() == "client" ? CreateKind.shownWhole(pod) : pod)
            if i.flags.bool("expose") { try await expose(i, name, pod) }
            return
        }
        _ = try await i.session.connection().send(
            "POST", served.path(namespace: namespace), query: [("fieldManager", "kubectl-run")], pod)
        if i.flags.bool("expose") { try await expose(i, name, pod) }
        let target: Target = Target(served: served, namespace: namespace, name: name)
        var status: Int32 = 0
        do {
            try await attach(i, target, pod)
        } catch let exit as ExitStatus {
            status = exit.code
        }
        if i.flags.bool("rm") {
            _ = try await i.session.connection().send(
                "DELETE", served.path(namespace: namespace, name), ["kind": "DeleteOptions", "apiVersion": "v1"])
            i.console.line("pod \"\(name)\" deleted from \(namespace) namespace")
        }
        if status != 0 { throw ExitStatus(status) }
    }

    private static func pod(_ i: Invocation, _ name: String) throws -> JSON {
        var container: JSON = ["image": .string(i.flags.string("image")), "name": .string(name), "resources": [:]]
        let words: [String] = Array(i.arguments.dropFirst()) + (i.afterDash ?? [])
        if !words.isEmpty { container[i.flags.bool("command") ? "command" : "args"] = JSON(words) }
        for (key, value) in try CreateKind.pairs(i.flags.list("env"), flag: "env") {
            container.env.elements.append(["name": .string(key), "value": .string(value)])
        }
        if let port = try i.flags.int("port") { container.ports = [["containerPort": JSON(port)]] }
        if i.flags.has("image-pull-policy") { container.imagePullPolicy = .string(i.flags.string("image-pull-policy")) }
        if i.flags.bool("privileged") { container.securityContext = ["privileged": true] }
        if i.flags.bool("stdin") {
            container.stdin = true
            container.stdinOnce = JSON(!i.flags.bool("leave-stdin-open"))
        }
        if i.flags.bool("tty") { container.tty = true }
        var labels: JSON = ["run": .string(name)]
        if i.flags.has("labels") {
            labels = [:]
            for (key, value) in try CreateKind.pairs(i.flags.list("labels"), flag: "labels") { labels[key] = .string(value) }
        }
        var pod: JSON = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name), "labels": labels],
            "spec": [
                "containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": .string(i.flags.string("restart")),
            ],
        ]
        for (key, value) in try CreateKind.pairs(i.flags.list("annotations"), flag: "annotations") {
            pod.metadata.annotations[key] = .string(value)
        }
        if i.flags.has("overrides") { pod = Patch.merge(try JSON.parse(i.flags.string("overrides")), to: pod) }
        return pod
    }

    private static func expose(_ i: Invocation, _ name: String, _ pod: JSON) async throws {
        guard let port = try i.flags.int("port") else { throw UsageError("--port must be set when exposing a service") }
        try await CreateKind.submit(
            [
                "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(name)],
                "spec": [
                    "ports": [["port": JSON(port), "protocol": "TCP", "targetPort": JSON(port)]],
                    "selector": pod.metadata.labels,
                ],
            ], i)
    }

    /// Waits until the pod runs or has ended, then attaches or shows its log.
    private static func attach(_ i: Invocation, _ target: Target, _ pod: JSON) async throws {
        if !i.flags.bool("quiet"), i.flags.bool("tty") { i.console.note("If you don't see a command prompt, try pressing enter.") }
        try await ObjectWatch(i, target).wait(
            timeout: i.flags.duration("pod-running-timeout"), whatFor: "timed out waiting for the condition"
        ) { object in
            guard let object else { throw StatusError.notFound(target.served.groupResource, target.name) }
            return ["Running", "Succeeded", "Failed"].contains(object.status.phase.text)
        }
        let now: JSON = try await target.fetch(i)
        if now.status.phase.text == "Running" {
            try await RemoteCommand(i, target).attachOrLogs(
                container: pod.spec.containers[0].name.text, stdin: i.flags.bool("stdin"), tty: i.flags.bool("tty"))
        } else {
            try await LogStream(i, target).copy(query: [("container", pod.spec.containers[0].name.text)])
        }
        try await ObjectWatch(i, target).wait(timeout: nil, whatFor: "") {
            ["Succeeded", "Failed"].contains($0?.status.phase.text ?? "Failed") || pod.spec.restartPolicy.text == "Always"
        }
        let code: Int = try await target.fetch(i).status.containerStatuses[0].state.terminated.exitCode.asInt ?? 0
        if code != 0 { throw ExitStatus(Int32(truncatingIfNeeded: code)) }
    }
}
