// `create role`, `clusterrole`, `rolebinding`, `clusterrolebinding` and `token`.

import KubeModel
import KubeWire

enum CreateAccess {
    private static let ruleFlags: [Flag] = [
        Flag("verb", .list(commas: true), "Verb that applies to the resources contained in the rule."),
        Flag("resource", .list(commas: true), "Resource that the rule applies to."),
        Flag("resource-name", .list(commas: false), "Resource in the white list that the rule applies to."),
        Flag("non-resource-url", .list(commas: true), "A partial url that user should have access to."),
        Flag("aggregation-rule", .list(commas: true), "An aggregation label selector for combining ClusterRoles."),
    ]

    static let role: Command = roleCommand("role", "Role", "Create a role with single rule")
    static let clusterRole: Command = roleCommand("clusterrole", "ClusterRole", "Create a cluster role")

    private static func roleCommand(_ name: String, _ kind: String, _ summary: String) -> Command {
        var c: Command = Command(name, summary)
        c.usage = "NAME --verb=verb --resource=resource.group/subresource"
        c.flags = ruleFlags + CreateKind.flags
        c.run = { i in
            var object: JSON = [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": .string(kind),
                "metadata": ["name": .string(try CreateKind.name(i))],
            ]
            if i.flags.has("aggregation-rule") {
                var labels: JSON = [:]
                for (key, value) in try CreateKind.pairs(i.flags.list("aggregation-rule"), flag: "aggregation-rule") {
                    labels[key] = .string(value)
                }
                object.aggregationRule = ["clusterRoleSelectors": [["matchLabels": labels]]]
                object.rules = []
            } else {
                if i.flags.list("verb").isEmpty { throw UsageError("at least one verb must be specified") }
                object.rules = .array(try await rules(i))
            }
            try await CreateKind.submit(object, i)
        }
        return c
    }

    private static func rules(_ i: Invocation) async throws -> [JSON] {
        let verbs: JSON = JSON(i.flags.list("verb"))
        if i.flags.has("non-resource-url") {
            return [["nonResourceURLs": JSON(i.flags.list("non-resource-url")), "verbs": verbs]]
        }
        if i.flags.list("resource").isEmpty { throw UsageError("at least one resource must be specified") }
        let discovery: Discovery = try await i.session.discovery()
        var groups: [(group: String, resources: [String])] = []
        for word in i.flags.list("resource") {
            let parts: [Substring] = word.split(separator: "/", maxSplits: 1)
            let served: GroupResource = word == "*" ? GroupResource(group: "*", resource: "*") : try discovery.find(String(parts[0])).groupResource
            let full: String = served.resource + (parts.count > 1 ? "/\(parts[1])" : "")
            if let at = groups.firstIndex(where: { $0.group == served.group }) {
                groups[at].resources.append(full)
            } else {
                groups.append((served.group, [full]))
            }
        }
        return groups.map { entry in
            var rule: JSON = ["apiGroups": [.string(entry.group)], "resources": JSON(entry.resources), "verbs": verbs]
            if i.flags.has("resource-name") { rule.resourceNames = JSON(i.flags.list("resource-name")) }
            return rule
        }
    }

    private static let subjectFlags: [Flag] = [
        Flag("clusterrole", .string, "ClusterRole this binding should reference."),
        Flag("role", .string, "Role this binding should reference."),
        Flag("group", .list(commas: false), "Groups to bind to the role."),
        Flag("serviceaccount", .list(commas: false), "Service accounts to bind, in the format <namespace>:<name>."),
        Flag("user", .list(commas: false), "Usernames to bind to the role."),
    ]

    static let roleBinding: Command = binding("rolebinding", "RoleBinding", "Create a role binding for a particular role or cluster role")
    static let clusterRoleBinding: Command = binding("clusterrolebinding", "ClusterRoleBinding", "Create a cluster role binding for a particular cluster role")

    private static func binding(_ name: String, _ kind: String, _ summary: String) -> Command {
        CreateKind.command(name, summary, usage: "NAME --clusterrole=NAME [--user=username] [--group=groupname]", flags: subjectFlags) { i in
            let isRole: Bool = i.flags.has("role")
            guard isRole != i.flags.has("clusterrole") else { throw UsageError("exactly one of clusterrole or role must be specified") }
            let api: JSON = "rbac.authorization.k8s.io"
            var subjects: [JSON] = i.flags.list("user").map { ["kind": "User", "apiGroup": api, "name": .string($0)] }
            subjects += i.flags.list("group").map { ["kind": "Group", "apiGroup": api, "name": .string($0)] }
            for account in i.flags.list("serviceaccount") {
                let parts: [Substring] = account.split(separator: ":")
                guard parts.count == 2 else { throw UsageError("serviceaccount must be <namespace>:<name>") }
                subjects.append(["kind": "ServiceAccount", "name": .string(String(parts[1])), "namespace": .string(String(parts[0]))])
            }
            return [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": .string(kind),
                "metadata": ["name": .string(try CreateKind.name(i))],
                "roleRef": [
                    "apiGroup": api, "kind": isRole ? "Role" : "ClusterRole",
                    "name": .string(i.flags.string(isRole ? "role" : "clusterrole")),
                ],
                "subjects": .array(subjects),
            ]
        }
    }

    static let token: Command = {
        var c: Command = Command("token", "Request a service account token")
        c.usage = "SERVICE_ACCOUNT_NAME"
        c.flags = [
            Flag("audience", .list(commas: false), "Audience of the requested token."),
            Flag("duration", .string, "Requested lifetime of the issued token."), CommonFlags.output,
        ]
        c.run = { i in
            let name: String = try CreateKind.name(i)
            var spec: JSON = [:]
            if i.flags.has("audience") { spec.audiences = JSON(i.flags.list("audience")) }
            if let duration = try i.flags.duration("duration") {
                spec.expirationSeconds = JSON(Int64(duration.components.seconds))
            }
            let path: String = "/api/v1/namespaces/\(try i.namespace())/serviceaccounts/\(name)/token"
            let made: JSON = try await i.session.connection().send(
                "POST", path, ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec])
            if i.flags.has("output") {
                try ObjectPrinter(format: OutputFormat(i.flags.string("output")), discovery: await i.session.discovery())
                    .print([made], asList: false, i.console)
            } else {
                i.console.line(made.status.token.text)
            }
        }
        return c
    }()
}
