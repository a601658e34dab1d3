// `api-resources` and `api-versions`.

import KubeModel
import KubeWire

enum APIResources {
    static let command: Command = {
        var c: Command = Command("api-resources", "Print the supported API resources on the server")
        c.flags = [
            Flag("api-group", .string, "Limit to resources in the specified API group."),
            Flag("namespaced", .string, "If false, non-namespaced resources will be returned."),
            Flag("verbs", .list(commas: true), "Limit to resources that support the specified verbs."),
            Flag("categories", .list(commas: true), "Limit to resources that belong to the specified categories."),
            Flag("no-headers", .bool, "Don't print headers."),
            Flag("sort-by", .string, "name or kind."),
            Flag("cached", .bool, "Use the cached list of resources if available."),
            Flag("output", short: "o", .string, "wide or name."),
        ]
        c.run = { i in
            if !i.arguments.isEmpty {
                throw UsageError(
                    "unexpected arguments: [\(i.arguments.joined(separator: " "))]\nSee '\(i.console.program) api-resources -h' for help and examples")
            }
            var seen: Set<GroupResource> = []
            var found: [ServedResource] = try await i.session.discovery().resources.filter { r in
                seen.insert(r.groupResource).inserted
                    && (!i.flags.has("api-group") || r.resource.group == i.flags.string("api-group"))
                    && (!i.flags.has("namespaced") || r.isNamespaced == i.flags.bool("namespaced"))
                    && i.flags.list("verbs").allSatisfy { r.verbs.contains($0) }
                    && i.flags.list("categories").allSatisfy { r.categories.contains($0) }
            }
            switch i.flags.string("sort-by") {
            case "name": found.sort { $0.resource.resource < $1.resource.resource }
            case "kind": found.sort { $0.kind < $1.kind }
            default: found.sort { ($0.resource.group, $0.resource.resource) < ($1.resource.group, $1.resource.resource) }
            }
            if i.flags.string("output") == "name" {
                for r in found { i.console.line(r.groupResource.description) }
                return
            }
            let isWide: Bool = i.flags.string("output") == "wide"
            var table: TextTable = TextTable(
                header: ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"] + (isWide ? ["VERBS", "CATEGORIES"] : []))
            table.rows = found.map { r in
                [
                    r.resource.resource, r.shortNames.joined(separator: ","), r.resource.groupVersion.description,
                    r.isNamespaced ? "true" : "false", r.kind,
                ] + (isWide ? [r.verbs.joined(separator: ","), r.categories.joined(separator: ",")] : [])
            }
            for line in table.lines(withHeader: !i.flags.bool("no-headers")) { i.console.line(line) }
        }
        return c
    }()

    static let versions: Command = {
        var c: Command = Command("api-versions", "Print the supported API versions on the server, in the form of \"group/version\"")
        c.run = { i in
            let all: Set<String> = Set(try await i.session.discovery().resources.map { $0.resource.groupVersion.description })
            for version in all.sorted() { i.console.line(version) }
        }
        return c
    }()
}
