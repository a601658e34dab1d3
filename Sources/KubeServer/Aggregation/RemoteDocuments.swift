// What an aggregated API server says of itself: its resources and its OpenAPI, asked again when they may have changed.

import KubeAPI
import KubeModel
import KubeNet
import KubeWire
import Synchronization

/// The documents of one aggregated group version.
struct RemoteDocuments: Sendable, Equatable {
    /// Items of an APIGroupDiscovery version (apidiscovery.k8s.io/v2).
    var resources: [JSON] = []
    /// The last look failed: discovery says `Stale`.
    var isStale: Bool = true
    /// `/openapi/v3/apis/GROUP/VERSION`; empty: it has none.
    var openAPIv3: [UInt8] = []
    /// `/openapi/v2`, cut to the paths of this group version; null: it has none.
    var openAPIv2: JSON = .null

    /// APIResourceList → the items that aggregated discovery shows.
    static func resources(legacy list: JSON, _ version: GroupVersion) -> [JSON] {
        func kind(_ r: JSON) -> JSON {
            let group: String = r.group.text.isEmpty ? version.group : r.group.text
            let own: String = r.version.text.isEmpty ? version.version : r.version.text
            return ["group": .string(group), "version": .string(own), "kind": r.kind]
        }
        var out: [JSON] = []
        var places: [String: Int] = [:]
        for r in list.resources.elements where !r.name.text.contains("/") {
            var item: JSON = [
                "resource": r.name, "responseKind": kind(r), "scope": r.namespaced.isTrue ? "Namespaced" : "Cluster",
                "singularResource": .string(r.singularName.text), "verbs": JSON(r.verbs.strings),
            ]
            if !r.shortNames.elements.isEmpty { item.shortNames = r.shortNames }
            if !r.categories.elements.isEmpty { item.categories = r.categories }
            places[r.name.text] = out.count
            out.append(item)
        }
        for r in list.resources.elements {
            let parts: [Substring] = r.name.text.split(separator: "/", maxSplits: 1)
            guard parts.count == 2, let place = places[String(parts[0])] else { continue }
            let sub: JSON = [
                "subresource": .string(String(parts[1])), "responseKind": kind(r), "verbs": JSON(r.verbs.strings),
            ]
            out[place].subresources.elements.append(sub)
        }
        return out
    }

    /// The paths of one group version, and the definitions that they lead to.
    static func cut(_ swagger: JSON, to version: GroupVersion) -> JSON {
        let prefix: String = "/apis/\(version.group)/"
        var paths: [(String, JSON)] = []
        var need: [String] = []
        for (path, item) in swagger.paths.fields where path.hasPrefix(prefix) {
            paths.append((path, item))
            references(item, &need)
        }
        var taken: [(String, JSON)] = []
        var seen: Set<String> = []
        while let name = need.popLast() {
            guard seen.insert(name).inserted, let definition = swagger.definitions.fields[name] else { continue }
            taken.append((name, definition))
            references(definition, &need)
        }
        return ["paths": .object(JSONObject(paths)), "definitions": .object(JSONObject(taken))]
    }

    private static let local: String = "#/definitions/"

    private static func references(_ value: JSON, _ out: inout [String]) {
        for (key, child) in value.fields {
            if key == "$ref", let text = child.asString, text.hasPrefix(local) {
                out.append(String(text.dropFirst(local.count)))
            } else {
                references(child, &out)
            }
        }
        for child in value.elements { references(child, &out) }
    }

    /// One swagger document of ours and theirs. A definition that we have already in another form is renamed `_v2`, `_v3`, ….
    static func merge(_ own: JSON, _ others: [JSON]) -> JSON {
        var paths: [(key: String, value: JSON)] = own.paths.fields.map { ($0.key, $0.value) }
        var definitions: [(key: String, value: JSON)] = own.definitions.fields.map { ($0.key, $0.value) }
        var known: [String: JSON] = Dictionary(definitions.map { ($0.key, $0.value) }, uniquingKeysWith: { a, _ in a })
        var knownPaths: Set<String> = Set(paths.map { $0.key })
        for other in others {
            var renamed: [String: String] = [:]
            for (name, definition) in other.definitions.fields {
                guard let present = known[name], present != definition else { continue }
                var n: Int = 2
                while let there = known["\(name)_v\(n)"], there != definition { n += 1 }
                renamed[name] = "\(name)_v\(n)"
            }
            for (name, definition) in other.definitions.fields {
                let final: String = renamed[name] ?? name
                guard known[final] == nil else { continue }
                let value: JSON = rename(definition, renamed)
                known[final] = value
                definitions.append((final, value))
            }
            for (path, item) in other.paths.fields where knownPaths.insert(path).inserted {
                paths.append((path, rename(item, renamed)))
            }
        }
        paths.sort { $0.key < $1.key }
        definitions.sort { $0.key < $1.key }
        var merged: JSON = own
        merged.paths = .object(JSONObject(unique: paths))
        merged.definitions = .object(JSONObject(unique: definitions))
        return merged
    }

