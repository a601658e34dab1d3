// `create`: from files, or one kind from flags.

import KubeModel
import KubeWire

enum Create {
    static let command: Command = {
        var c: Command = Command("create", "Create a resource from a file or from stdin")
        c.usage = "-f FILENAME"
        c.examples = """
              apus create -f ./pod.json
              apus create deployment web --image=nginx --replicas=3
            """
        c.flags = CommonFlags.files + CreateKind.flags
        c.subcommands = [
            CreateWorkloads.deployment, CreateWorkloads.job, CreateWorkloads.cronJob, CreatePlain.namespace,
            CreateData.configMap, CreateData.secret, CreateService.command, CreatePlain.serviceAccount,
            CreateAccess.role, CreateAccess.clusterRole, CreateAccess.roleBinding, CreateAccess.clusterRoleBinding,
            CreatePlain.quota, CreatePlain.priorityClass, CreatePlain.podDisruptionBudget, CreatePlain.ingress,
            CreateAccess.token,
        ]
        c.run = { i in
            guard i.flags.has("filename") else {
                if let stray = i.arguments.first { throw UsageError("Unexpected args: [\(stray)]\nSee '\(i.console.program) create -h' for help and examples") }
                throw UsageError("must specify one of -f and -k")
            }
            var failed: Bool = false
            for object in try Manifests.read(i) {
                do {
                    let served: ServedResource = try await i.session.discovery().find(GroupVersionKind(of: object))
                    let namespace: String = try Manifests.namespace(of: object, served, i)
                    var placed: JSON = object
                    if served.isNamespaced { placed.meta.namespace = namespace }
                    try await Outcome(i).create(served, namespace: namespace, CreateKind.saved(placed, i))
                } catch let error as StatusError {
                    i.console.note(CreateKind.message(error))
                    failed = true
                }
            }
            if failed { throw ExitStatus(1) }
        }
        return c
    }()
}

/// What the generators share.
enum CreateKind {
    /// Where kubectl's sentence does not simply name the kind.
    private static let failureNames: [String: String] = [
        "Secret": "secret", "PodDisruptionBudget": "poddisruptionbudgets:", "ResourceQuota": "quota:",
    ]

    /// Members that kubectl's typed objects always print.
    private static let alwaysShown: [String: JSON] = [
        "Deployment": ["spec": ["strategy": [:], "template": ["spec": [:]]], "status": [:]],
        "Service": ["status": ["loadBalancer": [:]]], "Ingress": ["status": ["loadBalancer": [:]]],
        "Namespace": ["spec": [:], "status": [:]], "Job": ["status": [:]], "CronJob": ["status": [:]], "Pod": ["status": [:]],
        "ResourceQuota": ["status": [:]],
        "PodDisruptionBudget": [
            "status": ["currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0]
        ],
        "HorizontalPodAutoscaler": ["status": ["currentReplicas": 0, "desiredReplicas": 0]],
    ]

    /// The generated object as kubectl shows it without asking the server.
    static func shownWhole(_ object: JSON) -> JSON {
        alwaysShown[object.kind.text].map { Patch.merge(object, to: $0) } ?? object
    }

    static let flags: [Flag] = [
        CommonFlags.output, CommonFlags.dryRun, CommonFlags.fieldManager,
        Flag("save-config", .bool, "Keep the configuration in the object's annotation for later apply."),
        Flag("validate", .optional(whenBare: "strict"), preset: "strict", "strict, warn or ignore unknown fields."),
        Flag("show-managed-fields", .bool, "Keep managedFields when printing in JSON or YAML."),
    ]

    static func command(
        _ name: String, aliases: [String] = [], _ summary: String, usage: String, flags more: [Flag],
        _ build: @escaping @Sendable (Invocation) throws -> JSON
    ) -> Command {
        var c: Command = Command(name, aliases: aliases, summary)
        c.usage = usage
        c.flags = more + flags
        c.run = { i in
            let object: JSON = try build(i)
            do { try await submit(object, i) } catch let error as StatusError {
                let kind: String = object.kind.text
                if ["Namespace", "Role", "ClusterRole"].contains(kind) || error.reason == "ServerUnreachable" { throw error }
                let service: String = "\(object.spec.type.asString ?? "ClusterIP") service:"
                throw UsageError("failed to create \(kind == "Service" ? service : failureNames[kind] ?? kind.lowercased() + ":") \(error.message)")
            }
        }
        return c
    }

    static func submit(_ object: JSON, _ i: Invocation) async throws {
        let kind: GroupVersionKind = GroupVersionKind(of: object)
        let served: ServedResource
        do { served = try await i.session.discovery().find(kind) } catch {
            guard try i.dryRun() == "client" else { throw error }
            served = ServedResource(
                resource: GroupVersionResource(object.apiVersion.text, kind.kind.lowercased() + "s"), kind: kind.kind,
                singular: kind.kind.lowercased(), shortNames: [], categories: [], isNamespaced: true, verbs: [],
                subresources: [])
        }
        try await Outcome(i).create(served, namespace: served.isNamespaced ? i.namespace() : "", saved(i.dryRun() == "client" ? shownWhole(object) : object, i))
    }

    static func saved(_ object: JSON, _ i: Invocation) -> JSON {
        guard i.flags.bool("save-config") else { return object }
        var out: JSON = object
        out.metadata.annotations[Apply.lastApplied] = .string(GoText.json(object) + "\n")
        return out
    }

    /// kubectl says `error: failed to create deployment: …` for generators and `Error from server …` for files.
    static func message(_ error: StatusError) -> String { KubeCtl.message(of: error) }

    /// NAME, the only argument.
    static func name(_ i: Invocation) throws(UsageError) -> String {
        guard i.arguments.count == 1 else {
            let prefix: String = ["generic", "tls", "docker-registry"].contains(i.command.name) ? "secret " : ["clusterip", "nodeport", "loadbalancer", "externalname"].contains(i.command.name) ? "service " : ""
            throw UsageError("exactly one NAME is required, got \(i.arguments.count)\nSee '\(i.console.program) create \(prefix)\(i.command.name) -h' for help and examples")
        }
        return i.arguments[0]
    }

    /// `key=value` pairs of a repeated flag.
    static func pairs(_ values: [String], flag: String) throws(UsageError) -> [(String, String)] {
        var out: [(String, String)] = []
        for value in values {
            guard let equals = value.firstIndex(of: "="), equals != value.startIndex else {
                throw UsageError("invalid --\(flag) value \(value): must be key=value")
            }
            out.append((String(value[..<equals]), String(value[value.index(after: equals)...])))
        }
        return out
    }
}
