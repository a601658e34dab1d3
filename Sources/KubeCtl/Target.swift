// What a command works on: `pods`, `pod web`, `deploy/web`, `-f file`, `-l app=web`.

import KubeModel
package import KubeWire

/// One object by name, or all objects of a type (empty name).
package struct Target: Sendable {
    package var served: ServedResource
    /// Empty: cluster scope or all namespaces.
    package var namespace: String
    package var name: String
    /// The object as its file has it; null when named on the command line.
    package var manifest: JSON = .null

    /// GET of the object, or of the whole list page after page; items carry kind and apiVersion.
    package func fetch(_ i: Invocation) async throws -> JSON {
        let connection: Connection = try i.session.connection()
        let path: String = served.path(namespace: namespace, name, i.flags.string("subresource"))
        if !name.isEmpty { return try await connection.get(path) }
        return try await found(i) { try await list(connection, query: TargetReader.listQuery(i)) }
    }

    /// A selector that the server refuses is told with what was looked for, in kubectl's words.
    package func found<T: Sendable>(_ i: Invocation, _ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch var error as StatusError where error.reason == "BadRequest" {
            let (labels, fields): (String, String) = (i.flags.string("selector"), i.flags.string("field-selector"))
            if labels.isEmpty, fields.isEmpty { throw error }
            let gvr: GroupVersionResource = served.resource
            let what: String = "\(gvr.group)/\(gvr.version), Resource=\(gvr.resource)"
            error.message = "Unable to find \"\(what)\" that match label selector \"\(labels)\", field selector \"\(fields)\": "
                + error.message
            throw error
        }
    }

    package func list(_ connection: Connection, query: [(String, String)]) async throws -> JSON {
        var whole: JSON = .null
        var token: String = ""
        repeat {
            var list: JSON = try await connection.get(
                served.path(namespace: namespace), query: query + (token.isEmpty ? [] : [("continue", token)]))
            token = list.metadata["continue"].text
            list["items"] = .array(list["items"].elements.map { typed($0) })
            if whole.isNull { whole = list } else { whole["items"].elements += list["items"].elements }
        } while !token.isEmpty
        return whole
    }

    /// List items lack kind and apiVersion; put in front as kubectl shows them.
    package func typed(_ item: JSON) -> JSON {
        guard !item.kind.exists else { return item }
        var typed: JSON = ["apiVersion": .string(served.resource.groupVersion.description), "kind": .string(served.kind)]
        for (key, value) in item.fields { typed.fields[key] = value }
        return typed
    }

    /// Runs of the same type, with their names.
    static func grouped(_ targets: [Target]) -> [(Target, [String])] {
        var groups: [(Target, [String])] = []
        for target in targets {
            if let last = groups.last, last.0.served == target.served, last.0.namespace == target.namespace {
                groups[groups.count - 1].1.append(target.name)
            } else {
                groups.append((target, [target.name]))
            }
        }
        return groups
    }

    static func distinctTypes(_ targets: [Target]) -> Int { Set(targets.map { $0.served.groupResource }).count }
}

