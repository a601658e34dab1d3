// `auth can-i` and `auth whoami`.

import KubeModel
import KubeWire

enum Auth {
    static let command: Command = {
        var c: Command = Command("auth", "Inspect authorization")
        c.subcommands = [canI, whoAmI]
        return c
    }()

    private static let canI: Command = {
        var c: Command = Command("can-i", "Check whether an action is allowed")
        c.usage = "VERB [TYPE | TYPE/NAME | NONRESOURCEURL]"
        c.flags = [
            CommonFlags.allNamespaces, Flag("quiet", short: "q", .bool, "Suppress output and just return the exit code."),
            Flag("subresource", .string, "SubResource such as pod/log or deployment/scale."), Flag("list", .bool, "Print all allowed actions."),
            Flag("no-headers", .bool, "Don't print headers."),
        ]
        c.run = { i in
            if i.flags.bool("list") {
                try await list(i)
                return
            }
            guard i.arguments.count >= 2 else {
                throw UsageError("you must specify two arguments: verb resource or verb resource/resourceName.\nSee '\(i.console.program) auth can-i -h' for help and examples.")
            }
            var spec: JSON = [:]
            if i.arguments[1].hasPrefix("/") {
                spec.nonResourceAttributes = ["verb": .string(i.arguments[0]), "path": .string(i.arguments[1])]
            } else {
                spec.resourceAttributes = try await attributes(i, verb: i.arguments[0], i.arguments[1])
            }
            let review: JSON = try await i.session.connection().send(
                "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                ["apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec])
            let isAllowed: Bool = review.status.allowed.isTrue
            if !i.flags.bool("quiet") {
                let reason: String = review.status.reason.text
                i.console.line((isAllowed ? "yes" : "no") + (!isAllowed && !reason.isEmpty ? " - \(reason)" : ""))
            }
            if !isAllowed { throw ExitStatus(1) }
        }
        return c
    }()

    private static let verbs: Set<String> = [
        "*", "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "use", "bind", "impersonate",
        "escalate", "approve", "sign", "attest", "proxy",
    ]

    /// `pods`, `pods/web`, `*`; what the server does not know is asked all the same, with a warning.
    private static func attributes(_ i: Invocation, verb: String, _ word: String) async throws -> JSON {
        let parts: [Substring] = word.split(separator: "/", maxSplits: 1)
        var attributes: JSON = ["verb": .string(verb)]
        if !verbs.contains(verb) { i.console.note("Warning: verb '\(verb)' is not a known verb\n") }
        if parts[0] == "*" {
            attributes.resource = "*"
            attributes.group = "*"
        } else if let served = try? await i.session.discovery().find(String(parts[0])) {
            attributes.resource = .string(served.resource.resource)
            let group: String = served.resource.group
            if !group.isEmpty { attributes.group = .string(group) }
            if served.isNamespaced { attributes.namespace = .string(try i.namespace()) } else {
                i.console.note(
                    "Warning: resource '\(served.resource.resource)' is not namespace scoped"
                        + (group.isEmpty ? "" : " in group '\(group)'") + "\n")
            }
        } else {
            i.console.note("Warning: the server doesn't have a resource type '\(parts[0])'\n")
            attributes.resource = .string(String(parts[0]))
            attributes.namespace = .string(try i.namespace())
        }
        if parts.count > 1 { attributes.name = .string(String(parts[1])) }
        if i.flags.has("subresource") { attributes.subresource = .string(i.flags.string("subresource")) }
        return attributes
    }

    private static func list(_ i: Invocation) async throws {
        let review: JSON = try await i.session.connection().send(
            "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            ["apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": ["namespace": .string(try i.namespace())]])
        let table: TextTable = TextTable(
            header: PolicyRows.header,
            rows: PolicyRows.rows(review.status.resourceRules.elements + review.status.nonResourceRules.elements))
        for line in table.lines(withHeader: !i.flags.bool("no-headers")) { i.console.line(line) }
    }

    private static let whoAmI: Command = {
        var c: Command = Command("whoami", "Check self subject attributes")
        c.flags = [CommonFlags.output]
        c.run = { i in
            let review: JSON = try await i.session.connection().send(
                "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                ["apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"])
            if i.flags.has("output") {
                try ObjectPrinter(format: OutputFormat(i.flags.string("output")), discovery: Discovery(resources: []))
                    .print([review], asList: false, i.console)
                return
            }
            let user: JSON = review.status.userInfo
            var table: TextTable = TextTable(header: ["ATTRIBUTE", "VALUE"], rows: [["Username", user.username.text]])
            if user.uid.exists { table.rows.append(["UID", user.uid.text]) }
            if user.groups.exists { table.rows.append(["Groups", "[" + user.groups.strings.joined(separator: " ") + "]"]) }
            for (key, value) in user.extra.fields { table.rows.append(["Extra: \(key)", "[" + value.strings.joined(separator: " ") + "]"]) }
            for line in table.lines() { i.console.line(line) }
        }
        return c
    }()
}
