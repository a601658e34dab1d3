// Which objects a list or watch means: namespace, label selector, field selector.

import KubeAPI
package import KubeModel
import KubeWire

package struct Selection: Sendable {
    package var namespace: String
    package var labels: LabelSelector
    package var fields: FieldSelector
    /// Only this object; empty: any.
    package var name: String = ""
    private let selectable: SelectableFields
    private let definition: ResourceDefinition

    /// Throws BadRequest for selectors that are malformed or name unknown fields.
    package init(
        _ definition: ResourceDefinition, namespace: String, labelSelector: String?, fieldSelector: String?
    ) throws(StatusError) {
        self.definition = definition
        self.namespace = namespace
        labels = try labelSelector.map { text throws(StatusError) in try LabelSelector(parsing: text) } ?? .everything
        fields = try fieldSelector.map { text throws(StatusError) in try FieldSelector(parsing: text) } ?? .everything
        selectable = definition.selectable
        if !fields.isEverything { try selectable.check(fields, kind: definition.kind) }
    }

    /// A conversion webhook must be asked before objects can be matched and shown.
    var isConverted: Bool { definition.versions?.conversion != nil }
    package var isEverything: Bool { labels.isEverything && fields.isEverything }
    /// The part of the cache to look at: `NAMESPACE/`, or everything.
    package var folder: String { namespace.isEmpty ? "" : namespace + "/" }
    /// The one object that the field selector allows by name.
    package var requiredName: String? { fields.requiredValue(of: "metadata.name") }

    package func matches(_ stored: StoredObject) -> Bool {
        if !namespace.isEmpty, !stored.isNamespace(namespace) { return false }
        if !name.isEmpty, stored.key.name != name { return false }
        if isEverything { return true }
        if !labels.isEverything, !labels.matches(object: stored.object) { return false }
        return fields.isEverything || selectable.matches(fields, definition.served(stored))
    }

    /// The event as a watcher with this selection sees it; nil when it concerns nothing selected.
    package func view(_ event: CacheEvent) -> (kind: WatchEvent.Kind, object: StoredObject)? {
        let isOld: Bool = event.old.map { matches($0) } ?? false
        if let new = event.new, matches(new) { return (isOld ? .modified : .added, new) }
        guard isOld, let gone = event.gone else { return nil }
        return (.deleted, gone)
    }
}
