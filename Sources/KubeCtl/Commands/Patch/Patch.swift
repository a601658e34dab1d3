// `patch` and `replace`: change fields of an object, or the whole object.

import KubeAPI
import KubeModel
import KubeWire

enum PatchCommand {
    static let command: Command = {
        var c: Command = Command("patch", "Update fields of a resource")
        c.usage = "(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]"
        c.examples = "      apus patch node n1 -p '{\"spec\":{\"unschedulable\":true}}'"
        c.flags =
            CommonFlags.files + [
                CommonFlags.output, CommonFlags.dryRun, CommonFlags.fieldManager,
                Flag("patch", short: "p", .string, "The patch to be applied, JSON or YAML."),
                Flag("patch-file", .string, "A file containing the patch."),
                Flag("type", .string, preset: "strategic", "The type of patch: json, merge or strategic."),
                Flag("subresource", .string, "Patch this subresource, such as status or scale."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        let text: String
        if i.flags.has("patch-file") {
            text = String(decoding: try readFile(i.flags.string("patch-file")), as: UTF8.self)
        } else {
            text = i.flags.string("patch")
        }
        if text.isEmpty { throw UsageError("must specify --patch or --patch-file containing the contents of the patch") }
        var type: PatchType
        switch i.flags.string("type") {
        case "json": type = .json
        case "merge": type = .merge
        case "strategic": type = .strategicMerge
        case let other: throw UsageError("--type must be one of [json merge strategic], not \"\(other)\"")
        }
        let patch: JSON
        do { patch = try YAML.parse(text).first ?? .null } catch { throw UsageError("unable to parse \"\(text)\": \(error)") }
        for target in try await TargetReader(i).read(missing: "You must provide one or more resources by argument or filename.") {
            guard !target.name.isEmpty else { throw UsageError("resource(s) were provided, but no name was specified") }
            let served: ServedResource = target.served
            let before: JSON = try await i.session.connection().get(served.path(namespace: target.namespace, target.name))
            if type == .strategicMerge, BuiltIn.typeName(GroupVersionKind(of: before)) == nil {
                type = .merge
            }
            let result: JSON =
                try await Outcome(i).patch(
                    served, namespace: target.namespace, target.name, type, patch,
                    subresource: i.flags.string("subresource"), manager: "kubectl-patch")
            // kubectl does not say here that it was a dry run.
            try await Outcome(i).report(served, result, verb: result == before ? "patched (no change)" : "patched", notesDryRun: false)
        }
    }

    static let replace: Command = {
        var c: Command = Command("replace", "Replace a resource by file name or stdin")
        c.usage = "-f FILENAME"
        c.flags =
            CommonFlags.files + [
                CommonFlags.output, CommonFlags.dryRun, CommonFlags.fieldManager,
                Flag("force", .bool, "Delete the object first, then create it again."),
                Flag("validate", .optional(whenBare: "strict"), preset: "strict", "strict, warn or ignore unknown fields."),
            ]
        c.run = { i in
            guard i.flags.has("filename") else { throw UsageError("must specify one of -f and -k") }
            for object in try Manifests.read(i) {
                let served: ServedResource = try await i.session.discovery().find(GroupVersionKind(of: object))
                let namespace: String = try Manifests.namespace(of: object, served, i)
                if i.flags.bool("force") {
                    let target: Target = Target(served: served, namespace: namespace, name: object.meta.name)
                    do {
                        _ = try await i.session.connection().send(
                            "DELETE", served.path(namespace: namespace, object.meta.name),
                            ["kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0])
                        i.console.line("\(served.label) \"\(object.meta.name)\" deleted")
                    } catch let error as StatusError where error.isNotFound {}
                    try await ObjectWatch(i, target).wait(timeout: nil, whatFor: "") { $0 == nil }
                    try await Outcome(i).create(served, namespace: namespace, object, verb: "replaced")
                } else {
                    let result: JSON = try await Outcome(i).replace(
                        served, namespace: namespace, object, manager: "kubectl-replace")
                    try await Outcome(i).report(served, result, verb: "replaced")
                }
            }
        }
        return c
    }()
}
