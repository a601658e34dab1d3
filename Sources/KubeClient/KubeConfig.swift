// The kubeconfig file as a value: v1 Config, kept whole so that what we do not know survives.

package import KubeWire

/// Why a kubeconfig does not serve.
package struct KubeConfigError: Error, Sendable, CustomStringConvertible {
    package var message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }
}

package struct KubeConfig: Sendable {
    /// The whole document.
    package var json: JSON

    package init(json: JSON) { self.json = json }

    /// An empty configuration.
    package init() {
        json = [
            "apiVersion": "v1", "kind": "Config", "preferences": [:], "clusters": [], "contexts": [], "users": [],
            "current-context": "",
        ]
    }

    package var currentContext: String {
        get { json["current-context"].text }
        set { json["current-context"] = .string(newValue) }
    }
    package var contextNames: [String] { json.contexts.elements.map { $0.name.text } }

    package func cluster(_ name: String) -> JSON { entry("clusters", name).cluster }
    package func user(_ name: String) -> JSON { entry("users", name).user }
    package func context(_ name: String) -> JSON { entry("contexts", name).context }

    private func entry(_ list: String, _ name: String) -> JSON {
        json[list].elements.first { $0.name.text == name } ?? .null
    }

    /// Replaces the entry of that name in `clusters`, `users` or `contexts`, or appends it.
    package mutating func set(_ list: String, _ name: String, _ value: JSON) {
        let member: String = String(list.dropLast())
        var entry: JSON = ["name": .string(name)]
        entry[member] = value
        if let i = json[list].elements.firstIndex(where: { $0.name.text == name }) {
            json[list][i][member] = value
        } else {
            json[list].elements.append(entry)
        }
    }

    package mutating func remove(_ list: String, _ name: String) {
        json[list] = .array(json[list].elements.filter { $0.name.text != name })
    }

    /// Cluster, user and context of one name, as `apus up` writes them; the rest stays.
    package mutating func setContext(
        _ name: String, server: String, caPEM: String, certificatePEM: String, keyPEM: String, makeCurrent: Bool
    ) {
        set(
            "clusters", name,
            [
                "certificate-authority-data": .string(Base64.encode(Array(caPEM.utf8))),
                "server": .string(server),
            ])
        set(
            "users", name,
            [
                "client-certificate-data": .string(Base64.encode(Array(certificatePEM.utf8))),
                "client-key-data": .string(Base64.encode(Array(keyPEM.utf8))),
            ])
        var context: JSON = self.context(name)
        context.cluster = .string(name)
        context.user = .string(name)
        set("contexts", name, context)
        if makeCurrent || currentContext.isEmpty { currentContext = name }
    }

    package mutating func removeContext(_ name: String) {
        for list in ["clusters", "users", "contexts"] { remove(list, name) }
        if currentContext == name { currentContext = json.contexts.elements.first?.name.text ?? "" }
    }

    /// As kubectl merges the files of `KUBECONFIG`: the first that names a thing wins.
    package mutating func merge(_ other: KubeConfig) {
        for list in ["clusters", "contexts", "users"] {
            for item in other.json[list].elements where !entryExists(list, item.name.text) {
                json[list].elements.append(item)
            }
        }
        if currentContext.isEmpty { currentContext = other.currentContext }
    }

    private func entryExists(_ list: String, _ name: String) -> Bool {
        json[list].elements.contains { $0.name.text == name }
    }
}
