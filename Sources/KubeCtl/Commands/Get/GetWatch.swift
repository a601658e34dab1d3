// `get --watch`: one line, or one object, for each change.

import KubeModel
import KubeWire

struct GetWatch {
    private let i: Invocation
    private let target: Target
    private let format: OutputFormat

    init(_ i: Invocation, _ target: Target, _ format: OutputFormat) {
        self.i = i
        self.target = target
        self.format = format
    }

    func run() async throws {
        let connection: Connection = try i.session.connection()
        var query: [(String, String)] = TargetReader.listQuery(i).filter { $0.0 != "limit" }
        if !target.name.isEmpty { query.append(("fieldSelector", "metadata.name=\(target.name)")) }
        let path: String = target.served.path(namespace: target.namespace)
        var isTable: Bool = false
        if case .table = format { isTable = true }
        let accept: String =
            isTable ? "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" : "application/json"
        let list: JSON = try await connection.get(path, query: query, accept: accept)
        var header: Bool = !i.flags.bool("no-headers")
        let discovery: Discovery = try await i.session.discovery()
        if !i.flags.bool("watch-only") {
            if isTable {
                if list.rows.elements.isEmpty, !target.name.isEmpty {
                    throw StatusError.notFound(target.served.groupResource, target.name)
                }
                if !list.rows.elements.isEmpty {
                    show(table: list, header: header)
                    header = false
                }
            } else {
                for item in list["items"].elements { try show(object: target.typed(item), discovery) }
            }
        }
        query.append(("watch", "true"))
        query.append(("resourceVersion", list.metadata.resourceVersion.text))
        var columns: JSON = list.columnDefinitions
        try await connection.watch(path, query: query, accept: accept) { event in
            if event.type.text == "ERROR" { throw StatusError(status: event.object, code: 500) }
            if event.type.text == "BOOKMARK" { return true }
            if isTable {
                var table: JSON = event.object
                // Only a watch's first event carries the columns.
                if table.columnDefinitions.elements.isEmpty { table.columnDefinitions = columns }
                columns = table.columnDefinitions
                show(table: table, header: header, event: event.type.text)
                header = false
            } else {
                try show(object: event.object, discovery)
            }
            return true
        }
    }

    private func show(table: JSON, header: Bool, event: String = "ADDED") {
        var wide: Bool = false
        if case .table(let w) = format { wide = w }
        var text: TextTable = TextTable(
            server: table, wide: wide, namespaceColumn: i.flags.bool("all-namespaces") && target.served.isNamespaced,
            labelColumns: i.flags.list("label-columns"), showLabels: i.flags.bool("show-labels"))
        if i.flags.bool("output-watch-events") {
            text.header.insert("EVENT", at: 0)
            for row in text.rows.indices { text.rows[row].insert(event, at: 0) }
        }
        for line in text.lines(withHeader: header) { i.console.line(line) }
    }

    private func show(object: JSON, _ discovery: Discovery) throws {
        var shown: JSON = object
        if !i.flags.bool("show-managed-fields") { shown.metadata.managedFields = .null }
        try ObjectPrinter(format: format, noHeaders: true, discovery: discovery).print([shown], asList: false, i.console)
    }
}