package struct TargetReader {
    let i: Invocation

    package init(_ i: Invocation) { self.i = i }

    static let noneGiven: String = """
        You must provide one or more resources by argument or filename.
        Example resource specifications include:
           '-f rsrc.yaml'
           '--filename=rsrc.json'
           '<resource> <name>'
           '<resource>'
        """

    static func listQuery(_ i: Invocation) -> [(String, String)] {
        var query: [(String, String)] = []
        if i.flags.has("selector") { query.append(("labelSelector", i.flags.string("selector"))) }
        if i.flags.has("field-selector") { query.append(("fieldSelector", i.flags.string("field-selector"))) }
        let chunk: String = i.flags.string("chunk-size")
        if !chunk.isEmpty, chunk != "0" { query.append(("limit", chunk)) }
        return query
    }

    /// Files first, then arguments. `missing` is the complaint when neither is given.
    package func read(missing: String) async throws -> [Target] { try await read(i.arguments, missing: missing) }

    package func read(_ arguments: [String], missing: String) async throws -> [Target] {
        if i.flags.has("filename") {
            guard arguments.isEmpty else {
                throw UsageError("there is no need to specify a resource type as a separate argument when using -f")
            }
            return try await fromFiles()
        }
        guard !arguments.isEmpty else { throw UsageError(missing, prefix: missing.hasSuffix("examples") && missing.contains("error: ") ? "" : "error: ") }
        let discovery: Discovery = try await i.session.discovery()
        let namespace: String = try i.namespace()
        if arguments.allSatisfy({ $0.contains("/") }) {
            return try arguments.map { word in
                let parts: [Substring] = word.split(separator: "/", omittingEmptySubsequences: false)
                guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                    throw UsageError(
                        "arguments in resource/name form must have a single resource and name")
                }
                let served: ServedResource = try discovery.find(String(parts[0]))
                return Target(
                    served: served, namespace: try named(served, namespace), name: String(parts[1]))
            }
        }
        if arguments.contains(where: { $0.contains("/") }) {
            throw UsageError(
                "there is no need to specify a resource type as a separate argument when passing arguments in "
                    + "resource/name form (e.g. '\(i.console.program) get resource/<resource_name>' instead of "
                    + "'\(i.console.program) get resource resource/<resource_name>'")
        }
        let types: [ServedResource] = try self.types(arguments[0], discovery)
        let names: [String] = Array(arguments.dropFirst())
        if names.isEmpty {
            return types.map { Target(served: $0, namespace: $0.isNamespaced ? namespace : "", name: "") }
        }
        if i.flags.has("selector") {
            throw UsageError("name cannot be provided when a selector is specified")
        }
        return try types.flatMap { served in
            try names.map { Target(served: served, namespace: try named(served, namespace), name: $0) }
        }
    }

    private func named(_ served: ServedResource, _ namespace: String) throws -> String {
        guard served.isNamespaced else { return "" }
        if namespace.isEmpty { throw UsageError("a resource cannot be retrieved by name across all namespaces") }
        return namespace
    }

    /// `pods,services`, `all`
    private func types(_ word: String, _ discovery: Discovery) throws -> [ServedResource] {
        try word.split(separator: ",").flatMap { part -> [ServedResource] in
            if let found = try? discovery.find(String(part)) { return [found] }
            let category: [ServedResource] = discovery.category(String(part))
            return category.isEmpty ? [try discovery.find(String(part))] : category
        }
    }

    private func fromFiles() async throws -> [Target] {
        let discovery: Discovery = try await i.session.discovery()
        return try Manifests.read(i).map { object in
            let served: ServedResource = try discovery.find(GroupVersionKind(of: object))
            return Target(
                served: served, namespace: try Manifests.namespace(of: object, served, i), name: object.meta.name,
                manifest: object)
        }
    }
}

extension TargetReader {
    /// Types without a name become the objects of `-l` or `--all`; without either that is an error.
    package func named(_ targets: [Target]) async throws -> [Target] {
        var out: [Target] = []
        for target in targets {
            guard target.name.isEmpty else {
                out.append(target)
                continue
            }
            guard i.flags.has("selector") || i.flags.has("field-selector") || i.flags.bool("all") else {
                throw UsageError("resource(s) were provided, but no name was specified")
            }
            let list: JSON = try await target.list(i.session.connection(), query: TargetReader.listQuery(i))
            out += list["items"].elements.map {
                Target(served: target.served, namespace: $0.meta.namespace, name: $0.meta.name)
            }
        }
        return out
    }

    /// The one object that commands like `logs deploy/web` name; a bare word is a name of `preset` type.
    package func single(_ word: String, preset: String) async throws -> Target {
        let discovery: Discovery = try await i.session.discovery()
        let parts: [Substring] = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let served: ServedResource = try discovery.find(parts.count == 2 ? String(parts[0]) : preset)
        return Target(
            served: served, namespace: served.isNamespaced ? try i.namespace() : "",
            name: String(parts.count == 2 ? parts[1] : parts[0]))
    }
}
