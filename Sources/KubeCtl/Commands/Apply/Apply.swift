// `apply`: make the cluster agree with files. Client-side three-way merge by the last-applied annotation, or `--server-side`.

import KubeAPI
import KubeModel
import KubeWire

enum Apply {
    static let lastApplied: String = "kubectl.kubernetes.io/last-applied-configuration"

    static let command: Command = {
        var c: Command = Command("apply", "Apply a configuration to a resource by file name or stdin")
        c.usage = "(-f FILENAME)"
        c.examples = """
              apus apply -f ./pod.yaml
              cat pod.json | apus apply -f -
              apus apply --server-side -f ./web.yaml
            """
        c.flags =
            CommonFlags.files + [
                CommonFlags.output, CommonFlags.dryRun, CommonFlags.fieldManager, CommonFlags.selector,
                Flag("server-side", .bool, "Run apply in the server instead of the client."),
                Flag("force-conflicts", .bool, "With --server-side, take over fields of other managers."),
                Flag("force", .bool, "Delete and re-create what cannot be patched."),
                Flag("overwrite", .bool, preset: "true", "Resolve conflicts between the modified and live configuration."),
                Flag("prune", .bool, "Delete objects of the selector that the files no longer contain."),
                Flag("wait", .bool, "Wait for resources to be gone before returning (with --prune)."),
                Flag("validate", .optional(whenBare: "strict"), preset: "strict", "strict, warn or ignore unknown fields."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        guard i.flags.has("filename") else { throw UsageError("must specify one of -f and -k") }
        if i.flags.bool("prune") {
            throw UsageError("--prune is not supported: delete what is no longer wanted with `delete -f` or `delete -l`")
        }
        if i.flags.bool("force-conflicts"), !i.flags.bool("server-side") {
            throw UsageError("--force-conflicts only works with --server-side")
        }
        var failed: Bool = false
        var results: [JSON] = []
        let objects: [JSON] = try Manifests.read(i)
        for object in objects {
            do {
                let served: ServedResource = try await i.session.discovery().find(GroupVersionKind(of: object))
                let namespace: String = try Manifests.namespace(of: object, served, i)
                if i.flags.bool("server-side") {
                    results.append(try await onServer(i, served, namespace, object))
                } else {
                    results.append(try await onClient(i, served, namespace, object))
                }
            } catch let error as StatusError where objects.count > 1 {
                i.console.note(KubeCtl.message(of: error))
                failed = true
            } catch let error as UsageError where objects.count > 1 {
                i.console.note("error: \(error)")
                failed = true
            }
        }
        let output: String = i.flags.string("output")
        if !output.isEmpty, !results.isEmpty {
            for at in results.indices { results[at].metadata.managedFields = .null }
            try ObjectPrinter(format: OutputFormat(output), discovery: await i.session.discovery())
                .print(results, asList: results.count > 1, i.console)
        }
        if failed { throw ExitStatus(1) }
    }

    /// Says what was done with an object; with `-o` all are printed together at the end.
    private static func report(_ i: Invocation, _ served: ServedResource, _ object: JSON, verb: String) async throws -> JSON {
        if i.flags.string("output").isEmpty { try await Outcome(i).report(served, object, verb: verb) }
        return object
    }

    private static func onServer(
        _ i: Invocation, _ served: ServedResource, _ namespace: String, _ object: JSON
    ) async throws -> JSON {
        if try i.dryRun() == "client" { throw UsageError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)") }
        guard !object.meta.name.isEmpty else { throw UsageError("metadata.name is required for apply") }
        let result: JSON = try await Outcome(i).patch(
            served, namespace: namespace, object.meta.name, .apply, object, manager: "kubectl",
            query: [("force", i.flags.bool("force-conflicts") ? "true" : "false")])
        return try await report(i, served, result, verb: "serverside-applied")
    }

    private static func onClient(
        _ i: Invocation, _ served: ServedResource, _ namespace: String, _ object: JSON
    ) async throws -> JSON {
        if object.meta.name.isEmpty {
            throw UsageError("resource name may not be empty: from \"\(object.kind.text)\": cannot use generate name with apply")
        }
        var modified: JSON = object
        modified.metadata.annotations[lastApplied] = .null
        if served.isNamespaced { modified.meta.namespace = namespace }
        let record: String = GoText.json(modified) + "\n"
        modified.metadata.annotations[lastApplied] = .string(record)
        let live: JSON
        do {
            live = try await i.session.connection().get(served.path(namespace: namespace, object.meta.name))
        } catch let error as StatusError where error.isNotFound {
            let made: JSON = try await Outcome(i).post(served, namespace: namespace, modified, manager: "kubectl-client-side-apply")
            return try await report(i, served, made, verb: "created")
        }
        let patch: JSON = try plan(original: live.metadata.annotations[lastApplied].asString, modified: modified, live, served)
        let isDry: Bool = try i.dryRun() == "client"
        if patch.fields.isEmpty || isDry {
            return try await report(i, served, live, verb: patch.fields.isEmpty ? "unchanged" : "configured")
        }
        if !live.metadata.annotations[lastApplied].exists {
            i.console.note(
                "Warning: resource \(served.resource.resource)/\(object.meta.name) is missing the \(lastApplied) annotation "
                    + "which is required by kubectl apply. kubectl apply should only be used on resources created "
                    + "declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will "
                    + "be patched automatically.")
        }
        let isBuiltIn: Bool = BuiltIn.typeName(GroupVersionKind(of: object)) != nil
        let result: JSON = try await Outcome(i).patch(
            served, namespace: namespace, object.meta.name, isBuiltIn ? .strategicMerge : .merge, patch,
            manager: "kubectl-client-side-apply")
        let isSame: Bool = result.metadata.resourceVersion == live.metadata.resourceVersion
        return try await report(i, served, result, verb: isSame ? "unchanged" : "configured")
    }

    /// The live object (null when absent) and what the server would make of applying `object`, by a dry run.
    static func preview(
        _ i: Invocation, _ served: ServedResource, _ namespace: String, _ object: JSON
    ) async throws -> (live: JSON, merged: JSON) {
        let connection: Connection = try i.session.connection()
        let path: String = served.path(namespace: namespace, object.meta.name)
        var live: JSON = .null
        do { live = try await connection.get(path) } catch let error as StatusError where error.isNotFound {}
        let isServerSide: Bool = i.flags.bool("server-side")
        let manager: String = i.flags.has("field-manager") ? i.flags.string("field-manager") : isServerSide ? "kubectl" : "kubectl-client-side-apply"
        var query: [(String, String)] = [("dryRun", "All"), ("fieldManager", manager)]
        if isServerSide {
            query.append(("force", i.flags.bool("force-conflicts") ? "true" : "false"))
            return (live, try await connection.send("PATCH", path, query: query, object, contentType: PatchType.apply.rawValue))
        }
        var modified: JSON = object
        modified.metadata.annotations[lastApplied] = .null
        // Apply always records an annotation: without any here, all would seem to be taken away.
        if !modified.metadata.annotations.exists { modified.metadata.annotations = [:] }
        if served.isNamespaced { modified.meta.namespace = namespace }
        guard live.exists else {
            return (live, try await connection.send("POST", served.path(namespace: namespace), query: query, modified))
        }
        let patch: JSON = try plan(original: live.metadata.annotations[lastApplied].asString, modified: modified, live, served)
        if patch.fields.isEmpty { return (live, live) }
        let type: PatchType = BuiltIn.typeName(GroupVersionKind(of: object)) != nil ? .strategicMerge : .merge
        return (live, try await connection.send("PATCH", path, query: query, patch, contentType: type.rawValue))
    }

    private static func plan(
        original: String?, modified: JSON, _ live: JSON, _ served: ServedResource
    ) throws -> JSON {
        let before: JSON = try original.map { try JSON.parse($0) } ?? .null
        return ThreeWayMerge.patch(
            original: before, modified: modified, live: live, type: BuiltIn.typeName(GroupVersionKind(of: modified)))
    }
}
