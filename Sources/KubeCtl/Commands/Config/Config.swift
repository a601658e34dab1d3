// `config`: see and edit kubeconfig files.

import KubeClient
import KubeModel
import KubeWire

enum Config {
    static let command: Command = {
        var c: Command = Command("config", "Modify kubeconfig files")
        c.usage = "SUBCOMMAND"
        c.subcommands = [
            currentContext, deleteContext, getClusters, getContexts, getUsers, setContext, useContext, view,
        ]
        return c
    }()

    private static func load(_ i: Invocation) throws -> KubeConfig {
        try KubeConfig.load(environment: ProcessEnvironment.all, explicit: i.flags.string("kubeconfig"))
    }

    private static func edit(_ i: Invocation, _ change: (inout KubeConfig) -> Void) throws {
        let path: String = i.flags.has("kubeconfig") ? i.flags.string("kubeconfig") : KubeConfig.editedPath(environment: ProcessEnvironment.all)
        try KubeConfig.edit(path: path, change)
    }

    private static func make(_ name: String, _ summary: String, flags: [Flag] = [], _ run: @escaping @Sendable (Invocation) async throws -> Void) -> Command {
        var c: Command = Command(name, summary)
        c.flags = flags
        c.run = run
        return c
    }

    private static let currentContext: Command = make("current-context", "Display the current-context") { i in
        let name: String = try load(i).currentContext
        if name.isEmpty { throw UsageError("current-context is not set") }
        i.console.line(name)
    }

    private static let useContext: Command = make("use-context", "Set the current-context in a kubeconfig file") { i in
        guard let name = i.arguments.first, i.arguments.count == 1 else { throw UsageError("accepts 1 arg(s), received \(i.arguments.count)") }
        guard try load(i).contextNames.contains(name) else { throw UsageError("no context exists with the name: \"\(name)\"") }
        try edit(i) { $0.currentContext = name }
        i.console.line("Switched to context \"\(name)\".")
    }

    private static let deleteContext: Command = make("delete-context", "Delete the specified context from the kubeconfig") { i in
        guard let name = i.arguments.first else { throw UsageError("You must specify a context to delete") }
        guard try load(i).contextNames.contains(name) else { throw UsageError("cannot delete context \(name), not in the kubeconfig file") }
        try edit(i) { $0.remove("contexts", name) }
        i.console.line("deleted context \(name)")
    }

    private static let getContexts: Command = make(
        "get-contexts", "Describe one or many contexts",
        flags: [Flag("no-headers", .bool, "Don't print headers."), Flag("output", short: "o", .string, "name")]
    ) { i in
        let config: KubeConfig = try load(i)
        let names: [String] = i.arguments.isEmpty ? config.contextNames.sorted() : i.arguments
        if i.flags.string("output") == "name" {
            for name in names { i.console.line(name) }
            return
        }
        var table: TextTable = TextTable(header: ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"])
        for name in names {
            let context: JSON = config.context(name)
            guard context.exists else {
                for line in table.lines() { i.console.line(line) }
                throw UsageError("context \(name) not found")
            }
            table.rows.append([name == config.currentContext ? "*" : "", name, context.cluster.text, context.user.text, context.namespace.text])
        }
        for line in table.lines(withHeader: !i.flags.bool("no-headers")) { i.console.line(line) }
    }

    private static let getClusters: Command = make("get-clusters", "Display clusters defined in the kubeconfig") { i in
        i.console.line("NAME")
        for cluster in try load(i).json.clusters.elements { i.console.line(cluster.name.text) }
    }

    private static let getUsers: Command = make("get-users", "Display users defined in the kubeconfig") { i in
        i.console.line("NAME")
        for user in try load(i).json.users.elements { i.console.line(user.name.text) }
    }

    private static let setContext: Command = make(
        "set-context", "Set a context entry in kubeconfig", flags: [Flag("current", .bool, "Modify the current context.")]
    ) { i in
        let config: KubeConfig = try load(i)
        let name: String = i.flags.bool("current") ? config.currentContext : i.arguments.first ?? ""
        if name.isEmpty { throw UsageError("you must specify a non-empty context name or --current") }
        var context: JSON = config.context(name)
        let isNew: Bool = !context.exists
        for field in ["cluster", "user", "namespace"] where i.flags.has(field) { context[field] = .string(i.flags.string(field)) }
        let value: JSON = context
        try edit(i) { $0.set("contexts", name, value) }
        i.console.line("Context \"\(name)\" \(isNew ? "created" : "modified").")
    }

    private static let view: Command = make(
        "view", "Display merged kubeconfig settings or a specified kubeconfig file",
        flags: [
            Flag("raw", .bool, "Display raw byte data and sensitive data."), Flag("minify", .bool, "Remove all information not used by current-context."),
            Flag("flatten", .bool, "Flatten the resulting kubeconfig file into self-contained output."), CommonFlags.output,
        ]
    ) { i in
        var config: KubeConfig = try load(i)
        if i.flags.bool("minify") {
            let name: String = config.currentContext
            let context: JSON = config.context(name)
            config.json.contexts = .array(config.json.contexts.elements.filter { $0.name.text == name })
            config.json.clusters = .array(config.json.clusters.elements.filter { $0.name == context.cluster })
            config.json.users = .array(config.json.users.elements.filter { $0.name == context.user })
        }
        if !i.flags.bool("raw") {
            for index in config.json.clusters.elements.indices where config.json.clusters[index].cluster["certificate-authority-data"].exists {
                config.json.clusters[index].cluster["certificate-authority-data"] = "DATA+OMITTED"
            }
            for index in config.json.users.elements.indices {
                for key in ["client-certificate-data", "client-key-data"] where config.json.users[index].user[key].exists {
                    config.json.users[index].user[key] = "DATA+OMITTED"
                }
                if config.json.users[index].user.token.exists { config.json.users[index].user.token = "REDACTED" }
            }
        }
        let output: String = i.flags.string("output")
        try ObjectPrinter(format: OutputFormat(output.isEmpty ? "yaml" : output), discovery: Discovery(resources: []))
            .print([config.json], asList: false, i.console)
    }
}
