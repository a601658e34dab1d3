// YAML text ↔ JSON trees, as sigs.k8s.io/yaml converts them.

/// Why a text is not YAML, in upstream's words: `error converting YAML to JSON: yaml: line 3: …`.
package struct YAMLError: Error, Sendable, Equatable, CustomStringConvertible {
    package var message: String
    package init(message: String) { self.message = message }
    package var description: String { message }
}

package struct YAMLLimits: Sendable {
    /// Nodes after alias expansion, over all documents: no bombs.
    package var nodesMax: Int = 4_000_000
    package var depthMax: Int = 1000
    package init() {}
}

package enum YAML {
    /// The documents of a stream; empty documents are left out. JSON is accepted too.
    package static func parse(_ text: String, limits: YAMLLimits = YAMLLimits()) throws(YAMLError) -> [JSON] {
        try parseReportingDuplicates(text, limits: limits).documents
    }

    /// As `parse`, with what go-yaml's strict mode says of keys that stand twice: `line 3: key "x" already set in map`.
    package static func parseReportingDuplicates(
        _ text: String, limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) -> (documents: [JSON], duplicates: [String]) {
        if text.utf8.first(where: { $0 > 32 }) == UInt8(ascii: "{"),
            let value = try? JSON.parse(Array(text.utf8), limits: JSONLimits(depthMax: limits.depthMax))
        {
            return ([value], [])
        }
        var out: [JSON] = []
        var budget: YAMLBudget = YAMLBudget(limits: limits)
        for chunk in documents(text) {
            let value: JSON = try YAMLDocument.parse(chunk, budget: &budget)
            if value.exists { out.append(value) }
        }
        return (out, budget.duplicates)
    }

    /// The text between lines that start with `---`; line numbers in errors count from there, as in kubectl.
    private static func documents(_ text: String) -> [[UInt8]] {
        let bytes: [UInt8] = Array(text.utf8)
        var chunks: [[UInt8]] = []
        var chunk: [UInt8] = []
        var at: Int = 0
        while at < bytes.count {
            let end: Int = bytes[at...].firstIndex(of: 10).map { $0 + 1 } ?? bytes.count
            let line: ArraySlice<UInt8> = bytes[at..<end]
            let startsDocument: Bool =
                line.starts(with: "---".utf8) && (line.count == 3 || line[at + 3] <= 32)
            if startsDocument {
                chunks.append(chunk)
                chunk = []
                if line.dropFirst(3).contains(where: { $0 > 32 }) { chunk += line }
            } else {
                chunk += line
            }
            at = end
        }
        chunks.append(chunk)
        return chunks.filter { $0.contains { $0 > 32 } }
    }
}
