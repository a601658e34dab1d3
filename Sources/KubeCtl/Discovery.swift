// What the server serves: names, kinds and short names of its resources.

package import KubeModel
import KubeWire

/// One served resource.
package struct ServedResource: Sendable, Hashable {
    package var resource: GroupVersionResource
    package var kind: String
    package var singular: String
    package var shortNames: [String]
    package var categories: [String]
    package var isNamespaced: Bool
    package var verbs: [String]
    package var subresources: Set<String>

    package var groupResource: GroupResource { resource.groupResource }
    package var groupKind: GroupKind { GroupKind(group: resource.group, kind: kind) }
    /// `deployment.apps`, `pod`: how kubectl names objects in its messages.
    package var label: String {
        let one: String = singular.isEmpty ? kind.lowercased() : singular
        return resource.group.isEmpty ? one : "\(one).\(resource.group)"
    }

    package func path(namespace: String, _ name: String = "", _ subresource: String = "") -> String {
        var call: APICall = APICall(.get, resource)
        call.namespace = isNamespaced ? namespace : ""
        call.name = name
        call.subresource = subresource
        return call.path
    }
}

package struct Discovery: Sendable {
    /// In the server's order of preference; only each group's preferred versions come first.
    package let resources: [ServedResource]

    package init(resources: [ServedResource]) { self.resources = resources }

    private static let accept: String =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
        + "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"

    package static func fetch(_ connection: Connection) async throws -> Discovery {
        async let core: JSON = connection.get("/api", accept: accept)
        async let named: JSON = connection.get("/apis", accept: accept)
        let documents: [JSON] = [try await core, try await named]
        if documents.allSatisfy({ $0.kind.text == "APIGroupDiscoveryList" }) {
            return Discovery(resources: documents.flatMap { aggregated($0) })
        }
        return try await plain(connection, core: documents[0], named: documents[1])
    }

    private static func aggregated(_ document: JSON) -> [ServedResource] {
        var out: [ServedResource] = []
        for group in document["items"].elements {
            for version in group.versions.elements {
                for r in version.resources.elements {
                    out.append(
                        ServedResource(
                            resource: GroupVersionResource(
                                group: group.metadata.name.text, version: version.version.text,
                                resource: r.resource.text),
                            kind: r.responseKind.kind.text, singular: r.singularResource.text,
                            shortNames: r.shortNames.strings, categories: r.categories.strings,
                            isNamespaced: r.scope.text == "Namespaced", verbs: r.verbs.strings,
                            subresources: Set(r.subresources.elements.map { $0.subresource.text })))
                }
            }
        }
        return out
    }

    /// Servers without aggregated discovery: one request a group version.
    private static func plain(_ connection: Connection, core: JSON, named: JSON) async throws -> Discovery {
        var groupVersions: [String] = core.versions.strings
        for group in named.groups.elements {
            let preferred: String = group.preferredVersion.groupVersion.text
            groupVersions.append(preferred)
            groupVersions += group.versions.elements.map { $0.groupVersion.text }.filter { $0 != preferred }
        }
        var out: [ServedResource] = []
        for name in groupVersions {
            let gv: GroupVersion = GroupVersion(apiVersion: name)
            let list: JSON = try await connection.get(gv.group.isEmpty ? "/api/\(name)" : "/apis/\(name)")
            let entries: [JSON] = list.resources.elements
            for r in entries where !r.name.text.contains("/") {
                let prefix: String = r.name.text + "/"
                out.append(
                    ServedResource(
                        resource: GroupVersionResource(group: gv.group, version: gv.version, resource: r.name.text),
                        kind: r.kind.text, singular: r.singularName.text, shortNames: r.shortNames.strings,
                        categories: r.categories.strings, isNamespaced: r.namespaced.isTrue, verbs: r.verbs.strings,
                        subresources: Set(
                            entries.map { $0.name.text }.filter { $0.hasPrefix(prefix) }
                                .map { String($0.dropFirst(prefix.count)) })))
            }
        }
        return Discovery(resources: out)
    }

    /// `pods`, `po`, `pod`, `deployments.apps`, `deployments.v1.apps`, `Deployment`
    package func find(_ word: String) throws -> ServedResource {
        let lower: String = word.lowercased()
        if let exact = match(lower, group: nil, version: nil) { return exact }
        if let dot = lower.firstIndex(of: ".") {
            let name: String = String(lower[..<dot])
            let rest: String = String(lower[lower.index(after: dot)...])
            if let found = match(name, group: rest, version: nil) { return found }
            if let second = rest.firstIndex(of: ".") {
                let group: String = String(rest[rest.index(after: second)...])
                if let found = match(name, group: group, version: String(rest[..<second])) { return found }
            } else if let found = match(name, group: "", version: rest) {
                return found
            }
        }
        throw UsageError("the server doesn't have a resource type \"\(word)\"")
    }

    private func match(_ name: String, group: String?, version: String?) -> ServedResource? {
        func first(_ isNamed: (ServedResource) -> Bool) -> ServedResource? {
            resources.first { r in
                isNamed(r) && (group == nil || r.resource.group == group || r.resource.group.hasPrefix(group! + "."))
                    && (version == nil || r.resource.version == version)
            }
        }
        return first { $0.resource.resource == name } ?? first { $0.singular == name || $0.kind.lowercased() == name }
            ?? first { $0.shortNames.contains(name) }
    }

    package func category(_ name: String) -> [ServedResource] {
        var seen: Set<GroupResource> = []
        return resources.filter { $0.categories.contains(name) && seen.insert($0.groupResource).inserted }
    }

    /// The resource of an object by its apiVersion and kind.
    package func find(_ kind: GroupVersionKind) throws -> ServedResource {
        if let found = resources.first(where: { $0.kind == kind.kind && $0.resource.groupVersion == kind.groupVersion }) {
            return found
        }
        throw UsageError(
            "resource mapping not found for name: \"\" namespace: \"\" from \"\": no matches for kind \"\(kind.kind)\" "
                + "in version \"\(kind.groupVersion)\"\nensure CRDs are installed first")
    }
}
