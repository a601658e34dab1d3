// `rollout status|history|undo|restart|pause|resume`.

import KubeBase
import KubeModel
import KubeWire

enum Rollout {
    static let command: Command = {
        var c: Command = Command("rollout", "Manage the rollout of a resource")
        c.usage = "SUBCOMMAND"
        c.examples = "      apus rollout status deployment/web\n      apus rollout undo deployment/web"
        c.subcommands = [history, pause, restart, resume, RolloutStatus.command, undo]
        return c
    }()

    static let revisionKey: String = "deployment.kubernetes.io/revision"
    static let flags: [Flag] = CommonFlags.files + [CommonFlags.output, CommonFlags.selector, CommonFlags.dryRun, CommonFlags.fieldManager]

    static func targets(_ i: Invocation) async throws -> [Target] {
        let reader: TargetReader = TargetReader(i)
        var targets: [Target] = try await reader.read(missing: "required resource not specified")
        if targets.contains(where: { $0.name.isEmpty }), !i.flags.has("selector") {
            var all: [Target] = []
            for target in targets {
                let list: JSON = try await target.list(i.session.connection(), query: [])
                all += list["items"].elements.map { Target(served: target.served, namespace: $0.meta.namespace, name: $0.meta.name) }
            }
            return all
        }
        targets = try await reader.named(targets)
        return targets
    }

    private static func make(
        _ name: String, _ summary: String, flags more: [Flag] = [], _ body: @escaping @Sendable (Invocation, Target, JSON) async throws -> Void
    ) -> Command {
        var c: Command = Command(name, summary)
        c.usage = "(TYPE NAME | TYPE/NAME)"
        c.flags = more + flags
        c.run = { i in
            for target in try await targets(i) {
                let live: JSON = try await i.session.connection().get(target.served.path(namespace: target.namespace, target.name))
                try await body(i, target, live)
            }
        }
        return c
    }

    static let restart: Command = make("restart", "Restart a resource") { i, target, live in
        guard ["Deployment", "StatefulSet", "DaemonSet"].contains(target.served.kind) else {
            throw UsageError("\(target.served.resource.resource) \"\(target.name)\" restarting is not supported")
        }
        if live.spec.paused.isTrue { throw UsageError("\(target.served.resource.resource) \"\(target.name)\" can't restart paused deployment (run rollout resume first)") }
        let patch: JSON = [
            "spec": ["template": ["metadata": ["annotations": ["kubectl.kubernetes.io/restartedAt": .string(Timestamp.now.rfc3339)]]]]
        ]
        let result: JSON = try await Outcome(i).patch(target.served, namespace: target.namespace, target.name, .merge, patch, manager: "kubectl-rollout")
        try await Outcome(i).report(target.served, result, verb: "restarted")
    }

    private static func setPaused(_ isPaused: Bool, _ i: Invocation, _ target: Target, _ live: JSON) async throws {
        guard target.served.kind == "Deployment" else {
            throw UsageError("\(target.served.resource.resource) \"\(target.name)\" \(isPaused ? "pausing" : "resuming") is not supported")
        }
        if live.spec.paused.isTrue == isPaused {
            throw UsageError("\(target.served.groupResource) \"\(target.name)\" is \(isPaused ? "already paused" : "not paused")")
        }
        let result: JSON = try await Outcome(i).patch(
            target.served, namespace: target.namespace, target.name, .merge, ["spec": ["paused": JSON(isPaused)]], manager: "kubectl-rollout")
        try await Outcome(i).report(target.served, result, verb: isPaused ? "paused" : "resumed")
    }

    static let pause: Command = make("pause", "Mark the provided resource as paused") { i, target, live in
        try await setPaused(true, i, target, live)
    }
    static let resume: Command = make("resume", "Resume a paused resource") { i, target, live in
        try await setPaused(false, i, target, live)
    }

