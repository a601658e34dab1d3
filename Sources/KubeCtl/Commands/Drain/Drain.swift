// `cordon`, `uncordon`, `drain` and `taint`.

import KubeBase
import KubeModel
import KubeWire

enum Drain {
    private static let nodeFlags: [Flag] = [CommonFlags.selector, CommonFlags.dryRun]

    static let cordon: Command = make("cordon", "Mark node as unschedulable", isOn: true)
    static let uncordon: Command = make("uncordon", "Mark node as schedulable", isOn: false)

    private static func make(_ name: String, _ summary: String, isOn: Bool) -> Command {
        var c: Command = Command(name, summary)
        c.usage = "NODE"
        c.flags = nodeFlags
        c.run = { i in for node in try await nodes(i) { try await setCordon(i, node, isOn) } }
        return c
    }

    private static func nodes(_ i: Invocation) async throws -> [Target] {
        guard !i.arguments.isEmpty || i.flags.has("selector") else {
            throw UsageError("USAGE: \(i.command.name) NODE [flags]\nSee '\(i.console.program) \(i.command.name) -h' for help and examples")
        }
        let reader: TargetReader = TargetReader(i)
        return try await reader.named(reader.read(["nodes"] + i.arguments.map { $0.hasPrefix("node/") ? String($0.dropFirst(5)) : $0 }, missing: ""))
    }

    private static func setCordon(_ i: Invocation, _ node: Target, _ isOn: Bool) async throws {
        let live: JSON = try await node.fetch(i)
        let past: String = isOn ? "cordoned" : "uncordoned"
        if live.spec.unschedulable.isTrue == isOn {
            i.console.line("node/\(node.name) already \(past)")
            return
        }
        if try i.dryRun() != "client" {
            let value: JSONObject = JSONObject([("unschedulable", isOn ? .bool(true) : .null)])
            _ = try await Outcome(i).patch(
                node.served, namespace: "", node.name, .merge, .object(JSONObject([("spec", .object(value))])), manager: "kubectl-\(i.command.name)")
        }
        i.console.line("node/\(node.name) \(past)\(try i.dryRunNote())")
    }

    static let drain: Command = {
        var c: Command = Command("drain", "Drain node in preparation for maintenance")
        c.usage = "NODE"
        c.flags =
            nodeFlags + [
                Flag("force", .bool, "Continue even if there are pods that do not declare a controller."),
                Flag("ignore-daemonsets", .bool, "Ignore DaemonSet-managed pods."),
                Flag("delete-emptydir-data", .bool, "Continue even if there are pods using emptyDir."),
                Flag("disable-eviction", .bool, "Force drain to use delete, even if eviction is supported."),
                Flag("grace-period", .string, preset: "-1", "Seconds given to each pod to terminate gracefully."),
                Flag("timeout", .string, preset: "0s", "The length of time to wait before giving up, zero means infinite."),
                Flag("pod-selector", .string, "Label selector to filter pods on the node."),
            ]
        c.run = { i in for node in try await nodes(i) { try await drainNode(i, node) } }
        return c
    }()

    private static func drainNode(_ i: Invocation, _ node: Target) async throws {
        try await setCordon(i, node, true)
        var query: [(String, String)] = [("fieldSelector", "spec.nodeName=\(node.name)")]
        if i.flags.has("pod-selector") { query.append(("labelSelector", i.flags.string("pod-selector"))) }
        let list: JSON = try await i.session.connection().get("/api/v1/pods", query: query)
        let plan: DrainPlan = DrainPlan(
            pods: list["items"].elements, force: i.flags.bool("force"), ignoreDaemonSets: i.flags.bool("ignore-daemonsets"),
            deleteEmptyDir: i.flags.bool("delete-emptydir-data"))
        if !plan.refusals.isEmpty {
            throw UsageError("unable to drain node \"\(node.name)\" due to error: [\(plan.refusals.joined(separator: ", "))], continuing command...\nThere are pending nodes to be drained:\n \(node.name)\n" + plan.refusals.joined(separator: "\n"))
        }
        for warning in plan.warnings { i.console.note("Warning: \(warning)") }
        let served: ServedResource = try await i.session.discovery().find("pods")
        let limit: Duration? = try i.flags.duration("timeout").flatMap { $0 == .zero ? nil : $0 }
        if try i.dryRun() == "none" {
            let evicted: [Target] = plan.evictions.map { Target(served: served, namespace: $0.meta.namespace, name: $0.meta.name) }
            for (pod, target) in zip(plan.evictions, evicted) {
                i.console.line("evicting pod \(pod.meta.namespace)/\(pod.meta.name)")
                try await evict(i, target)
            }
            for (pod, target) in zip(plan.evictions, evicted) {
                let uid: String = pod.meta.uid
                try await ObjectWatch(i, target).wait(timeout: limit, whatFor: "error when waiting for pod \"\(target.name)\" terminating: global timeout reached: \(i.flags.string("timeout"))") {
                    $0 == nil || $0?.meta.uid != uid
                }
                i.console.line("pod/\(target.name) evicted")
            }
        }
        if try i.dryRun() != "none" {
            for pod in plan.evictions { i.console.line("evicting pod \(pod.meta.namespace)/\(pod.meta.name)\(try i.dryRunNote())") }
        }
        i.console.line("node/\(node.name) drained\(try i.dryRunNote())")
    }

