// What is served: the plain documents of /api and /apis, and the aggregated one (KEP-3352).

import KubeAPI
import KubeModel
import KubeWire

/// Pure: from definitions to documents.
struct Discovery {
    struct Group {
        var name: String
        var priority: Int
        /// The preferred one first.
        var versions: [String]
        var preferred: String
    }

    let definitions: [ResourceDefinition]
    let groups: [Group]
    /// What other servers answer; it hides what we serve of the same group version.
    private let remotes: [GroupVersion: RemoteServices.Entry]

    init(_ all: [ResourceDefinition], remotes entries: [RemoteServices.Entry] = []) {
        remotes = Dictionary(entries.map { ($0.remote.version, $0) }, uniquingKeysWith: { a, _ in a })
        let remotes: [GroupVersion: RemoteServices.Entry] = self.remotes
        let definitions: [ResourceDefinition] =
            remotes.isEmpty ? all : all.filter { remotes[$0.gvr.groupVersion] == nil }
        self.definitions = definitions
        var versions: [String: [String]] = [:]
        var order: [String] = []
        for d in definitions {
            if versions[d.gvr.group] == nil { order.append(d.gvr.group) }
            if !(versions[d.gvr.group] ?? []).contains(d.gvr.version) {
                versions[d.gvr.group, default: []].append(d.gvr.version)
            }
        }
        for entry in entries {
            let version: GroupVersion = entry.remote.version
            if versions[version.group] == nil { order.append(version.group) }
            versions[version.group, default: []].append(version.version)
        }
        let facts: [String: GroupFacts] = Dictionary(
            BuiltIn.groups.map { ($0.group, $0) }, uniquingKeysWith: { a, _ in a })
        let groupPriorities: [String: Int] = Dictionary(
            entries.map { ($0.remote.version.group, $0.remote.groupPriority) }, uniquingKeysWith: max)
        // Local versions are about 15, as their APIService objects say.
        func priority(_ group: String, _ version: String) -> Int {
            remotes[GroupVersion(group: group, version: version)]?.remote.versionPriority ?? 15
        }
        groups = order.map { name in
            let served: [String] = versions[name]!.sorted { a, b in
                let (x, y): (Int, Int) = (priority(name, a), priority(name, b))
                return x != y ? x > y : VersionOrder.precedes(a, b)
            }
            let preferred: String? = facts[name].flatMap {
                served.contains($0.preferredVersion) ? $0.preferredVersion : nil
            }
            let first: String = preferred ?? served[0]
            return Group(
                name: name, priority: facts[name]?.priority ?? groupPriorities[name] ?? 1000,
                versions: [first] + served.filter { $0 != first }, preferred: first)
        }.sorted { ($1.priority, $0.name) < ($0.priority, $1.name) }
    }

    /// `/api`
    func legacyVersions(serverAddress: String) -> JSON {
        [
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": .string(serverAddress)]],
        ]
    }

    /// `/apis`
    var groupList: JSON {
        [
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": .array(groups.filter { !$0.name.isEmpty }.map { Discovery.json($0) }),
        ]
    }

    /// `/apis/GROUP`
    func group(_ name: String) -> JSON? {
        guard !name.isEmpty, let group = groups.first(where: { $0.name == name }) else { return nil }
        var json: JSON = ["kind": "APIGroup", "apiVersion": "v1"]
        for (key, value) in Discovery.json(group).fields { json[key] = value }
        return json
    }

    private static func json(_ group: Group) -> JSON {
        func version(_ v: String) -> JSON {
            ["groupVersion": .string("\(group.name)/\(v)"), "version": .string(v)]
        }
        return [
            "name": .string(group.name), "versions": .array(group.versions.map { version($0) }),
            "preferredVersion": version(group.preferred),
        ]
    }

    /// `/api/v1`, `/apis/GROUP/VERSION`
    func resources(_ version: GroupVersion) -> JSON? {
        guard groups.contains(where: { $0.name == version.group && $0.versions.contains(version.version) }) else {
            return nil
        }
        var list: [JSON] = []
        for d in definitions(of: version) {
            list.append(Discovery.json(d))
            for sub in d.subresources.sorted(by: { $0.name < $1.name }) { list.append(Discovery.json(sub, of: d)) }
        }
        var json: JSON = ["kind": "APIResourceList"]
        // The core group's own list has no apiVersion upstream.
        if !version.group.isEmpty { json.apiVersion = "v1" }
        json.groupVersion = .string(version.description)
        json.resources = .array(list)
        return json
    }

