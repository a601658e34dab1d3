// `get`: print objects as a table or in a machine's form, once or as they change.

import KubeModel
import KubeNet
import KubeWire

enum Get {
    static let command: Command = {
        var c: Command = Command("get", "Display one or many resources")
        c.usage = "(TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags]"
        c.examples = """
              # List all pods with the node each runs on
              apus get pods -o wide
              # One deployment as YAML
              apus get deployment web -o yaml
            """
        c.flags =
            CommonFlags.files + [
                CommonFlags.output, CommonFlags.selector, CommonFlags.fieldSelector, CommonFlags.allNamespaces,
                Flag("watch", short: "w", .bool, "After listing, watch for changes."),
                Flag("watch-only", .bool, "Watch for changes without listing first."),
                Flag("output-watch-events", .bool, "Output watch event objects when --watch is used."),
                Flag("no-headers", .bool, "Don't print headers."),
                Flag("show-labels", .bool, "Show all labels as the last column."),
                Flag("show-kind", .bool, "List the resource type for the requested object(s)."),
                Flag("show-managed-fields", .bool, "Keep managedFields when printing in JSON or YAML."),
                Flag("label-columns", short: "L", .list(commas: true), "Labels to be shown as columns."),
                Flag("sort-by", .string, "Sort by this field, a JSONPath expression."),
                Flag("ignore-not-found", .bool, "Return exit code 0 when an object is absent."),
                Flag("chunk-size", .string, preset: "500", "Return large lists in chunks of this size."),
                Flag("subresource", .string, "Operate on the subresource of the requested object."),
                Flag("raw", .string, "Raw URI to request from the server."),
                Flag("server-print", .bool, preset: "true", "Let the server make the table."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        if i.flags.has("raw") {
            let connection: Connection = try i.session.connection()
            let raw: [Substring] = i.flags.string("raw").split(separator: "?", maxSplits: 1)
            var request = connection.request("GET", String(raw[0]))
            if raw.count > 1 { request.rawQuery = String(raw[1]) }
            i.console.write(try await connection.bytes(request))
            return
        }
        let targets: [Target] = try await TargetReader(i).read(
            missing: "You must specify the type of resource to get. Use \"\(i.console.program) api-resources\" for a complete "
                + "list of supported resources.\n\nerror: Required resource not specified.\nUse \"\(i.console.program) explain "
                + "<resource>\" for a detailed description of that resource (e.g. \(i.console.program) explain pods).\n"
                + "See '\(i.console.program) get -h' for help and examples")
        let format: OutputFormat = try OutputFormat(i.flags.string("output"))
        if i.flags.bool("watch") || i.flags.bool("watch-only") {
            guard targets.count == 1 else {
                throw UsageError("you may only specify a single resource type when watching")
            }
            try await GetWatch(i, targets[0], format).run()
            return
        }
        switch format {
        case .table(let wide): try await tables(i, targets, wide: wide)
        default: try await objects(i, targets, format)
        }
    }

    private static let tableAccept: String =
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    /// One table a resource type, with a blank line between, as kubectl prints.
    private static func tables(_ i: Invocation, _ targets: [Target], wide: Bool) async throws {
        var printed: Int = 0
        var failure: StatusError?
        for (target, names) in Target.grouped(targets) {
            var rows: JSON = .null
            for name in names {
                do {
                    let table: JSON = try await page(i, target, name)
                    if rows.isNull { rows = table } else { rows.rows.elements += table.rows.elements }
                } catch let error as StatusError {
                    if error.isNotFound, !name.isEmpty {
                        if !i.flags.bool("ignore-not-found") {
                            i.console.note(KubeCtl.message(of: error))
                            failure = error
                        }
                    } else {
                        throw error
                    }
                }
            }
            if rows.rows.elements.isEmpty { continue }
            try GetRows.sort(&rows, by: i.flags.string("sort-by"))
            if printed > 0 { i.console.line() }
            printed += 1
            let showKind: Bool = i.flags.bool("show-kind") || Target.distinctTypes(targets) > 1
            GetRows.print(rows, target: target, wide: wide, showKind: showKind, i, header: !i.flags.bool("no-headers"))
        }
        if printed == 0, failure == nil, !i.flags.bool("ignore-not-found") {
            let ns: String = try targets.contains { $0.served.isNamespaced } ? i.namespace() : ""
            i.console.note(ns.isEmpty ? "No resources found" : "No resources found in \(ns) namespace.")
        }
        if failure != nil { throw ExitStatus(1) }
    }

    /// A whole Table, page after page.
    private static func page(_ i: Invocation, _ target: Target, _ name: String) async throws -> JSON {
        let connection: Connection = try i.session.connection()
        let path: String = target.served.path(namespace: target.namespace, name, i.flags.string("subresource"))
        if !name.isEmpty {
            return try await connection.get(path, query: [("includeObject", "Metadata")], accept: tableAccept)
        }
        var query: [(String, String)] = TargetReader.listQuery(i)
        let needsObject: Bool = i.flags.has("sort-by")
        query.append(("includeObject", needsObject ? "Object" : "Metadata"))
        var whole: JSON = .null
        var token: String = ""
        repeat {
            let table: JSON = try await target.found(i) {
                try await connection.get(
                    path, query: query + (token.isEmpty ? [] : [("continue", token)]), accept: tableAccept)
            }
            if whole.isNull { whole = table } else { whole.rows.elements += table.rows.elements }
            token = table.metadata["continue"].text
        } while !token.isEmpty
        return whole
    }

    private static func objects(_ i: Invocation, _ targets: [Target], _ format: OutputFormat) async throws {
        var found: [JSON] = []
        var failed: Bool = false
        for target in targets {
            do {
                let object: JSON = try await target.fetch(i)
                if target.name.isEmpty { found += object["items"].elements } else { found.append(object) }
            } catch let error as StatusError where error.isNotFound && !target.name.isEmpty {
                if i.flags.bool("ignore-not-found") { continue }
                i.console.note(KubeCtl.message(of: error))
                failed = true
            }
        }
        if !i.flags.bool("show-managed-fields") {
            for index in found.indices { found[index].metadata.managedFields = .null }
        }
        try GetRows.sort(objects: &found, by: i.flags.string("sort-by"))
        let single: Bool = targets.count == 1 && !targets[0].name.isEmpty
        if !failed || !found.isEmpty {
            try ObjectPrinter(format: format, noHeaders: i.flags.bool("no-headers"), discovery: await i.session.discovery())
                .print(found, asList: !single, i.console)
        }
        if failed { throw ExitStatus(1) }
    }
}
