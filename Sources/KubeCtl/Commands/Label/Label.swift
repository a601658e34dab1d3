// `label` and `annotate`: add, change (`--overwrite`) or remove (`key-`) metadata.

import KubeModel
import KubeWire

enum Label {
    static let label: Command = make(
        "label", "Update the labels on a resource", field: "labels", one: "label", past: "labeled")
    static let annotate: Command = make(
        "annotate", "Update the annotations on a resource", field: "annotations", one: "annotation", past: "annotated")

    private static func make(_ name: String, _ summary: String, field: String, one: String, past: String) -> Command {
        var c: Command = Command(name, summary)
        c.usage = "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N"
        c.examples = "      apus \(name) pods web tier=front\n      apus \(name) pods web tier-"
        c.flags =
            CommonFlags.files + [
                CommonFlags.output, CommonFlags.selector, CommonFlags.fieldSelector, CommonFlags.all,
                CommonFlags.allNamespaces, CommonFlags.overwrite, CommonFlags.dryRun, CommonFlags.fieldManager,
                Flag("list", .bool, "If true, display the \(field) for a given resource."),
                Flag("resource-version", .string, "Only change the object at this version."),
            ]
        c.run = { try await run($0, field: field, one: one, past: past) }
        return c
    }

    private static func run(_ i: Invocation, field: String, one: String, past: String) async throws {
        let isChange: (String) -> Bool = { ($0.contains("=") && !$0.hasPrefix("=")) || $0.hasSuffix("-") }
        let changes: [String] = i.arguments.filter(isChange)
        let reader: TargetReader = TargetReader(i)
        let targets: [Target] = try await reader.named(
            reader.read(i.arguments.filter { !isChange($0) }, missing: "one or more resources must be specified as <resource> <name> or <resource>/<name>"))
        if changes.isEmpty, !i.flags.bool("list") { throw UsageError("at least one \(one) update is required") }
        for target in targets {
            let live: JSON = try await i.session.connection().get(
                target.served.path(namespace: target.namespace, target.name))
            if i.flags.bool("list") {
                for (key, value) in live.metadata[field].stringMap.sorted(by: { $0.key < $1.key }) {
                    i.console.line("\(key)=\(value)")
                }
                continue
            }
            try await change(i, target, live, changes, field: field, one: one, past: past)
        }
    }

    private static func change(
        _ i: Invocation, _ target: Target, _ live: JSON, _ changes: [String], field: String, one: String, past: String
    ) async throws {
        var members: JSONObject = JSONObject()
        let known: [String: String] = live.metadata[field].stringMap
        var removed: Bool = false
        for change in changes {
            if let equals = change.firstIndex(of: "=") {
                let key: String = String(change[..<equals])
                let value: String = String(change[change.index(after: equals)...])
                if let old = known[key], old != value, !i.flags.bool("overwrite") {
                    throw UsageError((field == "annotations" ? "--overwrite is false but found the following declared annotation(s): '\(key)' already has a value (\(old))" : "'\(key)' already has a value (\(old)), and --overwrite is false"))
                }
                members[key] = .string(value)
            } else {
                let key: String = String(change.dropLast())
                if known[key] == nil { i.console.note("\(one) \"\(key)\" not found.") }
                members[key] = .some(.null)
                removed = true
            }
        }
        var metadata: JSONObject = JSONObject()
        metadata[field] = .object(members)
        if i.flags.has("resource-version") { metadata["resourceVersion"] = .string(i.flags.string("resource-version")) }
        let patch: JSON = .object(JSONObject([("metadata", .object(metadata))]))
        let result: JSON = try await Outcome(i).patch(
            target.served, namespace: target.namespace, target.name, .merge, patch, manager: "kubectl-\(i.command.name)")
        let isSame: Bool = result.metadata[field] == live.metadata[field]
        let verb: String = field == "annotations" ? past : isSame ? "not labeled" : removed ? "unlabeled" : past
        try await Outcome(i).report(target.served, result, verb: verb)
    }
}
