// Rows of `get`'s tables: order and final form.

import KubeModel
import KubeWire

enum GetRows {
    static func print(
        _ table: JSON, target: Target, wide: Bool, showKind: Bool, _ i: Invocation, header: Bool
    ) {
        var text: TextTable = TextTable(
            server: table, wide: wide,
            namespaceColumn: i.flags.bool("all-namespaces") && target.served.isNamespaced,
            labelColumns: i.flags.list("label-columns"), showLabels: i.flags.bool("show-labels"))
        if showKind {
            let column: Int = i.flags.bool("all-namespaces") && target.served.isNamespaced ? 1 : 0
            for row in text.rows.indices { text.rows[row][column] = "\(target.served.label)/\(text.rows[row][column])" }
        }
        for line in text.lines(withHeader: header) { i.console.line(line) }
    }

    static func sort(_ table: inout JSON, by path: String) throws {
        guard !path.isEmpty else { return }
        let parsed: JSONPath = try JSONPath.parse(path)
        let keyed: [(JSON, JSON)] = table.rows.elements.map { ($0, parsed.values(in: $0.object).first ?? .null) }
        table.rows = .array(keyed.sorted { less($0.1, $1.1) }.map { $0.0 })
    }

    static func sort(objects: inout [JSON], by path: String) throws {
        guard !path.isEmpty else { return }
        let parsed: JSONPath = try JSONPath.parse(path)
        objects = objects.map { ($0, parsed.values(in: $0).first ?? .null) }.sorted { less($0.1, $1.1) }.map { $0.0 }
    }

    /// Numbers and quantities by value, everything else as text.
    private static func less(_ a: JSON, _ b: JSON) -> Bool {
        if let x = a.asDouble, let y = b.asDouble { return x < y }
        return JSONPath.shown(a) < JSONPath.shown(b)
    }
}
