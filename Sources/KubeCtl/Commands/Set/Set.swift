// `set image|env|resources|serviceaccount|selector`: change the pod template of workloads.

import KubeModel
import KubeWire

enum SetCommand {
    private static let flags: [Flag] =
        CommonFlags.files + [
            CommonFlags.output, CommonFlags.selector, CommonFlags.all, CommonFlags.dryRun, CommonFlags.fieldManager,
        ]

    static let command: Command = {
        var c: Command = Command("set", "Set specific features on objects")
        c.subcommands = [image, env, resources, serviceAccount, selector]
        return c
    }()

    private static func make(
        _ name: String, aliases: [String] = [], _ summary: String, usage: String, flags more: [Flag], past: String,
        isChange: @escaping @Sendable (String) -> Bool,
        _ edit: @escaping @Sendable (Invocation, [String], inout JSON) throws -> Void
    ) -> Command {
        var c: Command = Command(name, aliases: aliases, summary)
        c.usage = usage
        c.flags = more + flags
        c.run = { i in
            let changes: [String] = i.arguments.filter(isChange)
            let reader: TargetReader = TargetReader(i)
            let targets: [Target] = try await reader.named(
                reader.read(i.arguments.filter { !isChange($0) }, missing: "one or more resources must be specified as <resource> <name> or <resource>/<name>"))
            for target in targets { try await apply(i, target, changes, past: past, edit) }
        }
        return c
    }

    private static func apply(
        _ i: Invocation, _ target: Target, _ changes: [String], past: String,
        _ edit: (Invocation, [String], inout JSON) throws -> Void
    ) async throws {
        let live: JSON = try await i.session.connection().get(target.served.path(namespace: target.namespace, target.name))
        var path: [String] = ["spec", "template", "spec"]
        if target.served.kind == "Pod" { path = ["spec"] }
        if target.served.kind == "CronJob" { path = ["spec", "jobTemplate", "spec", "template", "spec"] }
        let before: JSON = live.at(path)
        guard before.exists else { throw UsageError("the object is not a pod or does not have a pod template: \(target.served.kind)") }
        if i.flags.bool("list") {
            for container in before.containers.elements {
                i.console.line("# \(target.served.kind) \(target.name), container \(container.name.text)")
                for entry in container.env.elements { i.console.line("\(entry.name.text)=\(entry.value.text)") }
            }
            return
        }
        var after: JSON = before
        try edit(i, changes, &after)
        if before == after { return }
        var patch: JSON = MergeDiff.patch(from: before, to: after)
        for key in path.reversed() { patch = .object(JSONObject([(key, patch)])) }
        let result: JSON = try await Outcome(i).patch(
            target.served, namespace: target.namespace, target.name, .merge, patch, manager: "kubectl-set")
        try await Outcome(i).report(target.served, result, verb: past)
    }

    private static let image: Command = make(
        "image", "Update the image of a pod template", usage: "(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ...",
        flags: [], past: "image updated", isChange: { $0.contains("=") }
    ) { i, changes, spec in
        if changes.isEmpty { throw UsageError("at least one image update is required") }
        for (name, image) in try CreateKind.pairs(changes, flag: "image") {
            var isFound: Bool = false
            for list in ["containers", "initContainers"] where spec[list].exists {
                for index in spec[list].elements.indices where name == "*" || spec[list][index].name.text == name {
                    spec[list][index].image = .string(image)
                    isFound = true
                }
            }
            if !isFound { throw UsageError("unable to find container named \"\(name)\"") }
        }
    }

    private static let env: Command = make(
        "env", "Update environment variables on a pod template", usage: "RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N",
        flags: [
            Flag("containers", short: "c", .string, preset: "*", "The names of containers in the selected pod templates to change."),
            Flag("list", .bool, "If true, display the environment."),
        ], past: "env updated",
        isChange: { ($0.contains("=") && !$0.contains("/")) || ($0.contains("=") && $0.firstIndex(of: "=")! < ($0.firstIndex(of: "/") ?? $0.endIndex)) || ($0.hasSuffix("-") && !$0.contains("/")) }
    ) { i, changes, spec in
        let wanted: String = i.flags.string("containers")
        for index in spec.containers.elements.indices
        where wanted == "*" || spec.containers[index].name.text == wanted {
            for change in changes {
                let pair: [Substring] = change.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let key: String = pair.count == 2 ? String(pair[0]) : String(change.dropLast())
                var env: [JSON] = spec.containers[index].env.elements
                let at: Int? = env.firstIndex { $0.name.text == key }
                if pair.count == 2 {
                    let entry: JSON = ["name": .string(key), "value": .string(String(pair[1]))]
                    if let at { env[at] = entry } else { env.append(entry) }
                } else if let at {
                    env.remove(at: at)
                }
                spec.containers[index].env = env.isEmpty ? .null : .array(env)
            }
        }
    }

    private static let resources: Command = make(
        "resources", "Update resource requests/limits on objects with pod templates", usage: "(-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS]",
        flags: [
            Flag("limits", .list(commas: true), "The resource requirement limits for this container."),
            Flag("requests", .list(commas: true), "The resource requirement requests for this container."),
            Flag("containers", short: "c", .string, preset: "*", "The names of containers in the selected pod templates to change."),
        ], past: "resource requirements updated", isChange: { _ in false }
    ) { i, _, spec in
        let wanted: String = i.flags.string("containers")
        if !i.flags.has("limits"), !i.flags.has("requests") {
            throw UsageError("you must specify an update to requests or limits (in the form of --requests/--limits)")
        }
        for index in spec.containers.elements.indices where wanted == "*" || spec.containers[index].name.text == wanted {
            for field in ["limits", "requests"] {
                for (key, value) in try CreateKind.pairs(i.flags.list(field), flag: field) {
                    spec.containers[index].resources[field][key] = .string(value)
                }
            }
        }
    }

    private static let serviceAccount: Command = {
        var c: Command = Command("serviceaccount", aliases: ["sa"], "Update the service account of a resource")
        c.usage = "(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT"
        c.flags = flags
        c.run = { i in
            guard i.arguments.count > 1, let account = i.arguments.last else { throw UsageError("serviceaccount is required") }
            for target in try await TargetReader(i).read(Array(i.arguments.dropLast()), missing: "one or more resources must be specified") {
                try await apply(i, target, [], past: "serviceaccount updated") { _, _, spec in
                    spec.serviceAccountName = .string(account)
                }
            }
        }
        return c
    }()

    private static let selector: Command = {
        var c: Command = Command("selector", "Set the selector on a resource")
        c.usage = "(-f FILENAME | TYPE NAME) EXPRESSIONS"
        c.flags = flags
        c.run = { i in
            let expressions: [String] = i.arguments.filter { $0.contains("=") }
            var labels: JSON = [:]
            for (key, value) in try CreateKind.pairs(expressions.flatMap { $0.split(separator: ",").map { String($0) } }, flag: "selector") {
                labels[key] = .string(value)
            }
            for target in try await TargetReader(i).read(i.arguments.filter { !$0.contains("=") }, missing: "one or more resources must be specified") {
                let live: JSON = try await i.session.connection().get(target.served.path(namespace: target.namespace, target.name))
                var after: JSON = live
                after.spec.selector = target.served.kind == "Service" ? labels : ["matchLabels": labels]
                let result: JSON = try await Outcome(i).patch(
                    target.served, namespace: target.namespace, target.name, .merge, MergeDiff.patch(from: live, to: after),
                    manager: "kubectl-set")
                try await Outcome(i).report(target.served, result, verb: "selector updated")
            }
        }
        return c
    }()
}