    private func definitions(of version: GroupVersion) -> [ResourceDefinition] {
        definitions.filter { $0.gvr.groupVersion == version }.sorted { $0.gvr.resource < $1.gvr.resource }
    }

    private static func json(_ d: ResourceDefinition) -> JSON {
        var r: JSON = [
            "name": .string(d.gvr.resource), "singularName": .string(d.singular), "namespaced": JSON(d.isNamespaced),
            "kind": .string(d.kind), "verbs": JSON((d.shownVerbs.isEmpty ? d.verbs : d.shownVerbs).sorted()),
        ]
        if !d.shortNames.isEmpty { r.shortNames = JSON(d.shortNames) }
        if !d.categories.isEmpty { r.categories = JSON(d.categories) }
        if !d.storageHash.isEmpty { r.storageVersionHash = .string(d.storageHash) }
        return r
    }

    private static func json(_ sub: SubresourceDefinition, of d: ResourceDefinition) -> JSON {
        var r: JSON = [
            "name": .string("\(d.gvr.resource)/\(sub.name)"), "singularName": "", "namespaced": JSON(d.isNamespaced),
        ]
        if sub.kind.groupVersion != d.gvr.groupVersion {
            r.group = sub.kind.group.isEmpty ? .null : .string(sub.kind.group)
            r.version = .string(sub.kind.version)
        }
        r.kind = .string(sub.kind.kind)
        r.verbs = JSON(sub.verbs.sorted())
        return r
    }

    // MARK: aggregated

    /// The core group at `/api`, all others at `/apis`.
    func aggregated(core: Bool, version: String) -> JSON {
        let items: [JSON] = groups.filter { $0.name.isEmpty == core }.map { group in
            let versions: [JSON] = group.versions.map { v in
                if let remote = remotes[GroupVersion(group: group.name, version: v)]?.documents {
                    return [
                        "version": .string(v), "resources": .array(remote.resources),
                        "freshness": remote.isStale ? "Stale" : "Current",
                    ]
                }
                let own: [ResourceDefinition] = definitions(of: GroupVersion(group: group.name, version: v))
                return [
                    "version": .string(v), "resources": .array(own.map { Discovery.aggregated($0) }),
                    "freshness": "Current",
                ]
            }
            var metadata: JSON = [:]
            if !group.name.isEmpty { metadata.name = .string(group.name) }
            metadata.fields["creationTimestamp"] = .null
            return ["metadata": metadata, "versions": .array(versions)]
        }
        return [
            "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"), "metadata": [:],
            "items": .array(items),
        ]
    }

    private static func kind(_ gvk: GroupVersionKind) -> JSON {
        ["group": .string(gvk.group), "version": .string(gvk.version), "kind": .string(gvk.kind)]
    }

    private static func aggregated(_ d: ResourceDefinition) -> JSON {
        var r: JSON = [
            "resource": .string(d.gvr.resource), "responseKind": kind(d.gvk),
            "scope": d.isNamespaced ? "Namespaced" : "Cluster", "singularResource": .string(d.singular),
            "verbs": JSON((d.shownVerbs.isEmpty ? d.verbs : d.shownVerbs).sorted()),
        ]
        if !d.shortNames.isEmpty { r.shortNames = JSON(d.shortNames) }
        if !d.categories.isEmpty { r.categories = JSON(d.categories) }
        if !d.subresources.isEmpty {
            r.subresources = .array(
                d.subresources.sorted { $0.name < $1.name }.map {
                    ["subresource": .string($0.name), "responseKind": kind($0.kind), "verbs": JSON($0.verbs.sorted())]
                })
        }
        return r
    }
}

/// Which version a group prefers: GA before beta before alpha, higher numbers first, others last by name.
enum VersionOrder {
    static func precedes(_ a: String, _ b: String) -> Bool {
        switch (parse(a), parse(b)) {
        case (let x?, let y?): x != y ? x > y : a < b
        case (.some, nil): true
        case (nil, .some): false
        case (nil, nil): a < b
        }
    }

    /// `v2beta3` → (stability 2 of 3, major 2, minor 3)
    private static func parse(_ text: String) -> (Int, Int, Int)? {
        guard text.hasPrefix("v") else { return nil }
        var rest: Substring = text.dropFirst()
        let digits: Substring = rest.prefix { $0.isNumber }
        guard let major = Int(digits) else { return nil }
        rest = rest.dropFirst(digits.count)
        if rest.isEmpty { return (3, major, 0) }
        for (word, stability) in [("beta", 2), ("alpha", 1)] where rest.hasPrefix(word) {
            guard let minor = Int(rest.dropFirst(word.count)) else { return nil }
            return (stability, major, minor)
        }
        return nil
    }
}
