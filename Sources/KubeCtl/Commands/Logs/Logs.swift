// `logs`: of one container, all containers of a pod, or the pods of a selector or workload.

import KubeModel
import KubeNet
import KubeWire

enum Logs {
    static let command: Command = {
        var c: Command = Command("logs", "Print the logs for a container in a pod")
        c.usage = "[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]"
        c.examples = "      apus logs web\n      apus logs -f -c supplier explore-6d4cf56db6-x2x1z"
        c.flags = [
            CommonFlags.selector,
            Flag("follow", short: "f", .bool, "Specify if the logs should be streamed."),
            Flag("previous", short: "p", .bool, "Print the logs for the previous instance of the container."),
            Flag("container", short: "c", .string, "Print the logs of this container."),
            Flag("all-containers", .bool, "Get all containers' logs in the pod(s)."),
            Flag("all-pods", .bool, "Get logs from all pods of the workload."),
            Flag("tail", .string, preset: "-1", "Lines of recent log file to display; -1 shows all (10 with a selector)."),
            Flag("since", .string, "Only return logs newer than a relative duration like 5s, 2m, or 3h."),
            Flag("since-time", .string, "Only return logs after a specific date (RFC3339)."),
            Flag("timestamps", .bool, "Include timestamps on each line in the log output."),
            Flag("limit-bytes", .string, "Maximum bytes of logs to return."),
            Flag("prefix", .bool, "Prefix each log line with the log source (pod name and container name)."),
            Flag("ignore-errors", .bool, "If watching / following pod logs, allow for any errors to be non-fatal."),
            Flag("max-log-requests", .string, preset: "5", "Maximum number of concurrent logs to follow."),
            Flag("pod-running-timeout", .string, preset: "20s", "How long to wait until at least one pod is running."),
        ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        if i.arguments.isEmpty, !i.flags.has("selector") {
            throw UsageError("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command\nSee '\(i.console.program) logs -h' for help and examples")
        }
        var pods: [JSON]
        var query: [(String, String)] = try options(i)
        if i.flags.has("selector") {
            let list: JSON = try await i.session.connection().get(
                "/api/v1/namespaces/\(i.namespace())/pods", query: [("labelSelector", i.flags.string("selector"))])
            pods = list["items"].elements
            if !i.flags.has("tail") { query.append(("tailLines", "10")) }
        } else {
            let target: Target = try await TargetReader(i).single(i.arguments[0], preset: "pods")
            do { pods = try await PodFinder(i).pods(of: target, all: i.flags.bool("all-pods"), says: true) } catch let error as StatusError
            where error.isNotFound && target.served.kind == "Pod" {
                throw UsageError("error from server (NotFound): \(error.message) in namespace \"\(target.namespace)\"")
            }
        }
        let streams: [(pod: JSON, container: String)] = try pods.flatMap { pod in
            try containers(of: pod, i).map { (pod, $0) }
        }
        if i.flags.bool("follow"), streams.count > (try i.flags.int("max-log-requests") ?? 5) {
            throw UsageError("you are attempting to follow \(streams.count) log streams, but maximum allowed concurrency is \(i.flags.string("max-log-requests")), use --max-log-requests to increase the limit")
        }
        let podTargets: ServedResource = try await i.session.discovery().find("pods")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (pod, container) in streams {
                let target: Target = Target(served: podTargets, namespace: pod.meta.namespace, name: pod.meta.name)
                let prefix: String = i.flags.bool("prefix") ? "[pod/\(pod.meta.name)/\(container)] " : ""
                let request: [(String, String)] = query + [("container", container)]
                if i.flags.bool("follow") {
                    group.addTask { try await LogStream(i, target).copy(query: request, prefix: prefix) }
                } else {
                    try await LogStream(i, target).copy(query: request, prefix: prefix)
                }
            }
            try await group.waitForAll()
        }
    }

    private static func options(_ i: Invocation) throws -> [(String, String)] {
        var q: [(String, String)] = []
        if i.flags.bool("follow") { q.append(("follow", "true")) }
        if i.flags.bool("previous") { q.append(("previous", "true")) }
        if i.flags.bool("timestamps") { q.append(("timestamps", "true")) }
        if let tail = try i.flags.int("tail"), tail >= 0 { q.append(("tailLines", "\(tail)")) }
        if let bytes = try i.flags.int("limit-bytes"), bytes > 0 { q.append(("limitBytes", "\(bytes)")) }
        if i.flags.has("since"), i.flags.has("since-time") { throw UsageError("at most one of `sinceTime` or `since` may be specified") }
        if let since = try i.flags.duration("since") { q.append(("sinceSeconds", "\(max(1, since.components.seconds))")) }
        if i.flags.has("since-time") { q.append(("sinceTime", i.flags.string("since-time"))) }
        return q
    }

