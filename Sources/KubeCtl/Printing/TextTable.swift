// Columns of text aligned as kubectl aligns them: three blanks between, no trailing ones.

package import KubeWire

package struct TextTable: Sendable {
    /// kubectl's tabwriter makes no column narrower, its blanks included.
    static let columnWidthMin: Int = 6

    package var header: [String]
    package var rows: [[String]] = []

    package init(header: [String], rows: [[String]] = []) {
        self.header = header
        self.rows = rows
    }

    /// Lines without a final newline; the header only when asked for.
    package func lines(withHeader: Bool = true, indent: String = "") -> [String] {
        let all: [[String]] = (withHeader ? [header] : []) + rows
        var widths: [Int] = []
        for row in all {
            for (i, cell) in row.enumerated() {
                if i == widths.count { widths.append(0) }
                widths[i] = max(widths[i], cell.count)
            }
        }
        return all.map { row in
            var line: String = indent
            for (i, cell) in row.enumerated() {
                line += cell
                if i + 1 < row.count { line += String(repeating: " ", count: max(widths[i] + 3, Self.columnWidthMin) - cell.count) }
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// From a meta.k8s.io/v1 Table. Columns of priority 1 only in wide form.
    package init(server table: JSON, wide: Bool, namespaceColumn: Bool, labelColumns: [String], showLabels: Bool) {
        let definitions: [JSON] = table.columnDefinitions.elements
        let kept: [Int] = definitions.indices.filter { wide || (definitions[$0].priority.asInt ?? 0) == 0 }
        var names: [String] = kept.map { definitions[$0].name.text.uppercased() }
        if namespaceColumn { names.insert("NAMESPACE", at: 0) }
        for label in labelColumns { names.append((label.split(separator: "/").last.map { String($0) } ?? label).uppercased()) }
        if showLabels { names.append("LABELS") }
        header = names
        rows = table.rows.elements.map { row in
            let cells: [JSON] = row.cells.elements
            var out: [String] = kept.map { $0 < cells.count ? Self.shown(cells[$0]) : "" }
            let meta: JSON = row.object.metadata
            if namespaceColumn { out.insert(meta.namespace.text, at: 0) }
            for label in labelColumns { out.append(meta.labels[label].asString ?? "") }
            if showLabels { out.append(Self.labels(meta.labels)) }
            return out
        }
    }

    private static func shown(_ cell: JSON) -> String {
        switch cell {
        case .null: "<none>"
        case .string(let s):
            // One line a row: kubectl cuts at the first line break.
            s.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).count > 1
                ? s.split(separator: "\n", maxSplits: 1)[0] + "..." : s
        default: cell.description
        }
    }

    package static func labels(_ labels: JSON) -> String {
        let map: [String: String] = labels.stringMap
        return map.isEmpty ? "<none>" : map.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
