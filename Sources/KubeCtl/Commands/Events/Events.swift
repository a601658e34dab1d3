// `events`: what happened, oldest first, of a namespace or of one object.

import KubeModel
import KubeWire

enum Events {
    static let command: Command = {
        var c: Command = Command("events", "List events")
        c.usage = "[(-o|--output=)json|yaml|name|…] [--for TYPE/NAME] [--watch] [--types=Normal,Warning]"
        c.examples = "      apus events --for pod/web --watch\n      apus events --types=Warning -A"
        c.flags = [
            CommonFlags.output, CommonFlags.allNamespaces,
            Flag("watch", short: "w", .bool, "After listing the requested events, watch for more events."),
            Flag("for", .string, "Filter events to only those pertaining to the specified resource."),
            Flag("types", .list(commas: true), "Output only events of given types."),
            Flag("no-headers", .bool, "When using the default output format, don't print headers."),
            Flag("chunk-size", .string, preset: "500", "Return large lists in chunks of this size."),
        ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        for type in i.flags.list("types") where !["normal", "warning"].contains(type.lowercased()) {
            throw UsageError("valid --types are Normal or Warning")
        }
        var query: [(String, String)] = TargetReader.listQuery(i)
        var namespace: String = try i.namespace()
        if i.flags.has("for") {
            let word: String = i.flags.string("for")
            guard word.contains("/") else { throw UsageError("--for must be in resource/name form") }
            let about: Target = try await TargetReader(i).single(word, preset: "")
            var selector: String = "involvedObject.kind=\(about.served.kind),involvedObject.name=\(about.name)"
            if !about.served.isNamespaced { namespace = "" } else if !namespace.isEmpty { selector += ",involvedObject.namespace=\(namespace)" }
            query.append(("fieldSelector", selector))
        }
        let served: ServedResource = try await i.session.discovery().find("events.v1")
        let target: Target = Target(served: served, namespace: namespace, name: "")
        let connection: Connection = try i.session.connection()
        let list: JSON = try await target.list(connection, query: query)
        let events: [JSON] = DescribeEvents.oldestFirst(list["items"].elements.filter { isWanted($0, i) })
        if events.isEmpty, !i.flags.bool("watch") {
            i.console.note(namespace.isEmpty ? "No events found." : "No events found in \(namespace) namespace.")
            return
        }
        try await show(i, events, header: !i.flags.bool("no-headers"))
        guard i.flags.bool("watch") else { return }
        query = query.filter { $0.0 != "limit" } + [("watch", "true"), ("resourceVersion", list.metadata.resourceVersion.text)]
        try await connection.watch(served.path(namespace: namespace), query: query) { event in
            if event.type.text == "ERROR" { throw StatusError(status: event.object, code: 500) }
            if ["ADDED", "MODIFIED"].contains(event.type.text), isWanted(event.object, i) {
                try await show(i, [event.object], header: false)
            }
            return true
        }
    }

    private static func isWanted(_ event: JSON, _ i: Invocation) -> Bool {
        let types: [String] = i.flags.list("types")
        return types.isEmpty || types.contains { $0.lowercased() == event.type.text.lowercased() }
    }

    private static func show(_ i: Invocation, _ events: [JSON], header: Bool) async throws {
        let output: String = i.flags.string("output")
        guard output.isEmpty else {
            let shown: [JSON] = events.map {
                var event: JSON = $0
                event.metadata.managedFields = .null
                return event
            }
            try ObjectPrinter(format: OutputFormat(output), discovery: await i.session.discovery()).print(shown, asList: true, i.console)
            return
        }
        let isAll: Bool = i.flags.bool("all-namespaces")
        var table: TextTable = TextTable(header: ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"])
        table.rows = events.map {
            [
                DescribeEvents.age($0), $0.type.text, $0.reason.text,
                "\($0.involvedObject.kind.text)/\($0.involvedObject.name.text)", $0.message.text.trimmedEnd,
            ]
        }
        if isAll {
            table.header.insert("NAMESPACE", at: 0)
            for (at, event) in events.enumerated() { table.rows[at].insert(event.meta.namespace, at: 0) }
        }
        for line in table.lines(withHeader: header) { i.console.line(line) }
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var rest: Substring = self[...]
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}
