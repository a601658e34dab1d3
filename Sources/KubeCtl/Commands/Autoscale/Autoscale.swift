// `autoscale`: a HorizontalPodAutoscaler for a workload.

import KubeModel
import KubeWire

enum Autoscale {
    static let command: Command = {
        var c: Command = Command("autoscale", "Auto-scale a deployment, replica set, stateful set, or replication controller")
        c.usage = "(-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu-percent=CPU]"
        c.examples = "      apus autoscale deployment web --min=2 --max=10 --cpu-percent=80"
        c.flags =
            CommonFlags.files + CreateKind.flags + [
                Flag("min", .string, preset: "-1", "The lower limit for the number of pods; the server's default when negative."),
                Flag("max", .string, preset: "-1", "The upper limit for the number of pods. Required."),
                Flag("cpu-percent", .string, preset: "-1", "The target average CPU utilization over all the pods."),
                Flag("name", .string, "The name of the new object; that of the workload if not given."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        guard i.flags.has("max") else { throw UsageError("required flag(s) \"max\" not set") }
        let (least, most): (Int, Int) = (try i.flags.int("min") ?? -1, try i.flags.int("max") ?? -1)
        if most < 1 { throw UsageError("--max=MAXPODS is required and must be at least 1, max: \(most)") }
        if most < least { throw UsageError("--max=MAXPODS must be larger or equal to --min=MINPODS, max: \(most), min: \(least)") }
        let served: ServedResource = try await i.session.discovery().find("horizontalpodautoscalers")
        for target in try await TargetReader(i).read(missing: TargetReader.noneGiven) {
            guard !target.name.isEmpty else { throw UsageError("resource(s) were provided, but no name was specified") }
            _ = try await target.fetch(i)
            guard target.served.subresources.contains("scale") else {
                throw UsageError("cannot autoscale a \(target.served.kind): it has no scale")
            }
            var spec: JSON = [
                "scaleTargetRef": [
                    "apiVersion": .string(target.served.resource.groupVersion.description),
                    "kind": .string(target.served.kind), "name": .string(target.name),
                ],
                "maxReplicas": JSON(most),
            ]
            if least > 0 { spec.minReplicas = JSON(least) }
            if let percent = try i.flags.int("cpu-percent"), percent >= 0 { spec.targetCPUUtilizationPercentage = JSON(percent) }
            let name: String = i.flags.has("name") ? i.flags.string("name") : target.name
            var object: JSON = [
                "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": ["name": .string(name)], "spec": spec,
            ]
            if try i.dryRun() == "client" { object = CreateKind.shownWhole(object) }
            var version: ServedResource = served
            version.resource.version = "v1"
            try await Outcome(i).create(version, namespace: target.namespace, CreateKind.saved(object, i), verb: "autoscaled")
        }
    }
}
