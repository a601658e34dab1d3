// Sending one changed object and saying what happened, with --dry-run and -o.

import KubeAPI
import KubeModel
package import KubeWire

/// Writes objects for a command and prints `deployment.apps/web created` or the form of `-o`.
package struct Outcome {
    private let i: Invocation

    package init(_ i: Invocation) { self.i = i }

    private func query(_ manager: String) throws -> [(String, String)] {
        var q: [(String, String)] = [("fieldManager", i.flags.has("field-manager") ? i.flags.string("field-manager") : manager)]
        if try i.dryRun() == "server" { q.append(("dryRun", "All")) }
        let validation: String = i.flags.string("validate")
        switch validation {
        case "", "true", "strict": q.append(("fieldValidation", "Strict"))
        case "warn": q.append(("fieldValidation", "Warn"))
        case "false", "ignore": q.append(("fieldValidation", "Ignore"))
        default:
            throw UsageError(
                "invalid - validate option \"\(validation)\"; must be one of: strict (or true), warn, ignore (or false)")
        }
        return q
    }

    /// POST; the words are `created`, or what the command says.
    package func create(
        _ served: ServedResource, namespace: String, _ object: JSON, verb: String = "created"
    ) async throws {
        try await report(served, post(served, namespace: namespace, object, manager: "kubectl-create"), verb: verb)
    }

    /// POST, or with `--dry-run=client` the object as it would be sent.
    func post(_ served: ServedResource, namespace: String, _ object: JSON, manager: String) async throws -> JSON {
        if try i.dryRun() == "client" {
            var shown: JSON = object
            if served.isNamespaced, i.isNamespaceGiven { shown.meta.namespace = namespace }
            return shown
        }
        return try await i.session.connection().send("POST", served.path(namespace: namespace), query: query(manager), object)
    }

    func patch(
        _ served: ServedResource, namespace: String, _ name: String, _ type: PatchType, _ patch: JSON,
        subresource: String = "", manager: String, query more: [(String, String)] = []
    ) async throws -> JSON {
        var q: [(String, String)] = [("fieldManager", i.flags.has("field-manager") ? i.flags.string("field-manager") : manager)]
        if try i.dryRun() == "client" {
            let live: JSON = try await i.session.connection().get(served.path(namespace: namespace, name))
            return subresource.isEmpty || subresource == "scale" ? try patched(live, type, patch) : live
        }
        if try i.dryRun() == "server" { q.append(("dryRun", "All")) }
        return try await i.session.connection().send(
            "PATCH", served.path(namespace: namespace, name, subresource), query: q + more, patch,
            contentType: type.rawValue)
    }

    /// The patch applied here, for `--dry-run=client`.
    private func patched(_ live: JSON, _ type: PatchType, _ patch: JSON) throws -> JSON {
        switch type {
        case .json: try Patch.json(patch, to: live)
        case .strategicMerge:
            try Patch.strategicMerge(
                patch, to: live, schema: BuiltIn.schema, type: BuiltIn.typeName(GroupVersionKind(of: live)) ?? "")
        default: Patch.merge(patch, to: live)
        }
    }

    package func replace(
        _ served: ServedResource, namespace: String, _ object: JSON, manager: String
    ) async throws -> JSON {
        try await i.session.connection().send(
            "PUT", served.path(namespace: namespace, object.meta.name), query: query(manager), object)
    }

    /// Prints the object in the form of `-o`, or the sentence.
    package func report(_ served: ServedResource, _ object: JSON, verb: String, notesDryRun: Bool = true) async throws {
        let output: String = i.flags.string("output")
        if output.isEmpty {
            i.console.line("\(served.label)/\(object.meta.name) \(verb)\(try notesDryRun ? i.dryRunNote() : "")")
            return
        }
        var shown: JSON = object
        if !i.flags.bool("show-managed-fields") { shown.metadata.managedFields = .null }
        if output == "yaml", i.session.nextDocument() > 1 { i.console.line("---") }
        try ObjectPrinter(format: OutputFormat(output), discovery: await i.session.discovery())
            .print([shown], asList: false, i.console)
    }
}
