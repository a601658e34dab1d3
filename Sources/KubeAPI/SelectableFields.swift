// Which fields a resource's `fieldSelector` may name, and their values.

package import KubeModel
package import KubeWire

package struct SelectableFields: Sendable {
    private struct Known: Sendable {
        var label: String
        var path: [String]
    }
    private var fields: [Known]
    /// Of a custom kind: another sentence for unknown fields.
    private var isCustom: Bool = false

    /// For any resource, custom ones with the paths of `selectableFields` (`.spec.color`).
    package static func of(
        _ resource: GroupResource, namespaced: Bool, custom: [String]? = nil
    ) -> SelectableFields {
        if let known = table[resource] { return known }
        var labels: [String] = namespaced ? ["metadata.name", "metadata.namespace"] : ["metadata.name"]
        labels += (custom ?? []).map { $0.hasPrefix(".") ? String($0.dropFirst()) : $0 }
        return SelectableFields(
            fields: labels.map { Known(label: $0, path: split($0)) }, isCustom: custom != nil)
    }

    private static let table: [GroupResource: SelectableFields] = {
        var out: [GroupResource: SelectableFields] = [:]
        for r in BuiltIn.parse(Tables.fieldselectors).resources.elements {
            let known: [Known] = r.labels.elements.map { l in
                let label: String = l.asString ?? l.label.text
                return Known(label: label, path: split(l.path.asString ?? label))
            }
            out[GroupResource(group: r.group.text, resource: r.plural.text)] = SelectableFields(fields: known)
        }
        return out
    }()

    private static func split(_ path: String) -> [String] { path.split(separator: ".").map { String($0) } }

    package var labels: [String] { fields.map { $0.label } }

    /// Throws BadRequest: `field label not supported: spec.foo`.
    package func check(_ selector: FieldSelector, kind: String) throws(StatusError) {
        for term in selector.terms where !fields.contains(where: { $0.label == term.field }) {
            let known: [String] = ["Pod", "Node", "Namespace", "Secret", "Service", "ReplicationController", "Event"]
            throw .badRequest(
                isCustom || known.contains(kind)
                    ? "field label not supported: \(term.field)"
                    : "\"\(term.field)\" is not a known field selector: only \(quotedLabels)")
        }
    }

    private var quotedLabels: String { labels.map { "\"\($0)\"" }.joined(separator: ", ") }

    /// The compared text of a field; empty when absent.
    package func value(of field: String, in object: JSON) -> String {
        guard let known = fields.first(where: { $0.label == field }) else { return "" }
        let v: JSON = object.at(known.path)
        switch v {
        case .string(let s): return s
        case .bool, .int, .double: return v.description
        case .array(let a): return a.map { $0.asString ?? $0.ip.text }.joined(separator: ",")
        default:
            switch field {
            case "spec.hostNetwork", "spec.unschedulable": return "false"
            case "source": return object.reportingComponent.text
            case "status.successful", "status.replicas": return known.path.isEmpty ? "" : "0"
            default: return ""
            }
        }
    }

    package func matches(_ selector: FieldSelector, _ object: JSON) -> Bool {
        selector.matches { value(of: $0, in: object) }
    }
}
