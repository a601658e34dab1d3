// `explain`: fields of a resource, from the server's OpenAPI v3 documents.

import KubeModel
import KubeWire

enum Explain {
    static let command: Command = {
        var c: Command = Command("explain", "Get documentation for a resource")
        c.usage = "TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group]"
        c.examples = "      apus explain pods.spec.containers"
        c.flags = [
            Flag("recursive", .bool, "Print the fields of fields."), Flag("api-version", .string, "Use this version of the group."),
            Flag("output", short: "o", .string, preset: "plaintext", "plaintext"),
        ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        guard let word = i.arguments.first else {
            throw UsageError("You must specify the type of resource to explain. Use \"\(i.console.program) api-resources\" for a complete list of supported resources.")
        }
        if i.arguments.count > 1 { throw UsageError("We accept only this format: explain RESOURCE") }
        var path: [String] = word.split(separator: ".").map { String($0) }
        let discovery: Discovery = try await i.session.discovery()
        let type: String = path.removeFirst()
        guard var served = try? discovery.find(type) else {
            throw UsageError("the server doesn't have a resource type \"\(type)\"", prefix: "")
        }
        if i.flags.has("api-version") {
            let version: GroupVersion = GroupVersion(apiVersion: i.flags.string("api-version"))
            guard let other = discovery.resources.first(where: { $0.kind == served.kind && $0.resource.groupVersion == version }) else {
                throw UsageError("couldn't find resource for \"\(version), Kind=\(served.kind)\"")
            }
            served = other
        }
        let gv: GroupVersion = served.resource.groupVersion
        let document: JSON = try await i.session.connection().get(gv.group.isEmpty ? "/openapi/v3/api/\(gv.version)" : "/openapi/v3/apis/\(gv)")
        let schemas: ExplainSchemas = ExplainSchemas(all: document.components.schemas)
        guard var here = schemas.kind(GroupVersionKind(group: gv.group, version: gv.version, kind: served.kind)) else {
            throw UsageError("Couldn't find resource for \"\(gv), Kind=\(served.kind)\"")
        }
        if !gv.group.isEmpty { i.console.line("GROUP:      \(gv.group)") }
        i.console.line("KIND:       \(served.kind)\nVERSION:    \(gv.version)\n")
        var field: (name: String, type: String)?
        var fieldText: String = ""
        for name in path {
            let next: JSON = schemas.resolve(here).properties[name]
            guard next.exists else { throw UsageError("field \"\(name)\" does not exist") }
            field = (name, schemas.typeName(next))
            fieldText = next.description_
            here = schemas.element(next)
        }
        let resolved: JSON = schemas.resolve(here)
        if let field {
            i.console.line("FIELD: \(field.name) <\(field.type)>")
            let choices: [String] = resolved["enum"].elements.map { JSONPath.shown($0) }
            if !choices.isEmpty { i.console.line("ENUM:\n" + choices.map { "    \($0)\n" }.joined(), terminator: "") }
            i.console.line()
            if choices.isEmpty, !resolved.properties.fields.isEmpty { i.console.line() }
        }
        // What the field itself says comes before what its type says.
        var texts: [String] = [fieldText, resolved.description_].filter { !$0.isEmpty }
        if texts.count == 2, texts[0] == texts[1] { texts.removeLast() }
        i.console.line("DESCRIPTION:\n" + (texts.isEmpty ? "    <empty>" : texts.map { wrapped($0, indent: "    ") }.joined(separator: "\n")))
        if field != nil || resolved.properties.fields.isEmpty { i.console.line("    ") }
        if resolved.properties.fields.isEmpty {
            i.console.line()
            return
        }
        i.console.line(field == nil ? "\nFIELDS:" : "FIELDS:")
        list(i, resolved, schemas, level: 1, isDeep: i.flags.bool("recursive"), seen: [])
        i.console.line()
    }

    /// Values of an enum shown in a list of fields.
    private static let choicesMax: Int = 4
    /// Columns of a line, its indentation included.
    private static let lineLengthMax: Int = 80

    /// The text in lines of at most `lineLengthMax`, broken at blanks.
    private static func wrapped(_ text: String, indent: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { paragraph in
            var lines: [String] = []
            var line: String = ""
            for word in paragraph.split(separator: " ") {
                if !line.isEmpty, indent.count + line.count + 1 + word.count > lineLengthMax {
                    lines.append(indent + line)
                    line = ""
                }
                line += (line.isEmpty ? "" : " ") + word
            }
            lines.append(indent + line)
            return lines.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    private static func list(_ i: Invocation, _ schema: JSON, _ schemas: ExplainSchemas, level: Int, isDeep: Bool, seen: Set<String>) {
        let required: Set<String> = Set(schema.required.strings)
        let indent: String = String(repeating: "  ", count: level)
        for (name, property) in schema.properties.fields.pairs.sorted(by: { $0.key < $1.key }) {
            i.console.line("\(indent)\(name)\t<\(schemas.typeName(property))>" + (required.contains(name) ? " -required-" : ""))
            let choices: [String] = schemas.resolve(property)["enum"].elements.map { JSONPath.shown($0) }
            if !choices.isEmpty {
                i.console.line("\(indent)enum: " + choices.prefix(choicesMax).map { $0.isEmpty ? "\"\"" : $0 }.joined(separator: ", ") + (choices.count > choicesMax ? ", ...." : ""))
            }
            let inner: JSON = schemas.element(property)
            let reference: String = inner["$ref"].text
            if isDeep {
                if !reference.isEmpty, seen.contains(reference) { continue }
                list(i, schemas.resolve(inner), schemas, level: level + 1, isDeep: true, seen: seen.union([reference]))
            } else {
                let text: String = property.description_
                i.console.line((text.isEmpty ? "\(indent)  <no description>" : wrapped(text, indent: indent + "  ")) + "\n")
            }
        }
    }
}

/// The schemas of one OpenAPI v3 document, with references followed.
struct ExplainSchemas {
    let all: JSON

    func kind(_ kind: GroupVersionKind) -> JSON? {
        for (_, schema) in all.fields {
            for entry in schema["x-kubernetes-group-version-kind"].elements
            where entry.group.text == kind.group && entry.version.text == kind.version && entry.kind.text == kind.kind {
                return schema
            }
        }
        return nil
    }

    private func reference(_ schema: JSON) -> String? {
        if let direct = schema["$ref"].asString { return direct }
        return schema.allOf.elements.compactMap { $0["$ref"].asString }.first
    }

    func resolve(_ schema: JSON) -> JSON {
        guard let name = reference(schema)?.split(separator: "/").last else { return schema }
        return all[String(name)]
    }

    /// What the elements of a list or the values of a map are; the schema itself otherwise.
    func element(_ schema: JSON) -> JSON {
        if schema["items"].exists { return element(schema["items"]) }
        if schema.additionalProperties.asObject != nil { return element(schema.additionalProperties) }
        if let ref = reference(schema) { return ["$ref": .string(ref)] }
        return schema
    }

    /// `[]Container`, `map[string]string`, `integer`, `Object`.
    func typeName(_ schema: JSON) -> String {
        if schema["items"].exists { return "[]" + typeName(schema["items"]) }
        if schema.additionalProperties.asObject != nil { return "map[string]" + typeName(schema.additionalProperties) }
        if let name = reference(schema)?.split(separator: ".").last { return name == "Time" || name == "MicroTime" ? "string" : String(name) }
        return schema.type.asString ?? "Object"
    }
}

extension JSON {
    /// The member `description`, which the text form of a value hides.
    var description_: String { self["description"].text }
}
