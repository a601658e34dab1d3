// A typed view of metadata: metav1.ObjectMeta.

package import KubeBase
package import KubeWire

extension JSON {
    /// The typed view of `metadata` of an API object: `pod.meta.name`, `pod.meta.labels["app"] = "web"`.
    package var meta: ObjectMeta {
        get { ObjectMeta(json: self.metadata) }
        _modify {
            var view: ObjectMeta = ObjectMeta(json: self.metadata)
            // The member is not taken out meanwhile, so that it keeps its place among the others.
            defer { self.metadata = view.json }
            yield &view
        }
    }
}

package struct ObjectMeta: Sendable {
    package var json: JSON
    package init(json: JSON) { self.json = json }

    private func set(_ text: String) -> JSON { text.isEmpty ? .null : .string(text) }

    package var name: String {
        get { json.name.text }
        set { json.name = set(newValue) }
    }
    package var generateName: String {
        get { json.generateName.text }
        set { json.generateName = set(newValue) }
    }
    package var namespace: String {
        get { json.namespace.text }
        set { json.namespace = set(newValue) }
    }
    package var uid: String {
        get { json.uid.text }
        set { json.uid = set(newValue) }
    }
    package var resourceVersion: String {
        get { json.resourceVersion.text }
        set { json.resourceVersion = set(newValue) }
    }
    package var generation: Int {
        get { json.generation.asInt ?? 0 }
        set { json.generation = newValue == 0 ? .null : JSON(newValue) }
    }
    package var creationTimestamp: Timestamp? {
        get { json.creationTimestamp.asString.flatMap { Timestamp(rfc3339: $0) } }
        set { json.creationTimestamp = newValue.map { .string($0.rfc3339) } ?? .null }
    }
    package var deletionTimestamp: Timestamp? {
        get { json.deletionTimestamp.asString.flatMap { Timestamp(rfc3339: $0) } }
        set { json.deletionTimestamp = newValue.map { .string($0.rfc3339) } ?? .null }
    }
    package var isDeleting: Bool { json.deletionTimestamp.exists }
    package var labels: [String: String] {
        get { json.labels.stringMap }
        set { json.labels = newValue.isEmpty ? .null : JSON(newValue) }
    }
    package var annotations: [String: String] {
        get { json.annotations.stringMap }
        set { json.annotations = newValue.isEmpty ? .null : JSON(newValue) }
    }
    package var finalizers: [String] {
        get { json.finalizers.strings }
        set { json.finalizers = newValue.isEmpty ? .null : JSON(newValue) }
    }
    package var ownerReferences: [JSON] {
        get { json.ownerReferences.elements }
        set { json.ownerReferences = newValue.isEmpty ? .null : .array(newValue) }
    }
    /// The owner with `controller: true`, or nil.
    package var controller: JSON? { ownerReferences.first { $0.controller.isTrue } }
    package var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }
}
