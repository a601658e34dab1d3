// YAML text ↔ JSON trees, as sigs.k8s.io/yaml converts them.

/// Why a text is not YAML, in upstream's words: `error converting YAML to JSON: yaml: line 3: …`.
package struct YAMLError: Error, Sendable, Equatable, CustomStringConvertible {
    package var message: String
    package init(message: String) { self.message = message }
    package var description: String { message }
}

package struct YAMLLimits: Sendable {
    /// Nodes after alias expansion, over all documents: no bombs.
    package var nodesMax: Int = 1_000_000
    package var depthMax: Int = 1000
    package init() {}
}

package enum YAML {
    /// The documents of a stream; empty documents are left out.
    package static func parse(_ text: String, limits: YAMLLimits = YAMLLimits()) throws(YAMLError) -> [JSON] {
        throw YAMLError(message: "error converting YAML to JSON: not yet")
    }

    /// kubectl's `-o yaml`: keys sorted, two blanks a level, lists not indented under their key; ends with a line break.
    package static func write(_ value: JSON) -> String { "" }
}
