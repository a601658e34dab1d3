// Lines of `describe`: names and values in aligned columns, level by level, as Go's tabwriter lays them out.

import KubeWire

struct DescribeWriter {
    /// Cells of a line; cells after the first are aligned with those of the lines around them.
    private var lines: [[String]] = []

    /// `Name:   value`; deeper levels are indented by two blanks each.
    mutating func add(_ level: Int, _ cells: String...) { add(level, cells: cells) }
    mutating func add(_ level: Int, cells: [String]) {
        var all: [String] = cells
        if !all.isEmpty { all[0] = String(repeating: "  ", count: level) + all[0] }
        lines.append(all)
    }

    mutating func field(_ name: String, _ value: String, level: Int = 0) { add(level, name + ":", value) }

    /// A list under one name: the first value beside it, the others below.
    mutating func list(_ name: String, _ values: [String], level: Int = 0, none: String = "<none>") {
        if values.isEmpty { return field(name, none, level: level) }
        add(level, name + ":", values[0])
        for value in values.dropFirst() { add(0, "", value) }
    }

    mutating func map(_ name: String, _ map: [String: String], separator: String = "=", level: Int = 0) {
        list(name, map.sorted { $0.key < $1.key }.map { "\($0.key)\(separator)\($0.value)" }, level: level)
    }

    /// Values of more than 140 characters, or of several lines, stand below their names, cut.
    mutating func annotations(_ map: [String: String], level: Int = 0) {
        let shown: [(key: String, value: String)] = map.filter { $0.key != Apply.lastApplied }.sorted { $0.key < $1.key }
        if shown.isEmpty { return field("Annotations", "<none>", level: level) }
        for (at, entry) in shown.enumerated() {
            let name: String = at == 0 ? String(repeating: "  ", count: level) + "Annotations:" : ""
            let value: String = entry.value.hasSuffix("\n") ? String(entry.value.dropLast()) : entry.value
            if value.count + entry.key.count + 2 <= Self.annotationLengthMax, !value.contains("\n") {
                add(0, name, "\(entry.key): \(value)")
                continue
            }
            add(0, name, "\(entry.key):")
            for line in value.split(separator: "\n", omittingEmptySubsequences: false) {
                add(0, "", "  " + (line.count > Self.annotationLengthMax - 2 ? line.prefix(Self.annotationLengthMax - 2) + "..." : line))
            }
        }
    }

    private static let annotationLengthMax: Int = 140

    /// A small table of its own, indented; `spaced` puts a further blank between columns, as some of kubectl's have.
    mutating func table(_ level: Int, _ header: [String], _ rows: [[String]], spaced: Bool = false) {
        add(level, cells: header)
        add(level, cells: header.map { String(repeating: "-", count: max(Self.dashesMin, $0.count)) })
        for row in rows { add(level, cells: spaced ? row.dropLast().map { $0 + " " } + row.suffix(1) : row) }
    }

    /// kubectl underlines `Age` with four dashes.
    private static let dashesMin: Int = 4

    /// As kubectl prints where it forgets its tabwriter: cells behind tabs.
    var unaligned: String { lines.map { $0.joined(separator: "\t") }.joined(separator: "\n") + "\n" }

    /// Columns are as wide as their widest cell in a run of neighbouring lines that have that column.
    var text: String {
        var widths: [[Int]] = lines.map { Array(repeating: 0, count: $0.count) }
        let columns: Int = lines.map { $0.count }.max() ?? 0
        for column in 0..<columns {
            var start: Int = 0
            while start < lines.count {
                // A cell ends a column only when another follows it.
                guard lines[start].count > column + 1 else {
                    start += 1
                    continue
                }
                var end: Int = start
                var width: Int = 0
                while end < lines.count, lines[end].count > column + 1 {
                    width = max(width, lines[end][column].count)
                    end += 1
                }
                for row in start..<end { widths[row][column] = width }
                start = end
            }
        }
        return zip(lines, widths).map { cells, width in
            var line: String = ""
            for (column, cell) in cells.enumerated() {
                line += cell
                if column + 1 < cells.count { line += String(repeating: " ", count: width[column] - cell.count + 2) }
            }
            return line
        }.joined(separator: "\n")
    }
}
