// `create deployment`, `create job`, `create cronjob`.

import KubeModel
import KubeWire

enum CreateWorkloads {
    static let deployment: Command = CreateKind.command(
        "deployment", aliases: ["deploy"], "Create a deployment with the specified name",
        usage: "NAME --image=image -- [COMMAND] [args...]",
        flags: [
            Flag("image", .list(commas: true), "Image names to run. A deployment can have several containers."),
            Flag("replicas", short: "r", .string, preset: "1", "Number of replicas to create."),
            Flag("port", .string, preset: "-1", "The port that this deployment exposes."),
        ]
    ) { i in
        let name: String = try CreateKind.name(i)
        let images: [String] = i.flags.list("image")
        if images.isEmpty { throw UsageError("required flag(s) \"image\" not set") }
        if images.count > 1, i.afterDash != nil {
            throw UsageError("cannot specify multiple --image options and command")
        }
        guard let replicas = try i.flags.int("replicas"), replicas >= 0 else {
            throw UsageError("--replicas must be greater than or equal to 0")
        }
        let containers: [JSON] = images.enumerated().map { index, image in
            var container: JSON = ["image": .string(image), "name": .string(containerName(image, index, images)), "resources": [:]]
            if let command = i.afterDash, !command.isEmpty { container.command = JSON(command) }
            if index == 0, let port = try? i.flags.int("port"), port > 0 { container.ports = [["containerPort": JSON(port)]] }
            return container
        }
        let labels: JSON = ["app": .string(name)]
        return [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .string(name), "labels": labels],
            "spec": [
                "replicas": JSON(replicas), "selector": ["matchLabels": labels],
                "template": ["metadata": ["labels": labels], "spec": ["containers": .array(containers)]],
            ],
        ]
    }

    /// The image's last path part without tag and digest; several equal ones get a suffix.
    static func containerName(_ image: String, _ index: Int, _ images: [String]) -> String {
        var base: Substring = image[...]
        if let slash = base.lastIndex(of: "/") { base = base[base.index(after: slash)...] }
        if let at = base.firstIndex(of: "@") { base = base[..<at] }
        if let colon = base.firstIndex(of: ":") { base = base[..<colon] }
        let name: String = String(base).lowercased().replacing("_", with: "-").replacing(".", with: "-")
        let isRepeated: Bool = images.filter { $0.contains(base) }.count > 1
        return isRepeated ? "\(name)-\(Int.random(in: 10000...99999))" : name
    }

    private static let jobFlags: [Flag] = [
        Flag("image", .string, "Image name to run."),
        Flag("from", .string, "The name of the resource to create a Job from (only cronjob is supported)."),
    ]

    static let job: Command = {
        var c: Command = CreateKind.command(
            "job", "Create a job with the specified name",
            usage: "NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]", flags: jobFlags
        ) { i in try jobObject(i) }
        c.run = { i in
            guard i.flags.has("from") else {
                try await CreateKind.submit(jobObject(i), i)
                return
            }
            let target: Target = try await TargetReader(i).single(i.flags.string("from"), preset: "cronjobs")
            guard target.served.kind == "CronJob" else {
                throw UsageError("from must be an existing cronjob")
            }
            let cron: JSON = try await target.fetch(i)
            var job: JSON = [
                "apiVersion": "batch/v1", "kind": "Job", "metadata": cron.spec.jobTemplate.metadata,
                "spec": cron.spec.jobTemplate.spec,
            ]
            job.meta.name = try CreateKind.name(i)
            job.metadata.annotations["cronjob.kubernetes.io/instantiate"] = "manual"
            job.meta.ownerReferences = [
                [
                    "apiVersion": "batch/v1", "kind": "CronJob", "name": .string(cron.meta.name),
                    "uid": .string(cron.meta.uid), "controller": true,
                ]
            ]
            try await CreateKind.submit(job, i)
        }
        return c
    }()

    private static func podSpec(_ i: Invocation, name: String, restartPolicy: String) throws -> JSON {
        guard i.flags.has("image") else { throw UsageError("either --image or --from must be specified") }
        var container: JSON = ["name": .string(name), "image": .string(i.flags.string("image")), "resources": [:]]
        if let command = i.afterDash, !command.isEmpty { container.command = JSON(command) }
        return ["containers": [container], "restartPolicy": .string(restartPolicy)]
    }

    private static func jobObject(_ i: Invocation) throws -> JSON {
        let name: String = try CreateKind.name(i)
        return [
            "apiVersion": "batch/v1", "kind": "Job", "metadata": ["name": .string(name)],
            "spec": ["template": ["metadata": [:], "spec": try podSpec(i, name: name, restartPolicy: "Never")]],
        ]
    }

    static let cronJob: Command = CreateKind.command(
        "cronjob", aliases: ["cj"], "Create a cron job with the specified name",
        usage: "NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...]",
        flags: [
            Flag("image", .string, "Image name to run."),
            Flag("schedule", .string, "A schedule in the Cron format the job should be run with."),
            Flag("restart", .string, preset: "OnFailure", "Restart policy: OnFailure or Never."),
        ]
    ) { i in
        let name: String = try CreateKind.name(i)
        guard i.flags.has("schedule") else { throw UsageError("required flag(s) \"schedule\" not set") }
        let pod: JSON = try podSpec(i, name: name, restartPolicy: i.flags.string("restart"))
        return [
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": ["name": .string(name)],
            "spec": [
                "schedule": .string(i.flags.string("schedule")),
                "jobTemplate": ["metadata": ["name": .string(name)], "spec": ["template": ["metadata": [:], "spec": pod]]],
            ],
        ]
    }
}
