// What a command is, and what it gets to work with.

import KubeModel
import KubeWire

/// A verb of the command line. Sub-commands (`rollout status`) are commands of their own below a parent.
package struct Command: Sendable {
    package var name: String
    package var aliases: [String] = []
    /// One line for the list of commands.
    package var summary: String
    /// What follows the name: `(TYPE [NAME] | TYPE/NAME) [flags]`.
    package var usage: String = ""
    package var examples: String = ""
    package var flags: [Flag] = []
    package var subcommands: [Command] = []
    package var run: (@Sendable (Invocation) async throws -> Void)?

    package init(_ name: String, aliases: [String] = [], _ summary: String) {
        self.name = name
        self.aliases = aliases
        self.summary = summary
    }

    func answers(to word: String) -> Bool { name == word || aliases.contains(word) }
}

/// Leaves with this status and prints nothing more (the command has said what there is to say).
package struct ExitStatus: Error, Sendable {
    package var code: Int32
    package init(_ code: Int32) { self.code = code }
}

/// One run of a command.
package struct Invocation: Sendable {
    package let command: Command
    package let flags: FlagValues
    package let arguments: [String]
    package let afterDash: [String]?
    package let console: Console
    /// Connects at first use.
    package let session: Session

    /// `-n`, else the context's namespace, else `default`; empty with `--all-namespaces`.
    package func namespace() throws -> String {
        if flags.bool("all-namespaces") { return "" }
        let given: String = flags.string("namespace")
        return given.isEmpty ? try session.defaultNamespace() : given
    }

    package var isNamespaceGiven: Bool { flags.has("namespace") }

    /// `none`, `client` or `server`.
    package func dryRun() throws(UsageError) -> String {
        let value: String = flags.string("dry-run")
        switch value {
        case "", "none", "false": return "none"
        case "client", "true": return "client"
        case "server": return "server"
        default:
            throw UsageError("Invalid dry-run value (\(value)). Must be \"none\", \"server\", or \"client\".")
        }
    }

    /// The suffix kubectl prints after `created` and the like.
    package func dryRunNote() throws(UsageError) -> String {
        switch try dryRun() {
        case "client": " (dry run)"
        case "server": " (server dry run)"
        default: ""
        }
    }
}

/// Flags that many commands share.
package enum CommonFlags {
    /// Every command takes these.
    package static let global: [Flag] = [
        Flag("namespace", short: "n", .string, "If present, the namespace scope for this CLI request"),
        Flag("kubeconfig", .string, "Path to the kubeconfig file to use for CLI requests."),
        Flag("context", .string, "The name of the kubeconfig context to use"),
        Flag("cluster", .string, "The name of the kubeconfig cluster to use"),
        Flag("user", .string, "The name of the kubeconfig user to use"),
        Flag("server", short: "s", .string, "The address and port of the Kubernetes API server"),
        Flag("token", .string, "Bearer token for authentication to the API server"),
        Flag("as", .string, "Username to impersonate for the operation."),
        Flag("as-group", .list(commas: false), "Group to impersonate for the operation, may be repeated."),
        Flag("certificate-authority", .string, "Path to a cert file for the certificate authority"),
        Flag("client-certificate", .string, "Path to a client certificate file for TLS"),
        Flag("client-key", .string, "Path to a client key file for TLS"),
        Flag("insecure-skip-tls-verify", .bool, "If true, the server's certificate will not be checked for validity."),
        Flag("request-timeout", .string, preset: "0", "The length of time to wait before giving up on a single server request."),
        Flag("v", short: "v", .string, "number for the log level verbosity"),
        Flag("help", short: "h", .bool, "Print help"),
    ]
    package static let output: Flag = Flag(
        "output", short: "o", .string,
        "Output format: json, yaml, name, wide, jsonpath=…, jsonpath-file=…, custom-columns=…, custom-columns-file=…")
    package static let files: [Flag] = [
        Flag("filename", short: "f", .list(commas: true), "Files, directories or - (standard input) with the objects."),
        Flag("recursive", short: "R", .bool, "Process the directory used in -f, --filename recursively."),
    ]
    package static let selector: Flag = Flag(
        "selector", short: "l", .string, "Selector (label query) to filter on: '=', '==', '!=', 'in', 'notin'.")
    package static let fieldSelector: Flag = Flag(
        "field-selector", .string, "Selector (field query) to filter on, e.g. --field-selector key1=value1.")
    package static let allNamespaces: Flag = Flag(
        "all-namespaces", short: "A", .bool, "List the requested object(s) across all namespaces.")
    package static let all: Flag = Flag("all", .bool, "Select all resources in the namespace of the given types.")
    package static let dryRun: Flag = Flag(
        "dry-run", .optional(whenBare: "client"), preset: "none", "Must be \"none\", \"server\", or \"client\".")
    package static let fieldManager: Flag = Flag(
        "field-manager", .string, "Name of the manager used to track field ownership.")
    package static let overwrite: Flag = Flag("overwrite", .bool, "Allow existing values to be overwritten.")
    package static let local: Flag = Flag("local", .bool, "Work on the given files only, without the server.")
}
