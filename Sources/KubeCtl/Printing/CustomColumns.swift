// `-o custom-columns=NAME:.metadata.name,…` and `custom-columns-file`.

import KubeModel
import KubeWire

struct CustomColumns: Sendable {
    let names: [String]
    let paths: [JSONPath]

    init(_ spec: String) throws(UsageError) {
        if spec.isEmpty { throw UsageError("custom-columns format specified but no custom columns given") }
        var names: [String] = []
        var paths: [JSONPath] = []
        for part in spec.split(separator: ",") {
            let pair: [Substring] = part.split(separator: ":", maxSplits: 1)
            guard pair.count == 2 else {
                throw UsageError("unexpected custom-columns spec: \(part), expected <header>:<json-path-expr>")
            }
            names.append(String(pair[0]))
            paths.append(try JSONPath.parse(String(pair[1])))
        }
        self.names = names
        self.paths = paths
    }

    /// Two lines: headers, then paths, separated by blanks.
    init(file text: String) throws(UsageError) {
        let lines: [[Substring]] = text.split(separator: "\n").map { $0.split(separator: " ") }
        guard lines.count == 2, lines[0].count == lines[1].count else {
            throw UsageError("number of headers and paths in the custom-columns file must match")
        }
        try self.init(zip(lines[0], lines[1]).map { "\($0):\($1)" }.joined(separator: ","))
    }

    func row(_ object: JSON) -> [String] {
        paths.map { path in
            let values: [JSON] = path.values(in: object)
            return values.isEmpty ? "<none>" : values.map { $0.isNull ? "<none>" : JSONPath.shown($0) }.joined(separator: ",")
        }
    }
}