    /// Tries again every 5 s while a disruption budget refuses, as upstream does.
    private static func evict(_ i: Invocation, _ target: Target) async throws {
        var options: JSON = [:]
        if let grace = try i.flags.int("grace-period"), grace >= 0 { options.gracePeriodSeconds = JSON(grace) }
        while true {
            do {
                if i.flags.bool("disable-eviction") {
                    _ = try await i.session.connection().send("DELETE", target.served.path(namespace: target.namespace, target.name), options)
                } else {
                    var eviction: JSON = [
                        "apiVersion": "policy/v1", "kind": "Eviction",
                        "metadata": ["name": .string(target.name), "namespace": .string(target.namespace)],
                    ]
                    if !options.fields.isEmpty { eviction.deleteOptions = options }
                    _ = try await i.session.connection().send("POST", target.served.path(namespace: target.namespace, target.name, "eviction"), eviction)
                }
                return
            } catch let error as StatusError where error.isNotFound {
                return
            } catch let error as StatusError where error.code == 429 {
                i.console.note("error when evicting pods/\"\(target.name)\" -n \"\(target.namespace)\" (will retry after 5s): \(error.message)")
                try await Task.sleep(for: .seconds(5))
            }
        }
    }

    static let taint: Command = {
        var c: Command = Command("taint", "Update the taints on one or more nodes")
        c.usage = "NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N"
        c.flags = nodeFlags + [CommonFlags.all, CommonFlags.overwrite, CommonFlags.output]
        c.run = { i in
            let isChange: (String) -> Bool = { $0.contains("=") || $0.contains(":") || $0.hasSuffix("-") }
            let changes: [String] = i.arguments.filter(isChange)
            if changes.isEmpty { throw UsageError("at least one taint update is required") }
            let reader: TargetReader = TargetReader(i)
            for node in try await reader.named(reader.read(i.arguments.filter { !isChange($0) }, missing: "one or more resources must be specified as <resource> <name> or <resource>/<name>")) {
                let live: JSON = try await node.fetch(i)
                var taints: [JSON] = live.spec.taints.elements
                var verb: String = "tainted"
                for change in changes {
                    if change.hasSuffix("-") {
                        let parts: [Substring] = change.dropLast().split(separator: ":")
                        let kept: [JSON] = taints.filter { taint in
                            !(taint.key.text == parts[0].split(separator: "=")[0] && (parts.count == 1 || taint.effect.text == parts[1]))
                        }
                        if kept.count == taints.count { throw UsageError("taint \"\(change.dropLast())\" not found") }
                        taints = kept
                        verb = "untainted"
                    } else if !change.contains(":") {
                        throw UsageError(
                            "invalid taint spec: \(change), name part must consist of alphanumeric characters, '-', '_' or '.', and must "
                                + "start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
                                + "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')\nSee '\(i.console.program) taint -h' for help and examples")
                    } else {
                        let parts: [Substring] = change.split(separator: ":")
                        guard parts.count == 2, ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(String(parts[1])) else {
                            throw UsageError("invalid taint spec: \(change), unsupported taint effect")
                        }
                        let pair: [Substring] = parts[0].split(separator: "=", maxSplits: 1)
                        var taint: JSON = ["key": .string(String(pair[0])), "effect": .string(String(parts[1]))]
                        if pair.count > 1 { taint.value = .string(String(pair[1])) }
                        if let at = taints.firstIndex(where: { $0.key == taint.key && $0.effect == taint.effect }) {
                            guard i.flags.bool("overwrite") else {
                                throw UsageError("node \(node.name) already has \(pair[0]) taint(s) with same effect(s) and --overwrite is false")
                            }
                            taints[at] = taint
                        } else {
                            taints.append(taint)
                        }
                    }
                }
                let result: JSON = try await Outcome(i).patch(
                    node.served, namespace: "", node.name, .merge,
                    .object(JSONObject([("spec", .object(JSONObject([("taints", taints.isEmpty ? .null : .array(taints))])))])), manager: "kubectl-taint")
                try await Outcome(i).report(node.served, result, verb: verb, notesDryRun: false)
            }
        }
        return c
    }()
}

/// Which pods leave a node, which stay, and which forbid it.
struct DrainPlan {
    var evictions: [JSON] = []
    var warnings: [String] = []
    var refusals: [String] = []

    init(pods: [JSON], force: Bool, ignoreDaemonSets: Bool, deleteEmptyDir: Bool) {
        var daemons: [String] = []
        var unmanaged: [String] = []
        var local: [String] = []
        for pod in pods {
            let name: String = "\(pod.meta.namespace)/\(pod.meta.name)"
            if pod.meta.annotations["kubernetes.io/config.mirror"] != nil { continue }
            let isDone: Bool = ["Succeeded", "Failed"].contains(pod.status.phase.text)
            if pod.meta.controller?.kind.text == "DaemonSet", !isDone {
                daemons.append(name)
                continue
            }
            if !isDone, pod.meta.controller == nil { unmanaged.append(name) }
            if !isDone, pod.spec.volumes.elements.contains(where: { $0.emptyDir.exists }) { local.append(name) }
            evictions.append(pod)
        }
        if !daemons.isEmpty {
            if ignoreDaemonSets { warnings.append("ignoring DaemonSet-managed Pods: \(daemons.joined(separator: ", "))") } else {
                refusals.append("cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): \(daemons.joined(separator: ", "))")
            }
        }
        if !unmanaged.isEmpty {
            if force { warnings.append("deleting Pods that declare no controller: \(unmanaged.joined(separator: ", "))") } else {
                refusals.append("cannot delete Pods that declare no controller (use --force to override): \(unmanaged.joined(separator: ", "))")
            }
        }
        if !local.isEmpty, !deleteEmptyDir {
            refusals.append("cannot delete Pods with local storage (use --delete-emptydir-data to override): \(local.joined(separator: ", "))")
        }
    }
}
