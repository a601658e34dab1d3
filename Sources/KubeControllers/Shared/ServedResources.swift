// Every resource that the API serves now: the built-in ones and those of CustomResourceDefinitions.

import KubeAPI
import KubeClient
import KubeModel
import KubeWire

struct ServedResource: Sendable, Hashable {
    var gvr: GroupVersionResource
    var kind: String
    var isNamespaced: Bool
    var verbs: Set<String>
}

/// Reads the CustomResourceDefinitions from their informer; one version of each resource.
struct ServedResources: Sendable {
    private let definitions: Informer
    private let client: Client

    init(_ informers: InformerSet) {
        definitions = informers[API.customResourceDefinitions]
        client = informers.client
    }

    /// One version of each resource that aggregated API servers serve now.
    var aggregated: [ServedResource] {
        var seen: Set<GroupResource> = Set(Self.builtIn.map { $0.gvr.groupResource })
        return client.transport.aggregatedResources.compactMap { r in
            guard seen.insert(r.gvr.groupResource).inserted else { return nil }
            return ServedResource(gvr: r.gvr, kind: r.kind, isNamespaced: r.isNamespaced, verbs: r.verbs)
        }
    }

    func waitForSync() async { await definitions.waitForSync() }
    func onChange(_ handler: @escaping @Sendable () -> Void) { definitions.onChange { _, _ in handler() } }

    static let builtIn: [ServedResource] = {
        var seen: Set<GroupResource> = []
        return BuiltIn.resources.compactMap { facts in
            guard facts.enabledByDefault, seen.insert(facts.gvr.groupResource).inserted else { return nil }
            return ServedResource(
                gvr: facts.gvr, kind: facts.kind, isNamespaced: facts.namespaced, verbs: Set(facts.verbs))
        }
    }()

    static func custom(_ definition: JSON) -> ServedResource? {
        let conditions: [JSON] = definition.status.conditions.elements
        guard Conditions.find(conditions, "Established")?.status.text == "True" else { return nil }
        let served: [JSON] = definition.spec.versions.elements.filter { $0.served.isTrue }
        guard let version = served.first(where: { $0.storage.isTrue }) ?? served.first else { return nil }
        return ServedResource(
            gvr: GroupVersionResource(
                group: definition.spec.group.text, version: version.name.text,
                resource: definition.spec.names.plural.text),
            kind: definition.spec.names.kind.text, isNamespaced: definition.spec.scope.text == "Namespaced",
            verbs: ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"])
    }

    func all() -> [ServedResource] { Self.builtIn + definitions.list().compactMap { Self.custom($0) } + aggregated }

    /// The resource of an owner reference, by group and kind.
    func resource(_ kind: GroupKind) -> ServedResource? {
        if let known = Self.builtIn.first(where: { $0.gvr.group == kind.group && $0.kind == kind.kind }) {
            return known
        }
        return definitions.list().lazy
            .filter { $0.spec.group.text == kind.group && $0.spec.names.kind.text == kind.kind }
            .compactMap { Self.custom($0) }.first
            ?? aggregated.first { $0.gvr.group == kind.group && $0.kind == kind.kind }
    }
}
