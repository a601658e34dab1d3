// The annotation in which kubectl's client-side apply remembers what it applied, kept true by server-side apply.

import KubeWire

enum LastApplied {
    /// The field manager of kubectl's applies.
    static let manager: String = "kubectl"
    private static let key: String = "kubectl.kubernetes.io/last-applied-configuration"

    /// What was applied last by the client; nil when it never was.
    static func object(_ live: JSON) -> JSON? {
        guard let text = live.metadata.annotations[key].asString, let object = try? JSON.parse(text),
            object.asObject != nil
        else { return nil }
        return object
    }

    /// A server-side apply by kubectl of an object that carries the annotation writes it anew, so that a later
    /// client-side apply starts from what is true.
    static func renew(_ merged: inout JSON, live: JSON, config: JSON, manager: String) {
        guard manager == self.manager, live.metadata.annotations[key].exists else { return }
        var applied: JSON = config
        applied.metadata.annotations[key] = .null
        applied.metadata.managedFields = .null
        if applied.metadata.annotations.fields.isEmpty { applied.metadata.annotations = .null }
        merged.metadata.annotations[key] = .string(applied.description + "\n")
    }
}