    /// Revisions of a workload with their pod templates, oldest first.
    static func revisions(_ i: Invocation, _ target: Target, _ live: JSON) async throws -> [(number: Int, cause: String, template: JSON)] {
        let connection: Connection = try i.session.connection()
        if target.served.kind == "Deployment" {
            let list: JSON = try await connection.get("/apis/apps/v1/namespaces/\(target.namespace)/replicasets")
            return list["items"].elements.filter { $0.meta.controller?.uid.text == live.meta.uid }
                .compactMap { set -> (number: Int, cause: String, template: JSON)? in
                    guard let number = Int(set.meta.annotations[revisionKey] ?? "") else { return nil }
                    return (number, set.meta.annotations["kubernetes.io/change-cause"] ?? "<none>", set.spec.template)
                }.sorted { $0.number < $1.number }
        }
        guard ["StatefulSet", "DaemonSet"].contains(target.served.kind) else {
            throw UsageError("no history viewer has been implemented for \"\(target.served.kind)\"")
        }
        let list: JSON = try await connection.get("/apis/apps/v1/namespaces/\(target.namespace)/controllerrevisions")
        return list["items"].elements.filter { $0.meta.controller?.uid.text == live.meta.uid }
            .map { ($0.revision.asInt ?? 0, $0.meta.annotations["kubernetes.io/change-cause"] ?? "<none>", $0.data.spec.template) }
            .sorted { $0.0 < $1.0 }
    }

    static let history: Command = make(
        "history", "View rollout history", flags: [Flag("revision", .string, preset: "0", "See the details of one revision.")]
    ) { i, target, live in
        let all: [(number: Int, cause: String, template: JSON)] = try await revisions(i, target, live)
        let wanted: Int = try i.flags.int("revision") ?? 0
        let label: String = "\(target.served.label)/\(target.name)"
        if wanted > 0 {
            guard let one = all.first(where: { $0.number == wanted }) else { throw UsageError("unable to find the specified revision") }
            i.console.line("\(label) with revision #\(wanted)")
            var writer: DescribeWriter = DescribeWriter()
            DescribePod.template(one.template, into: &writer)
            i.console.line(writer.unaligned)
            return
        }
        i.console.line(label)
        i.console.line("REVISION  CHANGE-CAUSE")
        for revision in all {
            i.console.line(String(revision.number).padding(to: 10) + revision.cause)
        }
        i.console.line()
    }

    static let undo: Command = make(
        "undo", "Undo a previous rollout", flags: [Flag("to-revision", .string, preset: "0", "The revision to rollback to; 0: the last one.")]
    ) { i, target, live in
        let all: [(number: Int, cause: String, template: JSON)] = try await revisions(i, target, live)
        if live.spec.paused.isTrue, all.count > 1 {
            throw UsageError("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
        }
        let wanted: Int = try i.flags.int("to-revision") ?? 0
        guard let chosen = wanted == 0 ? all.dropLast().last : all.first(where: { $0.number == wanted }) else {
            throw UsageError(wanted == 0 ? "no rollout history found for \(target.served.singular) \"\(target.name)\"" : "unable to find specified revision \(wanted) in history")
        }
        var template: JSON = chosen.template
        template.metadata.labels["pod-template-hash"] = .null
        if template == live.spec.template {
            i.console.line("\(target.served.label)/\(target.name) skipped rollback (current template already matches revision \(chosen.number))")
            return
        }
        if try i.dryRun() != "client" {
            var after: JSON = live
            after.spec.template = template
            _ = try await Outcome(i).patch(
                target.served, namespace: target.namespace, target.name, .json,
                [["op": "replace", "path": "/spec/template", "value": template]], manager: "kubectl-rollout")
        }
        i.console.line("\(target.served.label)/\(target.name) rolled back\(try i.dryRunNote())")
    }
}

extension String {
    func padding(to width: Int) -> String { count >= width ? self : self + String(repeating: " ", count: width - count) }
}
