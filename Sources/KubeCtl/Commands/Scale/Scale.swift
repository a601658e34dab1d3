// `scale`: set the number of replicas through the scale subresource.

import KubeModel
import KubeWire

enum Scale {
    static let command: Command = {
        var c: Command = Command("scale", "Set a new size for a deployment, replica set, or replication controller")
        c.usage = "[--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)"
        c.examples = "      apus scale --replicas=3 deployment/web"
        c.flags =
            CommonFlags.files + [
                CommonFlags.output, CommonFlags.selector, CommonFlags.all, CommonFlags.dryRun,
                Flag("replicas", .string, "The new desired number of replicas. Required."),
                Flag("current-replicas", .string, preset: "-1", "Precondition for current size."),
                Flag("resource-version", .string, "Precondition for resource version."),
                Flag("timeout", .string, preset: "0s", "How long to wait for the scale to take effect; zero does not wait."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        guard let replicas = try i.flags.int("replicas") else { throw UsageError("required flag(s) \"replicas\" not set") }
        guard replicas >= 0 else { throw UsageError("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0") }
        var targets: [Target] = try await TargetReader(i).read(missing: "You must provide one or more resources by argument or filename.")
        targets = try await TargetReader(i).named(targets)
        if targets.isEmpty { throw UsageError("no objects passed to scale") }
        for target in targets {
            let live: JSON
            do { live = try await target.fetch(i) } catch let error as StatusError where error.isNotFound {
                throw UsageError("no objects passed to scale \(error.message)")
            }
            if let current = try i.flags.int("current-replicas"), current >= 0 {
                let scale: JSON = try await i.session.connection().get(
                    target.served.path(namespace: target.namespace, target.name, "scale"))
                let found: Int = scale.spec.replicas.asInt ?? 0
                guard found == current else {
                    throw UsageError("Expected replicas to be \(current), was \(found)")
                }
            }
            var patch: JSON = ["spec": ["replicas": JSON(replicas)]]
            if i.flags.has("resource-version") {
                patch.metadata.resourceVersion = .string(i.flags.string("resource-version"))
            }
            guard target.served.subresources.contains("scale") else {
                throw UsageError("the server could not find the requested resource: \(target.served.label) has no scale")
            }
            let scaled: JSON = try await Outcome(i).patch(
                target.served, namespace: target.namespace, target.name, .merge, patch, subresource: "scale",
                manager: "kubectl-scale")
            if let limit = try i.flags.duration("timeout"), limit != .zero {
                try await ObjectWatch(i, target).wait(timeout: limit, whatFor: "timed out waiting for \"\(target.name)\" to be synced") {
                    ($0?.status.observedGeneration.asInt ?? 0) >= ($0?.meta.generation ?? 0)
                        && ($0?.status.replicas.asInt ?? 0) == replicas
                }
            }
            try await Outcome(i).report(target.served, i.dryRun() == "client" ? live : scaled, verb: "scaled")
        }
    }
}