    private static func containers(of pod: JSON, _ i: Invocation) throws -> [String] {
        let names: [String] = pod.spec.containers.elements.map { $0.name.text }
        let initial: [String] = pod.spec.initContainers.elements.map { $0.name.text }
        if i.flags.has("container") {
            let wanted: String = i.flags.string("container")
            let ephemeral: [String] = pod.spec.ephemeralContainers.elements.map { $0.name.text }
            guard (names + initial + ephemeral).contains(wanted) else {
                throw UsageError("container \(wanted) is not valid for pod \(pod.meta.name)")
            }
            return [wanted]
        }
        if i.flags.bool("all-containers") { return initial + names }
        if let preset = pod.meta.annotations["kubectl.kubernetes.io/default-container"], names.contains(preset) { return [preset] }
        if names.count > 1 {
            i.console.note("Defaulted container \"\(names[0])\" out of: " + (names + initial.map { "\($0) (init)" }).joined(separator: ", "))
        }
        return [names[0]]
    }
}

/// A container's log, copied to the console as it comes.
struct LogStream {
    let i: Invocation
    let target: Target

    init(_ i: Invocation, _ target: Target) {
        self.i = i
        self.target = target
    }

    func copy(query: [(String, String)], prefix: String = "") async throws {
        let connection: Connection = try i.session.connection()
        let response = try await connection.send(
            connection.request("GET", target.served.path(namespace: target.namespace, target.name, "log"), query: query, accept: "*/*"))
        if response.status >= 400 {
            throw connection.failure(response, try await response.body.collect(maxBytes: 1 << 20))
        }
        var pending: [UInt8] = []
        for try await chunk in response.body {
            guard !prefix.isEmpty else {
                i.console.write(chunk)
                continue
            }
            pending += chunk
            while let end = pending.firstIndex(of: 10) {
                i.console.write(Array(prefix.utf8) + pending[...end])
                pending.removeSubrange(...end)
            }
        }
        if !pending.isEmpty { i.console.write(Array(prefix.utf8) + pending) }
    }
}

/// The pods behind `deploy/web`, `job/x`, `svc/y` or a pod itself.
struct PodFinder {
    let i: Invocation

    init(_ i: Invocation) { self.i = i }

    func pods(of target: Target, all: Bool, says: Bool = false) async throws -> [JSON] {
        let object: JSON = try await target.fetch(i)
        if target.served.kind == "Pod" { return [object] }
        let selector: String
        if target.served.kind == "Service" || target.served.kind == "ReplicationController" {
            selector = object.spec.selector.stringMap.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        } else if object.spec.selector.exists {
            selector = LabelSelector(object.spec.selector).description
        } else {
            throw UsageError("cannot get the logs from \(target.served.kind)")
        }
        if selector.isEmpty { throw UsageError("\(target.served.resource.resource) \"\(target.name)\" has no pod selector set") }
        let list: JSON = try await i.session.connection().get(
            "/api/v1/namespaces/\(target.namespace)/pods", query: [("labelSelector", selector)])
        let found: [JSON] = list["items"].elements.map {
            var pod: JSON = $0
            pod.kind = "Pod"
            pod.apiVersion = "v1"
            return pod
        }.sorted { rank($0) < rank($1) }
        guard let first = found.first else { throw UsageError("timed out waiting for the condition: no pods for \(target.served.label)/\(target.name)") }
        if all { return found }
        if found.count > 1, says { i.console.note("Found \(found.count) pods, using pod/\(first.meta.name)") }
        return [first]
    }

    /// Running and ready first, as kubectl prefers.
    private func rank(_ pod: JSON) -> String {
        let ready: Bool = pod.status.conditions.elements.contains { $0.type.text == "Ready" && $0.status.text == "True" }
        return (pod.meta.isDeleting ? "1" : "0") + (pod.status.phase.text == "Running" ? "0" : "1") + (ready ? "0" : "1") + pod.meta.name
    }
}