    private static func rename(_ value: JSON, _ names: [String: String]) -> JSON {
        if names.isEmpty { return value }
        if value.asObject != nil {
            return .object(
                JSONObject(
                    value.fields.map { key, child in
                        if key == "$ref", let text = child.asString, text.hasPrefix(local),
                            let new = names[String(text.dropFirst(local.count))]
                        {
                            return (key, .string(local + new))
                        }
                        return (key, rename(child, names))
                    }))
        }
        guard value.asArray != nil else { return value }
        return .array(value.elements.map { rename($0, names) })
    }
}

extension RemoteServices {
    private static let documentBytesMax: Int = 64 << 20
    private static let documentTimeout: Duration = .seconds(30)

    /// Asks for all documents; what does not answer keeps its last form.
    func refreshDocuments(_ remote: RemoteService) async {
        guard var documents = entry(remote.version)?.documents else { return }
        let before: RemoteDocuments = documents
        if let list = await json(remote, remote.path) {
            documents.resources = RemoteDocuments.resources(legacy: list, remote.version)
            documents.isStale = false
        }
        let v3: String = "/openapi/v3" + remote.path
        if let answer = try? await ask(
            remote, v3, headers: ["Accept": "application/json"], timeout: Self.documentTimeout,
            maxBytes: Self.documentBytesMax), answer.status == 200
        {
            documents.openAPIv3 = answer.body
        }
        if let swagger = await json(remote, "/openapi/v2") {
            documents.openAPIv2 = RemoteDocuments.cut(swagger, to: remote.version)
        }
        guard documents != before else { return }
        let new: RemoteDocuments = documents
        state.withLock { s in
            if s.byVersion[remote.version]?.remote == remote { s.byVersion[remote.version]?.documents = new }
        }
        registry.touch()
    }

    func markStale(_ remote: RemoteService) {
        let isNew: Bool = state.withLock { s in
            guard s.byVersion[remote.version]?.documents.isStale == false else { return false }
            s.byVersion[remote.version]?.documents.isStale = true
            return true
        }
        if isNew { registry.touch() }
    }

    private func json(_ remote: RemoteService, _ path: String) async -> JSON? {
        guard
            let answer = try? await ask(
                remote, path, headers: ["Accept": "application/json"], timeout: Self.documentTimeout,
                maxBytes: Self.documentBytesMax), answer.status == 200
        else { return nil }
        return try? JSON.parse(answer.body, limits: JSONLimits(depthMax: 200))
    }
}

// MARK: merged with ours

extension RemoteServices {
    /// Our swagger document with the paths and definitions of aggregated servers.
    func openAPIv2(_ own: JSON) -> JSON {
        let others: [JSON] = all.sorted { $0.remote.name < $1.remote.name }.map { $0.documents.openAPIv2 }.filter {
            $0.exists
        }
        return others.isEmpty ? own : RemoteDocuments.merge(own, others)
    }

    /// Our index with the documents of aggregated servers.
    func openAPIv3(_ own: JSON) -> JSON {
        let entries: [Entry] = all
        guard !entries.isEmpty else { return own }
        var paths: [String: JSON] = Dictionary(
            own.paths.fields.map { ($0.key, $0.value) }, uniquingKeysWith: { a, _ in a })
        for entry in entries {
            let name: String = String(entry.remote.path.dropFirst())
            paths[name] = nil
            let document: [UInt8] = entry.documents.openAPIv3
            guard !document.isEmpty else { continue }
            paths[name] = ["serverRelativeURL": .string("/openapi/v3/\(name)?hash=\(OpenAPI.hash(document))")]
        }
        return ["paths": .object(JSONObject(unique: paths.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))]
    }
}
