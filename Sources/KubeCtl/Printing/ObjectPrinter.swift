// Objects in the forms of `-o`.

import KubeModel
package import KubeWire

package enum OutputFormat: Sendable {
    case table(wide: Bool)
    case json
    case yaml
    case name
    case jsonpath(JSONPathTemplate, asJSON: Bool)
    case customColumns(CustomColumnsSpec)

    package struct CustomColumnsSpec: Sendable {
        let columns: CustomColumns
    }

    package init(_ text: String) throws {
        let parts: [Substring] = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let value: String = parts.count > 1 ? String(parts[1]) : ""
        switch String(parts.first ?? "") {
        case "": self = .table(wide: false)
        case "wide": self = .table(wide: true)
        case "json": self = .json
        case "yaml": self = .yaml
        case "name": self = .name
        case "jsonpath": self = .jsonpath(try JSONPathTemplate(value), asJSON: false)
        case "jsonpath-as-json": self = .jsonpath(try JSONPathTemplate(value), asJSON: true)
        case "jsonpath-file":
            self = .jsonpath(try JSONPathTemplate(String(decoding: readFile(value), as: UTF8.self)), asJSON: false)
        case "custom-columns": self = .customColumns(CustomColumnsSpec(columns: try CustomColumns(value)))
        case "custom-columns-file":
            self = .customColumns(
                CustomColumnsSpec(columns: try CustomColumns(file: String(decoding: readFile(value), as: UTF8.self))))
        default:
            throw UsageError(
                "unable to match a printer suitable for the output format \"\(text)\", allowed formats are: "
                    + "custom-columns,custom-columns-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,wide,yaml")
        }
    }
}

package struct ObjectPrinter: Sendable {
    package var format: OutputFormat
    package var noHeaders: Bool = false
    package var discovery: Discovery

    package init(format: OutputFormat, noHeaders: Bool = false, discovery: Discovery) {
        self.format = format
        self.noHeaders = noHeaders
        self.discovery = discovery
    }

    /// `asList` wraps the objects in a v1 List, as kubectl prints several.
    package func print(_ objects: [JSON], asList: Bool, _ console: Console) throws {
        let whole: JSON =
            asList || objects.count != 1
            ? ["apiVersion": "v1", "items": .array(objects), "kind": "List", "metadata": ["resourceVersion": ""]]
            : objects[0]
        switch format {
        case .json: console.line(whole.sorted.indented())
        case .yaml: console.write(Array(YAML.write(whole).utf8))
        case .name: for object in objects { console.line(try name(of: object)) }
        case .jsonpath(let path, let asJSON):
            if asJSON {
                console.line(JSON.array(path.values(in: whole)).indented())
            } else {
                console.write(Array(try path.text(of: whole).utf8))
            }
        case .customColumns(let spec):
            let table: TextTable = TextTable(header: spec.columns.names, rows: objects.map { spec.columns.row($0) })
            for line in table.lines(withHeader: !noHeaders) { console.line(line) }
        case .table: for object in objects { console.line(try name(of: object)) }
        }
    }

    /// `deployment.apps/web`
    package func name(of object: JSON) throws -> String {
        let kind: GroupVersionKind = GroupVersionKind(of: object)
        let label: String =
            (try? discovery.find(kind).label)
            ?? (kind.group.isEmpty ? kind.kind.lowercased() : "\(kind.kind.lowercased()).\(kind.group)")
        return "\(label)/\(object.meta.name)"
    }
}

extension JSON {
    /// Members in alphabetical order at every level, as Go prints maps.
    package var sorted: JSON {
        switch self {
        case .object(let o):
            .object(JSONObject(unique: o.pairs.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted) }))
        case .array(let a): .array(a.map { $0.sorted })
        default: self
        }
    }
}
