// `delete`: by file, name or selector; waits until the objects are gone unless told not to.

import KubeModel
import KubeWire

enum Delete {
    static let command: Command = {
        var c: Command = Command("delete", "Delete resources by file names, stdin, resources and names, or by selector")
        c.usage = "([-f FILENAME] | TYPE [(NAME | -l label | --all)])"
        c.examples = """
              apus delete -f ./pod.yaml
              apus delete pods,services -l app=web
              apus delete pod web --now
            """
        c.flags =
            CommonFlags.files + [
                CommonFlags.selector, CommonFlags.fieldSelector, CommonFlags.allNamespaces, CommonFlags.all,
                CommonFlags.dryRun,
                Flag("output", short: "o", .string, "Output mode. Use \"-o name\" for shorter output."),
                Flag("grace-period", .string, preset: "-1", "Seconds given to the resource to terminate gracefully."),
                Flag("now", .bool, "If true, resources are signaled for immediate shutdown (same as --grace-period=1)."),
                Flag("force", .bool, "Immediately remove resources from the API and bypass graceful deletion."),
                Flag("ignore-not-found", .bool, "Treat \"resource not found\" as a successful delete."),
                Flag("wait", .bool, preset: "true", "Wait for resources to be gone before returning."),
                Flag("timeout", .string, preset: "0s", "The length of time to wait before giving up on a delete."),
                Flag("cascade", .optional(whenBare: "background"), preset: "background", "background, orphan or foreground."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        let targets: [Target] = try await TargetReader(i).read(
            missing: TargetReader.noneGiven)
        let bySelector: Bool = i.flags.has("selector") || i.flags.has("field-selector") || i.flags.bool("all")
        var doomed: [Target] = []
        for target in targets {
            if !target.name.isEmpty {
                doomed.append(target)
                continue
            }
            guard bySelector else {
                throw UsageError("resource(s) were provided, but no name was specified")
            }
            let list: JSON = try await target.list(i.session.connection(), query: TargetReader.listQuery(i))
            doomed += list["items"].elements.map {
                Target(served: target.served, namespace: $0.meta.namespace, name: $0.meta.name)
            }
        }
        if doomed.isEmpty {
            i.console.line("No resources found")
            return
        }
        if i.flags.bool("force"), try grace(i) == 0 || !i.flags.has("grace-period") {
            i.console.note(
                "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. "
                    + "The resource may continue to run on the cluster indefinitely.")
        }
        var gone: [(Target, String)] = []
        var failed: Bool = false
        for target in doomed {
            do {
                gone.append((target, try await delete(i, target)))
            } catch let error as StatusError {
                if error.isNotFound, i.flags.bool("ignore-not-found") { continue }
                i.console.note(KubeCtl.message(of: error))
                failed = true
            }
        }
        if try i.flags.bool("wait") && i.dryRun() == "none" {
            for (target, uid) in gone { try await waitUntilGone(i, target, uid) }
        }
        if failed { throw ExitStatus(1) }
    }

    private static func grace(_ i: Invocation) throws -> Int? {
        if i.flags.bool("now") { return 1 }
        if let given = try i.flags.int("grace-period"), given >= 0 {
            if given == 0, !i.flags.bool("force") { return 1 }
            return given
        }
        return i.flags.bool("force") ? 0 : nil
    }

    /// Sends the request, prints the sentence, and answers the object's uid.
    private static func delete(_ i: Invocation, _ target: Target) async throws -> String {
        var options: JSON = ["kind": "DeleteOptions", "apiVersion": "v1"]
        switch i.flags.string("cascade") {
        case "background", "true": options.propagationPolicy = "Background"
        case "foreground": options.propagationPolicy = "Foreground"
        case "orphan", "false": options.propagationPolicy = "Orphan"
        case let other:
            throw UsageError("invalid cascade value (\(other)). Must be \"background\", \"foreground\", or \"orphan\"")
        }
        if let seconds = try grace(i) { options.gracePeriodSeconds = JSON(seconds) }
        let dryRun: String = try i.dryRun()
        var uid: String = ""
        if dryRun != "client" {
            let answer: JSON = try await i.session.connection().send(
                "DELETE", target.served.path(namespace: target.namespace, target.name),
                query: dryRun == "server" ? [("dryRun", "All")] : [], options)
            uid = answer.kind.text == "Status" ? answer.details.uid.text : answer.meta.uid
        }
        if i.flags.string("output") == "name" {
            i.console.line("\(target.served.label)/\(target.name)")
        } else {
            let verb: String = try i.flags.bool("force") && grace(i) == 0 ? "force deleted" : "deleted"
            let place: String = target.namespace.isEmpty ? "" : " from \(target.namespace) namespace"
            i.console.line("\(target.served.label) \"\(target.name)\" \(verb)\(place)\(try i.dryRunNote())")
        }
        return uid
    }

    private static func waitUntilGone(_ i: Invocation, _ target: Target, _ uid: String) async throws {
        let limit: Duration? = try i.flags.duration("timeout").flatMap { $0 == .zero ? nil : $0 }
        try await ObjectWatch(i, target).wait(timeout: limit, whatFor: "timed out waiting for the condition on \(target.served.resource.resource)/\(target.name)") { object in
            object == nil || (!uid.isEmpty && object?.meta.uid != uid)
        }
    }
}
